"""What became of a mail: written once, by whoever holds the claim."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, Executable, bindparam, delete, update
from sqlalchemy.orm import Session

from intake.inbox.claims import ClaimLostError
from intake.inbox.ledger import RECEIVED, WITHHELD, MailState

# Built once: to build a statement costs more than to run it.
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


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a mail, and why, in words for a volunteer."""

    state: MailState
    verdict: str | None
    rule: str | None
    reason: str | None
    duplicate_of: int | None = None


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


def take_up_again(session: Session, received_id: int) -> bool:
    """Let a mail that was set aside be worked anew; return False if it is not set aside.

    The line of a withheld mail goes, so that the poller fetches the mail as if it were new.
    """
    is_this = (RECEIVED.c.id == received_id, RECEIVED.c.state == MailState.SET_ASIDE.value)
    forgotten = delete(RECEIVED).where(*is_this, RECEIVED.c.rule == WITHHELD)
    if _changed_one(session, forgotten):
        return True
    again = (
        update(RECEIVED)
        .where(*is_this)
        .values(state=MailState.RECEIVED.value, failures=0, settled_at=None, lease_until=None)
    )
    return _changed_one(session, again)


def _changed_one(session: Session, statement: Executable) -> bool:
    return cast(CursorResult[Any], session.execute(statement)).rowcount == 1
