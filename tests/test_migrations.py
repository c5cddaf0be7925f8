"""An empty database, upgraded, has exactly the tables of the models."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

import casework.models  # noqa: F401  (completes the metadata)
from casework.schema import OutdatedSchemaError, check_schema, open_database, upgrade
from config.database import Base, DatabaseUnreachableError, make_engine
from config.settings import DatabaseSettings, Settings


def test_the_upgraded_database_equals_the_models(empty_database_url: str) -> None:
    engine = make_engine(empty_database_url)
    upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, Base.metadata)
    engine.dispose()
    assert differences == []


def test_an_empty_database_is_refused_with_the_command_that_cures_it(
    empty_database_url: str,
) -> None:
    engine = make_engine(empty_database_url)
    with pytest.raises(OutdatedSchemaError, match="kith db upgrade"):
        check_schema(engine)
    upgrade(engine)
    upgrade(engine)
    check_schema(engine)
    engine.dispose()


def test_looking_at_the_schema_makes_no_file(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    with pytest.raises(OutdatedSchemaError, match="no tables yet"):
        open_database(settings)
    assert list(tmp_path.iterdir()) == []


def test_looking_at_the_schema_waits_for_no_writer(empty_database_url: str) -> None:
    engine = make_engine(empty_database_url)
    upgrade(engine)
    with engine.begin():
        check_schema(engine)
    engine.dispose()


@pytest.mark.parametrize("url", ["postgresql://kith:s3cret@127.0.0.1:1/cases", "sqlite:///{}"])
def test_a_database_that_cannot_be_reached_is_told_as_such(url: str, tmp_path: Path) -> None:
    given = url.format(tmp_path / "none" / "kith.sqlite3")
    with pytest.raises(DatabaseUnreachableError, match="cannot be reached"):
        upgrade(make_engine(given))
    with pytest.raises(DatabaseUnreachableError, match="cannot be reached"):
        open_database(Settings(database=DatabaseSettings(url=given)))


MOMENT = "2026-11-24 23:41:00"
OLD_ROWS = (
    "INSERT INTO correspondents (id, name, no_automatic_mail, unsafe_address, created_at) "
    f"VALUES (1, 'Bron', false, false, '{MOMENT}')",
    "INSERT INTO received_mails (id, mailbox, uid_validity, uid, sha256, size, is_whole, "
    "internal_date, fetched_at, state, failures) "
    f"VALUES (1, 'inbox', 1, 1, 'a', 1, true, '{MOMENT}', '{MOMENT}', 'filed', 0)",
    "INSERT INTO cases (id, reference, correspondent_id, status, risk_level, unsafe_reply, "
    "child_sender, please_sort, needs_look, unconfirmed_sender, opened_at, last_received_at) "
    "VALUES (1, 'K7F3-26', 1, 'new', 'none', false, false, false, false, false, "
    f"'{MOMENT}', '{MOMENT}')",
    "INSERT INTO outbox_emails (id, purpose, received_id, to_address, to_key, from_name, "
    "from_address, subject, body, message_id, references_, automatic, state, attempts, due_at, "
    "created_at) VALUES (1, 'acknowledgement', 1, 'bron@example.org', 'bron@example.org', 'us', "
    "'hello@kith.example.org', 's', 'b', '<k.1@kith.example.org>', '', true, 'sent', 1, "
    f"'{MOMENT}', '{MOMENT}')",
    *(
        "INSERT INTO case_messages (id, case_id, received_id, outbox_id, at, sender_name, "
        "sender_email, subject, text, marks, attachments, defects, risk_evidence, kind_evidence) "
        f"VALUES ({number}, 1, {received}, {outbox}, '{MOMENT}', '', 'Bron+x@Example.org', "
        "'Re: Contact', '', '[]', '[]', '[]', '[]', '[]')"
        for number, received, outbox in ((1, "1", "NULL"), (2, "NULL", "1"))
    ),
)


def test_an_upgrade_keeps_what_was_there_and_fills_in_what_is_looked_for(
    empty_database_url: str,
) -> None:
    engine = make_engine(empty_database_url)
    upgrade(engine, "0001")
    with engine.begin() as connection:
        for statement in OLD_ROWS:
            connection.execute(text(statement))
    upgrade(engine)
    with engine.connect() as connection:
        mail = connection.execute(
            text("SELECT sender_key, subject_stem, is_unconfirmed FROM case_messages WHERE id = 1")
        ).one()
        domain = connection.execute(text("SELECT to_domain FROM outbox_emails")).scalar_one()
    engine.dispose()
    assert tuple(mail) == ("bron@example.org", "contact", False)
    assert domain == "example.org"


@pytest.mark.parametrize("column", ["purpose", "state"])
def test_after_an_upgrade_unknown_words_are_still_refused(
    empty_database_url: str, column: str
) -> None:
    engine = make_engine(empty_database_url)
    upgrade(engine, "0001")
    with engine.begin() as connection:
        for statement in OLD_ROWS:
            connection.execute(text(statement))
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE outbox_emails SET purpose = 'canary'"))
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(text(f"UPDATE outbox_emails SET {column} = 'nonsense'"))
    engine.dispose()
