"""The alarm bell: each trouble is told once when it begins and once when it is over."""

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import update

from casework.alarms import AlarmBell, Operators, Rung, Sender
from casework.alarms.bell import LETTERS_PER_DAY
from casework.alarms.book import TELL_AGAIN_AFTER
from casework.pulses import PULSES, beat, poll_pulse
from casework.status.model import Watching
from config.database import Sessions, make_engine, make_sessions
from replies.smtp import DeliveryError

SENDER = Sender("Hazel Row", "desk@hazelrow.example.org")
SAM, KIM = "sam@example.org", "kim@example.net"
MAILBOX = "hello@imap.example.org/INBOX"
_numbers = count(1)

HOOK = """
import os, sys
with open(sys.argv[1], "a", encoding="utf-8") as out:
    secrets = [name for name in os.environ if name.startswith("KITH_") and "ALARM" not in name]
    print(os.environ["KITH_ALARM"], os.environ["KITH_ALARM_STATE"], secrets, file=out)
    print(sys.stdin.read(), file=out)
"""


@dataclass
class Door:
    """A way out for letters that can be shut."""

    letters: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    trouble: dict[str, DeliveryError] = field(default_factory=dict)

    def send(self, *, sender: str, recipient: str, content: bytes) -> str:
        if recipient in self.trouble:
            raise self.trouble[recipient]
        letter = message_from_bytes(content, policy=policy.default)
        assert isinstance(letter, EmailMessage)
        self.letters.append(letter)
        self.recipients.append(recipient)
        return "250 taken"

    def close(self) -> None:
        pass


@dataclass
class Clock:
    """A clock that a test sets."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class Watch:
    """A bell with its door, its command's notes, and its clock."""

    sessions: Sessions
    clock: Clock
    door: Door
    notes: Path
    bell: AlarmBell

    def poll(self, problem: str | None = None) -> None:
        with self.sessions.begin() as session:
            beat(session, poll_pulse(MAILBOX), self.clock(), problem=problem)

    def told(self) -> str:
        return self.notes.read_text(encoding="utf-8") if self.notes.exists() else ""


def operators(door: Door | None, notes: Path | None, *addresses: str) -> Operators:
    command = (sys.executable, "-c", HOOK, str(notes)) if notes else ()
    return Operators(
        sender=SENDER,
        new_id=lambda: f"<k.alarm{next(_numbers)}@hazelrow.example.org>",
        addresses=addresses,
        command=command,
        transport=door,
        environ={"PATH": "/usr/bin", "KITH_MAILBOX__PASSWORD": "s3cret"},
    )


@pytest.fixture
def make_watch(sessions: Sessions, now: datetime, tmp_path: Path) -> Callable[..., Watch]:
    def make(
        *addresses: str, command: bool = False, live: bool = True, at: Clock | None = None
    ) -> Watch:
        clock, door, notes = at or Clock(now), Door(), tmp_path / "notes"
        who = operators(door if live else None, notes if command else None, *addresses)
        bell = AlarmBell(sessions, who, lambda: Watching(is_live=live), clock)
        return Watch(sessions, clock, door, notes, bell)

    return make


MakeWatch = Callable[..., Watch]


def test_a_silence_is_told_once_and_its_end_once(make_watch: MakeWatch) -> None:
    watch = make_watch(SAM)
    watch.poll()
    assert watch.bell.look() == Rung()
    watch.clock.pass_by(minutes=16)
    watch.poll("imap.example.org refused hello@hazelrow.example.org.")
    assert watch.bell.look() == Rung(begun=1, letters=1)
    watch.clock.pass_by(minutes=30)
    assert watch.bell.look() == Rung()
    watch.poll()
    assert watch.bell.look() == Rung(over=1, letters=1)
    watch.clock.pass_by(minutes=1)
    watch.poll()
    assert watch.bell.look() == Rung()
    first, second = watch.door.letters
    assert "somebody to look" in first["Subject"]
    assert "not been able to look into it since 23:41" in first.get_content()
    assert "What to do:" in first.get_content()
    assert "well again" in second["Subject"]
    assert "It began at 23:57" in second.get_content()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_alarm_letter_names_nobody_and_is_marked_as_automatic(make_watch: MakeWatch) -> None:
    watch = make_watch(SAM)
    watch.poll("imap.example.org refused hello@hazelrow.example.org.")
    watch.bell.look()
    [letter] = watch.door.letters
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["To"] == SAM
    text = letter.get_content() + letter["Subject"]
    assert "@" not in text
    assert "example.org" not in text


def test_a_bell_made_anew_does_not_ring_again(make_watch: MakeWatch) -> None:
    watch = make_watch(SAM)
    watch.poll("No.")
    assert watch.bell.look().begun == 1
    restarted = make_watch(SAM, at=watch.clock)
    restarted.clock.pass_by(hours=5)
    assert restarted.bell.look() == Rung()


