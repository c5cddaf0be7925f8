"""Letters that came back: what a report is believed, and what follows for the address.

Anybody can write a report that somebody's mailbox is dead. So a report only counts if it shows a
Message-ID that we signed, of a letter that is in our outbox, and names the very address that the
letter went to. What else claims to be a report is noted where a person sees it, and does nothing.
Nobody but the one who got the letter knows its Message-ID, and so can at most silence himself.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from casework.history import Line, What
from casework.judging import Judged
from intake.bounces import Bounce, Failure, parse_bounce
from intake.screening import Verdict
from replies.outbox import LETTERS, FoundLetter, LetterState, find_by_message_ids
from replies.outgoing import address_key
from replies.suspension import COMPLAINT, note_failed_delivery, suspend

COMPLAINT_RULE = "feedback-report"
"""The screening rule of a provider's report that our letter was marked as spam (RFC 5965)."""
STOPPED = Line(
    What.STOPPED,
    "Nothing goes to this address by itself until a person says so. People may still write to it.",
)
NOT_OURS = Line(
    What.AUTOMATIC_MAIL,
    "It says that a letter came back, but does not show that the letter was ours: only noted.",
)
NOT_SENT_THERE = Line(
    What.AUTOMATIC_MAIL,
    "It says that a letter came back from an address that the letter did not go to: only noted.",
)
COMPLAINED = Line(
    What.LETTER_FAILED, "Their mail provider reports that our letter was marked as spam."
)


@dataclass(frozen=True, slots=True)
class Returned:
    """What a report is worth: lines for the history of the letter's case, and the letter itself.

    `letter_id` is None for a report that is not believed. `is_suspended`: from now on no automatic
    mail goes to the letter's address, because of this report.
    """

    lines: tuple[Line, ...]
    letter_id: int | None = None
    is_suspended: bool = False


def take_note(
    session: Session,
    judged: Judged,
    *,
    is_our_id: Callable[[str], bool],
    now: datetime,
    soft_failures_per_week: int,
) -> Returned:
    """Act upon an automatic mail about a letter of ours as far as it is believed.

    Of any but delivery reports and complaints it only says what screening said.
    """
    if judged.screening.rule == COMPLAINT_RULE:
        return _complaint(session, judged, is_our_id, now)
    is_report = judged.screening.verdict is Verdict.DELIVERY_REPORT
    bounce = parse_bounce(judged.message) if is_report else None
    if bounce is None:
        return Returned((Line(What.AUTOMATIC_MAIL, judged.screening.reason),))
    letters = _our_letters(session, reported_ids(judged, bounce), is_our_id)
    if not letters:
        return Returned((NOT_OURS,))
    found = next(_failures_of(letters, bounce), None)
    if found is None:
        return Returned((NOT_SENT_THERE,))
    letter, failure = found
    is_suspended = note_failed_delivery(
        session,
        to_key=letter.to_key,
        letter_id=letter.id,
        status=failure.status,
        permanent=failure.permanent,
        now=now,
        soft_failures_per_week=soft_failures_per_week,
    )
    return Returned(_lines(failure, is_suspended=is_suspended), letter.id, is_suspended)


def reported_ids(judged: Judged, bounce: Bounce | None = None) -> tuple[str, ...]:
    """Return the Message-IDs of letters that an automatic mail is about, the surest first."""
    message = judged.message
    enclosed = [each.message_id for each in message.enclosed if each.message_id]
    named = bounce.original_message_ids if bounce else ()
    answered = (*message.in_reply_to, *reversed(message.references))
    return tuple(dict.fromkeys((*enclosed, *named, *answered)))


def note_refused_letters(
    session: Session, letter_ids: Collection[int], *, now: datetime, soft_failures_per_week: int
) -> frozenset[int]:
    """Count letters that the mail server refused at once as failed, if it was for their address.

    Returns those whose address is suspended because of it. Of letters that did not fail, or were
    counted before, nothing changes.
    """
    if not letter_ids:
        return frozenset()
    suspended = set()
    rows = session.execute(_FAILED, {"wanted": list(letter_ids)}).all()
    for row in rows:
        failure = refusal_of(row.smtp_reply or "")
        if failure is not None and note_failed_delivery(
            session,
            to_key=row.to_key,
            letter_id=row.id,
            status=failure.status,
            permanent=failure.permanent,
            now=now,
            soft_failures_per_week=soft_failures_per_week,
        ):
            suspended.add(row.id)
    return frozenset(suspended)


