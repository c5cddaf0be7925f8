"""`kith status`."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from casework.pulses import beat, poll_pulse
from casework.schema import upgrade
from casework.status.command import make_command, status_now, watching_of
from config.database import Base, Sessions, make_engine, make_sessions
from config.settings import AlarmSettings, GroupSettings, Mode, ServiceSettings, Settings

MAILBOX = "hello@imap.example.org/INBOX"


@pytest.fixture
def installation(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Sessions:
    monkeypatch.setenv("KITH_DATABASE__URL", sqlite_url)
    engine = make_engine(sqlite_url)
    upgrade(engine)
    Base.metadata.create_all(engine)
    return make_sessions(engine)


def test_the_settings_say_what_is_watched() -> None:
    settings = Settings(
        mode=Mode.LIVE,
        group=GroupSettings(go_live=datetime(2026, 12, 1, tzinfo=UTC)),
        alarms=AlarmSettings(silence_minutes=30, canary_hours=24),
        service=ServiceSettings(reconcile_hours=0),
    )
    watching = watching_of(settings)
    assert watching.is_live
    assert watching.silence == timedelta(minutes=30)
    assert watching.canary_every == timedelta(hours=24)
    assert watching.compare_every is None
    shadow = watching_of(Settings(alarms=AlarmSettings(silence_minutes=0, canary_hours=24)))
    assert shadow.silence is None
    assert shadow.canary_every is None


@pytest.mark.usefixtures("installation")
def test_the_exit_code_says_whether_something_needs_a_person(installation: Sessions) -> None:
    command = make_command(lambda *_: None)
    run = CliRunner().invoke(command, [], standalone_mode=False)
    assert run.return_value == 1
    assert "1 thing to look at" in run.output
    with installation.begin() as session:
        beat(session, poll_pulse(MAILBOX), datetime.now(UTC))
    run = CliRunner().invoke(command, ["--json"], standalone_mode=False)
    assert run.return_value == 0
    told = json.loads(run.output)
    assert told["is_well"] is True
    assert told["mailboxes"][0]["label"] == "Inbox"


def test_the_comparison_is_made_on_request_and_before_the_status(installation: Sessions) -> None:
    def compare(_: Settings, sessions: Sessions) -> None:
        with sessions.begin() as session:
            beat(session, poll_pulse(MAILBOX), datetime.now(UTC))

    without = status_now(Settings(), installation)
    assert [trouble.key for trouble in without.troubles] == ["never-looked"]
    assert status_now(Settings(), installation, compare).is_well
    assert "--compare" in CliRunner().invoke(make_command(compare), ["--help"]).output
