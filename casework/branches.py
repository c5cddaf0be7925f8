"""A mail of a case and all that answers it: what moves when the mail does."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from casework.models import CASE_MESSAGES, OutboxEmail


@dataclass(frozen=True, slots=True)
class Entry:
    """One piece of a case's correspondence, and the Message-IDs that it answers."""

    id: int
    message_id: str | None
    ancestors: tuple[str, ...]
    received_id: int | None
    answers_received: int | None = None
    """For a letter of ours: the received mail that it was written for by itself."""


def entries_of(session: Session, case_id: int) -> list[Entry]:
    """Return the correspondence of a case, in the order in which it was filed."""
    rows = session.execute(_ENTRIES, {"wanted": case_id}).all()
    return [
        Entry(
            row.id,
            row.message_id or row.letter_id,
            _ancestors(row.ancestors, row.in_reply_to, row.references_),
            row.received_id,
            row.answers_received,
        )
        for row in rows
    ]


def branch(entries: Sequence[Entry], start: int) -> list[Entry]:
    """Return the entry with the number `start` and all that answer it or one another; linear."""
    children: dict[str | int, list[Entry]] = {}
    for entry in entries:
        for name in entry.ancestors:
            children.setdefault(name, []).append(entry)
        if entry.answers_received is not None:
            children.setdefault(entry.answers_received, []).append(entry)
    found = {entry.id: entry for entry in entries if entry.id == start}
    waiting = list(found.values())
    while waiting:
        entry = waiting.pop()
        names = (entry.message_id, entry.received_id)
        for child in (c for name in names if name for c in children.pop(name, ())):
            if child.id not in found:
                found[child.id] = child
                waiting.append(child)
    return [found[number] for number in sorted(found)]


def _ancestors(mail: list[str] | None, answered: str | None, chain: str | None) -> tuple[str, ...]:
    letter = [*(chain or "").split(), answered or ""]
    return tuple(name for name in (*(mail or ()), *letter) if name)


_M = CASE_MESSAGES.c
_ENTRIES = (
    select(
        _M.id,
        _M.message_id,
        _M.ancestors,
        _M.received_id,
        OutboxEmail.message_id.label("letter_id"),
        OutboxEmail.in_reply_to,
        OutboxEmail.references_,
        OutboxEmail.received_id.label("answers_received"),
    )
    .outerjoin(OutboxEmail, OutboxEmail.id == _M.outbox_id)
    .where(_M.case_id == bindparam("wanted"))
    .order_by(_M.id)
)
