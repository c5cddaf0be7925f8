"""Answering machines, and website forms that only look like them (mail-rules: auto replies)."""

from intake.address_text import addresses_in
from intake.message import Message
from intake.screening.reading import (
    first_words_of,
    has_null_return_path,
    is_marked_automatic,
    is_reply_or_forward,
    names_starting,
    plain_subject,
    values_of,
)
from intake.screening.robots import is_robot, is_robot_local_part
from intake.screening.surroundings import Surroundings
from intake.screening.verdict import Screening, Verdict, withheld

_DENIALS = {"no", "false", "0"}
_AUTO_PRECEDENCES = {"auto_reply", "auto-reply", "autoreply"}
_INBOX_RULES = "x-ms-exchange-inbox-rules-loop"


def website_form(message: Message, surroundings: Surroundings) -> Screening | None:
    """Hit when a website's form passes on a person's words: a case, but nobody to answer.

    Its robot marks, even our own address in From, are the form's and not the writer's; without
    this rule her words would be lost among the machines.
    """
    rules = surroundings.rules.forms
    if not (message.header_names & rules.headers or _looks_like_form(message, surroundings)):
        return None
    return withheld(
        Verdict.PERSONAL,
        "website-form",
        "A website's form passes on what a person typed; a volunteer should write to that person.",
    )


def _looks_like_form(message: Message, surroundings: Surroundings) -> bool:
    rules = surroundings.rules
    if not plain_subject(message).startswith(rules.forms.subjects):
        return False
    if not message.reply_to or names_starting(message, ("list-",)):
        return False
    writers = [
        address
        for address in message.reply_to
        if not (
            is_robot_local_part(address.local_part, rules.robots)
            or surroundings.is_own(address.email)
            or (message.sender and address.email.lower() == message.sender.email.lower())
        )
    ]
    return bool(writers) and _is_sent_by_site(message, surroundings)


def _is_sent_by_site(message: Message, surroundings: Surroundings) -> bool:
    sender = message.sender
    return (
        is_robot(message, surroundings.rules.robots)
        or is_marked_automatic(message)
        or (sender is not None and surroundings.is_own(sender.email))
    )


def auto_submitted(message: Message, _surroundings: Surroundings) -> Screening | None:
    """Hit when Auto-Submitted says anything but `no` (RFC 3834 5)."""
    if not is_marked_automatic(message):
        return None
    return withheld(
        Verdict.AUTO_REPLY, "auto-submitted", "It says of itself that a program sent it."
    )


def auto_reply_header(message: Message, surroundings: Surroundings) -> Screening | None:
    """Hit on the headers that answering machines of various makes set."""
    present = message.header_names & surroundings.rules.auto_reply.headers
    if not present or not set(values_of(message, *present)) - _DENIALS:
        return None
    return withheld(
        Verdict.AUTO_REPLY, "auto-reply-header", "It carries the mark of an answering machine."
    )


def auto_reply_precedence(message: Message, _surroundings: Surroundings) -> Screening | None:
    """Hit on Precedence: auto_reply."""
    if not first_words_of(message, "precedence", "x-precedence") & _AUTO_PRECEDENCES:
        return None
    return withheld(
        Verdict.AUTO_REPLY, "auto-reply-precedence", "It is marked as an automatic reply."
    )


def out_of_office_class(message: Message, _surroundings: Surroundings) -> Screening | None:
    """Hit on the message class that Novell and Exchange give to absence notes."""
    classes = values_of(message, "x-post-messageclass")
    if not any(value.startswith("9") or "out-of-office" in value for value in classes):
        return None
    return withheld(
        Verdict.AUTO_REPLY,
        "out-of-office-class",
        "The sender's mail server marks it as an absence note.",
    )


def inbox_rule_reply(message: Message, _surroundings: Surroundings) -> Screening | None:
    """Hit when a rule in the sender's own Exchange inbox answered.

    The header names the mailbox whose rule acted. If that is not the sender's, the rule only
    passed on what a person wrote.
    """
    if _INBOX_RULES not in message.header_names or is_reply_or_forward(plain_subject(message)):
        return None
    actors = addresses_in(" ".join(values_of(message, _INBOX_RULES)))
    if actors and message.sender and message.sender.email.lower() not in actors:
        return None
    return withheld(
        Verdict.AUTO_REPLY, "inbox-rule-reply", "A rule in the sender's mailbox answered by itself."
    )


def for_autoresponder(message: Message, _surroundings: Surroundings) -> Screening | None:
    """Hit on mail that was delivered to an answering machine."""
    if "autoresponder" not in " ".join(values_of(message, "delivered-to")):
        return None
    return withheld(
        Verdict.AUTO_REPLY, "for-autoresponder", "It was delivered by way of an answering machine."
    )


def absence_note(message: Message, surroundings: Surroundings) -> Screening | None:
    """Hit on an answering machine's subject together with the null return path."""
    if not begins_like_auto_reply(message, surroundings) or not has_null_return_path(message):
        return None
    return withheld(
        Verdict.AUTO_REPLY,
        "absence-note",
        "It begins like an absence note and gives no return address.",
    )


def begins_like_auto_reply(message: Message, surroundings: Surroundings) -> bool:
    """Return whether the subject begins as answering machines begin theirs, colon included."""
    return plain_subject(message).startswith(surroundings.rules.auto_reply.subjects)