def test_of_several_machines_one_rings(make_watch: MakeWatch) -> None:
    watches = [make_watch(SAM) for _ in range(4)]
    watches[0].poll("No.")
    threads = [threading.Thread(target=watch.bell.look) for watch in watches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(len(watch.door.letters) for watch in watches) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_command_gets_the_words_and_the_key_and_none_of_our_secrets(
    make_watch: MakeWatch,
) -> None:
    watch = make_watch(command=True)
    watch.poll("No.")
    assert watch.bell.look() == Rung(begun=1)
    told = watch.told()
    assert told.startswith("silence-inbox-")
    assert " begun []\n" in told
    assert "Kith could never look into it" in told
    watch.poll()
    watch.bell.look()
    assert " over []\n" in watch.told()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_in_shadow_mode_no_letter_leaves_and_the_command_runs(make_watch: MakeWatch) -> None:
    watch = make_watch(SAM, command=True, live=False)
    watch.poll("No.")
    assert watch.bell.look() == Rung(begun=1)
    assert "begun" in watch.told()


def test_a_letter_that_cannot_leave_is_sent_later_and_the_command_runs_once(
    make_watch: MakeWatch,
) -> None:
    watch = make_watch(SAM, command=True)
    watch.door.trouble[SAM] = DeliveryError("The mail server could not be reached.")
    watch.poll("No.")
    assert watch.bell.look() == Rung(begun=1)
    watch.clock.pass_by(minutes=9)
    assert watch.bell.look() == Rung()
    watch.door.trouble.clear()
    watch.clock.pass_by(minutes=2)
    assert watch.bell.look() == Rung(begun=1, letters=1)
    watch.clock.now += 2 * TELL_AGAIN_AFTER
    assert watch.bell.look() == Rung()
    assert watch.told().count("begun") == 1


@pytest.mark.parametrize(
    "error",
    [DeliveryError("Refused.", permanent=True), DeliveryError("Who knows?", sent_unknown=True)],
)
def test_a_letter_that_was_refused_or_may_have_left_is_not_sent_again(
    make_watch: MakeWatch, error: DeliveryError
) -> None:
    watch = make_watch(SAM)
    watch.door.trouble[SAM] = error
    watch.poll("No.")
    watch.bell.look()
    watch.door.trouble.clear()
    watch.clock.pass_by(minutes=30)
    assert watch.bell.look() == Rung()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_one_bad_address_keeps_nobody_else_from_knowing(make_watch: MakeWatch) -> None:
    watch = make_watch("no address", SAM, KIM)
    watch.door.trouble[SAM] = DeliveryError("Refused.", permanent=True)
    watch.poll("No.")
    assert watch.bell.look().letters == 1
    assert watch.door.recipients == [KIM]


def test_what_was_noted_but_never_told_is_told_by_whoever_comes_next(
    make_watch: MakeWatch, sessions: Sessions
) -> None:
    watch = make_watch(SAM)
    watch.poll("No.")
    watch.bell.look()
    with sessions.begin() as session:  # as if the power had failed before the letter left
        session.execute(update(PULSES).where(PULSES.c.name.like("alarm %")).values(well_at=None))
    watch.clock.pass_by(minutes=11)
    assert watch.bell.look() == Rung(begun=1, letters=1)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_several_troubles_at_once_are_one_letter(make_watch: MakeWatch) -> None:
    watch = make_watch(SAM)
    watch.poll("No.")
    with watch.sessions.begin() as session:
        beat(session, poll_pulse("old@imap.example.org/INBOX"), watch.clock(), problem="No.")
    assert watch.bell.look() == Rung(begun=2, letters=1)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_storm_ends_after_twenty_letters_and_the_last_says_so(make_watch: MakeWatch) -> None:
    watch = make_watch(SAM, KIM, "lee@example.com")
    watch.poll()
    for _ in range(20):
        watch.poll("No.")
        watch.clock.pass_by(seconds=20)
        with watch.sessions.begin() as session:
            session.execute(update(PULSES).where(PULSES.c.name.like("poll %")).values(well_at=None))
        watch.bell.look()
        watch.poll()
        watch.bell.look()
    assert len(watch.door.letters) == LETTERS_PER_DAY
    assert "last alarm mail for today" in watch.door.letters[-1].get_content()
    assert "last alarm mail for today" not in watch.door.letters[0].get_content()
    watch.clock.pass_by(days=1)
    watch.poll("No.")
    assert watch.bell.look().letters == 3


def test_a_database_that_is_gone_is_told_once_and_its_return_once(
    tmp_path: Path, now: datetime
) -> None:
    clock, door, notes = Clock(now), Door(), tmp_path / "notes"
    lost = tmp_path / "not" / "there.sqlite3"
    sessions = make_sessions(make_engine(f"sqlite:///{lost}"))
    who = operators(door, notes, SAM)
    bell = AlarmBell(sessions, who, lambda: Watching(is_live=True), clock)
    assert bell.look() == Rung(begun=1, letters=1)
    clock.pass_by(minutes=30)
    assert bell.look() == Rung()
    assert "cannot use its database" in door.letters[0].get_content()
    lost.parent.mkdir()
    _make_tables(f"sqlite:///{lost}")
    assert bell.look() == Rung(over=1, letters=1)
    assert bell.look() == Rung()
    assert [line for line in notes.read_text().splitlines() if line.startswith("database ")] == [
        "database begun []",
        "database over []",
    ]


def _make_tables(url: str) -> None:
    from config.database import Base

    engine = make_engine(url)
    Base.metadata.create_all(engine)
    engine.dispose()


def test_while_the_database_is_gone_a_letter_that_cannot_leave_is_tried_again(
    tmp_path: Path, now: datetime
) -> None:
    clock, door = Clock(now), Door()
    door.trouble[SAM] = DeliveryError("Not now.")
    sessions = make_sessions(make_engine(f"sqlite:///{tmp_path / 'not' / 'there.sqlite3'}"))
    bell = AlarmBell(sessions, operators(door, None, SAM), lambda: Watching(is_live=True), clock)
    assert bell.look() == Rung(begun=1)
    door.trouble.clear()
    clock.pass_by(minutes=5)
    assert bell.look() == Rung()
    clock.pass_by(minutes=6)
    assert bell.look() == Rung(begun=1, letters=1)
    clock.pass_by(minutes=60)
    assert bell.look() == Rung()
