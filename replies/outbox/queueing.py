"""Into the outbox, and out of it again before anybody has begun."""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, bindparam, insert, update
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
    row = {
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
    try:
        letter_id: int = session.execute(_INSERT, row).scalar_one()
        return letter_id
    except IntegrityError:
        raise AlreadyQueuedError(received_id, email.purpose) from None


def cancel(session: Session, letter_id: int, *, now: datetime) -> bool:
    """Take a letter back that nobody has begun to send; False if it is too late."""
    values = {"letter": letter_id, "at": now}
    return cast(CursorResult[Any], session.execute(_CANCEL, values)).rowcount == 1


# Statements are built once, since to build one costs more than to run it.
_INSERT = insert(LETTERS).returning(LETTERS.c.id)
_CANCEL = (
    update(LETTERS)
    .where(LETTERS.c.id == bindparam("letter"))
    .where(LETTERS.c.state.in_((LetterState.DRAFT.value, LetterState.QUEUED.value)))
    .values(state=LetterState.CANCELLED.value, settled_at=bindparam("at"))
)
