"""What is written down of each mailbox: how much is on the server, and how much of it we have."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.inbox.mailboxes import MAILBOXES


@dataclass(frozen=True, slots=True)
class MailboxLine:
    """One mailbox as the last complete poll and the last comparison left it."""

    role: str
    present: int
    missing: int
    complete_at: datetime | None
    reconciled_at: datetime | None


def mailbox_lines(session: Session) -> dict[str, MailboxLine]:
    """Return what is known of every mailbox, by its name."""
    return {row.name: MailboxLine(*row[1:]) for row in session.execute(_LINES).all()}


# Built once: to build a statement costs more than to run it.
_C = MAILBOXES.c
_LINES = select(_C.name, _C.role, _C.present, _C.missing, _C.complete_at, _C.reconciled_at)
