"""The table of letters, and their states."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import cast

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Table, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, CleanText, UtcDateTime
from intake.inbox import ReceivedMail
from replies.outgoing import Purpose


class LetterState(StrEnum):
    """Where a letter is; exactly one of these."""

    DRAFT = "draft"
    QUEUED = "queued"
    CLAIMED = "claimed"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"


def _known(column: str, values: Iterable[str]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


class OutboxEmail(Base):
    """One letter. `received_id` is the mail it answers by itself; what a person sends has none."""

    __tablename__ = "outbox_emails"
    __table_args__ = (
        UniqueConstraint("received_id", "purpose"),
        _known("state", LetterState),
        _known("purpose", Purpose),
        Index("ix_outbox_emails_state_due_at", "state", "due_at"),
        Index("ix_outbox_emails_to_key_purpose_created_at", "to_key", "purpose", "created_at"),
        # what the caps count: to a domain, of a subject, and everything automatic
        Index("ix_outbox_emails_to_domain_created_at", "to_domain", "created_at"),
        Index("ix_outbox_emails_stem_created_at", "stem", "created_at"),
        Index("ix_outbox_emails_automatic_created_at", "automatic", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(String(20))
    received_id: Mapped[int | None] = mapped_column(ForeignKey(ReceivedMail.id))
    to_address: Mapped[str] = mapped_column(CleanText)
    to_key: Mapped[str] = mapped_column(CleanText)
    to_domain: Mapped[str] = mapped_column(CleanText, server_default="")
    """The part of `to_key` after the @, for the cap on one domain."""
    from_name: Mapped[str] = mapped_column(CleanText)
    from_address: Mapped[str] = mapped_column(CleanText)
    reply_to: Mapped[str | None] = mapped_column(CleanText)
    subject: Mapped[str] = mapped_column(CleanText)
    body: Mapped[str] = mapped_column(CleanText)
    message_id: Mapped[str] = mapped_column(String(255), unique=True)
    in_reply_to: Mapped[str | None] = mapped_column(CleanText)
    references_: Mapped[str] = mapped_column(CleanText)
    automatic: Mapped[bool]
    template: Mapped[str] = mapped_column(String(40), server_default="")
    """Which automatic letter it is: one address gets the same one so often and no oftener."""
    stem: Mapped[str] = mapped_column(String(40), server_default="")
    """A hash of the stem of the subject that it answers (`stem_key`); "" if it answers none."""
    once_key: Mapped[str | None] = mapped_column(String(100), unique=True)
    """What there may be only one of, ever: "acknowledgement/<case reference>"."""
    state: Mapped[str] = mapped_column(String(20))
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    owner: Mapped[str | None] = mapped_column(String(200))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    smtp_reply: Mapped[str | None] = mapped_column(CleanText)
    last_error: Mapped[str | None] = mapped_column(CleanText)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


LETTERS = cast(Table, OutboxEmail.__table__)
"""The table itself: updates that load no object."""
