"""The canary: a test mail to ourselves that proves the whole circle: sending, delivery, reading.

Its pulse holds when the last one was queued (`tried_at`) and when one last came back (`well_at`).
If the power fails here, either the letter is queued and the pulse says so, or neither.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Executable, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from casework.pulses import CANARY, PULSES, Pulse, beat
from casework.status.model import CanaryStatus
from intake.inbox import MailState, Settlement
from intake.message import Message
from intake.screening import Verdict
from replies.outbox import enqueue, find_by_message_ids
from replies.outgoing import LOOP_HEADER, OutgoingEmail, Purpose

BACK_WITHIN = timedelta(minutes=30)
SUBJECT = "Kith tests this inbox"
BODY = """This is a test mail that Kith sends to itself, to see that mail leaves and arrives.

There is nothing to do. You can leave it here or delete it.
"""
NOT_BACK = "The last test mail has not come back."
CAME_BACK = Settlement(
    MailState.SCREENED_OUT,
    verdict=Verdict.LOOP,
    rule="canary",
    reason="It is the test mail that Kith sent to itself.",
)
"""What becomes of a canary in the ledger."""


@dataclass(frozen=True, slots=True)
class CanaryAddress:
    """Where the canary flies: from the group's own address to itself."""

    name: str
    address: str


def send_canary_if_due(
    session: Session,
    place: CanaryAddress,
    *,
    every: timedelta,
    now: datetime,
    new_id: Callable[[], str],
) -> bool:
    """Queue a canary unless one was queued less than `every` ago; return whether it was.

    Of several machines only one does. Not to be called in shadow mode: nothing leaves then.
    """
    statement = _CLAIM[session.get_bind().dialect.name]
    row = {"name": CANARY, "tried_at": now, "detail": {}, "long_ago": now - every}
    before = session.execute(_BEFORE, {"canary": CANARY}).one_or_none()
    if session.execute(statement, row).scalar_one_or_none() is None:
        return False
    if before is not None and (before.well_at is None or before.well_at < before.tried_at):
        beat(session, CANARY, now, problem=NOT_BACK)
    enqueue(session, _letter(place, new_id()), received_id=None, draft=False, now=now)
    return True


def canary_came_back(session: Session, message: Message, now: datetime) -> bool:
    """Return whether the mail is a canary of ours, and note that it came back.

    To be asked only of mail that screening calls ours (`Verdict.LOOP`). A relay may give a letter
    another Message-ID, so the one in X-Kith-Loop counts too. One that comes late counts as well.
    """
    ids = [message.message_id or "", *message.values(LOOP_HEADER)]
    found = find_by_message_ids(session, [each for each in ids if each])
    if not any(letter.purpose is Purpose.CANARY for letter in found):
        return False
    session.execute(_BACK, {"canary": CANARY, "at": now})
    return True


def canary_status(
    pulses: Mapping[str, Pulse], *, every: timedelta | None, now: datetime
) -> CanaryStatus | None:
    """Return how the canary fares; None when none is sent (`every` is None)."""
    if every is None:
        return None
    pulse = pulses.get(CANARY)
    if pulse is None:
        return CanaryStatus()
    return CanaryStatus(pulse.tried_at, pulse.well_at, is_overdue=_is_overdue(pulse, now))


def _is_overdue(pulse: Pulse, now: datetime) -> bool:
    if pulse.problem is not None:
        return True
    is_away = pulse.well_at is None or pulse.well_at < pulse.tried_at
    return is_away and now - pulse.tried_at > BACK_WITHIN


def _letter(place: CanaryAddress, message_id: str) -> OutgoingEmail:
    return OutgoingEmail(
        purpose=Purpose.CANARY,
        from_name=place.name,
        from_address=place.address,
        to_address=place.address,
        subject=SUBJECT,
        body=BODY,
        message_id=message_id,
        automatic=True,
    )


def _claim(dialect: str) -> Executable:
    make = postgresql.insert if dialect == "postgresql" else sqlite.insert
    insert = make(PULSES)
    return insert.on_conflict_do_update(
        index_elements=[PULSES.c.name],
        set_={"tried_at": insert.excluded.tried_at},
        where=PULSES.c.tried_at <= bindparam("long_ago", type_=PULSES.c.tried_at.type),
    ).returning(PULSES.c.name)


# Statements are built once: to build one costs more than to run it.
_CLAIM = {dialect: _claim(dialect) for dialect in ("sqlite", "postgresql")}
_BEFORE = select(PULSES.c.tried_at, PULSES.c.well_at).where(PULSES.c.name == bindparam("canary"))
_BACK = (
    PULSES.update()
    .where(PULSES.c.name == bindparam("canary"))
    .values(well_at=bindparam("at"), problem=None)
)
