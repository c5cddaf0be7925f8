"""Reading the ledger: the bytes of mails, earlier mails of the very same bytes, and counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from intake.inbox.claims import ClaimedMail
from intake.inbox.ledger import PIECE_BYTES, RAWS, RECEIVED, MailState, ReceivedMail, is_in_hand
from intake.inbox.mailboxes import MAILBOXES

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
        is_in_hand(),
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
    """Return, for each mail whose very bytes came before, the earlier mail's number.

    The lines alone tell, so that it also holds for mails whose bytes were erased. A mail that only
    lies in the spam folder, or was never read, does not count.
    """
    values = {"hashes": [mail.sha256 for mail in mails]}
    first = {row.sha256: row.first for row in session.execute(_TWINS, values).all()}
    return {
        mail.id: first[mail.sha256] for mail in mails if first.get(mail.sha256, mail.id) < mail.id
    }


def count_by_state(session: Session) -> dict[MailState, int]:
    """Return how many mails are in each state; states without any are 0."""
    counted = dict.fromkeys(MailState, 0)
    statement = select(ReceivedMail.state, func.count()).group_by(ReceivedMail.state)
    for state, count in session.execute(statement).all():
        counted[MailState(state)] = count
    return counted


@dataclass(frozen=True, slots=True)
class MailboxLines:
    """How many lines the ledger has for a mailbox as it is now, by state."""

    mailbox: str
    received: int = 0
    filed: int = 0
    screened_out: int = 0
    set_aside: int = 0

    @property
    def lines(self) -> int:
        """Return how many lines there are in all."""
        return self.received + self.filed + self.screened_out + self.set_aside


def ledger_counts(session: Session) -> list[MailboxLines]:
    """Return the counts of every mailbox that was polled, by name.

    Only lines under the present UIDVALIDITY count, so that they can be set against what is on the
    server; mail that left the mailbox since is still among them.
    """
    is_current = (RECEIVED.c.mailbox == MAILBOXES.c.name) & (
        RECEIVED.c.uid_validity == MAILBOXES.c.uid_validity
    )
    rows = session.execute(
        select(MAILBOXES.c.name, RECEIVED.c.state, func.count(RECEIVED.c.id))
        .outerjoin_from(MAILBOXES, RECEIVED, is_current)
        .group_by(MAILBOXES.c.name, RECEIVED.c.state)
    ).all()
    counts: dict[str, dict[str, int]] = {}
    for name, state, count in rows:
        counts.setdefault(name, {}).update({state: count} if state else {})
    return [MailboxLines(name, **by_state) for name, by_state in sorted(counts.items())]


def oldest_unfiled(session: Session) -> datetime | None:
    """Return when the oldest mail arrived that is received and not worked on yet."""
    oldest = select(func.min(ReceivedMail.internal_date)).where(
        ReceivedMail.state == MailState.RECEIVED
    )
    return session.execute(oldest).scalar()
