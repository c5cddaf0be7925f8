"""The bytes of a large mail piece by piece, so that this process need not hold all of them."""

from collections.abc import Iterator

from sqlalchemy import bindparam, select

from config.database import Sessions
from intake.inbox.ledger import PIECE_BYTES, RAWS

_PIECE = select(RAWS.c.raw).where(
    RAWS.c.received_id == bindparam("wanted"), RAWS.c.piece == bindparam("piece")
)


def pieces_of(sessions: Sessions, received_id: int) -> Iterator[bytes]:
    """Yield the bytes of a received mail in order, a megabyte at a time.

    Each is read in a transaction of its own: whoever takes them may take its time.
    """
    number = 0
    while True:
        with sessions() as session:
            values = {"wanted": received_id, "piece": number}
            piece: bytes | None = session.execute(_PIECE, values).scalar_one_or_none()
        if piece is not None:
            yield piece
        if piece is None or len(piece) < PIECE_BYTES:
            return
        number += 1
