"""Into the outbox, and out of it again before a letter has begun to leave."""

from datetime import datetime

from sqlalchemy import bindparam, case, insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from config.errors import KithError
from replies.outbox.letters import LETTERS, LetterState
from replies.outgoing import OutgoingEmail, Purpose, address_key


class AlreadyQueuedError(KithError):
    """The outbox has a letter for this purpose and received mail; a second must not leave."""

    def __init__(self, received_id: int | None, purpose: Purpose) -> None:
        super().__init__(
            f"Received mail {received_id} has its {purpose} in the outbox already; "
            "nothing was queued. Look at the case for the letter."
        )


def enqueue(
    session: Session,
    email: OutgoingEmail,
    *,
    received_id: int | None,
    draft: bool,
    now: datetime,
) -> int:
    """Put the letter into the outbox, due at once (a draft: never), and return its id.

    Raises `AlreadyQueuedError` for a second letter of this purpose to one received mail; the
    transaction can then only be rolled back.
    """
    row = letter_row(email, received_id=received_id, draft=draft, now=now)
    try:
        letter_id: int = session.execute(_INSERT, row).scalar_one()
        return letter_id
    except IntegrityError:
        raise AlreadyQueuedError(received_id, email.purpose) from None


def letter_row(
    email: OutgoingEmail, *, received_id: int | None, draft: bool, now: datetime
) -> dict[str, object]:
    """Return the row of a letter for `QUEUE_LETTER`, for whoever writes many letters at once."""
    return {
        "purpose": email.purpose.value,
        "received_id": received_id,
        "to_address": email.to_address,
        "to_key": address_key(email.to_address),
        "from_name": email.from_name,
        "from_address": email.from_address,
        "subject": email.subject,
        "body": email.body,
        "message_id": email.message_id,
        "in_reply_to": email.in_reply_to,
        "references_": " ".join(email.references),
        "automatic": email.automatic,
        "state": (LetterState.DRAFT if draft else LetterState.QUEUED).value,
        "attempts": 0,
        "due_at": now,
        "created_at": now,
    }


def cancel_automatic(
    session: Session, to_key: str, *, now: datetime, reason: str
) -> tuple[int, ...]:
    """Take back every automatic letter to this address that has not begun to leave.

    Returns their ids. One that is leaving at this moment cannot be stopped; if the server puts it
    off, `defer` cancels it instead of queueing it again. `to_key` as `address_key` makes it.
    """
    values = {"key": to_key, "at": now, "reason": reason}
    rows = session.execute(_TAKE_BACK, values).all()
    return tuple(sorted(row.id for row in rows if row.state == LetterState.CANCELLED.value))


# Statements are built once, since to build one costs more than to run it.
QUEUE_LETTER = insert(LETTERS)
"""Writes rows of `letter_row`; a second letter to one received mail raises IntegrityError."""
_INSERT = QUEUE_LETTER.returning(LETTERS.c.id)
_C = LETTERS.c
_NOT_GONE = (LetterState.DRAFT, LetterState.QUEUED, LetterState.CLAIMED, LetterState.SENDING)
_IS_LEAVING = _C.state == LetterState.SENDING.value
# One statement, since a letter may begin to leave or be put off between two. One that is `sending`
# and has `settled_at` was taken back too late; `defer` looks for that.
_TAKE_BACK = (
    update(LETTERS)
    .where(_C.to_key == bindparam("key"), _C.automatic, _C.state.in_([s.value for s in _NOT_GONE]))
    .values(
        state=case((_IS_LEAVING, _C.state), else_=LetterState.CANCELLED.value),
        owner=case((_IS_LEAVING, _C.owner)),
        lease_until=case((_IS_LEAVING, _C.lease_until)),
        settled_at=bindparam("at"),
        last_error=bindparam("reason"),
    )
    .returning(_C.id, _C.state)
)
