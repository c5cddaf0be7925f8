"""Reading the ledger: the bytes of mails, earlier mails of the very same bytes, and counts."""

from collections.abc import Sequence

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.orm import Session

from intake.inbox.claims import ClaimedMail
from intake.inbox.ledger import PIECE_BYTES, RAWS, RECEIVED, WITHHELD, MailState, ReceivedMail

# Built once: to build a statement costs more than to run it.
_RAW = select(RAWS.c.raw).where(
    RAWS.c.received_id == bindparam("wanted"), RAWS.c.piece == bindparam("piece")
)
_FIRST_PIECES = select(RAWS.c.received_id, RAWS.c.raw).where(
    RAWS.c.received_id.in_(bindparam("wanted", expanding=True)), RAWS.c.piece == 0
)
_TWINS = (
    select(RECEIVED.c.sha256, func.min(RECEIVED.c.id).label("first"))
    .where(
        RECEIVED.c.sha256.in_(bindparam("hashes", expanding=True)),
        or_(RECEIVED.c.rule.is_(None), RECEIVED.c.rule != WITHHELD),
    )
    .group_by(RECEIVED.c.sha256)
)


def raw_of(session: Session, received_id: int) -> bytes:
    """Return the bytes of a received mail as they came."""
    pieces: list[bytes] = []
    while not pieces or len(pieces[-1]) == PIECE_BYTES:
        values = {"wanted": received_id, "piece": len(pieces)}
        found: bytes | None = session.execute(_RAW, values).scalar_one_or_none()
        if found is None:
            break
        pieces.append(found)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def small_raws(session: Session, received_ids: Sequence[int]) -> dict[int, bytes]:
    """Return the bytes of those of the mails that are a single piece, all in one question."""
    rows = session.execute(_FIRST_PIECES, {"wanted": list(received_ids)}).all()
    return {row.received_id: row.raw for row in rows if len(row.raw) < PIECE_BYTES}


def twins_of(session: Session, mails: Sequence[ClaimedMail]) -> dict[int, int]:
    """Return, for each mail whose very bytes came before, the earlier mail's number."""
    values = {"hashes": [mail.sha256 for mail in mails]}
    first = {row.sha256: row.first for row in session.execute(_TWINS, values).all()}
    return {mail.id: first[mail.sha256] for mail in mails if first[mail.sha256] < mail.id}


def count_by_state(session: Session) -> dict[MailState, int]:
    """Return how many mails are in each state; states without any are 0."""
    counted = dict.fromkeys(MailState, 0)
    statement = select(ReceivedMail.state, func.count()).group_by(ReceivedMail.state)
    for state, count in session.execute(statement).all():
        counted[MailState(state)] = count
    return counted
