"""A replay makes the same cases out of the same mails, and says where it does not."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from click.testing import CliRunner
from sqlalchemy import func, select, text

from casework.breakers import breaker_of_address, close_breaker
from casework.judging import Judged, judge
from casework.merging import Doing
from casework.models import Case, CaseMessage, OutboxEmail, RawMail, ReceivedMail
from casework.moving import merge_cases, split_message
from casework.refiling import refile
from casework.replaying import (
    NotEmptyError,
    SameDatabaseError,
    StoppedError,
    check_target,
    replay,
)
from casework.replaying.command import replay_command
from casework.schema import MIGRATIONS
from config.database import Base, Sessions, make_engine, make_sessions
from replies.suspension import lift_suspension
from tests.casework.desks import GROUP_ADDRESS, NO_CAPS, a_mail
from tests.casework.replaying.worlds import BRON, World, a_busy_world


@pytest.fixture
def target(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Sessions]:
    """Give an empty database of the other sort than the source."""
    server = None
    if database_url.startswith("sqlite"):
        server = request.getfixturevalue("postgres")
        url = server.create_database()
    else:
        url = f"sqlite:///{tmp_path / 'target.sqlite3'}"
    engine = make_engine(url)
    Base.metadata.create_all(engine)
    yield make_sessions(engine)
    engine.dispose()
    if server is not None:
        server.drop_database(url)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Sessions]:
    engine = make_engine(f"sqlite:///{tmp_path / 'other.sqlite3'}")
    Base.metadata.create_all(engine)
    yield make_sessions(engine)
    engine.dispose()


@pytest.fixture(scope="module")
def busy_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, World]:
    """Make the busy world once, on SQLite."""
    file = tmp_path_factory.mktemp("busy") / "kith.sqlite3"
    engine = make_engine(f"sqlite:///{file}")
    Base.metadata.create_all(engine)
    world = a_busy_world(make_sessions(engine), datetime(2026, 11, 24, 23, 41, tzinfo=UTC))
    engine.dispose()
    return file, world


@pytest.fixture
def busy(busy_file: tuple[Path, World], sqlite_url: str) -> Iterator[World]:
    """Give a copy of the busy world, to do with as a test likes."""
    file, world = busy_file
    shutil.copyfile(file, sqlite_url.removeprefix("sqlite:///"))
    engine = make_engine(sqlite_url)
    yield World(make_sessions(engine), world.now, world.caps, world.uid)
    engine.dispose()


def test_a_busy_world_comes_out_the_same(
    sessions: Sessions, target: Sessions, now: datetime
) -> None:
    world = a_busy_world(sessions, now)
    report = replay(sessions, target, world.desk)
    assert report.differences == ()
    assert report.is_identical
    assert report.mails == world.mails() - 2  # neither the spam nor what is not worked yet
    assert (report.waiting, report.letters, report.letters_without_case) == (1, 1, 0)
    with sessions() as old, target() as new:
        for column in (Case.reference, OutboxEmail.message_id, RawMail.raw):
            before = set(old.execute(select(column)).scalars())
            assert set(new.execute(select(column)).scalars()) == before
        letters = select(OutboxEmail.message_id, OutboxEmail.state).order_by(OutboxEmail.message_id)
        fates = {row.message_id: row.state for row in old.execute(letters)}
        again = {row.message_id: row.state for row in new.execute(letters)}
    waiting = {name for name, state in fates.items() if state == "queued"}
    assert waiting
    assert {again[name] for name in waiting} == {"draft"}
    assert all(again[name] == fates[name] for name in fates.keys() - waiting)


def test_the_busy_world_is_busy(busy: World) -> None:
    with busy.sessions() as session:
        reasons = " ".join(
            filter(None, session.execute(select(CaseMessage.acknowledgement)).scalars())
        )
        rules = set(session.execute(select(ReceivedMail.rule)).scalars())
        states = set(session.execute(select(OutboxEmail.state)).scalars())
    assert "have come back to us before" in reasons
    assert "asked for that" in reasons or "has asked for no automatic mail" in reasons
    assert "in the last 24 hours" in reasons
    assert "imported" in reasons
    assert {"same-mail", "spam-folder", None} <= rules
    assert {"sent", "failed", "queued"} <= states
    assert busy.case_of(7).id == busy.case_of(1).id


def test_a_rule_that_changed_is_told_with_its_reason(busy: World, other: Sessions) -> None:
    judges = replace(busy.desk.judges, go_live=busy.now.replace(year=2027))
    report = replay(busy.sessions, other, replace(busy.desk, judges=judges))
    [reason] = {each.why for each in report.differences if each.mail == 2}
    assert reason.startswith("It is judged differently now: screening")


def test_a_cap_that_changed_is_told(busy: World, other: Sessions) -> None:
    report = replay(busy.sessions, other, replace(busy.desk, caps=NO_CAPS))
    assert report.differences
    assert {each.what for each in report.differences} == {"acknowledged"}
    assert all("caps" in each.why for each in report.differences)


def test_what_a_person_did_is_named(busy: World, other: Sessions) -> None:
    with busy.sessions.begin() as session:
        split_message(session, 7, Doing("Ann", busy.now))

    def judge_it(raw: bytes, at: datetime) -> Judged:
        return judge(raw, received_at=at, judges=busy.desk.judges, now=busy.now)

    refile(busy.sessions, 3, judge=judge_it, by="Ann", now=busy.now)
    report = replay(busy.sessions, other, busy.desk)
    whys = {each.mail: each.why for each in report.differences if each.mail}
    assert whys[7] == "A person changed the case: split off."
    assert whys[3] == "A person filed it by hand."
    assert all("No reason" not in each.why for each in report.differences)
    assert not report.is_identical


def test_what_a_person_lifted_is_lifted_again(
    other: Sessions, sqlite_url: str, now: datetime
) -> None:
    engine = make_engine(sqlite_url)
    Base.metadata.create_all(engine)
    source = make_sessions(engine)
    world = World(source, now, replace(NO_CAPS, same_text_per_hour=2))
    world.receive(a_mail(now, "I offer help.", "Jo <jo@example.com>", "Helping"))
    world.deliver(refused="jo@example.com")
    for number in range(2):
        world.later(minutes=1)
        world.receive(a_mail(world.now, "Please may I join?", BRON, f"Joining {'ab'[number]}"))
    world.later(hours=1)
    with source.begin() as session:
        assert lift_suspension(session, "jo@example.com", by="Ann", now=world.now)
        name = breaker_of_address("bron@example.org")
        assert close_breaker(session, name, by="Ann", now=world.now)
    world.later(hours=1)
    world.receive(
        a_mail(world.now, "I offer training.", "Jo <jo@example.com>", "Training"),
        a_mail(world.now, "Please tell me about your group.", BRON, "Your group"),
    )
    with source() as session:
        answered = set(session.execute(select(OutboxEmail.received_id)).scalars())
    assert {4, 5} <= answered
    assert replay(source, other, world.desk).differences == ()
    engine.dispose()


def test_a_merged_case_comes_out_as_the_two_that_it_was(
    other: Sessions, sqlite_url: str, now: datetime
) -> None:
    engine = make_engine(sqlite_url)
    Base.metadata.create_all(engine)
    source = make_sessions(engine)
    world = World(source, now)
    world.receive(a_mail(now, "Please may I join?", BRON, "Joining"))
    world.later(hours=1)
    world.receive(a_mail(world.now, "I can offer help.", "Jo <jo@example.com>", "Helping"))
    with source.begin() as session:
        merge_cases(session, world.case_of(2).id, world.case_of(1).id, Doing("Ann", world.now))
    with source() as session:
        references = sorted(session.execute(select(Case.reference)).scalars())
    report = replay(source, other, world.desk)
    assert {each.why for each in report.differences} == {"A person changed the case: merged."}
    with other() as session:
        assert sorted(session.execute(select(Case.reference)).scalars()) == references
    engine.dispose()


def test_mail_whose_bytes_are_gone_is_counted_and_not_made_up(
    sessions: Sessions, other: Sessions, now: datetime
) -> None:
    world = World(sessions, now)
    world.receive(a_mail(now, "Please may I join?", BRON, "Joining"))
    with sessions.begin() as session:
        session.query(RawMail).delete()
    report = replay(sessions, other, world.desk)
    assert (report.mails, report.without_bytes) == (0, 1)
    assert "Of the mail only its line in the ledger is left." in {d.why for d in report.differences}


def test_a_stopped_replay_leaves_the_source_as_it_was(busy: World, other: Sessions) -> None:
    def everything() -> list[list[tuple[object, ...]]]:
        with busy.sessions() as session:
            return [
                sorted(map(tuple, session.execute(select(table))), key=repr)
                for table in Base.metadata.sorted_tables
            ]

    before = everything()
    asked = iter([False] * 8 + [True] * 100)
    with pytest.raises(StoppedError):
        replay(busy.sessions, other, busy.desk, should_stop=lambda: next(asked))
    assert everything() == before
    with other() as session:
        assert session.execute(select(func.count(CaseMessage.id))).scalar_one()


def test_only_an_empty_database_is_filled(
    sessions: Sessions, database_url: str, other: Sessions, now: datetime
) -> None:
    source, target = make_engine(database_url), other.kw["bind"]
    check_target(source, target)
    with pytest.raises(SameDatabaseError):
        check_target(source, make_engine(database_url))
    World(other, now).fetch_only(a_mail(now))
    with pytest.raises(NotEmptyError, match="received_mails"):
        check_target(source, target)
    source.dispose()


def test_an_empty_source_is_identical(sessions: Sessions, other: Sessions, now: datetime) -> None:
    report = replay(sessions, other, World(sessions, now).desk)
    assert report.is_identical
    assert report.mails == 0


def test_the_command_makes_its_own_database_and_removes_it(
    busy: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = busy.sessions.kw["bind"]
    with engine.begin() as connection:
        version = ScriptDirectory(str(MIGRATIONS)).get_current_head()
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": version})
    for name, value in {
        "KITH_DATABASE__URL": engine.url.render_as_string(hide_password=False),
        "KITH_DATA_DIR": str(tmp_path / "data"),
        "KITH_GROUP__ADDRESS": GROUP_ADDRESS,
        "KITH_LIMITS__ACKNOWLEDGEMENTS_PER_ADDRESS_PER_DAY": "2",
    }.items():
        monkeypatch.setenv(name, value)
    runner = CliRunner()
    said = runner.invoke(replay_command, ["--json"], standalone_mode=False)
    report = json.loads(said.stdout)
    assert report["identical"], report["differences"]
    assert said.return_value == 0
    assert list((tmp_path / "data").iterdir()) == []
    kept = runner.invoke(replay_command, ["--keep"], standalone_mode=False)
    assert "The same cases came out." in kept.stdout
    [file] = (tmp_path / "data").glob("replay-*.sqlite3")
    assert file.stat().st_mode & 0o777 == 0o600
    into = ["--into", f"sqlite:///{file}"]
    with pytest.raises(NotEmptyError):
        runner.invoke(replay_command, into, standalone_mode=False, catch_exceptions=False)
