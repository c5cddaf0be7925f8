"""The ledger: every mail ever seen, its raw bytes, and which one state it is in.

A mail is committed here before anything else happens to it. Work on it is claimed with a lease;
whoever finishes must still hold the claim, or else nothing of what it did is kept.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    CursorResult,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    bindparam,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from config.database import Base, CleanText, UtcDateTime
from config.errors import KithError
from intake.mailbox import FetchedMail

PIECE_BYTES = 1_048_576


class MailState(StrEnum):
    """Where a received mail is; exactly one of these, always."""

    RECEIVED = "received"
    FILED = "filed"
    SCREENED_OUT = "screened_out"
    SET_ASIDE = "set_aside"


class ReceivedMail(Base):
    """One line of the ledger: a UID of a mailbox, and what became of the mail."""

    __tablename__ = "received_mails"
    __table_args__ = (
        UniqueConstraint("mailbox", "uid_validity", "uid"),
        CheckConstraint(
            "state IN ('received', 'filed', 'screened_out', 'set_aside')", name="state_known"
        ),
        Index("ix_received_mails_state_id", "state", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    mailbox: Mapped[str] = mapped_column(String(300))
    uid_validity: Mapped[int] = mapped_column(BigInteger)
    uid: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    size: Mapped[int] = mapped_column(BigInteger)
    is_whole: Mapped[bool]
    internal_date: Mapped[datetime] = mapped_column(UtcDateTime)
    fetched_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(String(20))
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    verdict: Mapped[str | None] = mapped_column(String(20))
    rule: Mapped[str | None] = mapped_column(String(60))
    reason: Mapped[str | None] = mapped_column(CleanText)
    duplicate_of: Mapped[int | None] = mapped_column(ForeignKey("received_mails.id"))
    failures: Mapped[int] = mapped_column(default=0)
    owner: Mapped[str | None] = mapped_column(String(200))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RawMail(Base):
    """The bytes as they came, apart from the ledger so that a change of state copies none.

    Nearly every mail is one piece. A larger one is cut, since a database driver holds several
    copies of a piece in memory at once.
    """

    __tablename__ = "raw_mails"

    received_id: Mapped[int] = mapped_column(ForeignKey("received_mails.id"), primary_key=True)
    piece: Mapped[int] = mapped_column(primary_key=True)
    raw: Mapped[bytes] = mapped_column(LargeBinary)


RECEIVED = cast(Table, ReceivedMail.__table__)
RAWS = cast(Table, RawMail.__table__)


class ClaimLostError(KithError):
    """Somebody else took the mail over in the meantime; what was done must not be kept."""

    def __init__(self, received_id: int) -> None:
        super().__init__(f"Received mail {received_id} was taken over by another worker.")


@dataclass(frozen=True, slots=True)
class ClaimedMail:
    """A received mail that this worker may work on until its lease ends."""

    id: int
    sha256: str
    size: int
    is_whole: bool
    internal_date: datetime
    failures: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a mail, and why, in words for a volunteer."""

    state: MailState
    verdict: str | None
    rule: str | None
    reason: str | None
    duplicate_of: int | None = None


def highest_uid(session: Session, mailbox: str, uid_validity: int) -> int:
    """Return the highest UID in the ledger for this mailbox and UIDVALIDITY, 0 for none."""
    statement = select(func.max(ReceivedMail.uid)).where(
        ReceivedMail.mailbox == mailbox, ReceivedMail.uid_validity == uid_validity
    )
    return session.execute(statement).scalar() or 0


def unknown_uids(
    session: Session, mailbox: str, uid_validity: int, uids: Sequence[int]
) -> list[int]:
    """Return those of the ascending `uids` that the ledger does not have, in order."""
    if not uids:
        return []
    statement = select(ReceivedMail.uid).where(
        ReceivedMail.mailbox == mailbox,
        ReceivedMail.uid_validity == uid_validity,
        ReceivedMail.uid.between(uids[0], uids[-1]),
    )
    known = set(session.execute(statement).scalars())
    return [uid for uid in uids if uid not in known]


