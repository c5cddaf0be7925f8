"""The row of one case as filing reads and changes it, in whoever's transaction is open."""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.orm import Session

from casework.case_state import CaseState
from casework.history import What
from casework.lifecycle import CaseStatus
from casework.models import AWAITED_IDS, CASE_EVENTS, CASES
from casework.references import CaseReference
from intake.risk import RiskLevel


@dataclass(frozen=True, slots=True)
class LockedCase:
    """A case whose row nobody else changes before the transaction ends."""

    reference: CaseReference
    correspondent_id: int | None
    state: CaseState


def lock_case(session: Session, case_id: int) -> LockedCase:
    """Return the case, and keep others from changing it."""
    row = session.execute(_LOCK, {"wanted": case_id}).one()
    state = CaseState(
        status=CaseStatus(row.status),
        risk_level=RiskLevel(row.risk_level),
        unsafe_reply=row.unsafe_reply,
        child_sender=row.child_sender,
        needs_look=row.needs_look,
        needs_glance=row.needs_glance,
        new_subject=row.new_subject,
        unconfirmed_sender=row.unconfirmed_sender,
        last_received_at=row.last_received_at,
        closed_at=row.closed_at,
    )
    return LockedCase(CaseReference(row.reference), row.correspondent_id, state)


def write_state(session: Session, case_id: int, state: CaseState) -> None:
    """Write what a mail has changed."""
    session.execute(update(CASES).where(CASES.c.id == case_id).values(asdict(state)))


def times_reopened(session: Session, case_id: int, since: datetime) -> int:
    """Return how often mails have opened the case again since then."""
    return session.execute(_REOPENED, {"wanted": case_id, "since": since}).scalar_one()


def stop_waiting(session: Session, message_id: str, person_id: int | None) -> None:
    """Forget that mails of this person wait for the mail with this id: it has come."""
    session.execute(_FOUND, {"wanted": message_id, "person": person_id})


def suggest(session: Session, case_id: int, other_id: int) -> bool:
    """Say that a case may belong to another, unless something is said already; was it not?"""
    values = {"wanted": case_id, "other": other_id}
    return session.execute(_SUGGEST, values).first() is not None


# Statements are built once: to build one costs more than to run it.
_LOCK = (
    select(
        CASES.c.reference,
        CASES.c.correspondent_id,
        CASES.c.status,
        CASES.c.risk_level,
        CASES.c.unsafe_reply,
        CASES.c.child_sender,
        CASES.c.needs_look,
        CASES.c.needs_glance,
        CASES.c.new_subject,
        CASES.c.unconfirmed_sender,
        CASES.c.last_received_at,
        CASES.c.closed_at,
    )
    .where(CASES.c.id == bindparam("wanted"))
    .with_for_update()
)
_REOPENED = select(func.count()).where(
    CASE_EVENTS.c.case_id == bindparam("wanted"),
    CASE_EVENTS.c.what == What.REOPENED.value,
    CASE_EVENTS.c.at > bindparam("since"),
)
_FOUND = delete(AWAITED_IDS).where(
    AWAITED_IDS.c.message_id == bindparam("wanted"),
    AWAITED_IDS.c.correspondent_id == bindparam("person"),
)
_SUGGEST = (
    update(CASES)
    .where(CASES.c.id == bindparam("wanted"), CASES.c.may_belong_to.is_(None))
    .values(may_belong_to=bindparam("other"))
    .returning(CASES.c.id)
)
