"""`kith case` and `kith mail`: everything can be found and read."""

import json
import sys
from datetime import datetime
from pathlib import Path

import pytest

from casework.cli import main
from casework.schema import upgrade
from config.database import Sessions, make_engine, make_sessions
from tests.casework.desks import a_mail, a_worker, process, receive


@pytest.fixture
def worked(
    sqlite_url: str, tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> Sessions:
    """Return a database in which two mails were worked, one of them a newsletter."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KITH_DATABASE__URL", sqlite_url)
    engine = make_engine(sqlite_url)
    upgrade(engine)
    sessions = make_sessions(engine)
    newsletter = a_mail(
        now,
        "Five offers only this week.",
        sender="news@shop.example.com",
        subject="Our newsletter",
        List_Unsubscribe="<https://shop.example.com/u>",
        List_Unsubscribe_Post="List-Unsubscribe=One-Click",
        Precedence="bulk",
        Feedback_ID="1:2:3:shop",
    )
    receive(sessions, now, a_mail(now), newsletter)
    process(sessions, a_worker(now))
    return sessions


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 0
    return capsys.readouterr().out


def test_cases_are_listed_and_shown(worked: Sessions, capsys: pytest.CaptureFixture[str]) -> None:
    [line] = said(capsys, "case", "list").splitlines()
    reference = line.split()[0]
    shown = said(capsys, "case", "show", reference.lower())
    assert "acknowledgement, queued: Thank you for your email" in shown
    assert "| " in shown  # the letter can be read, also as a draft
    report = json.loads(said(capsys, "case", "show", reference, "--json"))
    assert report["reference"] == reference
    assert report["correspondent"] == {"name": "Bron", "addresses": ["bron@example.org"]}
    assert report["received_mails"][0]["state"] == "filed"
    assert report["strands"][0]["primary"]
    assert json.loads(said(capsys, "case", "list", "--json")) == [report]


def test_an_unknown_reference_is_told_and_a_mistyped_one_as_such(
    worked: Sessions, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["case", "show", "ZZZZ-ZZ"]) == 1
    assert "mistyped" in capsys.readouterr().err


def test_what_was_screened_out_can_be_found_and_read(
    worked: Sessions, capsys: pytest.CaptureFixture[str]
) -> None:
    [line] = said(capsys, "mail", "list", "--state", "screened_out").splitlines()
    number = line.split()[0]
    assert "bulk" in line
    assert "in no case" in said(capsys, "mail", "show", number)
    assert len(said(capsys, "mail", "list").splitlines()) == 2
    assert main(["mail", "show", "99"]) == 1


def test_only_what_was_set_aside_is_tried_again(
    worked: Sessions, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["mail", "retry", "1"]) == 1
    assert "not set aside" in capsys.readouterr().err


def test_the_mail_itself_comes_byte_for_byte(
    worked: Sessions, capsysbinary: pytest.CaptureFixture[bytes], now: datetime
) -> None:
    assert main(["mail", "show", "1", "--raw"]) == 0
    sys.stdout.flush()
    assert capsysbinary.readouterr().out == a_mail(now)


def test_a_command_without_settings_or_with_misspelt_ones_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["poll", "--once"]) == 1
    assert "kith init" in capsys.readouterr().err
    monkeypatch.setenv("KITH_MAILBOX__HOTS", "imap.example.org")
    assert main(["poll", "--once"]) == 1
    assert "KITH_MAILBOX__HOST" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", ["poll --once", "run", "case list", "mail list", "mail retry 1", "db upgrade"]
)
@pytest.mark.parametrize(
    "url",
    [
        "postgresql://kith:s3cret@127.0.0.1:1/cases",
        "postgresql+asyncpg://kith:s3cret@127.0.0.1/cases",
        "sqlite:////no/such/directory/kith.sqlite3",
    ],
)
def test_a_database_that_cannot_be_used_gives_a_sentence(
    command: str,
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KITH_DATABASE__URL", url)
    monkeypatch.setenv("KITH_MAILBOX__HOST", "imap.example.org")
    monkeypatch.setenv("KITH_MAILBOX__USERNAME", "hello@example.org")
    monkeypatch.setenv("KITH_MAILBOX__PASSWORD", "s3cret")
    monkeypatch.setenv("KITH_GROUP__ADDRESS", "hello@example.org")
    assert main(command.split()) == 1
    told = capsys.readouterr().err
    assert "database" in told
    assert "s3cret" not in told
    assert "Traceback" not in told


def test_a_data_directory_that_cannot_be_made_gives_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    monkeypatch.setenv("KITH_DATA_DIR", str(tmp_path / "file" / "data"))
    assert main(["db", "upgrade"]) == 1
    assert "cannot be made" in capsys.readouterr().err


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    words = said(capsys, "--help")
    for command in ("case", "check", "db", "demo", "explain", "init", "mail", "poll", "run"):
        assert f"  {command} " in words
