"""`kith brake` and `kith keys`: seeing what holds letters back, and lifting it."""

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from casework.brakes import brake, keys
from casework.breakers import breaker_of_address, open_breaker, open_breakers
from casework.environment import clock
from casework.schema import upgrade
from config.database import Sessions, make_engine, make_sessions
from replies.signing_keys import ensure_key, load_signer
from replies.suspension import suspend, suspended_among

ADDRESS = "bron@example.org"


@pytest.fixture
def sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sessions:
    """Return the sessions of an installation in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    url = f"sqlite:///{tmp_path / 'kith.sqlite3'}"
    monkeypatch.setenv("KITH_DATABASE__URL", url)
    engine = make_engine(url)
    upgrade(engine)
    return make_sessions(engine)


def run(*arguments: str) -> Result:
    """Run `kith brake` with these arguments."""
    return CliRunner().invoke(brake, arguments)


def test_nothing_holds_letters_back_at_first(sessions: Sessions) -> None:
    assert "Nothing holds letters back." in run("list").output


def test_a_suspended_address_is_listed_and_lifted_by_a_named_person(sessions: Sessions) -> None:
    with sessions.begin() as session:
        suspend(session, ADDRESS, reason="Letters came back.", now=clock())
    assert f"{ADDRESS}  since" in run("list").output
    assert run("lift", "Bron+tag@Example.org").exit_code == 2, "without a name nobody lifts it"
    done = run("lift", "Bron+tag@Example.org", "--by", "Sam")
    assert done.exit_code == 0, done.output
    with sessions() as session:
        assert suspended_among(session, [ADDRESS]) == frozenset()


def test_a_breaker_is_listed_by_its_address_and_lifted(sessions: Sessions) -> None:
    now = clock()
    with sessions.begin() as session:
        for name, key in ((breaker_of_address(ADDRESS), ADDRESS), ("all:hour", None)):
            end = now + timedelta(days=1) if key else None
            open_breaker(session, name, key=key, reason="Too many.", now=now, ends_at=end)
    listed = run("list").output
    assert ADDRESS in listed
    assert "all:hour  until there is room" in listed
    assert run("lift", ADDRESS, "--by", "Sam").exit_code == 0
    assert run("lift", "all:hour", "--by", "Sam").exit_code == 0
    with sessions() as session:
        assert open_breakers(session, clock()) == ()


def test_what_does_not_hold_letters_back_cannot_be_lifted(sessions: Sessions) -> None:
    done = run("lift", "all:day", "--by", "Sam")
    assert "kith brake list" in str(done.exception)


def test_a_new_key_signs_and_the_old_one_stays_good(sessions: Sessions) -> None:
    with sessions.begin() as session:
        ensure_key(session, clock())
        old = load_signer(session).message_id("example.org")
    assert CliRunner().invoke(keys, ["rotate"]).exit_code == 0
    with sessions() as session:
        signer = load_signer(session)
        made = session.execute(text("SELECT count(*) FROM signing_keys")).scalar_one()
    assert made == 2
    assert signer.is_ours(old)
    assert signer.is_ours(signer.message_id("example.org"))
