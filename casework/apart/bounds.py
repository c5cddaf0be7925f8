"""What a child may take of the machine, set by the child itself before it reads any mail."""

import contextlib
import ctypes
import math
import os
import resource
import signal
import sys
import time
from pathlib import Path

LEEWAY_SECONDS = 5
"""The parent kills in time; these are for a child whose parent does not live any more."""
_PR_SET_PDEATHSIG = 1


def leave_stopping_to_the_parent() -> None:
    """Take no notice of Ctrl-C and SIGTERM, which a terminal or systemd sends to all of us."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def die_with(parent: int) -> None:
    """End this process when the one with the number `parent` ends (Linux; elsewhere see below)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we could ask
        os._exit(0)


def bound_memory(size: int) -> None:
    """Let this process have `size` bytes at most, be the first to go, and leave no core behind.

    A core would hold somebody's letter.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, ValueError):  # macOS knows no such bound
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
    with contextlib.suppress(OSError):  # Linux: whom to kill when memory runs out
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def bound_time(seconds: float) -> None:
    """Be ended by the system when this takes much longer than `seconds`, working or waiting."""
    signal.setitimer(signal.ITIMER_REAL, seconds + LEEWAY_SECONDS)
    most = math.ceil(time.process_time() + seconds) + LEEWAY_SECONDS
    _, highest = resource.getrlimit(resource.RLIMIT_CPU)
    if highest == resource.RLIM_INFINITY or most < highest:
        resource.setrlimit(resource.RLIMIT_CPU, (most, highest))


def unbound_time() -> None:
    """Take the bound on waiting off again."""
    signal.setitimer(signal.ITIMER_REAL, 0)
