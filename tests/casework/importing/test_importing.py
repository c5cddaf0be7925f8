"""Older mail is filed in silence, each once, however often the import is begun."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select
from sqlalchemy.orm import Session

from casework.importing import (
    Taken,
    fingerprint,
    import_files,
    import_folder,
    import_older,
    read_mails,
)
from casework.importing.command import NoSuchMailboxError, import_command, only_mailbox
from casework.importing.storing import Batches, BeingReadError, the_shelf
from casework.inboxes import WatchedMailbox
from casework.models import Case, OutboxEmail, ReceivedMail
from casework.schema import upgrade
from config.database import Sessions, make_engine, make_sessions
from config.settings import MailboxSettings, Settings
from intake.inbox import MailState
from tests.casework.desks import GROUP_ADDRESS, a_mail, a_worker, process, receive
from tests.fakes import FakeMailbox

SINCE = datetime(2026, 11, 20, tzinfo=UTC)
BEFORE = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
OLD = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
"""So young that it would be answered, but for the silence."""


def states(sessions: Sessions) -> list[tuple[str, str | None, bool]]:
    with sessions() as session:
        lines = session.execute(select(ReceivedMail).order_by(ReceivedMail.id)).scalars()
        return [(line.state, line.rule, line.is_silent) for line in lines]


def count(session: Session, table: type) -> int:
    return len(session.execute(select(table)).all())


@pytest.fixture
def mbox(tmp_path: Path) -> Path:
    """Give an mbox file: one mail too old, two old ones, and one of these once more."""
    path = tmp_path / "old.mbox"
    mails = [
        (BEFORE, a_mail(BEFORE, sender="Ann <ann@example.org>")),
        (OLD, a_mail(OLD, sender="Bron <bron@example.org>")),
        (OLD, a_mail(OLD, sender="Cai <cai@example.org>", text="I can offer help with forms.")),
        (OLD, a_mail(OLD, sender="Bron <bron@example.org>")),
    ]
    path.write_bytes(
        b"".join(
            f"From a@b {at:%a %b %d %H:%M:%S %Y}\n".encode() + raw + b"\n" for at, raw in mails
        )
    )
    return path


def take(sessions: Sessions, mbox: Path, now: datetime, stop_after: int = 99) -> Taken:
    asked = iter(range(99))
    return import_files(
        sessions,
        fingerprint(mbox),
        read_mails(mbox, most_bytes=0),
        since=SINCE,
        now=lambda: now,
        should_stop=lambda: next(asked) + 1 >= stop_after,
        batches=Batches(1),
    )


def test_files_are_filed_in_silence(sessions: Sessions, mbox: Path, now: datetime) -> None:
    taken = take(sessions, mbox, now)
    assert taken == Taken(looked_at=4, taken=3, older=1)
    outcomes = process(sessions, a_worker(now))
    assert [each.outcome.acknowledged for each in outcomes if each.outcome] == [False] * 3
    assert states(sessions) == [
        (MailState.FILED, "personal", True),
        (MailState.FILED, "personal", True),
        (MailState.SCREENED_OUT, "same-mail", True),
    ]
    with sessions() as session:
        assert count(session, OutboxEmail) == 0
        assert count(session, Case) == 2
        line = session.execute(select(ReceivedMail)).scalars().first()
        assert line is not None
        assert (line.mailbox, line.uid, line.internal_date) == (
            f"import:{fingerprint(mbox)}",
            2,
            OLD,
        )


def test_an_import_that_was_stopped_goes_on(sessions: Sessions, mbox: Path, now: datetime) -> None:
    first = take(sessions, mbox, now, stop_after=2)
    assert (first.is_complete, first.looked_at, first.taken) == (False, 2, 1)
    again = take(sessions, mbox, now)
    assert (again.is_complete, again.taken, again.known) == (True, 2, 1)
    assert take(sessions, mbox, now).taken == 0
    assert len(states(sessions)) == 3


def test_mail_that_the_inbox_has_is_the_same_mail(
    sessions: Sessions, tmp_path: Path, now: datetime
) -> None:
    raw = a_mail(OLD).replace(b"\n", b"\r\n")
    receive(sessions, now, raw)
    process(sessions, a_worker(now))
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "1.eml").write_bytes(raw.replace(b"\r\n", b"\n"))
    take(sessions, tmp_path / "d", now)
    process(sessions, a_worker(now))
    assert states(sessions)[1] == (MailState.SCREENED_OUT, "same-mail", True)


def test_two_imports_of_one_file_do_not_run_at_once(
    sessions: Sessions, mbox: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with the_shelf(sessions, f"import:{fingerprint(mbox)}"):
        monkeypatch.setattr("casework.importing.storing.this_process", lambda: "another/1/1")
        with pytest.raises(BeingReadError):
            take(sessions, mbox, now)
    assert take(sessions, mbox, now).taken == 3


@pytest.fixture
def archive() -> FakeMailbox:
    """Give a folder with a mail that is too old and two that are wanted."""
    box = FakeMailbox(name="hello@imap.example.org/Archive")
    box.add(a_mail(BEFORE, sender="Ann <ann@example.org>"), at=BEFORE)
    box.add(a_mail(OLD, sender="Bron <bron@example.org>"), at=OLD)
    box.add(a_mail(OLD, "I can offer help.", sender="Cai <cai@example.org>"), at=OLD)
    return box


def test_a_folder_is_filed_in_silence_and_older_mail_is_not_even_downloaded(
    sessions: Sessions, archive: FakeMailbox, now: datetime
) -> None:
    taken = import_folder(archive, sessions, since=SINCE, now=lambda: now)
    assert taken == Taken(looked_at=3, taken=2, older=1)
    assert archive.fetched == [2, 3]
    process(sessions, a_worker(now))
    assert states(sessions) == [
        (MailState.SCREENED_OUT, "before-start", False),
        (MailState.FILED, "personal", True),
        (MailState.FILED, "personal", True),
    ]
    with sessions() as session:
        assert count(session, OutboxEmail) == 0
    again = import_folder(archive, sessions, since=SINCE, now=lambda: now)
    assert again == Taken(looked_at=3, known=3)


def test_an_earlier_day_takes_in_what_was_left_out(
    sessions: Sessions, archive: FakeMailbox, now: datetime
) -> None:
    import_folder(archive, sessions, since=SINCE, now=lambda: now)
    taken = import_folder(archive, sessions, since=BEFORE - timedelta(days=1), now=lambda: now)
    assert (taken.taken, taken.known) == (1, 2)
    process(sessions, a_worker(now))
    assert [line[0] for line in states(sessions)] == [MailState.FILED] * 3
    assert all(is_silent for _, _, is_silent in states(sessions))


def test_a_folder_that_broke_off_is_read_to_its_end_later(
    sessions: Sessions, archive: FakeMailbox, now: datetime
) -> None:
    archive.add(a_mail(OLD, "One more.", sender="Dee <dee@example.org>"), at=OLD)
    asked = iter([False, False, True] + [False] * 9)
    first = import_folder(
        archive, sessions, since=SINCE, now=lambda: now, should_stop=lambda: next(asked)
    )
    assert not first.is_complete
    second = import_folder(archive, sessions, since=SINCE, now=lambda: now)
    assert second.is_complete
    assert len(states(sessions)) == 4


def test_what_was_noted_before_the_start_is_taken_in_on_request(
    sessions: Sessions, archive: FakeMailbox, now: datetime
) -> None:
    new = now - timedelta(hours=1)
    archive.add(a_mail(new, "Please may I join?", sender="New <new@example.org>"), at=new)
    watched = WatchedMailbox(archive, start=now - timedelta(hours=2))
    taken = import_older([watched], sessions, since=SINCE, now=lambda: now)
    assert (taken.taken, taken.is_complete) == (2, True)
    process(sessions, a_worker(now))
    by_state = sorted(states(sessions), key=repr)
    assert by_state.count((MailState.FILED, "personal", True)) == 2
    assert (MailState.FILED, "personal", False) in by_state
    assert (MailState.SCREENED_OUT, "before-start", False) in by_state
    with sessions() as session:
        [letter] = session.execute(select(OutboxEmail)).scalars()
        assert letter.to_address == "new@example.org"
    assert import_older([watched], sessions, since=SINCE, now=lambda: now).taken == 0


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sessions]:
    """Set up a database and the settings of a process."""
    url = f"sqlite:///{tmp_path / 'kith.sqlite3'}"
    monkeypatch.setenv("KITH_DATABASE__URL", url)
    monkeypatch.setenv("KITH_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("KITH_GROUP__ADDRESS", GROUP_ADDRESS)
    engine = make_engine(url)
    upgrade(engine)
    yield make_sessions(engine)
    engine.dispose()


def test_the_command_imports_and_reports(environment: Sessions, mbox: Path) -> None:
    words = ["--since", "2026-11-20", "--mbox", str(mbox)]
    said = CliRunner().invoke(import_command, words, standalone_mode=False, catch_exceptions=False)
    assert said.return_value == 0
    assert "4 mails looked at, 3 taken in. 1 are older, and were left out." in said.stdout
    assert "2 opened a case" in said.stdout
    again = CliRunner().invoke(import_command, words, standalone_mode=False)
    assert "3 were there already" in again.stdout
    assert "Nothing was left to file." in again.stdout
    assert len(states(environment)) == 3


def test_one_mailbox_of_the_settings_can_be_chosen() -> None:
    settings = Settings(
        mailbox=MailboxSettings(host="a.example.org"),
        mailboxes={"second": MailboxSettings(host="b.example.org")},
    )
    assert only_mailbox(settings, None) == settings
    narrowed = only_mailbox(settings, "second")
    assert [each.host for each in narrowed.all_mailboxes.values()] == ["b.example.org"]
    with pytest.raises(NoSuchMailboxError, match="mailbox, second"):
        only_mailbox(settings, "third")
