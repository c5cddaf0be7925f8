"""The shelves: mail that became no case, so that nothing stays out of sight. Reading only.

What a shelf shows of a mail are its date, why it lies there, and the domain it came from: nothing
that the mail itself says.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, LargeBinary, and_, func, select
from sqlalchemy.orm import Session

from intake.inbox import RAWS, RECEIVED, WITHHELD, MailState
from intake.inbox.ledger import NOT_IN_HAND, SAME_MAIL, SPAM_FOLDER

MOST_ROWS = 50
HEAD_BYTES = 65_536
"""How much of a mail is looked at to find its From line."""
LONGEST_DOMAIN = 100
CANARY_RULE = "canary"
OF_NO_INTEREST = (
    *(rule for rule in NOT_IN_HAND if rule not in (WITHHELD, SPAM_FOLDER)),
    SAME_MAIL,
    CANARY_RULE,
)
"""Rules of lines that hold nothing for a person: copies, our own letters, mail from before."""


class Shelf(StrEnum):
    """Where a mail lies that is in no case."""

    SET_ASIDE = "set-aside"
    SPAM_FOLDER = "spam-folder"
    SCREENED_OUT = "screened-out"


@dataclass(frozen=True, slots=True)
class ShelvedMail:
    """One mail on a shelf. `domain` is "" where none can be told; `is_at_hand`: we have it."""

    id: int
    came_at: datetime
    verdict: str | None
    rule: str | None
    reason: str
    domain: str
    is_at_hand: bool


def shelved(
    session: Session, shelf: Shelf, *, before: int | None = None, limit: int = MOST_ROWS
) -> tuple[ShelvedMail, ...]:
    """Return the newest mails of a shelf; `before` is the id that the last page ended with."""
    statement = (
        select(_R.id, _R.internal_date, _R.verdict, _R.rule, _R.reason, _HEAD)
        .outerjoin(RAWS, and_(RAWS.c.received_id == _R.id, RAWS.c.piece == 0))
        .where(*_on(shelf))
        .order_by(_R.id.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(_R.id < before)
    return tuple(
        ShelvedMail(
            id=row.id,
            came_at=row.internal_date,
            verdict=row.verdict,
            rule=row.rule,
            reason=row.reason or "",
            domain=sender_domain(row.head or b""),
            is_at_hand=row.head is not None,
        )
        for row in session.execute(statement).all()
    )


def how_many(session: Session, shelf: Shelf) -> int:
    """Return how many mails lie on a shelf."""
    counting = select(func.count()).select_from(RECEIVED).where(*_on(shelf))
    return session.execute(counting).scalar_one()


def sender_domain(head: bytes) -> str:
    """Return the domain in the From line of a mail that begins so, "" if there is none to show.

    Looks at the bytes only, in one pass: the mail may be the very one that no parser can stand.
    """
    value = _from_line(head).decode("utf-8", "replace")
    inside = value.rpartition("<")[2] if "<" in value else value
    _, at, rest = inside.partition("@") if "<" in value else inside.rpartition("@")
    if not at:
        return ""
    end = next((place for place, sign in enumerate(rest) if not _is_of_domain(sign)), len(rest))
    domain = rest[:end].strip(".").lower()
    return domain if "." in domain and len(domain) <= LONGEST_DOMAIN else ""


def _from_line(head: bytes) -> bytes:
    found = b""
    for line in head.splitlines():
        if not line.strip():
            break
        if found and line[:1] in (b" ", b"\t"):
            found += line
        elif found:
            break
        elif line[:5].lower() == b"from:":
            found = line[5:]
    return found


def _is_of_domain(sign: str) -> bool:
    return sign.isalnum() or sign in ".-"


def _on(shelf: Shelf) -> tuple[ColumnElement[bool], ...]:
    if shelf is Shelf.SET_ASIDE:
        return (_R.state == MailState.SET_ASIDE.value,)
    out = _R.state == MailState.SCREENED_OUT.value
    if shelf is Shelf.SPAM_FOLDER:
        return (out, _R.rule == SPAM_FOLDER)
    return (out, _R.rule.not_in((*OF_NO_INTEREST, SPAM_FOLDER)))


_R = RECEIVED.c
_HEAD = func.substr(RAWS.c.raw, 1, HEAD_BYTES, type_=LargeBinary).label("head")
