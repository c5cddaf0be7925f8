"""Two cases become one: by a person, or when a mail shows that they are one conversation."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from casework.history import WRITE_EVENT, Line, What
from casework.lifecycle import CaseStatus, after_a_letter_from_the_correspondent
from casework.models import AWAITED_IDS, CASE_MESSAGES, KEY_DATES, STRANDS, Case
from config.errors import KithError
from intake.risk import RiskLevel


class MovingError(KithError):
    """Correspondence cannot be moved so; the sentence says what to do instead."""


@dataclass(frozen=True, slots=True)
class Doing:
    """Who moves something, when, and why."""

    by: str
    now: datetime
    why: str = ""


def merge_cases(session: Session, source_id: int, target_id: int, doing: Doing) -> None:
    """Move all correspondence of one case into another; the first stays as a pointer to it.

    The risk and the flags of the target only rise. Raises `MovingError`.
    """
    source, target = lock_cases(session, source_id, target_id)
    if source.id == target.id:
        raise MovingError(f"{source.reference} cannot be merged with itself.")
    refuse_merged(session, source, target)
    for table in (CASE_MESSAGES, KEY_DATES, AWAITED_IDS):
        of_source = update(table).where(table.c.case_id == source.id)
        session.execute(of_source.values(case_id=target.id))
    _move_strands(session, source.id, target.id)
    raise_flags(target, source)
    target.last_received_at = max(target.last_received_at, source.last_received_at)
    if CaseStatus(source.status).is_open:
        target.status = after_a_letter_from_the_correspondent(CaseStatus(target.status))
        target.closed_at = None
    if target.may_belong_to == source.id:
        target.may_belong_to = None
    source.status, source.closed_at = CaseStatus.CLOSED, doing.now
    source.merged_into = target.id
    session.flush()
    why = f" {doing.why}" if doing.why else ""
    into, of = f"Into {target.reference}.{why}", f"With {source.reference}.{why}"
    write_lines(session, source.id, doing, Line(What.MERGED, into))
    write_lines(session, target.id, doing, Line(What.MERGED, of))


def lock_cases(session: Session, *numbers: int) -> list[Case]:
    """Return these cases in the order asked for, locked until the transaction ends."""
    wanted = sorted(set(numbers))
    statement = select(Case).where(Case.id.in_(wanted)).order_by(Case.id).with_for_update()
    fresh = statement.execution_options(populate_existing=True)
    found = {case.id: case for case in session.execute(fresh).scalars()}
    missing = next((number for number in wanted if number not in found), None)
    if missing is not None:
        raise MovingError(f"There is no case number {missing}. `kith case list` shows them.")
    return [found[number] for number in numbers]


def refuse_merged(session: Session, *cases: Case) -> None:
    """Raise `MovingError` for a case that was merged into another: it holds nothing any more."""
    for case in cases:
        if case.merged_into is not None:
            wanted = select(Case.reference).where(Case.id == case.merged_into)
            into = session.execute(wanted).scalar_one()
            raise MovingError(f"{case.reference} was merged into {into}: use that.")


def raise_flags(case: Case, other: Case) -> None:
    """Let the case have the higher risk of the two, and every flag of either."""
    levels = (RiskLevel(case.risk_level), RiskLevel(other.risk_level))
    case.risk_level = max(levels, key=lambda each: each.rank)
    case.unsafe_reply = case.unsafe_reply or other.unsafe_reply
    case.child_sender = case.child_sender or other.child_sender
    case.needs_look = case.needs_look or other.needs_look
    case.please_sort = case.please_sort and other.please_sort
    case.unconfirmed_sender = case.unconfirmed_sender or other.unconfirmed_sender


def write_lines(session: Session, case_id: int, doing: Doing, *lines: Line) -> None:
    """Write history lines of a case, by whoever does it."""
    rows = [
        {"case_id": case_id, "at": doing.now, "by": doing.by}
        | {"what": line.what, "detail": line.detail}
        for line in lines
    ]
    session.execute(WRITE_EVENT, rows)


def _move_strands(session: Session, source_id: int, target_id: int) -> None:
    # A kind that the target has already stays where it is: there is one strand of a kind.
    present = select(STRANDS.c.kind).where(STRANDS.c.case_id == target_id)
    kinds = set(session.execute(present).scalars())
    of_source = update(STRANDS).where(STRANDS.c.case_id == source_id)
    missing = of_source.where(STRANDS.c.kind.not_in(kinds))
    session.execute(missing.values(case_id=target_id, is_primary=False))
