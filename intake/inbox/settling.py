"""What became of a mail: written once, by whoever holds the claim."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, Update, bindparam, or_, select, update
from sqlalchemy.orm import Session

from intake.inbox.claims import ClaimLostError
from intake.inbox.ledger import BEFORE_START, FETCH_AGAIN, RECEIVED, WITHHELD, MailState
from intake.inbox.mailboxes import MAILBOXES, ask_for_whole_look

WHY_FETCH_AGAIN = "It will be fetched when the mailbox is read next."

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

    The line of a withheld mail stays until the poller has fetched the mail as if it were new.
    """
    is_this = (RECEIVED.c.id == received_id, RECEIVED.c.state == MailState.SET_ASIDE.value)
    wanted = update(RECEIVED).where(*is_this, RECEIVED.c.rule == WITHHELD)
    mailbox = _changed(session, wanted.values(rule=FETCH_AGAIN, reason=WHY_FETCH_AGAIN))
    if mailbox:
        ask_for_whole_look(session, mailbox[0])
        return True
    is_unread = or_(RECEIVED.c.rule.is_(None), RECEIVED.c.rule != FETCH_AGAIN)
    again = update(RECEIVED).where(*is_this, is_unread)
    values = {"failures": 0, "abandoned": 0, "settled_at": None, "lease_until": None}
    return bool(_changed(session, again.values(state=MailState.RECEIVED.value, **values)))


def take_in_older(session: Session, mailbox: str | None, since: datetime) -> int:
    """Let the mail that was noted as older than our start, but not than `since`, be fetched.

    The next poll of the mailbox (None: of each) stores it to be filed in silence. Returns how many
    mails that will be, as far as they are still on the server.
    """
    is_current = select(MAILBOXES.c.uid_validity).where(MAILBOXES.c.name == RECEIVED.c.mailbox)
    noted = update(RECEIVED).where(
        RECEIVED.c.rule == BEFORE_START,
        RECEIVED.c.state == MailState.SCREENED_OUT.value,
        RECEIVED.c.internal_date >= since,
        RECEIVED.c.uid_validity == is_current.scalar_subquery(),
    )
    if mailbox is not None:
        noted = noted.where(RECEIVED.c.mailbox == mailbox)
    values = {"rule": FETCH_AGAIN, "reason": WHY_FETCH_AGAIN, "is_silent": True}
    wanted = _changed(session, noted.values(**values))
    for name in sorted(set(wanted)):
        ask_for_whole_look(session, name)
    return len(wanted)


def _changed(session: Session, statement: Update) -> list[str]:
    """Run the statement and return the mailbox of every line that it changed."""
    return list(session.execute(statement.returning(RECEIVED.c.mailbox)).scalars())
