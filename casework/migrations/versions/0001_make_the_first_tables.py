"""Make the first tables"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Make the tables of the ledger, the outbox and the tracker."""
    op.create_table(
        "correspondents",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("no_automatic_mail", sa.Boolean(), nullable=False),
        sa.Column("unsafe_address", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correspondents")),
    )
    op.create_table(
        "received_mails",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mailbox", sa.String(length=300), nullable=False),
        sa.Column("uid_validity", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("is_whole", sa.Boolean(), nullable=False),
        sa.Column("internal_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verdict", sa.String(length=20), nullable=True),
        sa.Column("rule", sa.String(length=60), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("duplicate_of", sa.Integer(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('received', 'filed', 'screened_out', 'set_aside')",
            name=op.f("ck_received_mails_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["duplicate_of"],
            ["received_mails.id"],
            name=op.f("fk_received_mails_duplicate_of_received_mails"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_received_mails")),
        sa.UniqueConstraint(
            "mailbox", "uid_validity", "uid", name=op.f("uq_received_mails_mailbox")
        ),
    )
    with op.batch_alter_table("received_mails", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_received_mails_sha256"), ["sha256"], unique=False)
        batch_op.create_index("ix_received_mails_state_id", ["state", "id"], unique=False)

    op.create_table(
        "cases",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=7), nullable=False),
        sa.Column("correspondent_id", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("risk_level", sa.String(length=10), nullable=False),
        sa.Column("unsafe_reply", sa.Boolean(), nullable=False),
        sa.Column("child_sender", sa.Boolean(), nullable=False),
        sa.Column("please_sort", sa.Boolean(), nullable=False),
        sa.Column("needs_look", sa.Boolean(), nullable=False),
        sa.Column("unconfirmed_sender", sa.Boolean(), nullable=False),
        sa.Column("may_belong_to", sa.Integer(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("next_action", sa.Text(), nullable=True),
        sa.Column("next_action_on", sa.Date(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "risk_level IN ('now', 'today', 'deadline', 'none')",
            name=op.f("ck_cases_risk_level_known"),
        ),
        sa.CheckConstraint(
            "status IN ('new', 'triaged', 'active', 'waiting', 'done', 'closed')",
            name=op.f("ck_cases_status_known"),
        ),
        sa.ForeignKeyConstraint(
            ["correspondent_id"],
            ["correspondents.id"],
            name=op.f("fk_cases_correspondent_id_correspondents"),
        ),
        sa.ForeignKeyConstraint(
            ["may_belong_to"], ["cases.id"], name=op.f("fk_cases_may_belong_to_cases")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
        sa.UniqueConstraint("reference", name=op.f("uq_cases_reference")),
    )
    with op.batch_alter_table("cases", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_cases_correspondent_id"), ["correspondent_id"], unique=False
        )
        batch_op.create_index(
            "ix_cases_status_risk_level_last_received_at",
            ["status", "risk_level", "last_received_at"],
            unique=False,
        )

    op.create_table(
        "correspondent_addresses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("correspondent_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["correspondent_id"],
            ["correspondents.id"],
            name=op.f("fk_correspondent_addresses_correspondent_id_correspondents"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correspondent_addresses")),
        sa.UniqueConstraint("key", name=op.f("uq_correspondent_addresses_key")),
    )
    with op.batch_alter_table("correspondent_addresses", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_correspondent_addresses_correspondent_id"),
            ["correspondent_id"],
            unique=False,
        )

    op.create_table(
        "outbox_emails",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("received_id", sa.Integer(), nullable=True),
        sa.Column("to_address", sa.Text(), nullable=False),
        sa.Column("to_key", sa.Text(), nullable=False),
        sa.Column("from_name", sa.Text(), nullable=False),
        sa.Column("from_address", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("message_id", sa.String(length=255), nullable=False),
        sa.Column("in_reply_to", sa.Text(), nullable=True),
        sa.Column("references_", sa.Text(), nullable=False),
        sa.Column("automatic", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("smtp_reply", sa.Text(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "purpose IN ('acknowledgement', 'reply', 'notice')",
            name=op.f("ck_outbox_emails_purpose_known"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'queued', 'claimed', 'sending', 'sent', 'failed', 'unknown', 'cancelled')",
            name=op.f("ck_outbox_emails_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["received_id"],
            ["received_mails.id"],
            name=op.f("fk_outbox_emails_received_id_received_mails"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_emails")),
        sa.UniqueConstraint("message_id", name=op.f("uq_outbox_emails_message_id")),
        sa.UniqueConstraint("received_id", "purpose", name=op.f("uq_outbox_emails_received_id")),
    )
    with op.batch_alter_table("outbox_emails", schema=None) as batch_op:
        batch_op.create_index("ix_outbox_emails_state_due_at", ["state", "due_at"], unique=False)
        batch_op.create_index(
            "ix_outbox_emails_to_key_purpose_created_at",
            ["to_key", "purpose", "created_at"],
            unique=False,
        )

    op.create_table(
        "raw_mails",
        sa.Column("received_id", sa.Integer(), nullable=False),
        sa.Column("piece", sa.Integer(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["received_id"],
            ["received_mails.id"],
            name=op.f("fk_raw_mails_received_id_received_mails"),
        ),
        sa.PrimaryKeyConstraint("received_id", "piece", name=op.f("pk_raw_mails")),
    )
    op.create_table(
        "case_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("what", sa.String(length=40), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.id"], name=op.f("fk_case_events_case_id_cases")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_events")),
    )
    with op.batch_alter_table("case_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_case_events_case_id"), ["case_id"], unique=False)

    op.create_table(
        "case_messages",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("received_id", sa.Integer(), nullable=True),
        sa.Column("outbox_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("sender_name", sa.Text(), nullable=False),
        sa.Column("sender_email", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("marks", sa.JSON(), nullable=False),
        sa.Column("attachments", sa.JSON(), nullable=False),
        sa.Column("defects", sa.JSON(), nullable=False),
        sa.Column("screening_verdict", sa.String(length=20), nullable=True),
        sa.Column("screening_rule", sa.String(length=60), nullable=True),
        sa.Column("risk_level", sa.String(length=10), nullable=True),
        sa.Column("risk_evidence", sa.JSON(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("kind_evidence", sa.JSON(), nullable=False),
        sa.Column("acknowledgement", sa.Text(), nullable=True),
        sa.Column("letter_state", sa.String(length=20), nullable=True),
        sa.CheckConstraint(
            "(received_id IS NULL) <> (outbox_id IS NULL)", name=op.f("ck_case_messages_one_source")
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.id"], name=op.f("fk_case_messages_case_id_cases")
        ),
        sa.ForeignKeyConstraint(
            ["outbox_id"],
            ["outbox_emails.id"],
            name=op.f("fk_case_messages_outbox_id_outbox_emails"),
        ),
        sa.ForeignKeyConstraint(
            ["received_id"],
            ["received_mails.id"],
            name=op.f("fk_case_messages_received_id_received_mails"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_messages")),
        sa.UniqueConstraint("outbox_id", name=op.f("uq_case_messages_outbox_id")),
        sa.UniqueConstraint("received_id", name=op.f("uq_case_messages_received_id")),
    )
    with op.batch_alter_table("case_messages", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_case_messages_case_id"), ["case_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_case_messages_letter_state"), ["letter_state"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_case_messages_message_id"), ["message_id"], unique=False
        )

    op.create_table(
        "key_dates",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("is_confirmed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_key_dates_case_id_cases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_key_dates")),
    )
    with op.batch_alter_table("key_dates", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_key_dates_case_id"), ["case_id"], unique=False)

    op.create_table(
        "strands",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("stage", sa.String(length=30), nullable=False),
        sa.Column("outcome", sa.String(length=40), nullable=True),
        sa.Column("is_primary", sa.Boolean(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("sure", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_strands_case_id_cases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_strands")),
        sa.UniqueConstraint("case_id", "kind", name=op.f("uq_strands_case_id")),
    )
