"""Is the owner of a claim certainly gone? Asked of real processes that really die."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from config.process_identity import (
    LONGEST,
    can_tell_restarts,
    is_gone,
    this_process,
    was_before_restart,
)

on_linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux tells enough to be certain"
)
CHILD = """
import sys
from config.process_identity import this_process
print(this_process(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def child() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        yield process
        process.kill()


def name_of(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def changed(owner: str, part: int, value: str) -> str:
    parts = owner.split("|")
    parts[part] = value
    return "|".join(parts)


def test_a_process_keeps_its_name_in_every_thread() -> None:
    told: list[str] = []
    thread = threading.Thread(target=lambda: told.append(this_process()))
    thread.start()
    thread.join()
    assert told == [this_process()]


def test_the_name_is_short_and_plain() -> None:
    assert len(this_process()) <= LONGEST
    assert this_process().isascii()
    assert this_process().isprintable()
    assert len(this_process().split("|")) == 6


def test_we_are_not_gone() -> None:
    assert not is_gone(this_process())
    assert not is_gone(this_process() + "|worker-2")


@on_linux
def test_a_living_child_is_not_gone_and_a_killed_one_is(child: subprocess.Popen[str]) -> None:
    owner = name_of(child)
    assert owner != this_process()
    assert not is_gone(owner)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert is_gone(owner)
    assert is_gone(owner + "|worker-2")


@on_linux
def test_a_killed_child_is_gone_even_before_its_parent_looks(child: subprocess.Popen[str]) -> None:
    owner = name_of(child)
    child.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and left unburied
    assert is_gone(owner)


@on_linux
def test_a_stopped_child_is_not_gone(child: subprocess.Popen[str]) -> None:
    owner = name_of(child)
    child.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
    assert not is_gone(owner)


@on_linux
def test_another_process_under_the_same_number_does_not_keep_a_claim_alive() -> None:
    started = int(this_process().split("|")[5])
    assert is_gone(changed(this_process(), 5, str(started - 1)))


@on_linux
def test_a_fork_has_a_name_of_its_own() -> None:
    ours = this_process()
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(write_end, this_process().encode())
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as told:
        theirs = told.read()
    os.waitpid(pid, 0)
    assert theirs != ours
    assert theirs.split("|")[4] == str(pid)
    assert is_gone(theirs)
    assert this_process() == ours


@on_linux
def test_a_process_of_another_user_is_seen_to_live() -> None:
    assert not is_gone(changed(changed(this_process(), 4, "1"), 5, start_of(1)))


def start_of(pid: int) -> str:
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return stat.read().rpartition(")")[2].split()[19]


@on_linux
def test_another_container_is_not_judged() -> None:
    dead = changed(this_process(), 5, "1")
    assert is_gone(dead)
    assert not is_gone(changed(dead, 3, "4026539999+4026531834"))


@on_linux
def test_an_earlier_boot_of_this_machine_is_gone_and_another_machines_is_not_judged() -> None:
    earlier = changed(this_process(), 2, "00000000-0000-0000-0000-000000000000")
    here_is_certain = this_process().split("|")[1] != "-" and this_process().split("|")[
        3
    ].startswith("4026531836+")
    assert is_gone(earlier) is here_is_certain
    assert not is_gone(changed(earlier, 0, "another-machine"))
    assert not is_gone(changed(earlier, 1, "0123456789ab"))
    assert not is_gone(changed(earlier, 1, "-"))


@pytest.mark.parametrize("part", [2, 3])
def test_what_is_unknown_about_an_owner_is_never_held_against_it(part: int) -> None:
    assert not is_gone(changed(changed(this_process(), 4, "999999999"), part, "-"))


@pytest.mark.parametrize("pid", ["", "-1", "0", "1e3", "٣", "9" * 40, "../1"])
def test_an_owner_whose_number_makes_no_sense_is_not_judged(pid: str) -> None:
    assert not is_gone(changed(this_process(), 4, pid))


@pytest.mark.parametrize("owner", ["", "worker-1", "|", "a|b|c|d|e|f", "|||||", "\x00|" * 9])
def test_a_name_that_is_not_ours_is_not_judged(owner: str) -> None:
    assert not is_gone(owner)


def test_an_owner_of_an_earlier_boot_of_this_machine_lived_before_the_restart() -> None:
    host, machine, _boot, *rest = this_process().split("|")
    earlier = "|".join((host, machine, "00000000-0000-0000-0000-000000000000", *rest))
    assert was_before_restart(earlier) == can_tell_restarts()
    assert not was_before_restart(this_process())
    assert not was_before_restart(f"another-{earlier}")
    assert not was_before_restart("nonsense")
