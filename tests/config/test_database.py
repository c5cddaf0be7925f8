"""How time and text are stored, and what SQLite is told."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import Connection, Engine, Table, insert, select, text
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.orm import Mapped, Session, mapped_column

from config.database import (
    Base,
    CleanText,
    DatabaseUnreachableError,
    DatabaseUrlError,
    Sessions,
    UtcDateTime,
    connection_of,
    durable_transaction,
    make_engine,
    make_sessions,
    reaching,
    readers,
    reserve_ids,
    sqlite_file,
)


class Sample(Base):
    """A table that only this test has."""

    __tablename__ = "samples_of_the_tests"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    words: Mapped[str | None] = mapped_column(CleanText)


Base.metadata.remove(Base.metadata.tables["samples_of_the_tests"])


@pytest.fixture
def samples(engine: Engine) -> Iterator[Engine]:
    Sample.__table__.create(engine)  # type: ignore[attr-defined]
    yield engine
    Sample.__table__.drop(engine)  # type: ignore[attr-defined]


def test_a_moment_comes_back_in_utc(samples: Engine) -> None:
    in_summer = datetime(2026, 7, 1, 10, tzinfo=timezone(timedelta(hours=1)))
    with Session(samples) as session, session.begin():
        session.add(Sample(at=in_summer))
    with Session(samples) as session:
        found = session.get_one(Sample, 1).at
    assert found == datetime(2026, 7, 1, 9, tzinfo=UTC)
    assert found is not None
    assert found.utcoffset() == timedelta(0)


def test_a_moment_without_zone_is_refused(samples: Engine) -> None:
    with (
        pytest.raises(StatementError, match="without a time zone"),
        Session(samples) as session,
        session.begin(),
    ):
        session.add(Sample(at=datetime(2026, 7, 1)))  # noqa: DTZ001


def test_nul_and_lone_surrogates_do_not_come_in(samples: Engine) -> None:
    with Session(samples) as session, session.begin():
        session.add(Sample(words="a\x00b\ud800c\U0001f600"))
    with Session(samples) as session:
        assert session.get_one(Sample, 1).words == "ab\ufffdc\U0001f600"


def test_sqlite_is_told_what_it_does_not_do_by_itself(sqlite_url: str) -> None:
    engine = make_engine(sqlite_url)
    with engine.connect() as connection:
        told = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "foreign_keys", "busy_timeout")
        }
    assert told == {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 30_000}


def test_only_a_durable_commit_waits_for_the_disk(sqlite_url: str) -> None:
    sessions = make_sessions(make_engine(sqlite_url))

    def waits(connection: Connection) -> bool:
        return bool(connection.execute(text("PRAGMA synchronous")).scalar_one() == 2)

    with connection_of(sessions) as connection:
        for _ in range(2):
            with durable_transaction(connection):
                assert waits(connection)
            with connection.begin():
                assert not waits(connection)
    with sessions.begin() as session:
        assert not waits(session.connection())


def test_every_commit_waits_where_a_restart_could_not_be_told(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("config.database.can_tell_restarts", lambda: False)
    with make_engine(sqlite_url).begin() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar_one() == 2


def test_numbers_are_reserved_once(sessions: Sessions, samples: Engine) -> None:
    table = cast(Table, Sample.__table__)
    with sessions.begin() as session:
        session.execute(insert(table), [{"words": "there"}] * 3)
        first = list(reserve_ids(session, table, 3))
        session.execute(insert(table), [{"id": number, "words": "new"} for number in first])
    with sessions.begin() as session:
        second = list(reserve_ids(session, table, 2))
        session.execute(insert(table), [{"id": number, "words": "newer"} for number in second])
        numbers = session.execute(select(table.c.id)).scalars().all()
    assert len(numbers) == len(set(numbers)) == 8


def test_reading_and_then_writing_waits_for_others_instead_of_failing(sqlite_url: str) -> None:
    engine = make_engine(sqlite_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE counters (n INTEGER)"))
        connection.execute(text("INSERT INTO counters VALUES (0)"))
    failures: list[Exception] = []

    def count_up() -> None:
        for _ in range(30):
            try:
                with engine.begin() as connection:
                    n = connection.execute(text("SELECT n FROM counters")).scalar_one()
                    connection.execute(text("UPDATE counters SET n = :n"), {"n": n + 1})
            except Exception as error:
                failures.append(error)

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT n FROM counters")).scalar_one() == 120
    assert failures == []


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:secret@host/db",
        "not a url",
        "",
        "postgres/secret",
        "postgresql+asyncpg://u:secret@host/db",
        "sqlite+aiosqlite:///secret.sqlite3",
        "postgresql://u:a@secret@host/db",
        "postgresql://u:p@host:secret/db",
        "postgresql+psycopg2://u:secret@host/db",
    ],
)
def test_another_database_is_refused_without_telling_the_password(url: str) -> None:
    with pytest.raises(DatabaseUrlError, match="sqlite:/// or postgresql://") as caught:
        make_engine(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("driver", ["postgresql", "postgresql+psycopg"])
def test_a_server_that_does_not_answer_is_told_without_the_password(driver: str) -> None:
    url = f"{driver}://kith:s3cret@127.0.0.1:1/cases?sslpassword=hidden"
    engine = make_engine(url)
    with (
        pytest.raises(DatabaseUnreachableError, match=r"cases on 127\.0\.0\.1.*refused") as caught,
        reaching(engine),
        engine.connect(),
    ):
        pass
    assert "s3cret" not in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_a_setting_of_the_connection_that_does_not_exist_is_told_in_a_sentence() -> None:
    engine = make_engine("postgresql://kith@127.0.0.1:1/cases?nonsense=1")
    with (
        pytest.raises(DatabaseUnreachableError, match="nonsense"),
        reaching(engine),
        engine.connect(),
    ):
        pass


def test_a_missing_directory_is_told(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'none' / 'kith.sqlite3'}")
    with (
        pytest.raises(DatabaseUnreachableError, match=f"no directory {tmp_path / 'none'}"),
        engine.connect(),
    ):
        pass


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    file = tmp_path / "kith.sqlite3"
    file.write_text("Dear diary, " * 1000)
    engine = make_engine(f"sqlite:///{file}")
    with (
        pytest.raises(DatabaseUnreachableError, match="not a database"),
        reaching(engine),
        engine.connect(),
    ):
        pass


def test_a_fault_of_the_program_is_not_taken_for_one_of_the_database(sessions: Sessions) -> None:
    engine: Engine = sessions.kw["bind"]
    with (
        pytest.raises(IntegrityError),
        reaching(engine),
        engine.begin() as connection,
    ):
        connection.execute(text("INSERT INTO correspondents (id) VALUES (NULL)"))


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:////var/lib/kith.sqlite3", Path("/var/lib/kith.sqlite3")),
        ("sqlite+pysqlite:///kith.sqlite3", Path("kith.sqlite3")),
        ("sqlite://", None),
        ("sqlite:///:memory:", None),
        ("sqlite:///file:kith.sqlite3?mode=ro&uri=true", None),
        ("postgresql:///kith", None),
    ],
)
def test_the_file_of_a_database(url: str, file: Path | None) -> None:
    assert sqlite_file(url) == file


def test_a_reader_waits_for_no_writer(sqlite_url: str) -> None:
    sessions = make_sessions(make_engine(sqlite_url))
    with sessions.begin() as session:
        session.execute(text("CREATE TABLE words (word TEXT)"))
        session.execute(text("INSERT INTO words VALUES ('before')"))
    with sessions.begin() as writer:
        writer.execute(text("INSERT INTO words VALUES ('not yet')"))
        with readers(sessions)() as reader:
            assert reader.execute(text("SELECT word FROM words")).scalars().all() == ["before"]
