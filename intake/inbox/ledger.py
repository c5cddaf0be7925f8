"""The tables: a line of the ledger for every mail ever seen, and the bytes as they came."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import cast

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    false,
    or_,
)
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, CleanText, UtcDateTime

PIECE_BYTES = 1_048_576
OBJECT_ID_LENGTH = 300
WITHHELD = "withheld"
"""The rule of a mail that the server did not hand out: its line has no bytes behind it."""
FETCH_AGAIN = "fetch-again"
"""The rule of a line whose mail is to be fetched by the next poll, as if it were unknown."""
SAME_MAIL = "same-mail"
SPAM_FOLDER = "spam-folder"
BEFORE_START = "before-start"
OUR_SENT_COPY = "our-sent-copy"
NOT_INCOMING = "not-incoming"

NOT_IN_HAND = (WITHHELD, FETCH_AGAIN, SPAM_FOLDER, BEFORE_START, OUR_SENT_COPY, NOT_INCOMING)
"""The rules of lines whose mail nobody has read: the same mail elsewhere is not a copy of it.

Without this a mail that somebody moves from the spam folder to the inbox would be passed over.
"""


class MailState(StrEnum):
    """Where a received mail is; exactly one of these, always."""

    RECEIVED = "received"
    FILED = "filed"
    SCREENED_OUT = "screened_out"
    SET_ASIDE = "set_aside"


class ReceivedMail(Base):
    """One line of the ledger: a UID of a mailbox, and what became of the mail.

    The line stays for ever, also when the bytes of the mail are erased: it is what keeps an erased
    mail from coming back. A mail that was only noted, and never downloaded, has no `sha256` ("").
    `is_silent`: filed like any other, but its sender gets no automatic letter.
    """

    __tablename__ = "received_mails"
    __table_args__ = (
        UniqueConstraint("mailbox", "uid_validity", "uid"),
        CheckConstraint(
            "state IN ('received', 'filed', 'screened_out', 'set_aside')", name="state_known"
        ),
        Index("ix_received_mails_state_id", "state", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    mailbox: Mapped[str] = mapped_column(String(300))
    uid_validity: Mapped[int] = mapped_column(BigInteger)
    uid: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    size: Mapped[int] = mapped_column(BigInteger)
    is_whole: Mapped[bool]
    internal_date: Mapped[datetime] = mapped_column(UtcDateTime)
    fetched_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(String(20))
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    verdict: Mapped[str | None] = mapped_column(String(20))
    rule: Mapped[str | None] = mapped_column(String(60))
    reason: Mapped[str | None] = mapped_column(CleanText)
    duplicate_of: Mapped[int | None] = mapped_column(ForeignKey("received_mails.id"))
    failures: Mapped[int] = mapped_column(default=0)
    abandoned: Mapped[int] = mapped_column(default=0, server_default="0")
    """How many workers died, or were never heard of again, with the mail in hand."""
    owner: Mapped[str | None] = mapped_column(String(200))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    object_id: Mapped[str | None] = mapped_column(String(OBJECT_ID_LENGTH), index=True)
    is_silent: Mapped[bool] = mapped_column(default=False, server_default=false())


class RawMail(Base):
    """The bytes as they came, apart from the ledger so that a change of state copies none.

    Nearly every mail is one piece. A larger one is cut, since a database driver holds several
    copies of a piece in memory at once.
    """

    __tablename__ = "raw_mails"

    received_id: Mapped[int] = mapped_column(ForeignKey("received_mails.id"), primary_key=True)
    piece: Mapped[int] = mapped_column(primary_key=True)
    raw: Mapped[bytes] = mapped_column(LargeBinary)


RECEIVED = cast(Table, ReceivedMail.__table__)
RAWS = cast(Table, RawMail.__table__)


def is_in_hand(rules: Sequence[str] = NOT_IN_HAND) -> ColumnElement[bool]:
    """Return the condition that somebody reads, or has read, the mail of a line.

    A mail with one of the `rules` nobody has read, unless a person filed it all the same.
    """
    return or_(
        RECEIVED.c.rule.is_(None),
        RECEIVED.c.rule.not_in(rules),
        RECEIVED.c.state == MailState.FILED.value,
    )
