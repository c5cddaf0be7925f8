"""The queue: which cases need somebody now, in which order. Reading only.

A closed case is there too when a mail has come to it that did not open it again: nobody would
otherwise see that mail.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import and_, func, or_, select
from sqlalchemy import case as sql_case
from sqlalchemy.orm import Session

from casework.lifecycle import CaseStatus
from casework.models import Case, CaseMessage, KeyDateRow, OutboxEmail, Strand
from intake.inbox import MailState, count_by_state
from intake.risk import RiskLevel
from intake.taxonomy import Kind

NEAR_DATES = timedelta(days=7)
OPEN_STATUSES = tuple(status for status in CaseStatus if status.is_open)
MOST_ROWS = 200
MOST_PAGES = 10_000


class Band(StrEnum):
    """Why a case stands where it stands; in the order of the queue."""

    DANGER = "Someone may be in danger"
    DATES = "Dates in the next seven days"
    HELD = "Held or unreadable: a person must look"
    SORT = "Please sort"
    WAITING = "Waiting for a first reply from a person"


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One case in the queue; nothing in it was written by a correspondent."""

    reference: str
    band: Band
    risk: RiskLevel
    kinds: tuple[Kind, ...]
    is_sorted: bool
    flags: tuple[str, ...]
    next_date: date | None
    last_received_at: datetime
    mails: int
    acknowledgement: str


@dataclass(frozen=True, slots=True)
class Queue:
    """The rows of a page, how many such cases there are, and how many mails are no case."""

    rows: tuple[QueueRow, ...]
    open_cases: int
    set_aside: int = 0
    screened_out: int = 0
    unfiled: int = 0
    page: int = 1
    pages: int = 1

    def in_band(self, band: Band) -> tuple[QueueRow, ...]:
        """Return the rows of one band, in order."""
        return tuple(row for row in self.rows if row.band is band)


def read_queue(session: Session, today: date, limit: int = MOST_ROWS, *, page: int = 1) -> Queue:
    """Return a page of `limit` cases, those in danger first, then the oldest first.

    The first page is 1; a number that is none is taken for the nearest one.
    """
    counting = select(func.count()).select_from(Case).where(_NEEDS_SOMEBODY)
    total = session.execute(counting).scalar_one()
    pages = min(max(1, -(-total // limit)), MOST_PAGES)
    page = min(max(1, page), pages)
    ranks = {level.value: -level.rank for level in RiskLevel}
    order = sql_case(ranks, value=Case.risk_level, else_=0)
    statement = select(Case).where(_NEEDS_SOMEBODY).order_by(order, Case.last_received_at, Case.id)
    shown = statement.limit(limit).offset((page - 1) * limit)
    cases = session.execute(shown).scalars().all()
    ids = [each.id for each in cases]
    kinds, dates = _kinds(session, ids), _next_dates(session, ids, today)
    mails, letters = _mail_counts(session, ids), _acknowledgements(session, ids)
    rows = [
        QueueRow(
            reference=each.reference,
            band=band_of(each, dates.get(each.id), today),
            risk=RiskLevel(each.risk_level),
            kinds=kinds.get(each.id, ()),
            is_sorted=not each.please_sort,
            flags=flags_of(each),
            next_date=dates.get(each.id),
            last_received_at=each.last_received_at,
            mails=mails.get(each.id, 0),
            acknowledgement=letters.get(each.id, "not acknowledged"),
        )
        for each in cases
    ]
    mails_in = count_by_state(session)
    return Queue(
        tuple(rows),
        total,
        set_aside=mails_in[MailState.SET_ASIDE],
        screened_out=mails_in[MailState.SCREENED_OUT],
        unfiled=mails_in[MailState.RECEIVED],
        page=page,
        pages=pages,
    )


def band_of(case: Case, next_date: date | None, today: date) -> Band:
    """Return the first band a case belongs to; pure."""
    if RiskLevel(case.risk_level) in {RiskLevel.NOW, RiskLevel.TODAY}:
        return Band.DANGER
    if next_date is not None and next_date - today <= NEAR_DATES:
        return Band.DATES
    if flags_of(case):
        return Band.HELD
    if case.please_sort:
        return Band.SORT
    return Band.WAITING


def flags_of(case: Case) -> tuple[str, ...]:
    """Return the flags of a case in words."""
    words = (
        (case.unsafe_reply, "may not be safe to answer"),
        (case.child_sender, "a child may have written"),
        (case.unconfirmed_sender, "sender not confirmed"),
        (case.may_belong_to is not None, "may belong to another conversation"),
        (case.new_subject, "a new subject: perhaps another matter"),
        (case.needs_look, "could not be read, needs a look"),
        (case.needs_glance, "closed, and a mail came: please glance at it"),
    )
    return tuple(word for is_set, word in words if is_set)


def _kinds(session: Session, ids: Sequence[int]) -> dict[int, tuple[Kind, ...]]:
    statement = (
        select(Strand.case_id, Strand.kind)
        .where(Strand.case_id.in_(ids))
        .order_by(Strand.is_primary.desc(), Strand.id)
    )
    return _grouped((case_id, Kind(kind)) for case_id, kind in session.execute(statement).all())


def _grouped(pairs: Iterable[tuple[int, Kind]]) -> dict[int, tuple[Kind, ...]]:
    groups: dict[int, tuple[Kind, ...]] = {}
    for key, value in pairs:
        groups[key] = (*groups.get(key, ()), value)
    return groups


def _next_dates(session: Session, ids: Sequence[int], today: date) -> dict[int, date]:
    statement = (
        select(KeyDateRow.case_id, func.min(KeyDateRow.on))
        .where(KeyDateRow.case_id.in_(ids), KeyDateRow.on >= today)
        .group_by(KeyDateRow.case_id)
    )
    return {row[0]: row[1] for row in session.execute(statement).all()}


def _mail_counts(session: Session, ids: Sequence[int]) -> dict[int, int]:
    statement = (
        select(CaseMessage.case_id, func.count(CaseMessage.received_id))
        .where(CaseMessage.case_id.in_(ids))
        .group_by(CaseMessage.case_id)
    )
    return {row[0]: row[1] for row in session.execute(statement).all()}


def _acknowledgements(session: Session, ids: Sequence[int]) -> dict[int, str]:
    statement = (
        select(CaseMessage.case_id, OutboxEmail.state)
        .join(OutboxEmail, OutboxEmail.id == CaseMessage.outbox_id)
        .where(CaseMessage.case_id.in_(ids))
    )
    return {case_id: in_plain_words(state) for case_id, state in session.execute(statement).all()}


def in_plain_words(letter_state: str) -> str:
    """Return the state of an acknowledgement as a volunteer would say it."""
    words = {
        "draft": "drafted, not sent (shadow mode)",
        "queued": "waiting to be sent",
        "claimed": "waiting to be sent",
        "sending": "being sent",
        "sent": "acknowledged",
        "failed": "could not be delivered",
        "unknown": "perhaps sent, please check",
        "cancelled": "cancelled",
    }
    return words.get(letter_state, letter_state)


_NEEDS_SOMEBODY = or_(
    Case.status.in_(OPEN_STATUSES),
    and_(Case.merged_into.is_(None), or_(Case.needs_look, Case.needs_glance)),
)
