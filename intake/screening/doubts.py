"""Reasons to send no automatic answer although a person may well have written.

All of these leave the mail a personal one: it is filed as a case like any other.
"""

from datetime import timedelta

from intake.address_text import fold_address, is_plainly_spelt
from intake.message import Message
from intake.parsing.header_block import TOO_MANY_HEADERS
from intake.parsing.people import TOO_MANY_ADDRESSES
from intake.screening.authentication import authors_seen
from intake.screening.automatic import begins_like_auto_reply
from intake.screening.forgery import addresses_in_name
from intake.screening.reading import values_of
from intake.screening.rules_file import DoubtRules
from intake.screening.surroundings import Surroundings
from intake.screening.verdict import Screening, Verdict, withheld

_SUPPRESSING = {"all", "oof", "autoreply"}
_LONGEST_ADDRESS = 254  # RFC 5321 4.5.3.1.3
_FORBIDDEN = frozenset(' <>(),;:"\\[]\x7f').union(map(chr, range(32)))
_PASSED_ON = ("x-ms-exchange-inbox-rules-loop", "x-loop")
_NOT_ALL_READ = {TOO_MANY_HEADERS, TOO_MANY_ADDRESSES}
_DEAD_ENDS = (".invalid", ".local", ".localdomain", ".internal", ".lan", ".localhost")


def _doubt(rule: str, reason: str) -> Screening:
    return withheld(Verdict.PERSONAL, rule, reason)


def sender_not_in_from(message: Message, _surroundings: Surroundings) -> Screening | None:
    """Hit when From gives no address: anybody can be put into Reply-To, Sender or Return-Path."""
    if message.sender is None or message.from_count:
        return None
    return _doubt(
        "sender-not-in-from",
        "It does not say in the usual place who wrote it, so an answer might reach a stranger.",
    )


def headers_not_read(message: Message, _surroundings: Surroundings) -> Screening | None:
    """Hit when the mail has more headers than we read: the mark of a robot may be further down."""
    if _NOT_ALL_READ.isdisjoint(message.defects):
        return None
    return _doubt("headers-not-read", "Its header is longer than Kith reads, which no mail needs.")


def unusual_spelling(message: Message, _surroundings: Surroundings) -> Screening | None:
    """Hit when the sender's address is written like somebody else's: an answer might go there."""
    if message.sender is None or is_plainly_spelt(message.sender.email):
        return None
    return _doubt(
        "unusual-spelling",
        "The sender's address has letters that can be taken for those of another address.",
    )


def seen_as_another(message: Message, surroundings: Surroundings) -> Screening | None:
    """Hit when our mail server read another sender's domain in From than we did."""
    seen = authors_seen(message, surroundings.trusted_authserv_ids)
    if not seen or message.sender is None:
        return None
    here = fold_address(message.sender.email).rpartition("@")[2]
    if all(_is_same_site(fold_address(f"x@{name}").rpartition("@")[2], here) for name in seen):
        return None
    return _doubt(
        "seen-as-another", "Our mail server and Kith do not agree on the sender that it names."
    )


def automatic_subject(message: Message, surroundings: Surroundings) -> Screening | None:
    """Hit on an answering machine's subject; a person may write "Out of office: nobody helps"."""
    if not begins_like_auto_reply(message, surroundings):
        return None
    return _doubt(
        "automatic-subject",
        "Its subject begins like an automatic reply, though nothing else says so.",
    )


def suppressed_responses(message: Message, _surroundings: Surroundings) -> Screening | None:
    """Hit when the sender's server asks for no automatic answers (MS-OXCMAIL 2.2.3.2.14).

    No other effect: Exchange puts this on ordinary human mail.
    """
    if "x-auto-response-suppress" not in message.header_names:
        return None
    wishes = ",".join(values_of(message, "x-auto-response-suppress")).replace(";", ",").split(",")
    if not _SUPPRESSING.intersection(wish.strip() for wish in wishes):
        return None
    return _doubt("suppressed-responses", "The sender's mail server asks for no automatic replies.")


