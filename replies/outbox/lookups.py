"""What the outbox knows: who was acknowledged, and which letter a mail answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from replies.outbox.letters import LETTERS, LetterState
from replies.outgoing import Purpose, clean_id

MAX_IDS = 50


@dataclass(frozen=True, slots=True)
class FoundLetter:
    """A letter of ours that a mail refers to."""

    id: int
    message_id: str
    received_id: int | None
    to_key: str
    purpose: Purpose
    state: LetterState
    automatic: bool


def acknowledgements_since(session: Session, to_key: str, since: datetime) -> int:
    """Return how many acknowledgements this address was given since then.

    Counts what is waiting, drafted or of unknown fate as well; not what failed or was cancelled.
    """
    return session.execute(_ACKNOWLEDGED, {"key": to_key, "since": since}).scalar_one()


def find_by_message_ids(session: Session, ids: Sequence[str]) -> tuple[FoundLetter, ...]:
    """Return our letters with these Message-IDs, in the order of `ids`; brackets may be missing.

    Only the last fifty ids are looked at.
    """
    known = (clean_id(name) for name in ids[-MAX_IDS:])
    wanted = list(dict.fromkeys(name for name in known if name))
    if not wanted:
        return ()
    columns = (_C.id, _C.message_id, _C.received_id, _C.to_key)
    rows = session.execute(
        select(*columns, _C.purpose, _C.state, _C.automatic).where(_C.message_id.in_(wanted))
    ).all()
    found = [
        FoundLetter(*row[:4], Purpose(row.purpose), LetterState(row.state), row.automatic)
        for row in rows
    ]
    return tuple(sorted(found, key=lambda letter: wanted.index(letter.message_id)))


# Statements are built once, since to build one costs more than to run it.
_C = LETTERS.c
_COUNTED = tuple(
    state.value for state in LetterState if state not in (LetterState.FAILED, LetterState.CANCELLED)
)
_TO_ADDRESS = (
    _C.to_key == bindparam("key"),
    _C.purpose == Purpose.ACKNOWLEDGEMENT.value,
    _C.created_at > bindparam("since"),
    _C.state.in_(_COUNTED),
)
_ACKNOWLEDGED = select(func.count()).select_from(LETTERS).where(*_TO_ADDRESS)