def store(
    session: Session,
    mailbox: str,
    uid_validity: int,
    mails: Iterable[FetchedMail],
    now: datetime,
) -> int:
    """Write new mails with their raw bytes; return how many. Known UIDs are passed over."""
    by_uid = {mail.uid: mail for mail in mails}
    fresh = unknown_uids(session, mailbox, uid_validity, sorted(by_uid))
    if not fresh:
        return 0
    lines = [
        {
            "mailbox": mailbox,
            "uid_validity": uid_validity,
            "uid": mail.uid,
            "sha256": hashlib.sha256(mail.raw).hexdigest(),
            "size": mail.size,
            "is_whole": mail.is_whole,
            "internal_date": mail.internal_date,
            "fetched_at": now,
            "state": MailState.RECEIVED,
            "failures": 0,
        }
        for mail in map(by_uid.__getitem__, fresh)
    ]
    stored = session.execute(
        insert(ReceivedMail).returning(ReceivedMail.id, ReceivedMail.uid), lines
    )
    raws = [(row.id, by_uid[row.uid].raw) for row in stored.all()]
    small = [
        {"received_id": received_id, "piece": 0, "raw": raw}
        for received_id, raw in raws
        if len(raw) <= PIECE_BYTES
    ]
    if small:
        session.execute(_ADD_RAW, small)
    for received_id, raw in raws:
        if len(raw) > PIECE_BYTES:
            _store_large(session, received_id, raw)
    return len(lines)


def _store_large(session: Session, received_id: int, raw: bytes) -> None:
    for piece, start in enumerate(range(0, len(raw), PIECE_BYTES)):
        part = raw[start : start + PIECE_BYTES]
        session.execute(_ADD_RAW, {"received_id": received_id, "piece": piece, "raw": part})


