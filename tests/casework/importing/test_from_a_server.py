"""The import from a real IMAP server, by the command."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from casework.importing import WatchedFolderError
from casework.importing.command import import_command
from casework.models import ReceivedMail
from casework.schema import upgrade
from config.database import make_engine, make_sessions
from tests.casework.desks import GROUP_ADDRESS, a_mail
from tests.services.dovecot import DovecotServer

YOUNG = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
OLD = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
ANCIENT = datetime(2020, 6, 1, 12, 0, tzinfo=UTC)


def run(*words: str) -> Result:
    return CliRunner().invoke(import_command, words, standalone_mode=False, catch_exceptions=False)


def test_the_mailbox_and_its_archive_are_imported(
    dovecot: DovecotServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = "importer"
    for at, sender in ((ANCIENT, "Ann"), (OLD, "Bron"), (YOUNG, "Cai")):
        dovecot.deliver(user, a_mail(at, sender=f"{sender} <{sender}@example.org>"), at)
    with dovecot.connect(user) as client:
        client.create("Archive")
        for at, sender in ((ANCIENT, "Dee"), (OLD, "Eli")):
            raw = a_mail(at, sender=f"{sender} <{sender}@example.org>")
            client.append("Archive", "", at, raw)
    url = f"sqlite:///{tmp_path / 'kith.sqlite3'}"
    engine = make_engine(url)
    upgrade(engine)
    for name, value in {
        "DATABASE__URL": url,
        "DATA_DIR": str(tmp_path),
        "GROUP__ADDRESS": GROUP_ADDRESS,
        "MAILBOX__HOST": dovecot.host,
        "MAILBOX__PORT": str(dovecot.port),
        "MAILBOX__SECURITY": "none",
        "MAILBOX__USERNAME": user,
        "MAILBOX__PASSWORD": dovecot.password,
        "MAILBOX__START": "2026-11-20T00:00:00Z",
    }.items():
        monkeypatch.setenv(f"KITH_{name}", value)
    said = run("--since", "2026-01-01")
    assert said.return_value == 0, said.output
    assert "1 taken in" in said.stdout
    archived = run("--since", "2026-01-01", "--folder", "Archive")
    assert "2 mails looked at, 1 taken in. 1 are older, and were left out." in archived.stdout
    with pytest.raises(WatchedFolderError):
        run("--since", "2026-01-01", "--folder", "INBOX")
    with make_sessions(engine)() as session:
        lines = session.execute(select(ReceivedMail).order_by(ReceivedMail.id)).scalars().all()
    told = [(line.mailbox.rpartition("/")[2], line.internal_date, line.is_silent) for line in lines]
    assert sorted(told) == [
        ("Archive", ANCIENT, False),
        ("Archive", OLD, True),
        ("INBOX", ANCIENT, False),
        ("INBOX", OLD, True),
        ("INBOX", YOUNG, False),
    ]
    engine.dispose()
