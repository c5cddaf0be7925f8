"""What mail servers and mail programs report by themselves (mail-rules: delivery, receipts)."""

from intake.message import Message
from intake.screening.reading import (
    has_null_return_path,
    is_marked_automatic,
    is_reply_or_forward,
    plain_subject,
    values_of,
)
from intake.screening.surroundings import Surroundings
from intake.screening.verdict import Screening, Verdict, withheld

_BODY_CHARACTERS = 4_000
_CALENDAR_ANSWERS = {"REPLY", "COUNTER", "CANCEL", "DECLINECOUNTER", "REFRESH"}


def delivery_progress(message: Message, surroundings: Surroundings) -> Screening | None:
    """Hit on reports that nothing failed: still trying, or delivered (RFC 3464 2.3.3)."""
    if not _reports(message, surroundings, "delivery-status"):
        return None
    actions = {
        line.partition(":")[2].partition(";")[0].strip()
        for line in message.delivery_status.lower().splitlines()
        if line.startswith("action:")
    }
    if not actions or "failed" in actions:
        return None
    return withheld(
        Verdict.RECEIPT,
        "delivery-progress",
        "A mail server reports that a letter is delayed or has arrived; nothing has failed.",
    )


def delay_notice(message: Message, surroundings: Surroundings) -> Screening | None:
    """Hit on a machine's notice, in its own form, that a server is still trying."""
    rules = surroundings.rules.delivery
    if not plain_subject(message).startswith(rules.delay_subjects):
        return None
    if not (_is_from_server(message, surroundings) or _text_says(message, rules.delay_bodies)):
        return None
    return withheld(
        Verdict.RECEIPT,
        "delay-notice",
        "A mail server reports that a letter is delayed and that it is still trying.",
    )


def delivery_status(message: Message, surroundings: Surroundings) -> Screening | None:
    """Hit on a delivery report in the standard form (RFC 3464, 6522)."""
    if not _reports(message, surroundings, "delivery-status"):
        return None
    return withheld(
        Verdict.DELIVERY_REPORT,
        "delivery-status",
        "A mail server reports that a letter could not be delivered.",
    )


def failure_header(message: Message, surroundings: Surroundings) -> Screening | None:
    """Hit on headers that only reports of failure carry, such as whom a letter did not reach."""
    if message.header_names.isdisjoint(surroundings.rules.delivery.headers):
        return None
    return withheld(
        Verdict.DELIVERY_REPORT,
        "failure-header",
        "A mail server marked it as a report that a letter could not be delivered.",
    )


def disposition_notification(message: Message, surroundings: Surroundings) -> Screening | None:
    """Hit on a read receipt (RFC 8098)."""
    if not _reports(message, surroundings, "disposition-notification"):
        return None
    return withheld(
        Verdict.RECEIPT,
        "read-receipt",
        "A mail program reports that a letter was opened or deleted; nobody wrote this.",
    )


def feedback_report(message: Message, surroundings: Surroundings) -> Screening | None:
    """Hit when a provider passes on that somebody marked our letter as spam (RFC 5965)."""
    if not _reports(message, surroundings, "feedback-report"):
        return None
    return withheld(
        Verdict.RECEIPT,
        "feedback-report",
        "A mail provider reports that somebody marked one of our letters as spam.",
    )


def mail_server(message: Message, surroundings: Surroundings) -> Screening | None:
    """Hit when a mail server itself is the sender, in whatever form it writes."""
    if not _is_mail_server(message, surroundings):
        return None
    return withheld(
        Verdict.DELIVERY_REPORT,
        "mail-server",
        "The sender is a mail server; it reports on a letter that went wrong.",
    )


def failure_in_words(message: Message, surroundings: Surroundings) -> Screening | None:
    """Hit when subject and text, or subject and return path, speak of a failed delivery.

    Never by the subject alone: people forward such mail, and write such subjects.
    """
    rules = surroundings.rules.delivery
    if not plain_subject(message).startswith(rules.subjects):
        return None
    if not (_is_from_server(message, surroundings) or _text_says(message, rules.bodies)):
        return None
    return withheld(
        Verdict.DELIVERY_REPORT,
        "failure-in-words",
        "Its subject and form are those of a report that a letter could not be delivered.",
    )


def calendar_answer(message: Message, _surroundings: Surroundings) -> Screening | None:
    """Hit when a calendar program answers or cancels an invitation (RFC 5546)."""
    if message.calendar_method not in _CALENDAR_ANSWERS:
        return None
    return withheld(
        Verdict.RECEIPT,
        "calendar-answer",
        "A calendar program answers or cancels an invitation; it expects no letter.",
    )


def challenge(message: Message, surroundings: Surroundings) -> Screening | None:
    """Hit when a spam filter asks us to prove that a person sent our letter."""
    rules = surroundings.rules.receipts
    by_header = not message.header_names.isdisjoint(rules.challenge_headers)
    if not by_header and not (
        plain_subject(message).startswith(rules.challenge_subjects)
        and _text_says(message, rules.challenge_bodies)
    ):
        return None
    return withheld(
        Verdict.RECEIPT,
        "challenge",
        "A spam filter asks for proof that a person sent our letter; a volunteer may answer it.",
    )


def nobody_to_answer(message: Message, _surroundings: Surroundings) -> Screening | None:
    """Hit on the null return path: whatever it is, it must not be answered (RFC 5321 4.5.5)."""
    if not has_null_return_path(message):
        return None
    return withheld(
        Verdict.DELIVERY_REPORT,
        "null-return-path",
        "It was sent with no return address, as mail servers send their reports.",
    )


def other_report(message: Message, _surroundings: Surroundings) -> Screening | None:
    """Hit on every other mail in the form of a report (RFC 6522)."""
    if message.content_types[:1] != ("multipart/report",):
        return None
    return withheld(Verdict.RECEIPT, "other-report", "It has the form of a program's report.")


def _reports(message: Message, surroundings: Surroundings, report_type: str) -> bool:
    """Return whether the mail itself, not one attached to it, is a report of this type."""
    own_parts = _own_parts(message)
    if f"message/{report_type}" in own_parts:
        return own_parts[0] == "multipart/report" or not _is_forward(message, surroundings)
    return own_parts[:1] == ("multipart/report",) and any(
        f"report-type={report_type}" in value.replace('"', "").replace(" ", "")
        for value in values_of(message, "content-type")
    )


def _own_parts(message: Message) -> tuple[str, ...]:
    """Return the types of the parts before the first attached mail (which has parts of its own)."""
    parts = message.content_types
    if len(parts) == 1 or "message/rfc822" not in parts:
        return parts
    return parts[: parts.index("message/rfc822")]


def _is_forward(message: Message, surroundings: Surroundings) -> bool:
    if _is_from_server(message, surroundings) or is_marked_automatic(message):
        return False
    return is_reply_or_forward(plain_subject(message))


def _is_from_server(message: Message, surroundings: Surroundings) -> bool:
    return has_null_return_path(message) or _is_mail_server(message, surroundings)


def _is_mail_server(message: Message, surroundings: Surroundings) -> bool:
    rules = surroundings.rules.delivery
    if message.sender is None:
        return any("mailer-daemon" in value for value in values_of(message, "from"))
    local = message.sender.local_part.partition("+")[0]
    return local in rules.sender_local_parts or local.startswith(rules.sender_prefixes)


def _text_says(message: Message, phrases: tuple[str, ...]) -> bool:
    start = " ".join(message.new_text[:_BODY_CHARACTERS].casefold().split())
    return any(phrase in start for phrase in phrases)
