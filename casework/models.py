"""The tables of the tracker. Importing this room completes the metadata of all floors.

Foreign keys point down the stairs, as imports do: correspondence points at the received mail or the
letter that it is, never the reverse.
"""

from datetime import date, datetime
from typing import cast

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Table,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from casework.breakers import BreakerRow
from casework.pulses import PulseRow
from config.database import Base, CleanText, UtcDateTime
from config.leases import LeaseRow
from intake.inbox import RawMail, ReceivedMail
from replies.outbox import OutboxEmail
from replies.signing_keys import SigningKeyRow
from replies.suspension import FailedDelivery, SuspendedAddress

__all__ = [
    "ADDRESSES",
    "AWAITED_IDS",
    "CASES",
    "CASE_EVENTS",
    "CASE_MESSAGES",
    "CORRESPONDENTS",
    "KEY_DATES",
    "STRANDS",
    "AwaitedId",
    "BreakerRow",
    "Case",
    "CaseEvent",
    "CaseMessage",
    "Correspondent",
    "CorrespondentAddress",
    "FailedDelivery",
    "KeyDateRow",
    "LeaseRow",
    "OutboxEmail",
    "PulseRow",
    "RawMail",
    "ReceivedMail",
    "SigningKeyRow",
    "Strand",
    "SuspendedAddress",
]


_NULLABLE_JSON = JSON(none_as_null=True)


class Correspondent(Base):
    """A person who writes to us, with what they told us about writing back."""

    __tablename__ = "correspondents"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(CleanText)
    no_automatic_mail: Mapped[bool] = mapped_column(default=False)
    unsafe_address: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    addresses: Mapped[list["CorrespondentAddress"]] = relationship(
        order_by="CorrespondentAddress.id"
    )


