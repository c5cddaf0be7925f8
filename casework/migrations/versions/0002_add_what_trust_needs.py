"""Add what trust needs: leases, keys, caps, breakers, evidence."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from casework.threading import subject_stem
from replies.outgoing import address_key

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the tables and columns; what can be worked out for older rows is filled in."""
    _add_tables()
    _add_to_the_tracker()
    _add_to_the_outbox()
    _add_to_the_ledger()
    _fill_in(op.get_bind())


def _add_tables() -> None:
    op.create_table(
        "breakers",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_breakers")),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=340), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "mailboxes",
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("uid_validity", sa.BigInteger(), nullable=False),
        sa.Column("complete_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("present", sa.Integer(), server_default="0", nullable=False),
        sa.Column("missing", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reconciled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rescan_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("looks_asked", sa.Integer(), server_default="1", nullable=False),
        sa.Column("looks_done", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_mailboxes")),
    )
    op.create_table(
        "pulses",
        sa.Column("name", sa.String(length=320), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("well_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_pulses")),
    )
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_keys")),
    )
    op.create_table(
        "suspended_addresses",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_suspended_addresses")),
    )
    op.create_table(
        "awaited_ids",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("received_id", sa.Integer(), nullable=False),
        sa.Column("correspondent_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.id"], name=op.f("fk_awaited_ids_case_id_cases")
        ),
        sa.ForeignKeyConstraint(
            ["correspondent_id"],
            ["correspondents.id"],
            name=op.f("fk_awaited_ids_correspondent_id_correspondents"),
        ),
        sa.ForeignKeyConstraint(
            ["received_id"],
            ["received_mails.id"],
            name=op.f("fk_awaited_ids_received_id_received_mails"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_awaited_ids")),
    )
    with op.batch_alter_table("awaited_ids", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_awaited_ids_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_awaited_ids_message_id"), ["message_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_awaited_ids_received_id"), ["received_id"], unique=False
        )

    op.create_table(
        "failed_deliveries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("to_key", sa.Text(), nullable=False),
        sa.Column("letter_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("permanent", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["letter_id"],
            ["outbox_emails.id"],
            name=op.f("fk_failed_deliveries_letter_id_outbox_emails"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failed_deliveries")),
        sa.UniqueConstraint("letter_id", "permanent", name=op.f("uq_failed_deliveries_letter_id")),
    )
    with op.batch_alter_table("failed_deliveries", schema=None) as batch_op:
        batch_op.create_index("ix_failed_deliveries_to_key_at", ["to_key", "at"], unique=False)


def _add_to_the_tracker() -> None:
    with op.batch_alter_table("case_messages", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sender_key", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("subject_stem", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("body_hash", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("thread_index", sa.String(length=44), nullable=True))
        batch_op.add_column(sa.Column("ancestors", sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(
            sa.Column("is_unconfirmed", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        batch_op.add_column(
            sa.Column("is_forwarded", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        batch_op.add_column(sa.Column("filed_rule", sa.String(length=10), nullable=True))
        batch_op.add_column(sa.Column("filed_words", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("filed_evidence", sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(
            sa.Column("filed_alternatives", sa.JSON(none_as_null=True), nullable=True)
        )
        batch_op.create_index("ix_case_messages_sender_key_at", ["sender_key", "at"], unique=False)

    for name in ("new_subject", "needs_glance"):
        flag: sa.Column[bool] = sa.Column(
            name, sa.Boolean(), server_default=sa.false(), nullable=False
        )
        op.add_column("cases", flag)
    # Written so that SQLite need not make the table anew.
    for name in ("follows", "merged_into"):
        points_at = sa.ForeignKey("cases.id", name=f"fk_cases_{name}_cases")
        column = sa.Column(name, sa.Integer(), points_at, nullable=True)
        op.add_column("cases", column, inline_references=True)


def _add_to_the_outbox() -> None:
    with op.batch_alter_table("outbox_emails") as batch_op:
        name = op.f("ck_outbox_emails_purpose_known")
        batch_op.drop_constraint(name, type_="check")
        batch_op.create_check_constraint(name, sa.text(_PURPOSES))
        batch_op.add_column(sa.Column("to_domain", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("reply_to", sa.Text(), nullable=True))
        batch_op.add_column(
            sa.Column("template", sa.String(length=40), server_default="", nullable=False)
        )
        batch_op.add_column(
            sa.Column("stem", sa.String(length=40), server_default="", nullable=False)
        )
        batch_op.add_column(sa.Column("once_key", sa.String(length=100), nullable=True))
        batch_op.create_index(
            "ix_outbox_emails_automatic_created_at", ["automatic", "created_at"], unique=False
        )
        batch_op.create_index(
            "ix_outbox_emails_stem_created_at", ["stem", "created_at"], unique=False
        )
        batch_op.create_index(
            "ix_outbox_emails_to_domain_created_at", ["to_domain", "created_at"], unique=False
        )
        batch_op.create_unique_constraint(batch_op.f("uq_outbox_emails_once_key"), ["once_key"])


def _add_to_the_ledger() -> None:
    with op.batch_alter_table("received_mails", schema=None) as batch_op:
        batch_op.add_column(sa.Column("object_id", sa.String(length=300), nullable=True))
        batch_op.add_column(
            sa.Column("abandoned", sa.Integer(), server_default="0", nullable=False)
        )
        batch_op.add_column(
            sa.Column("is_silent", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        batch_op.create_index(
            batch_op.f("ix_received_mails_object_id"), ["object_id"], unique=False
        )


def _fill_in(connection: sa.Connection) -> None:
    """Work out, for mails and letters that are there, what is looked for from now on."""
    messages = sa.table(
        "case_messages",
        *map(sa.column, ("id", "sender_email", "subject", "sender_key", "subject_stem")),
    )
    for row in connection.execute(
        sa.select(messages.c.id, messages.c.sender_email, messages.c.subject)
    ):
        values = {
            "sender_key": address_key(row.sender_email) or None,
            "subject_stem": subject_stem(row.subject),
        }
        connection.execute(sa.update(messages).where(messages.c.id == row.id).values(values))
    letters = sa.table("outbox_emails", *map(sa.column, ("id", "to_key", "to_domain")))
    for letter in connection.execute(sa.select(letters.c.id, letters.c.to_key)):
        domain = letter.to_key.rpartition("@")[2]
        connection.execute(
            sa.update(letters).where(letters.c.id == letter.id).values(to_domain=domain)
        )


_PURPOSES = "purpose IN ('acknowledgement', 'reply', 'notice', 'canary')"
