"""Filing: a mail becomes a case, or part of one.

One mail, one case, one or more strands. Plain statements are used instead of object graphs: this
runs once per mail in the transaction that also queues the acknowledgement.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from casework.correspondents import KnownCorrespondent, add_correspondent, can_be_written_to
from casework.history import Line, What, record
from casework.judging import Judged
from casework.lifecycle import CaseStatus, after_a_letter_from_the_correspondent
from casework.models import CASE_MESSAGES, CASES, CORRESPONDENTS, KEY_DATES, STRANDS
from casework.references import CaseReference, new_reference
from casework.threading import Match
from intake.classification import Classification
from intake.evidence import Evidence
from intake.message import Address
from intake.risk import KeyDate, RiskLevel

FIRST_STAGE = "new"
UNTOLD = "queued"
"""`CaseMessage.letter_state` of a letter whose fate the history does not tell yet."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A judged mail on its way into the tracker, and what was decided about acknowledging it."""

    received_id: int
    judged: Judged
    acknowledgement: str


@dataclass(frozen=True, slots=True)
class Filing:
    """Where a mail was filed."""

    case_id: int
    reference: CaseReference
    correspondent_id: int | None
    is_new: bool


def open_case(
    session: Session,
    incoming: Incoming,
    correspondent: KnownCorrespondent | Address | None,
    match: Match,
    now: datetime,
    *,
    please_sort: bool,
    needs_look: bool = False,
    draw: Callable[[], CaseReference] = new_reference,
) -> Filing:
    """Open a case for the mail, with its strands, correspondence, dates and history.

    `correspondent` is somebody known, the address of somebody new, or nobody.
    """
    judged = incoming.judged
    person = _known(session, correspondent, now)
    reference = _free_reference(session, draw)
    risk = judged.risk
    case = {
        "reference": reference,
        "correspondent_id": person.id if person else None,
        "status": CaseStatus.NEW,
        "risk_level": risk.level,
        "unsafe_reply": risk.unsafe_reply,
        "child_sender": risk.child_sender,
        "please_sort": please_sort,
        "needs_look": needs_look,
        "unconfirmed_sender": match.knows_our_message_id,
        "may_belong_to": match.may_belong_to,
        "opened_at": now,
        "last_received_at": judged.received_at,
    }
    case_id = session.execute(_OPEN_CASE, case).scalar_one()
    add_strands(session, case_id, judged.classification)
    add_message(session, case_id, incoming)
    add_key_dates(session, case_id, risk.key_dates)
    record(session, case_id, _opening_lines(judged, match), now)
    return Filing(case_id, reference, person.id if person else None, is_new=True)


def append(session: Session, incoming: Incoming, case_id: int, now: datetime) -> Filing:
    """File the mail in an existing case: risk may rise, strands grow, a closed case reopens."""
    judged = incoming.judged
    case = session.execute(_LOCK_CASE, {"wanted": case_id}).one()
    old_level = RiskLevel(case.risk_level)
    level = max(old_level, judged.risk.level, key=lambda each: each.rank)
    status = after_a_letter_from_the_correspondent(CaseStatus(case.status))
    changes = {
        "risk_level": level,
        "status": status,
        "unsafe_reply": case.unsafe_reply or judged.risk.unsafe_reply,
        "child_sender": case.child_sender or judged.risk.child_sender,
        "last_received_at": judged.received_at,
        "closed_at": None,
    }
    session.execute(update(CASES).where(CASES.c.id == case_id).values(changes))
    add_message(session, case_id, incoming)
    add_key_dates(session, case_id, judged.risk.key_dates)
    lines = [Line(What.RECEIVED, "Another mail from the correspondent.")]
    if level is not old_level:
        lines.append(Line(What.RISK_RAISED, f"From {old_level} to {level}."))
    if status != case.status:
        lines.append(Line(What.STATUS_CHANGED, f"From {case.status} to {status}."))
    added = _add_new_strands(session, case_id, judged.classification)
    lines += [Line(What.STRAND_ADDED, kind) for kind in added]
    record(session, case_id, lines, now)
    reference = CaseReference(case.reference)
    return Filing(case_id, reference, case.correspondent_id, is_new=False)


def note_automatic_mail(
    session: Session, incoming: Incoming, case_id: int, line: Line, now: datetime
) -> None:
    """Put an automatic mail beside the correspondence it answers; nothing else changes."""
    add_message(session, case_id, incoming)
    record(session, case_id, [line], now)


def stop_automatic_mail(session: Session, filing: Filing, now: datetime) -> None:
    """Honour a STOP: nothing goes to this person by itself any more; people still answer."""
    if filing.correspondent_id is None:
        return
    session.execute(
        update(CORRESPONDENTS)
        .where(CORRESPONDENTS.c.id == filing.correspondent_id)
        .values(no_automatic_mail=True)
    )
    line = Line(What.STOPPED, "They wrote STOP: no more automatic mail to them.")
    record(session, filing.case_id, [line], now)


def add_letter(session: Session, case_id: int, outbox_id: int, line: Line, now: datetime) -> None:
    """Put a letter of ours into a case's correspondence; its words stay in the outbox."""
    letter = {"case_id": case_id, "outbox_id": outbox_id, "at": now, "letter_state": UNTOLD}
    session.execute(_ADD_LETTER, letter)
    record(session, case_id, [line], now)


