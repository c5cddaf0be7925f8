"""What the target gets as it is: the ledger as the mails came, their bytes, keys, letters."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, text, update
from sqlalchemy.orm import Session

from casework.models import CASE_MESSAGES, CASES, SigningKeyRow
from casework.replaying.plan import Fate, Plan, Written
from casework.returned import note_refused_letters
from config.database import Sessions
from intake.inbox import PIECE_BYTES, RAWS, RECEIVED, MailState
from replies.outbox import LETTERS, LetterState

OWNER = "replay"
LINES_AT_ONCE = 200
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
AS_IT_CAME: Mapping[str, Any] = {
    "state": MailState.RECEIVED.value,
    "settled_at": None,
    "verdict": None,
    "rule": None,
    "reason": None,
    "duplicate_of": None,
    "failures": 0,
    "owner": OWNER,
    "lease_until": NEVER,
}
"""A line before anything was made of its mail; in hand, so that no service would work it."""
KEYS = SigningKeyRow.__table__


def copy_keys(source: Session, target: Sessions) -> None:
    """Copy the keys under their numbers, so that the same tokens verify."""
    keys = _rows(source.execute(select(KEYS).order_by(KEYS.c.id)).all())
    with target.begin() as session:
        if keys:
            session.execute(insert(SigningKeyRow), keys)
        _let_sequence_follow(session, "signing_keys")


def copy_ledger(source: Session, target: Sessions, plan: Plan) -> Iterator[int]:
    """Copy every line, and the bytes behind it; yield how many lines there are so far.

    What the replay works on is as it came; what it cannot work on stays as it was settled.
    """
    worked, last, copied = plan.worked, 0, 0
    while lines := _rows(source.execute(_LINES, {"after": last}).all()):
        fresh = [
            {**line, **(AS_IT_CAME if _is_open(line, worked) else _IN_NO_HAND)} for line in lines
        ]
        with target.begin() as session:
            session.execute(insert(RECEIVED), fresh)
            for line in fresh:
                _copy_bytes(source, session, int(line["id"]))
        last, copied = lines[-1]["id"], copied + len(lines)
        yield copied
    with target.begin() as session:
        _let_sequence_follow(session, "received_mails")


def copy_letter(source: Session, target: Session, step: Written) -> bool:
    """Copy a letter of a person, or the like; False if the case that it is of is not there."""
    [letter] = _rows(source.execute(_LETTER, {"wanted": step.letter_id}).all())
    del letter["id"]
    values = {**letter, "state": LetterState.DRAFT.value, **_UNSETTLED}
    new_id = target.execute(insert(LETTERS).returning(LETTERS.c.id), values).scalar_one()
    entries = source.execute(_ENTRY, {"wanted": step.letter_id}).all()
    if not entries:
        return True  # no case has it
    [entry] = _rows(entries)
    reference = entry.pop("reference")
    case_id = target.execute(_CASE, {"wanted": reference}).scalar_one_or_none()
    if case_id is None:
        return False
    del entry["id"]
    target.execute(insert(CASE_MESSAGES), entry | {"case_id": case_id, "outbox_id": new_id})
    return True


def copy_fate(source: Session, target: Session, step: Fate, *, soft_failures: int) -> None:
    """Let become of a letter what became of it; of one that the target has not, nothing."""
    [letter] = _rows(source.execute(_LETTER, {"wanted": step.letter_id}).all())
    fate = {name: letter[name] for name in _FATE}
    meets = update(LETTERS).where(LETTERS.c.message_id == letter["message_id"])
    number = target.execute(meets.values(**fate).returning(LETTERS.c.id)).scalar_one_or_none()
    if number is not None and step.was_refused:
        note_refused_letters(target, [number], now=step.at, soft_failures_per_week=soft_failures)


def _is_open(line: Mapping[str, Any], worked: frozenset[int]) -> bool:
    return line["id"] in worked or line["state"] == MailState.RECEIVED


def _copy_bytes(source: Session, target: Session, received_id: int) -> None:
    # Piece by piece: a mail may be larger than what should be in memory at once.
    piece, found = 0, b""
    while piece == 0 or len(found) == PIECE_BYTES:
        row = source.execute(_PIECE, {"wanted": received_id, "piece": piece}).one_or_none()
        if row is None:
            return
        found = row.raw
        target.execute(insert(RAWS), {"received_id": received_id, "piece": piece, "raw": found})
        piece += 1


def _let_sequence_follow(session: Session, table: str) -> None:
    """Let PostgreSQL give numbers above those that were given by us."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(
            text(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), "  # noqa: S608 (ours)
                f"(SELECT coalesce(max(id), 1) FROM {table}))"
            )
        )


def _rows(found: Sequence[Any]) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in found]


_IN_NO_HAND: Mapping[str, Any] = {"owner": None, "lease_until": None}
_FATE = ("state", "attempts", "settled_at", "sent_at", "smtp_reply", "last_error")
_UNSETTLED: Mapping[str, object] = {
    "settled_at": None,
    "sent_at": None,
    "owner": None,
    "lease_until": None,
}
_LINES = (
    select(RECEIVED)
    .where(RECEIVED.c.id > bindparam("after"))
    .order_by(RECEIVED.c.id)
    .limit(LINES_AT_ONCE)
)
_PIECE = select(RAWS.c.raw).where(
    RAWS.c.received_id == bindparam("wanted"), RAWS.c.piece == bindparam("piece")
)
_LETTER = select(LETTERS).where(LETTERS.c.id == bindparam("wanted"))
_ENTRY = (
    select(CASE_MESSAGES, CASES.c.reference)
    .join(CASES, CASES.c.id == CASE_MESSAGES.c.case_id)
    .where(CASE_MESSAGES.c.outbox_id == bindparam("wanted"))
)
_CASE = select(CASES.c.id).where(CASES.c.reference == bindparam("wanted"))
