"""Comparing the ledger with what the server tells of a whole mailbox."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from intake.inbox.ledger import RECEIVED, SAME_MAIL
from intake.mailbox import Glimpse

SAME_MOMENT = timedelta(seconds=1)

# Built once: to build a statement costs more than to run it.
_THIS_MAILBOX = (
    RECEIVED.c.mailbox == bindparam("this"),
    RECEIVED.c.uid_validity == bindparam("validity"),
)
_UIDS = select(RECEIVED.c.uid).where(*_THIS_MAILBOX)
_COPIES = _UIDS.where(RECEIVED.c.rule == SAME_MAIL)
_LINES = select(
    RECEIVED.c.id, RECEIVED.c.uid, RECEIVED.c.internal_date, RECEIVED.c.size, RECEIVED.c.object_id
).where(*_THIS_MAILBOX, RECEIVED.c.uid.in_(bindparam("wanted", expanding=True)))
_FREE_THE_UID = (
    update(RECEIVED)
    .where(RECEIVED.c.id.in_(bindparam("wanted", expanding=True)))
    .values(uid_validity=-RECEIVED.c.id)
)


def known_uids(session: Session, mailbox: str, uid_validity: int) -> frozenset[int]:
    """Return every UID that the ledger has of the mailbox."""
    values = {"this": mailbox, "validity": uid_validity}
    return frozenset(session.execute(_UIDS, values).scalars())


def known_copies(session: Session, mailbox: str, uid_validity: int) -> frozenset[int]:
    """Return the UIDs of the mails that are copies of others in the ledger."""
    values = {"this": mailbox, "validity": uid_validity}
    return frozenset(session.execute(_COPIES, values).scalars())


def free_reused_uids(
    session: Session, mailbox: str, uid_validity: int, glimpses: Sequence[Glimpse]
) -> int:
    """Make way for mails whose UIDs the server had given to other mails before; return how many.

    No server may do that (RFC 9051 2.3.1.1), and some do. The line of the former mail stays, under
    a UIDVALIDITY that no server can have; the UID is unknown from now on, and will be fetched.
    """
    told = {glimpse.uid: glimpse for glimpse in glimpses}
    values = {"this": mailbox, "validity": uid_validity, "wanted": list(told)}
    rows = session.execute(_LINES, values).all()
    others = [row.id for row in rows if _is_another(row, told[row.uid])]
    if others:
        session.execute(_FREE_THE_UID, {"wanted": others})
    return len(others)


def _is_another(line: Any, glimpse: Glimpse) -> bool:
    if line.object_id and glimpse.object_id:
        return bool(line.object_id != glimpse.object_id)
    if glimpse.internal_date is None or 0 in (line.size, glimpse.size):
        return False
    # Either alone may be the server's doing: it estimates sizes, or lost a date in a move.
    return line.size != glimpse.size and _differ(line.internal_date, glimpse.internal_date)


def _differ(one: datetime, other: datetime) -> bool:
    return abs(one - other) > SAME_MOMENT
