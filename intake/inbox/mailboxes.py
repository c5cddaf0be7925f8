"""The mailboxes that are watched: how far each is known, and what the next poll must do there.

UIDs mean something only together with their UIDVALIDITY (RFC 9051 2.3.1.1). When a server makes a
mailbox anew, every mail in it has a new UID and looks new. From that moment until all of it has
been looked at once more, mail that had arrived before the last complete poll, or the newest mail in
the ledger, counts as seen before: `rescan_before` is that moment, and it is kept here so that a
crash in between loses nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import BigInteger, String, Table, bindparam, func, insert, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from config.database import Base, UtcDateTime
from intake.inbox.ledger import RECEIVED
from intake.mailbox import Role


class WatchedMailbox(Base):
    """One mailbox: what the last complete poll saw, and what the last reconciliation found.

    `present` counts the mails on the server at `complete_at`; `missing` those that the last
    reconciliation found on the server and not in the ledger, until a poll has fetched them. A
    look at the whole mailbox is due while `looks_done` is less than `looks_asked`.
    """

    __tablename__ = "mailboxes"

    name: Mapped[str] = mapped_column(String(300), primary_key=True)
    role: Mapped[str] = mapped_column(String(20))
    uid_validity: Mapped[int] = mapped_column(BigInteger)
    complete_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    present: Mapped[int] = mapped_column(default=0, server_default="0")
    missing: Mapped[int] = mapped_column(default=0, server_default="0")
    reconciled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    rescan_before: Mapped[datetime | None] = mapped_column(UtcDateTime)
    looks_asked: Mapped[int] = mapped_column(default=1, server_default="1")
    looks_done: Mapped[int] = mapped_column(default=0, server_default="0")


MAILBOXES = cast(Table, WatchedMailbox.__table__)
JUST_AFTER = timedelta(seconds=1)
"""Servers tell to the second when a mail arrived."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a mailbox was known when the poll began."""

    uid_validity: int
    complete_at: datetime | None
    rescan_before: datetime | None
    looks_asked: int
    looks_done: int

    @property
    def whole_look_due(self) -> bool:
        """Whether all UIDs must be compared with the ledger, not only the newest."""
        return self.looks_done < self.looks_asked


# Built once: to build a statement costs more than to run it.
_STANDING = select(
    MAILBOXES.c.uid_validity,
    MAILBOXES.c.complete_at,
    MAILBOXES.c.rescan_before,
    MAILBOXES.c.looks_asked,
    MAILBOXES.c.looks_done,
).where(MAILBOXES.c.name == bindparam("this"))
_SEEN = update(MAILBOXES).where(MAILBOXES.c.name == bindparam("this"))
_COMPLETE = _SEEN.values(
    role=bindparam("new_role"), complete_at=bindparam("at"), present=bindparam("there")
)
_COMPLETE_LOOK = _COMPLETE.values(looks_done=bindparam("done"), missing=0, rescan_before=None)
_NEWEST_KNOWN = select(func.max(RECEIVED.c.internal_date), func.max(RECEIVED.c.fetched_at)).where(
    RECEIVED.c.mailbox == bindparam("this"), RECEIVED.c.uid_validity != bindparam("validity")
)


def standing_of(session: Session, name: str) -> Standing | None:
    """Return how far the mailbox is known; None if it was never polled."""
    row = session.execute(_STANDING, {"this": name}).one_or_none()
    return None if row is None else Standing(*row)


def meet_mailbox(session: Session, name: str, role: Role, uid_validity: int) -> Standing:
    """Write down a mailbox that is new, or was made anew, and return how it stands from now on."""
    before = standing_of(session, name)
    if before is not None and before.uid_validity == uid_validity:
        return before
    since = _seen_until(session, name, uid_validity, before)
    if before is None:
        row = {"name": name, "role": role, "uid_validity": uid_validity, "rescan_before": since}
        session.execute(insert(MAILBOXES).values(**row))
        return Standing(uid_validity, None, since, looks_asked=1, looks_done=0)
    asked = before.looks_asked + 1
    anew = {"uid_validity": uid_validity, "rescan_before": since, "looks_asked": asked}
    session.execute(update(MAILBOXES).where(MAILBOXES.c.name == name).values(**anew))
    return Standing(uid_validity, before.complete_at, since, asked, before.looks_done)


def _seen_until(
    session: Session, name: str, uid_validity: int, before: Standing | None
) -> datetime | None:
    """Return the moment before which mail counts as seen under another UIDVALIDITY.

    A poll that broke off has stored mail that is younger than the last complete one, so the newest
    mail in the ledger counts as well; but not what a server dates into the future.
    """
    values = {"this": name, "validity": uid_validity}
    arrived, fetched = session.execute(_NEWEST_KNOWN, values).one()
    newest = min(arrived, fetched) + JUST_AFTER if arrived and fetched else None
    told = before and (before.rescan_before or before.complete_at)
    return max(filter(None, (newest, told)), default=None)


@dataclass(frozen=True, slots=True)
class CompletePoll:
    """A poll that came to its end: when it began to look, and at how many mails there were.

    `looks_asked` is set if it looked at the whole mailbox: as many looks are done with it.
    """

    name: str
    role: Role
    began_at: datetime
    present: int
    looks_asked: int | None


def note_complete_poll(session: Session, poll: CompletePoll) -> None:
    """Write that the mailbox is known up to the moment at which the poll began."""
    values: dict[str, object] = {
        "this": poll.name,
        "new_role": poll.role.value,
        "at": poll.began_at,
        "there": poll.present,
    }
    if poll.looks_asked is None:
        session.execute(_COMPLETE, values)
    else:
        session.execute(_COMPLETE_LOOK, {**values, "done": poll.looks_asked})


def ask_for_whole_look(session: Session, name: str | None) -> None:
    """Let the next poll of the mailbox, or of every mailbox, compare all UIDs with the ledger."""
    ask = update(MAILBOXES).values(looks_asked=MAILBOXES.c.looks_asked + 1)
    session.execute(ask if name is None else ask.where(MAILBOXES.c.name == name))


def note_reconciliation(session: Session, name: str, now: datetime, missing: int) -> None:
    """Write what the comparison of the whole mailbox with the ledger found."""
    session.execute(_SEEN.values(reconciled_at=now, missing=missing), {"this": name})
    if missing:
        ask_for_whole_look(session, name)