class CorrespondentAddress(Base):
    """One address of a correspondent; `key` is how it is recognised again."""

    __tablename__ = "correspondent_addresses"

    id: Mapped[int] = mapped_column(primary_key=True)
    correspondent_id: Mapped[int] = mapped_column(ForeignKey("correspondents.id"), index=True)
    address: Mapped[str] = mapped_column(CleanText)
    key: Mapped[str] = mapped_column(CleanText, unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Case(Base):
    """One conversation with one correspondent about one matter."""

    __tablename__ = "cases"
    __table_args__ = (
        CheckConstraint(
            "risk_level IN ('now', 'today', 'deadline', 'none')", name="risk_level_known"
        ),
        CheckConstraint(
            "status IN ('new', 'triaged', 'active', 'waiting', 'done', 'closed')",
            name="status_known",
        ),
        Index(
            "ix_cases_status_risk_level_last_received_at",
            "status",
            "risk_level",
            "last_received_at",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(String(7), unique=True)
    correspondent_id: Mapped[int | None] = mapped_column(
        ForeignKey("correspondents.id"), index=True
    )
    status: Mapped[str] = mapped_column(String(20))
    risk_level: Mapped[str] = mapped_column(String(10))
    unsafe_reply: Mapped[bool] = mapped_column(default=False)
    child_sender: Mapped[bool] = mapped_column(default=False)
    please_sort: Mapped[bool] = mapped_column(default=False)
    needs_look: Mapped[bool] = mapped_column(default=False)
    unconfirmed_sender: Mapped[bool] = mapped_column(default=False)
    new_subject: Mapped[bool] = mapped_column(default=False, server_default=false())
    """A mail in it has another subject: is it about something new?"""
    needs_glance: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Something came to it after it was closed, and did not open it again."""
    may_belong_to: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))
    follows: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))
    """The closed case that the mail which opened this one answers."""
    merged_into: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))
    """Where its correspondence went; whatever points here means that case."""
    owner: Mapped[str | None] = mapped_column(CleanText)
    next_action: Mapped[str | None] = mapped_column(CleanText)
    next_action_on: Mapped[date | None]
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    correspondent: Mapped[Correspondent | None] = relationship()
    strands: Mapped[list["Strand"]] = relationship(order_by="Strand.id")
    messages: Mapped[list["CaseMessage"]] = relationship(order_by="CaseMessage.id")
    events: Mapped[list["CaseEvent"]] = relationship(order_by="CaseEvent.id")
    key_dates: Mapped[list["KeyDateRow"]] = relationship(order_by="KeyDateRow.on")


class Strand(Base):
    """One intent inside a case; the primary one gives the case its kind in lists."""

    __tablename__ = "strands"
    __table_args__ = (UniqueConstraint("case_id", "kind"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    kind: Mapped[str] = mapped_column(String(20))
    stage: Mapped[str] = mapped_column(String(30))
    outcome: Mapped[str | None] = mapped_column(String(40))
    is_primary: Mapped[bool]
    confidence: Mapped[float]
    sure: Mapped[bool]


class CaseMessage(Base):
    """One piece of correspondence of a case: a received mail, or a letter of ours.

    What judged the mail is kept with it, so that anybody can see later why it was filed so.
    """

    __tablename__ = "case_messages"
    __table_args__ = (
        CheckConstraint("(received_id IS NULL) <> (outbox_id IS NULL)", name="one_source"),
        Index("ix_case_messages_sender_key_at", "sender_key", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    received_id: Mapped[int | None] = mapped_column(ForeignKey("received_mails.id"), unique=True)
    outbox_id: Mapped[int | None] = mapped_column(ForeignKey("outbox_emails.id"), unique=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    message_id: Mapped[str | None] = mapped_column(CleanText, index=True)
    sender_name: Mapped[str] = mapped_column(CleanText, default="")
    sender_email: Mapped[str] = mapped_column(CleanText, default="")
    sender_key: Mapped[str | None] = mapped_column(CleanText)
    """`address_key` of the sender."""
    subject: Mapped[str] = mapped_column(CleanText, default="")
    text: Mapped[str] = mapped_column(CleanText, default="")
    marks: Mapped[list[list[str | int]]] = mapped_column(JSON, default=list)
    attachments: Mapped[list[list[str | int]]] = mapped_column(JSON, default=list)
    defects: Mapped[list[str]] = mapped_column(JSON, default=list)
    screening_verdict: Mapped[str | None] = mapped_column(String(20))
    screening_rule: Mapped[str | None] = mapped_column(String(60))
    risk_level: Mapped[str | None] = mapped_column(String(10))
    risk_evidence: Mapped[list[list[str | int]]] = mapped_column(JSON, default=list)
    kind: Mapped[str | None] = mapped_column(String(20))
    confidence: Mapped[float | None]
    kind_evidence: Mapped[list[list[str | int]]] = mapped_column(JSON, default=list)
    acknowledgement: Mapped[str | None] = mapped_column(CleanText)
    """Whether an acknowledgement was queued for it, or why not."""
    letter_state: Mapped[str | None] = mapped_column(String(20), index=True)
    """For a letter of ours: the last state of it that the history tells."""
    subject_stem: Mapped[str | None] = mapped_column(CleanText)
    """The subject without what answering and forwarding put before it."""
    body_hash: Mapped[str | None] = mapped_column(String(32))
    """What the sender wrote now, whatever its spaces and capitals."""
    thread_index: Mapped[str | None] = mapped_column(String(44))
    """What Outlook gives all mails of one conversation."""
    ancestors: Mapped[list[str] | None] = mapped_column(_NULLABLE_JSON)
    """The Message-IDs that it answers, as it gave them."""
    is_unconfirmed: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Its sender is not known to be of this case; a person must confirm it."""
    is_forwarded: Mapped[bool] = mapped_column(default=False, server_default=false())
    """It passes somebody else's words on."""
    filed_rule: Mapped[str | None] = mapped_column(String(10))
    """The rule that put it into this case or made this case for it."""
    filed_words: Mapped[str | None] = mapped_column(CleanText)
    filed_evidence: Mapped[list[list[str | int]] | None] = mapped_column(_NULLABLE_JSON)
    """What pointed at which case: [source, number of the case], the strongest first."""
    filed_alternatives: Mapped[list[int] | None] = mapped_column(_NULLABLE_JSON)
    """The other cases that it could have been put into."""


class AwaitedId(Base):
    """A Message-ID that a mail answers and that nobody has seen yet: its parent may come later.

    `correspondent_id` is who wrote the mail that waits, if that is believed.
    """

    __tablename__ = "awaited_ids"

    id: Mapped[int] = mapped_column(primary_key=True)
    message_id: Mapped[str] = mapped_column(CleanText, index=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    received_id: Mapped[int] = mapped_column(ForeignKey("received_mails.id"), index=True)
    correspondent_id: Mapped[int | None] = mapped_column(ForeignKey("correspondents.id"))


class KeyDateRow(Base):
    """A date that matters in a case; a suggestion until a person confirms it."""

    __tablename__ = "key_dates"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    type: Mapped[str] = mapped_column(String(40))
    on: Mapped[date]
    words: Mapped[str] = mapped_column(CleanText)
    is_confirmed: Mapped[bool] = mapped_column(default=False)


class CaseEvent(Base):
    """One line of a case's history: who did what, and when."""

    __tablename__ = "case_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(CleanText)
    what: Mapped[str] = mapped_column(String(40))
    detail: Mapped[str] = mapped_column(CleanText)


# The tables themselves, for statements that make no objects: filing runs once per mail.
CORRESPONDENTS = cast(Table, Correspondent.__table__)
ADDRESSES = cast(Table, CorrespondentAddress.__table__)
CASES = cast(Table, Case.__table__)
STRANDS = cast(Table, Strand.__table__)
CASE_MESSAGES = cast(Table, CaseMessage.__table__)
KEY_DATES = cast(Table, KeyDateRow.__table__)
CASE_EVENTS = cast(Table, CaseEvent.__table__)
AWAITED_IDS = cast(Table, AwaitedId.__table__)
