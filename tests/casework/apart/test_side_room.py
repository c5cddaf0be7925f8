"""The side room: a dangerous mail kills the child at most, and in time."""

import os
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from casework.apart.errors import JudgedInVainError, NoSideRoomError, StoppedError
from casework.apart.messages import Task
from casework.apart.side_room import SideRoom
from casework.judging import Judged, Judges, judge, load_judges
from intake.screening import Verdict
from tests.casework.desks import a_mail

JUDGES = "tests.casework.apart.dangerous_judges"
NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
TASK = Task(7, NOW, NOW, is_whole=True)
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def judges() -> Judges:
    return load_judges(own_addresses=frozenset({"hello@kith.example.org"}))


@pytest.fixture(scope="module")
def shared_room() -> Iterator[SideRoom]:
    """Give one room for all tests that leave it as it was or must find it usable again."""
    room = SideRoom(judge=f"{JUDGES}:obey", seconds=30, memory_bytes=600_000_000)
    yield room
    room.close()


def ask(room: SideRoom, judges: Judges, *pieces: bytes, task: Task = TASK) -> Judged:
    return room.judge(lambda: pieces, task, judges, lambda: False)


def please(what: str) -> bytes:
    return a_mail(NOW, subject=f"please {what}")


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_it_says_of_a_mail_what_would_be_said_in_this_process(
    shared_room: SideRoom, judges: Judges
) -> None:
    raw = a_mail(NOW, "She has taken all her tablets. My hearing is on 3 May 2026.")

    told = ask(shared_room, judges, raw[:100], b"", raw[100:])

    assert told == judge(raw, received_at=NOW, judges=judges, now=NOW)
    assert told.risk.level == "now"


def test_the_child_is_kept_for_the_next_mail(shared_room: SideRoom, judges: Judges) -> None:
    ask(shared_room, judges, a_mail(NOW))
    first = shared_room.child

    ask(shared_room, judges, a_mail(NOW, "Another one"))

    assert first is not None
    assert shared_room.child == first


def test_an_empty_mail_is_judged_too(shared_room: SideRoom, judges: Judges) -> None:
    assert ask(shared_room, judges, b"").screening.verdict is Verdict.UNREADABLE
    assert ask(shared_room, judges).screening.verdict is Verdict.UNREADABLE


def test_a_mail_of_which_only_the_beginning_came_is_said_to_be_one(
    shared_room: SideRoom, judges: Judges
) -> None:
    task = Task(7, NOW, NOW, is_whole=False)

    assert "Too large" in ask(shared_room, judges, a_mail(NOW), task=task).message.defects[-1]


@pytest.mark.parametrize("what", ["loop", "sleep", "wait for a lock"])
def test_a_mail_that_hangs_costs_its_child_its_life_when_the_time_is_up(
    judges: Judges, what: str
) -> None:
    room = SideRoom(judge=f"{JUDGES}:obey", seconds=0.3)
    room.make_ready(judges, lambda: False)
    child = room.child
    assert child is not None

    with pytest.raises(JudgedInVainError, match=r"takes longer than 0\.3 seconds"):
        ask(room, judges, please(what))

    assert not is_alive(child)
    assert room.child is None


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("leave", r"died \(exit code 3\)"),
        ("leave in peace", r"died \(exit code 0\)"),
        ("crash", r"died \(signal 11\)"),
        ("eat", r"failed \(MemoryError\)"),
        ("fail", r"failed \(ZeroDivisionError\)"),
    ],
)
def test_a_mail_that_kills_its_child_has_failed_and_the_next_one_is_judged(
    shared_room: SideRoom, judges: Judges, what: str, told: str
) -> None:
    with pytest.raises(JudgedInVainError, match=told) as caught:
        ask(shared_room, judges, please(what))

    assert "words of the mail" not in str(caught.value)
    assert ask(shared_room, judges, a_mail(NOW)).screening.verdict is Verdict.PERSONAL


def test_an_idle_child_goes_by_itself_and_a_new_one_comes_when_needed(judges: Judges) -> None:
    room = SideRoom(judge=f"{JUDGES}:obey", seconds=30, idle_seconds=0.2)
    ask(room, judges, a_mail(NOW))

    wait_until(lambda: room.child is None)

    assert ask(room, judges, a_mail(NOW)).is_readable
    room.close()


def test_a_stop_is_heard_while_a_mail_is_judged(judges: Judges) -> None:
    room = SideRoom(judge=f"{JUDGES}:obey", seconds=600)
    room.make_ready(judges, lambda: False)
    child = room.child
    assert child is not None

    with pytest.raises(StoppedError):
        room.judge(lambda: [please("sleep")], TASK, judges, lambda: True)

    assert not is_alive(child)


def test_other_rules_are_given_to_another_child(shared_room: SideRoom, judges: Judges) -> None:
    ours = load_judges(own_addresses=frozenset({"bron@example.org"}))
    first = ask(shared_room, judges, a_mail(NOW)).screening

    second = ask(shared_room, ours, a_mail(NOW)).screening

    assert (first.rule, second.rule) != (first.rule, first.rule)


def test_the_child_sees_no_secret_of_ours(judges: Judges, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KITH_MAILBOX_PASSWORD", "hunter2")
    room = SideRoom(judge=f"{JUDGES}:tell_surroundings", seconds=30)

    seen = ask(room, judges, b"Subject: x\n\ny").message.text

    assert "-I -c" in seen
    assert "KITH" not in seen
    assert "hunter2" not in seen
    room.close()


def test_what_a_child_answers_runs_nothing_here(judges: Judges) -> None:
    room = SideRoom(judge=f"{JUDGES}:not_ours", seconds=30)

    with pytest.raises(JudgedInVainError, match="UnpicklingError"):
        ask(room, judges, a_mail(NOW))

    assert not Path("/tmp/kith-was-attacked").exists()


def test_where_no_child_can_be_started_it_is_said_and_not_the_mails_fault(
    judges: Judges, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(NoSideRoomError, match="more memory"):
        ask(SideRoom(), judges, a_mail(NOW))
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(NoSideRoomError, match="did not begin"):
        ask(SideRoom(), judges, a_mail(NOW))


def test_a_child_does_not_outlive_its_parent() -> None:
    program = """
import sys
from casework.apart.side_room import SideRoom
from casework.judging import load_judges
from tests.casework.apart.test_side_room import TASK, please
room, judges = SideRoom(judge=sys.argv[1]), load_judges()
room.make_ready(judges, lambda: False)
print(room.child, flush=True)
room.judge(lambda: [please("sleep")], TASK, judges, lambda: False)
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", program, f"{JUDGES}:obey"], stdout=subprocess.PIPE, cwd=ROOT
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert is_alive(child)

    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()

    wait_until(lambda: not is_alive(child))


def test_this_process_holds_a_large_mail_at_most_once(
    shared_room: SideRoom, judges: Judges
) -> None:
    shared_room.make_ready(judges, lambda: False)
    head = a_mail(NOW) + b"\r\n"

    def pieces() -> Iterator[bytes]:
        yield head
        for _ in range(25):
            yield b"Please may I join?\r\n" * 50_000

    tracemalloc.start()
    judged = shared_room.judge(pieces, TASK, judges, lambda: False)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(judged.message.text) > 900_000
    assert peak < 12_000_000  # two pieces, and the answer with its first million characters
