"""The keys that our Message-IDs and reply addresses are signed with; they never leave the database.

A key that is retired signs no more, yet verifies for ever: letters are answered years later.
"""

from datetime import datetime

from sqlalchemy import LargeBinary, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from config.database import Base, UtcDateTime
from replies.signing import Signer, SigningKey, new_secret


class SigningKeyRow(Base):
    """One key. The newest that is not retired signs."""

    __tablename__ = "signing_keys"

    id: Mapped[int] = mapped_column(primary_key=True)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


def ensure_key(session: Session, now: datetime) -> None:
    """Make a key unless there is one to sign with; two made at once do no harm."""
    active = select(SigningKeyRow.id).where(SigningKeyRow.retired_at.is_(None)).limit(1)
    if session.execute(active).first() is None:
        _add_key(session, now)


def rotate(session: Session, now: datetime) -> None:
    """Let a new key sign from now on; those before it only verify.

    A running service signs with the key that it loaded until it loads them again.
    """
    in_use = update(SigningKeyRow).where(SigningKeyRow.retired_at.is_(None))
    session.execute(in_use.values(retired_at=now).execution_options(synchronize_session=False))
    _add_key(session, now)


def load_signer(session: Session) -> Signer:
    """Return all keys as a signer, the one that signs first."""
    order = (SigningKeyRow.retired_at.is_not(None), SigningKeyRow.id.desc())
    rows = session.execute(select(SigningKeyRow.id, SigningKeyRow.secret).order_by(*order)).all()
    return Signer(tuple(SigningKey(row.id, bytes(row.secret)) for row in rows))


def _add_key(session: Session, now: datetime) -> None:
    session.add(SigningKeyRow(secret=new_secret(), made_at=now))
    session.flush()
