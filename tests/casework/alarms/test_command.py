"""The command hook: it may fail in every way and stop nothing."""

import os
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest

from casework.alarms.book import Ring, RingState
from casework.alarms.command import run_command


@pytest.fixture
def ring(now: datetime) -> Ring:
    return Ring("canary", RingState.BEGUN, "It is not back.", "Look.", now, now)


def test_a_command_that_is_not_there_is_no_more_than_a_line_in_the_log(
    ring: Ring, caplog: pytest.LogCaptureFixture
) -> None:
    assert not run_command(("/no/such/program",), ring, {})
    assert "alarm=canary" in caplog.text


def test_a_command_that_fails_says_so(ring: Ring, caplog: pytest.LogCaptureFixture) -> None:
    assert not run_command((sys.executable, "-c", "raise SystemExit(3)"), ring, {})
    assert "ended with 3" in caplog.text


def test_a_command_that_does_not_read_its_words_does_no_harm(ring: Ring) -> None:
    assert run_command((sys.executable, "-c", "pass"), ring, {})


def test_no_shell_looks_at_the_words(ring: Ring, tmp_path: Path) -> None:
    target = tmp_path / "made"
    assert run_command(("/bin/echo", f"; touch {target}"), ring, {})
    assert not target.exists()


def test_a_command_that_hangs_is_ended_with_what_it_started(ring: Ring, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    script = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(pid_file)!r}, 'w').write(str(child.pid))\n"
        "time.sleep(60)\n"
    )
    assert not run_command((sys.executable, "-c", script), ring, {}, time_limit=1.5)
    child = int(pid_file.read_text())
    for _ in range(100):
        if not _is_running(child):
            return
        time.sleep(0.05)
    raise AssertionError("the command's child still runs")


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state != "Z"