def refusal_of(reply: str) -> Failure | None:
    """Return what an SMTP server's refusal says of the address; None if it is about something else.

    Only a code about mailboxes (RFC 3463 X.1, X.2, and X.4.1 and X.4.4 of domains) proves that the
    address is dead. Servers refuse whole accounts, or what a letter says, with the same 550, and
    that must not silence everybody whom we wrote to that day: without such a code it counts as
    failed for now.
    """
    if not reply.startswith("5"):
        return None
    found = _ENHANCED.search(reply[:_MOST_CHARACTERS])
    status = found[0] if found else ""
    if status in _NOT_THE_ADDRESS or status.startswith(_ABOUT_OTHER_THINGS):
        return None
    if status.startswith(_ABOUT_MAILBOXES) or status in _NO_SUCH_DOMAIN:
        return Failure("", status, permanent=status not in _FULL)
    is_about_mailbox = reply[:3] in _MAILBOX_CODES
    return Failure("", status, permanent=False) if is_about_mailbox else None


def _complaint(
    session: Session, judged: Judged, is_our_id: Callable[[str], bool], now: datetime
) -> Returned:
    # Providers blacken the address in such reports, so the letter alone says whom it is about.
    enclosed = [each.message_id for each in judged.message.enclosed if each.message_id]
    letters = _our_letters(session, enclosed, is_our_id)
    if not letters:
        return Returned((NOT_OURS,))
    letter = letters[0]
    is_suspended = suspend(session, letter.to_key, reason=COMPLAINT, now=now)
    lines = (COMPLAINED, STOPPED) if is_suspended else (COMPLAINED,)
    return Returned(lines, letter.id, is_suspended)


def _our_letters(
    session: Session, ids: Sequence[str], is_our_id: Callable[[str], bool]
) -> tuple[FoundLetter, ...]:
    ours = [each for each in ids[:_MOST_IDS] if is_our_id(each)]
    return find_by_message_ids(session, ours) if ours else ()


def _failures_of(
    letters: Sequence[FoundLetter], bounce: Bounce
) -> Iterator[tuple[FoundLetter, Failure]]:
    """Yield each letter with what became of it at the address that it went to."""
    by_key = {address_key(each.recipient): each for each in reversed(bounce.failures)}
    for letter in letters:
        if letter.to_key in by_key:
            yield letter, by_key[letter.to_key]


def _lines(failure: Failure, *, is_suspended: bool) -> tuple[Line, ...]:
    how = "for good" if failure.permanent else "for now"
    words = f"A mail server could not deliver it, {how}. {failure.status}".strip()
    line = Line(What.LETTER_FAILED, words)
    return (line, STOPPED) if is_suspended else (line,)


_MOST_IDS = 50
_MOST_CHARACTERS = 2_000
_ENHANCED = re.compile(r"(?<![\d.])5\.\d{1,3}\.\d{1,3}(?![\d.])", re.ASCII)
_ABOUT_MAILBOXES = ("5.1.", "5.2.")
_NO_SUCH_DOMAIN = frozenset({"5.4.1", "5.4.4"})
_ABOUT_OTHER_THINGS = ("5.3.", "5.6.", "5.7.")
_NOT_THE_ADDRESS = frozenset({"5.1.7", "5.1.8", "5.2.3", "5.4.5"})  # our address, size, our quota
_FULL = frozenset({"5.2.2"})
_MAILBOX_CODES = frozenset({"550", "551", "552", "553", "556"})

# Built once, since to build a statement costs more than to run it.
_FAILED = select(LETTERS.c.id, LETTERS.c.to_key, LETTERS.c.smtp_reply).where(
    LETTERS.c.id.in_(bindparam("wanted", expanding=True)),
    LETTERS.c.state == LetterState.FAILED.value,
)
