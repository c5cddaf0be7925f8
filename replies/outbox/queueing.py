"""Into the outbox, and out of it again before a letter has begun to leave."""

from datetime import datetime
from hashlib import sha256

from sqlalchemy import bindparam, case, insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from config.errors import KithError
from replies.outbox.letters import LETTERS, LetterState
from replies.outgoing import OutgoingEmail, Purpose, address_key


class AlreadyQueuedError(KithError):
    """The outbox has the letter of this purpose for this mail or case; a second must not leave."""

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
    template: str = "",
    stem: str | None = None,
    once_key: str | None = None,
) -> int:
    """Put the letter into the outbox, due at once (a draft: never), and return its id.

    The last three are as in `letter_row`. Raises `AlreadyQueuedError` for a second letter of this
    purpose to one received mail, or of this `once_key`; the transaction can then only be rolled
    back.
    """
    row = letter_row(
        email,
        received_id=received_id,
        draft=draft,
        now=now,
        template=template,
        stem=stem,
        once_key=once_key,
    )
    try:
        letter_id: int = session.execute(_INSERT, row).scalar_one()
        return letter_id
    except IntegrityError:
        raise AlreadyQueuedError(received_id, email.purpose) from None


def letter_row(
    email: OutgoingEmail,
    *,
    received_id: int | None,
    draft: bool,
    now: datetime,
    template: str = "",
    stem: str | None = None,
    once_key: str | None = None,
) -> dict[str, object]:
    """Return the row of a letter for `QUEUE_LETTER`, for whoever writes many letters at once.

    `template` names the automatic letter and `stem` is the stem of the subject that it answers, in
    words; the caps count by both. Of one `once_key` there is only one letter, ever.
    """
    key = address_key(email.to_address)
    return {
        "purpose": email.purpose.value,
        "received_id": received_id,
        "to_address": email.to_address,
        "to_key": key,
        "to_domain": domain_of(key),
        "from_name": email.from_name,
        "from_address": email.from_address,
        "reply_to": email.reply_to or None,
        "subject": email.subject,
        "body": email.body,
        "message_id": email.message_id,
        "in_reply_to": email.in_reply_to,
        "references_": " ".join(email.references),
        "automatic": email.automatic,
        "template": template,
        "stem": "" if stem is None else stem_key(stem),
        "once_key": once_key,
        "state": (LetterState.DRAFT if draft else LetterState.QUEUED).value,
        "attempts": 0,
        "due_at": now,
        "created_at": now,
    }


def acknowledgement_of(reference: str) -> str:
    """Return the `once_key` of the one acknowledgement that a case has, ever."""
    return f"{Purpose.ACKNOWLEDGEMENT}/{reference}"


def domain_of(to_key: str) -> str:
    """Return the domain under which letters to `to_key` (of `address_key`) are counted."""
    return to_key.rpartition("@")[2]


def stem_key(stem: str) -> str:
    """Return the form in which the stem of a subject is stored: it is a correspondent's words."""
    return sha256(stem.encode("utf-8", "replace")).hexdigest()[:32]


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
"""Writes rows of `letter_row`.

A second letter to one received mail, or of one `once_key`, raises IntegrityError.
"""
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
