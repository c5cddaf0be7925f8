"""The command hook: a program of the operators' own, started for each alarm. No shell is used."""

import logging
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress

from casework.alarms.book import Ring
from casework.alarms.letter import in_words

log = logging.getLogger(__name__)

TIME_LIMIT_S = 30.0
OURS = "KITH_"


def run_command(
    command: Sequence[str],
    ring: Ring,
    environ: Mapping[str, str],
    *,
    time_limit: float = TIME_LIMIT_S,
) -> bool:
    """Start the command with the alarm's words on its standard input; return whether it went well.

    It finds KITH_ALARM (the key) and KITH_ALARM_STATE (begun or over) in its environment, and of
    Kith's own settings, passwords among them, nothing. After `time_limit` seconds it is ended, with
    all that it started. A failure is logged and never raised.
    """
    try:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_environment(ring, environ),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        log.error("alarm=%s the command could not be started (%s)", ring.key, type(error).__name__)
        return False
    try:
        process.communicate(in_words(ring).encode("utf-8", "replace"), timeout=time_limit)
    except subprocess.TimeoutExpired:
        _end(process)
        log.error("alarm=%s the command took more than %.0f seconds", ring.key, time_limit)
        return False
    if process.returncode != 0:
        log.error("alarm=%s the command ended with %d", ring.key, process.returncode)
    return process.returncode == 0


def _environment(ring: Ring, environ: Mapping[str, str]) -> dict[str, str]:
    theirs = {name: value for name, value in environ.items() if not name.startswith(OURS)}
    return theirs | {"KITH_ALARM": ring.key, "KITH_ALARM_STATE": ring.state.value}


def _end(process: "subprocess.Popen[bytes]") -> None:
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        with suppress(OSError):
            process.stdin.close()
