"""`kith status`."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from casework.pulses import beat, poll_pulse
from casework.status.command import make_command, token_of, watching_of
from casework.status.model import Token
from config.database import Sessions
from config.oauth import TokenStatus
from config.settings import AlarmSettings, GroupSettings, Mode, ServiceSettings, Settings
from intake.inbox import RAWS, RECEIVED
from intake.mailbox import MailboxError, Role
from intake.poller import poll
from tests.casework.desks import a_mail
from tests.fakes import FakeMailbox

NOW = datetime(2026, 11, 24, 23, 41, tzinfo=UTC)
MAILBOX = "hello@imap.example.org/INBOX"


@pytest.fixture
def installation(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> Sessions:
    """Let the command find the database that has its tables from the models."""
    monkeypatch.setattr("casework.status.command.open_database", lambda _: sessions)
    return sessions


def test_the_settings_say_what_is_watched() -> None:
    settings = Settings(
        mode=Mode.LIVE,
        group=GroupSettings(go_live=datetime(2026, 12, 1, tzinfo=UTC)),
        alarms=AlarmSettings(silence_minutes=30, canary_hours=24),
        service=ServiceSettings(reconcile_hours=0),
    )
    spam = FakeMailbox(role=Role.SPAM, name="hello@imap.example.org/Junk")
    watching = watching_of(settings, [FakeMailbox(), spam], (Token("gmail"),))
    assert watching.is_live
    assert watching.silence == timedelta(minutes=30)
    assert watching.canary_every == timedelta(hours=24)
    assert watching.compare_every is None
    assert watching.mailboxes == {MAILBOX: "Inbox", spam.name: "Spam folder"}
    assert watching.tokens == (Token("gmail"),)
    shadow = watching_of(Settings(alarms=AlarmSettings(silence_minutes=0, canary_hours=24)), [])
    assert shadow.silence is None
    assert shadow.canary_every is None


def test_the_exit_code_says_whether_something_needs_a_person(installation: Sessions) -> None:
    command = make_command(lambda _: [FakeMailbox()])
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


def test_a_comparison_on_request_finds_what_was_passed_over(installation: Sessions) -> None:
    mailbox = FakeMailbox(a_mail(NOW), a_mail(NOW, "Two"), a_mail(NOW, "Three"))
    poll(mailbox, installation, now=lambda: NOW, should_stop=lambda: False, from_the_start=True)
    with installation.begin() as session:
        beat(session, poll_pulse(mailbox.name), datetime.now(UTC))
        session.execute(RAWS.delete().where(RAWS.c.received_id == 2))
        session.execute(RECEIVED.delete().where(RECEIVED.c.id == 2))
    command = make_command(lambda _: [mailbox])
    run = CliRunner().invoke(command, ["--compare"], standalone_mode=False)
    assert run.return_value == 1
    assert "1 mail on the server that Kith does not have" in run.output


def test_a_mailbox_that_cannot_be_reached_is_told_and_the_status_comes_all_the_same(
    installation: Sessions,
) -> None:
    class Closed(FakeMailbox):
        def open(self) -> int:
            raise MailboxError("The network is down.")

    with installation.begin() as session:
        beat(session, poll_pulse(MAILBOX), datetime.now(UTC))
    run = CliRunner().invoke(
        make_command(lambda _: [Closed()]), ["--compare"], standalone_mode=False
    )
    assert run.return_value == 1
    assert "Not compared: The network is down." in run.output
    assert "All is well" in run.output


def test_a_sign_in_is_told_by_what_ends_first_and_not_by_whose_it_is(now: datetime) -> None:
    sign_in = TokenStatus(
        "gmail",
        "refresh_token",
        warning="Publish the project.",
        account="desk@hazelrow.example.org",
        access_ends=now,
        refresh_ends=now + timedelta(days=7),
        secret_ends=now + timedelta(days=90),
    )
    wanted = Token("gmail", now + timedelta(days=7), warning="Publish the project.")
    assert token_of(sign_in) == wanted
    assert token_of(TokenStatus("microsoft", "client_credentials")) == Token("microsoft")