def claim_next(
    session: Session, *, now: datetime, owner: str, lease: timedelta, limit: int
) -> list[ClaimedMail]:
    """Claim up to `limit` received mails, oldest first, for `owner` until `now + lease`."""
    picked = (
        select(ReceivedMail.id)
        .where(
            ReceivedMail.state == MailState.RECEIVED,
            or_(ReceivedMail.lease_until.is_(None), ReceivedMail.lease_until < now),
        )
        .order_by(ReceivedMail.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("picked")
    )
    claimed = (
        update(ReceivedMail)
        .where(ReceivedMail.id.in_(select(picked.c.id)))
        .values(owner=owner, lease_until=now + lease)
        .returning(
            ReceivedMail.id,
            ReceivedMail.sha256,
            ReceivedMail.size,
            ReceivedMail.is_whole,
            ReceivedMail.internal_date,
            ReceivedMail.failures,
        )
        .execution_options(synchronize_session=False)
    )
    return sorted(
        (ClaimedMail(*row) for row in session.execute(claimed).all()), key=lambda mail: mail.id
    )


def raw_of(session: Session, received_id: int) -> bytes:
    """Return the bytes of a received mail as they came."""
    pieces: list[bytes] = []
    while not pieces or len(pieces[-1]) == PIECE_BYTES:
        values = {"wanted": received_id, "piece": len(pieces)}
        found: bytes | None = session.execute(_RAW, values).scalar_one_or_none()
        if found is None:
            break
        pieces.append(found)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def small_raws(session: Session, received_ids: Sequence[int]) -> dict[int, bytes]:
    """Return the bytes of those of the mails that are a single piece, all in one question."""
    rows = session.execute(_FIRST_PIECES, {"wanted": list(received_ids)}).all()
    return {row.received_id: row.raw for row in rows if len(row.raw) < PIECE_BYTES}


def hold(session: Session, received_ids: Sequence[int], *, owner: str) -> None:
    """Make sure that `owner` holds all these claims, and keep it so until the transaction ends.

    Raises `ClaimLostError` for the first that somebody else took over.
    """
    values = {"wanted": list(received_ids), "me": owner}
    held = set(session.execute(_HOLD, values).scalars())
    for received_id in received_ids:
        if received_id not in held:
            raise ClaimLostError(received_id)


def twins_of(session: Session, mails: Sequence[ClaimedMail]) -> dict[int, int]:
    """Return, for each mail whose very bytes came before, the earlier mail's number."""
    values = {"hashes": [mail.sha256 for mail in mails]}
    first = {row.sha256: row.first for row in session.execute(_TWINS, values).all()}
    return {mail.id: first[mail.sha256] for mail in mails if first[mail.sha256] < mail.id}


def settle(
    session: Session, received_id: int, *, owner: str, now: datetime, settlement: Settlement
) -> None:
    """Write what became of the mail; raises `ClaimLostError` unless `owner` still holds it."""
    row = settlement_row(received_id, owner=owner, now=now, settlement=settlement)
    if cast(CursorResult[Any], session.execute(SETTLE, row)).rowcount != 1:
        raise ClaimLostError(received_id)


def settlement_row(
    received_id: int, *, owner: str, now: datetime, settlement: Settlement
) -> dict[str, object]:
    """Return the values of `SETTLE` for a mail; whoever runs it must `hold` the claim."""
    return {
        "this": received_id,
        "me": owner,
        "new_state": settlement.state,
        "new_verdict": settlement.verdict,
        "new_rule": settlement.rule,
        "new_reason": settlement.reason,
        "new_twin": settlement.duplicate_of,
        "at": now,
    }


def note_failure(session: Session, received_id: int, *, owner: str, retry_at: datetime) -> int:
    """Count a failed attempt and return the count; nobody claims the mail before `retry_at`."""
    statement = (
        update(ReceivedMail)
        .where(ReceivedMail.id == received_id, ReceivedMail.owner == owner)
        .values(failures=ReceivedMail.failures + 1, owner=None, lease_until=retry_at)
        .returning(ReceivedMail.failures)
        .execution_options(synchronize_session=False)
    )
    return session.execute(statement).scalar() or 0


def take_up_again(session: Session, received_id: int) -> bool:
    """Let a mail that was set aside be worked anew; return False if it is not set aside."""
    statement = (
        update(RECEIVED)
        .where(RECEIVED.c.id == received_id, RECEIVED.c.state == MailState.SET_ASIDE.value)
        .values(state=MailState.RECEIVED.value, failures=0, settled_at=None, lease_until=None)
    )
    return cast(CursorResult[Any], session.execute(statement)).rowcount == 1


def release(session: Session, received_ids: Sequence[int], *, owner: str) -> None:
    """Give claimed mails back that were not worked on."""
    session.execute(
        update(ReceivedMail)
        .where(ReceivedMail.id.in_(received_ids), ReceivedMail.owner == owner)
        .values(owner=None, lease_until=None)
        .execution_options(synchronize_session=False)
    )


def release_abandoned(session: Session, *, is_gone: Callable[[str], bool]) -> int:
    """Free the mails claimed by workers that are certainly dead; return how many workers."""
    claimed = select(ReceivedMail.owner).where(
        ReceivedMail.state == MailState.RECEIVED, ReceivedMail.owner.is_not(None)
    )
    gone = [
        owner for owner in session.execute(claimed.distinct()).scalars() if is_gone(owner or "")
    ]
    if gone:
        session.execute(
            update(ReceivedMail)
            .where(ReceivedMail.state == MailState.RECEIVED, ReceivedMail.owner.in_(gone))
            .values(owner=None, lease_until=None)
            .execution_options(synchronize_session=False)
        )
    return len(gone)


def count_by_state(session: Session) -> dict[MailState, int]:
    """Return how many mails are in each state; states without any are 0."""
    counted = dict.fromkeys(MailState, 0)
    statement = select(ReceivedMail.state, func.count()).group_by(ReceivedMail.state)
    for state, count in session.execute(statement).all():
        counted[MailState(state)] = count
    return counted


# Statements are built once: to build one costs more than to run it.
_ADD_RAW = insert(RAWS)
_RAW = select(RAWS.c.raw).where(
    RAWS.c.received_id == bindparam("wanted"), RAWS.c.piece == bindparam("piece")
)
_FIRST_PIECES = select(RAWS.c.received_id, RAWS.c.raw).where(
    RAWS.c.received_id.in_(bindparam("wanted", expanding=True)), RAWS.c.piece == 0
)
_HOLD = (
    select(RECEIVED.c.id)
    .where(
        RECEIVED.c.id.in_(bindparam("wanted", expanding=True)),
        RECEIVED.c.owner == bindparam("me"),
        RECEIVED.c.state == MailState.RECEIVED.value,
    )
    .order_by(RECEIVED.c.id)
    .with_for_update()
)
_TWINS = (
    select(RECEIVED.c.sha256, func.min(RECEIVED.c.id).label("first"))
    .where(RECEIVED.c.sha256.in_(bindparam("hashes", expanding=True)))
    .group_by(RECEIVED.c.sha256)
)
SETTLE = (
    update(RECEIVED)
    .where(
        RECEIVED.c.id == bindparam("this"),
        RECEIVED.c.owner == bindparam("me"),
        RECEIVED.c.state == MailState.RECEIVED.value,
    )
    .values(
        state=bindparam("new_state"),
        verdict=bindparam("new_verdict"),
        rule=bindparam("new_rule"),
        reason=bindparam("new_reason"),
        duplicate_of=bindparam("new_twin"),
        settled_at=bindparam("at"),
        owner=None,
        lease_until=None,
    )
)