def add_message(session: Session, case_id: int, incoming: Incoming) -> None:
    """Write a received mail into a case's correspondence, with what judged it."""
    judged = incoming.judged
    message, risk, kinds = judged.message, judged.risk, judged.classification
    sender = message.sender
    row = {
        "case_id": case_id,
        "received_id": incoming.received_id,
        "at": judged.received_at,
        "message_id": message.message_id,
        "sender_name": sender.name if sender else "",
        "sender_email": sender.email if sender else "",
        "subject": message.subject,
        "text": message.text,
        "marks": [[mark.kind, mark.start, mark.end] for mark in message.marks],
        "attachments": [[a.name, a.content_type, a.size, a.part] for a in message.attachments],
        "defects": list(message.defects),
        "screening_verdict": judged.screening.verdict,
        "screening_rule": judged.screening.rule,
        "risk_level": risk.level,
        "risk_evidence": _rows(risk.evidence),
        "kind": kinds.kind,
        "confidence": kinds.confidence,
        "kind_evidence": _rows(kinds.evidence),
        "acknowledgement": incoming.acknowledgement,
    }
    session.execute(_ADD_MESSAGE, row)


def add_strands(session: Session, case_id: int, kinds: Classification) -> None:
    """Add the kinds of a case's first mail as its strands; the main one is primary."""
    strands = [(kinds.kind, kinds.confidence, kinds.sure, True)]
    strands += [(also.kind, also.confidence, False, False) for also in kinds.also]
    rows = [
        {
            "case_id": case_id,
            "kind": kind,
            "stage": FIRST_STAGE,
            "is_primary": primary,
            "confidence": confidence,
            "sure": sure,
        }
        for kind, confidence, sure, primary in strands
    ]
    session.execute(_ADD_STRANDS, rows)


def add_key_dates(session: Session, case_id: int, dates: Iterable[KeyDate]) -> None:
    """Add the dates found in a mail as suggestions."""
    rows = [
        {"case_id": case_id, "type": d.type, "on": d.date, "words": d.text, "is_confirmed": False}
        for d in dates
    ]
    if rows:
        session.execute(_ADD_KEY_DATES, rows)


def _add_new_strands(session: Session, case_id: int, kinds: Classification) -> list[str]:
    # Only what is sure: a thank-you in a case about a review must not become an enquiry as well.
    if not (kinds.sure and kinds.kind.is_human):
        return []
    present = select(STRANDS.c.kind).where(STRANDS.c.case_id == case_id)
    if kinds.kind in set(session.execute(present).scalars()):
        return []
    row = {
        "case_id": case_id,
        "kind": kinds.kind,
        "stage": FIRST_STAGE,
        "is_primary": False,
        "confidence": kinds.confidence,
        "sure": True,
    }
    session.execute(_ADD_STRANDS, row)
    return [str(kinds.kind)]


def _known(
    session: Session, correspondent: KnownCorrespondent | Address | None, now: datetime
) -> KnownCorrespondent | None:
    if not isinstance(correspondent, Address):
        return correspondent
    if not can_be_written_to(correspondent):
        return None
    return add_correspondent(session, correspondent, now)


def _free_reference(session: Session, draw: Callable[[], CaseReference]) -> CaseReference:
    while True:
        reference = draw()
        if session.execute(_IS_TAKEN, {"wanted": reference}).first() is None:
            return reference


def _opening_lines(judged: Judged, match: Match) -> list[Line]:
    kinds = judged.classification
    how_sure = "sure" if kinds.sure else "not sure"
    lines = [
        Line(What.OPENED, "A mail came in."),
        Line(What.SORTED, f"{kinds.kind}, confidence {kinds.confidence:.2f}, {how_sure}."),
    ]
    if judged.risk.level is not RiskLevel.NONE:
        lines.append(Line(What.RISK_RAISED, f"To {judged.risk.level}, by rule."))
    if match.may_belong_to is not None and match.hint is not None:
        lines.append(
            Line(
                What.SORTED,
                f"It may belong to another case: {match.hint}, but comes from somebody else.",
            )
        )
    return lines


def _rows(evidence: Iterable[Evidence]) -> list[list[str | int]]:
    return [[each.label, each.text, each.start, each.end] for each in evidence]


# Statements are built once: to build one costs more than to run it.
_OPEN_CASE = insert(CASES).returning(CASES.c.id)
_LOCK_CASE = (
    select(
        CASES.c.reference,
        CASES.c.correspondent_id,
        CASES.c.status,
        CASES.c.risk_level,
        CASES.c.unsafe_reply,
        CASES.c.child_sender,
    )
    .where(CASES.c.id == bindparam("wanted"))
    .with_for_update()
)
_IS_TAKEN = select(CASES.c.id).where(CASES.c.reference == bindparam("wanted"))
_ADD_STRANDS = insert(STRANDS)
_ADD_MESSAGE = insert(CASE_MESSAGES)
_ADD_LETTER = insert(CASE_MESSAGES)
_ADD_KEY_DATES = insert(KEY_DATES)