def passed_on_by_rule(message: Message, _surroundings: Surroundings) -> Screening | None:
    """Hit when a mailbox rule passed the mail on: an answer could set the rule off again."""
    if message.header_names.isdisjoint(_PASSED_ON):
        return None
    return _doubt("passed-on-by-rule", "A rule in somebody's mailbox passed it on to us.")


def calendar_invitation(message: Message, _surroundings: Surroundings) -> Screening | None:
    """Hit on an invitation: the date matters to a person, but a letter is no answer to it."""
    if message.calendar_method is None:
        return None
    return _doubt("calendar-invitation", "It is an invitation from a calendar program.")


def suspended_address(message: Message, surroundings: Surroundings) -> Screening | None:
    """Hit when letters to this address failed before, until a person clears it."""
    if not surroundings.suspended or message.sender is None:
        return None
    if fold_address(message.sender.email) not in surroundings.suspended_folded:
        return None
    return _doubt("suspended-address", "Letters to this address have come back to us before.")


def undeliverable_sender(message: Message, _surroundings: Surroundings) -> Screening | None:
    """Hit when no letter can reach the sender's address, by its form alone."""
    if message.sender is None or _is_deliverable(message.sender.email):
        return None
    return _doubt("undeliverable-sender", "The sender's address is not one that mail can reach.")


def _is_deliverable(email: str) -> bool:
    local, _, domain = email.rpartition("@")
    if not local.isascii() or len(email) > _LONGEST_ADDRESS or email.count("@") != 1:
        return False
    labels = domain.split(".")
    if not local or len(labels) < 2 or not all(labels) or domain.endswith(_DEAD_ENDS):
        return False
    return _FORBIDDEN.isdisjoint(email)


def answers_go_elsewhere(message: Message, surroundings: Surroundings) -> Screening | None:
    """Hit when Reply-To leads away from the sender: a volunteer decides whom to answer."""
    sender = message.sender
    if sender is None or not message.reply_to:
        return None
    rules = surroundings.rules.doubts
    if all(_is_near(address.email, sender.email, rules) for address in message.reply_to):
        return None
    return _doubt(
        "answers-go-elsewhere", "It asks for answers to an address other than the sender's."
    )


def _is_near(other: str, sender: str, rules: DoubtRules) -> bool:
    other, sender = fold_address(other), fold_address(sender)
    if other == sender:
        return True
    there, here = other.rpartition("@")[2], sender.rpartition("@")[2]
    if there == here:
        return here not in rules.free_mail_domains
    return _is_same_site(there, here)


def _is_same_site(there: str, here: str) -> bool:
    return there == here or there.endswith(f".{here}") or here.endswith(f".{there}")


def two_addresses(message: Message, _surroundings: Surroundings) -> Screening | None:
    """Hit when the sender's name is an address, but another one."""
    if not addresses_in_name(message):
        return None
    return _doubt("two-addresses", "The sender's name shows another address than the one used.")


def old_mail(message: Message, surroundings: Surroundings) -> Screening | None:
    """Hit on mail written, or come in, so long ago that an automatic answer would only puzzle."""
    oldest = surroundings.now - timedelta(days=surroundings.rules.doubts.old_after_days)
    moments = (message.date, surroundings.received_at)
    if not any(moment is not None and moment < oldest for moment in moments):
        return None
    return _doubt("old-mail", "It was written too long ago for an automatic reply.")


def before_go_live(message: Message, surroundings: Surroundings) -> Screening | None:
    """Hit on mail that was there before Kith went live."""
    came = surroundings.received_at or message.date
    if surroundings.go_live is None or came is None or came >= surroundings.go_live:
        return None
    return _doubt("before-go-live", "It came before Kith was told to answer mail.")
