"""The database of children's cases is nobody else's to read."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from casework.cli import main
from casework.schema import exposed_files, make_private_directory
from config.database import make_engine
from config.settings import DatabaseSettings, MailboxSettings, Settings, SmtpSettings


@pytest.fixture(autouse=True)
def a_usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_db_upgrade_makes_is_for_its_user_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "var" / "kith"
    monkeypatch.setenv("KITH_DATA_DIR", str(data))
    assert main(["db", "upgrade"]) == 0
    assert mode_of(data) == 0o700
    assert mode_of(data.parent) == 0o700
    assert mode_of(data / "kith.sqlite3") == 0o600


def test_the_files_beside_an_open_database_are_as_closed_as_itself(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'kith.sqlite3'}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE words (word TEXT)"))
        files = sorted(tmp_path.iterdir())
        assert [each.name for each in files] == [
            "kith.sqlite3",
            "kith.sqlite3-shm",
            "kith.sqlite3-wal",
        ]
        assert {mode_of(each) for each in files} == {0o600}
    engine.dispose()


def test_a_mode_that_somebody_chose_stays(tmp_path: Path) -> None:
    file = tmp_path / "kith.sqlite3"
    file.touch()
    file.chmod(0o640)
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o750)
    engine = make_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    engine.dispose()
    make_private_directory(shared)
    assert mode_of(file) == 0o640
    assert mode_of(shared) == 0o750


def test_nothing_is_exposed_of_what_kith_made_itself(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    make_private_directory(settings.data_dir)
    engine = make_engine(settings.database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE words (word TEXT)"))
        assert exposed_files(settings) == ()
    engine.dispose()


def test_what_others_may_read_is_named(tmp_path: Path) -> None:
    data, password, closed = tmp_path / "data", tmp_path / "password", tmp_path / "closed"
    data.mkdir()
    database = data / "cases.sqlite3"
    for file in (database, data / "cases.sqlite3-wal", password, closed):
        file.touch()
    closed.chmod(0o640)
    settings = Settings(
        data_dir=data,
        database=DatabaseSettings(url=f"sqlite:///{database}"),
        mailbox=MailboxSettings(password_file=password),
        smtp=SmtpSettings(password_file=closed),
    )
    assert exposed_files(settings) == (data, database, data / "cases.sqlite3-wal", password)


def test_a_database_elsewhere_has_no_file_to_look_at(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path / "none", database=DatabaseSettings(url="postgresql:///kith")
    )
    assert exposed_files(settings) == ()
