"""What a person puts right: a mail into another case, a case in two, two into one, a sender known.

Whatever answers a mail moves with it. Every case concerned gets a line in its history. Each
function raises `MovingError` when it cannot be done, and then changes nothing.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from casework.branches import Entry, branch, entries_of
from casework.history import Line, What
from casework.lifecycle import CaseStatus, after_a_letter_from_the_correspondent
from casework.merging import (
    Doing,
    MovingError,
    lock_cases,
    merge_cases,
    refuse_merged,
    write_lines,
)
from casework.models import (
    AWAITED_IDS,
    CASE_MESSAGES,
    CASES,
    Case,
    CaseMessage,
    Correspondent,
    CorrespondentAddress,
    Strand,
)
from casework.references import CaseReference, new_reference
from intake.risk import RiskLevel
from replies.outgoing import address_key

__all__ = [
    "Doing",
    "MovingError",
    "confirm_sender",
    "merge_cases",
    "move_message",
    "split_message",
]


def move_message(session: Session, mail_id: int, target_id: int, doing: Doing) -> int:
    """Move a mail, and all that answers it, into another case; return how many pieces moved.

    When nothing is left behind, the old case is merged into the other one.
    """
    message = _mail(session, mail_id)
    source, target = lock_cases(session, message.case_id, target_id)
    if source.id == target.id:
        raise MovingError(f"Mail {mail_id} is in {target.reference} already.")
    refuse_merged(session, source, target)
    whole = entries_of(session, source.id)
    moving = branch(whole, message.id)
    if len(moving) == len(whole):
        merge_cases(session, source.id, target.id, doing)
        return len(moving)
    _move(session, moving, target.id)
    _after_move(session, source, target, moving)
    pieces = f"{_counted(moving)}"
    why = f" {doing.why}" if doing.why else ""
    away, here = f"{pieces} to {target.reference}.{why}", f"{pieces} from {source.reference}.{why}"
    write_lines(session, source.id, doing, Line(What.MOVED, away))
    write_lines(session, target.id, doing, Line(What.MOVED, here))
    return len(moving)


def split_message(session: Session, mail_id: int, doing: Doing) -> CaseReference:
    """Make a case of its own of a mail and all that answers it; return its reference.

    This undoes what was appended by itself. The new case has the risk and the flags of the old
    one: only a named person lowers them. Its correspondent is the same, but for a mail from an
    unconfirmed sender, whose case it then is.
    """
    message = _mail(session, mail_id)
    [source] = lock_cases(session, message.case_id)
    refuse_merged(session, source)
    whole = entries_of(session, source.id)
    moving = branch(whole, message.id)
    if len(moving) == len(whole):
        raise MovingError(
            f"All of {source.reference} answers mail {mail_id}: nothing would be left there."
        )
    person = source.correspondent_id
    if message.is_unconfirmed:
        person = _person_with(session, message, doing.now)
    made = _new_case(session, source, message, person, doing.now)
    _move(session, moving, made.id)
    settled = update(CASE_MESSAGES).where(CASE_MESSAGES.c.id == message.id)
    session.execute(settled.values(is_unconfirmed=False))
    _after_move(session, source, made, moving)
    why = f" {doing.why}" if doing.why else ""
    pieces = _counted(moving)
    write_lines(session, source.id, doing, Line(What.SPLIT, f"{pieces} to {made.reference}.{why}"))
    write_lines(
        session, made.id, doing, Line(What.SPLIT, f"{pieces} from {source.reference}.{why}")
    )
    return CaseReference(made.reference)


def confirm_sender(session: Session, mail_id: int, doing: Doing, *, add_address: bool) -> None:
    """Say that the mail comes from whom the case is with, though its address was not known.

    With `add_address` it becomes one of the correspondent's addresses, so that their next mail
    joins by itself.
    """
    message = _mail(session, mail_id)
    [case] = lock_cases(session, message.case_id)
    refuse_merged(session, case)
    if add_address:
        _add_address(session, case, message, doing.now)
    if message.is_unconfirmed:
        case.status = after_a_letter_from_the_correspondent(CaseStatus(case.status))
        case.closed_at = None
        case.last_received_at = max(case.last_received_at, message.at)
    message.is_unconfirmed = False
    session.flush()
    case.unconfirmed_sender = _has_unconfirmed(session, case.id)
    session.flush()
    added = " Their address was added." if add_address else ""
    line = Line(What.SENDER_CONFIRMED, f"Of mail {mail_id}.{added} {doing.why}".strip())
    write_lines(session, case.id, doing, line)


def _mail(session: Session, mail_id: int) -> CaseMessage:
    """Return a mail by its number in the ledger, the one number that people see."""
    wanted = select(CaseMessage).where(CaseMessage.received_id == mail_id)
    found = session.execute(wanted.execution_options(populate_existing=True)).scalar_one_or_none()
    if found is None:
        raise MovingError(f"Mail {mail_id} is in no case: `kith case show` gives the numbers.")
    return found


def _move(session: Session, moving: Sequence[Entry], case_id: int) -> None:
    numbers = [entry.id for entry in moving]
    session.execute(
        update(CASE_MESSAGES).where(CASE_MESSAGES.c.id.in_(numbers)).values(case_id=case_id)
    )
    mails = [entry.received_id for entry in moving if entry.received_id is not None]
    session.execute(
        update(AWAITED_IDS).where(AWAITED_IDS.c.received_id.in_(mails)).values(case_id=case_id)
    )


def _after_move(session: Session, source: Case, target: Case, moving: Sequence[Entry]) -> None:
    numbers = [entry.id for entry in moving]
    wanted = select(CASE_MESSAGES.c.risk_level, CASE_MESSAGES.c.at).where(
        CASE_MESSAGES.c.id.in_(numbers)
    )
    for level, at in session.execute(wanted).all():
        higher = (RiskLevel(target.risk_level), RiskLevel(level or RiskLevel.NONE))
        target.risk_level = max(higher, key=lambda each: each.rank)
        target.last_received_at = max(target.last_received_at, at)
    target.unsafe_reply = target.unsafe_reply or source.unsafe_reply
    target.child_sender = target.child_sender or source.child_sender
    for case in (source, target):
        case.unconfirmed_sender = _has_unconfirmed(session, case.id)
    source.new_subject = False
    session.flush()


def _has_unconfirmed(session: Session, case_id: int) -> bool:
    columns = CASE_MESSAGES.c
    wanted = select(columns.id).where(columns.case_id == case_id, columns.is_unconfirmed)
    return session.execute(wanted.limit(1)).first() is not None


def _new_case(
    session: Session, source: Case, message: CaseMessage, person: int | None, now: datetime
) -> Case:
    made = Case(
        reference=_free_reference(session),
        correspondent_id=person,
        status=CaseStatus.NEW,
        risk_level=source.risk_level,
        unsafe_reply=source.unsafe_reply,
        child_sender=source.child_sender,
        please_sort=True,
        opened_at=now,
        last_received_at=message.at,
    )
    session.add(made)
    session.flush()
    strand = Strand(
        case_id=made.id,
        kind=message.kind or "enquiry",
        stage="new",
        is_primary=True,
        confidence=message.confidence or 0.0,
        sure=False,
    )
    session.add(strand)
    session.flush()
    return made


def _free_reference(session: Session) -> CaseReference:
    while True:
        drawn = new_reference()
        taken = select(CASES.c.id).where(CASES.c.reference == drawn)
        if session.execute(taken).first() is None:
            return drawn


def _person_with(session: Session, message: CaseMessage, now: datetime) -> int | None:
    if not message.sender_email:
        return None
    owner = _owner_of(session, message.sender_email)
    if owner is not None:
        return owner
    person = Correspondent(name=message.sender_name, created_at=now)
    session.add(person)
    session.flush()
    session.add(_address(person.id, message.sender_email, now))
    session.flush()
    return person.id


def _add_address(session: Session, case: Case, message: CaseMessage, now: datetime) -> None:
    if case.correspondent_id is None:
        raise MovingError(f"{case.reference} has no correspondent that the address could be of.")
    if not message.sender_email:
        raise MovingError(f"Mail {message.id} gives no address.")
    owner = _owner_of(session, message.sender_email)
    if owner is None:
        session.add(_address(case.correspondent_id, message.sender_email, now))
    elif owner != case.correspondent_id:
        raise MovingError("This address is another correspondent's already: it can have but one.")


def _owner_of(session: Session, email: str) -> int | None:
    wanted = select(CorrespondentAddress.correspondent_id)
    mine = wanted.where(CorrespondentAddress.key == address_key(email))
    return session.execute(mine).scalar_one_or_none()


def _address(person_id: int, email: str, now: datetime) -> CorrespondentAddress:
    return CorrespondentAddress(
        correspondent_id=person_id, address=email, key=address_key(email), created_at=now
    )


def _counted(moving: Sequence[Entry]) -> str:
    return "One piece" if len(moving) == 1 else f"{len(moving)} pieces"
