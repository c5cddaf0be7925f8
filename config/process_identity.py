"""Who claimed this work, and is that process certainly gone?

A claim carries `this_process()`. After a crash, a claim whose owner is certainly gone need not
wait until its lease ends. Certainty is only had on Linux, on the same machine: everywhere else
`is_gone` says no and the lease decides.
"""

import os
import secrets
import socket
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

LONGEST = 140
"""Characters of `this_process()` at most: a suffix such as "|worker-2" fits beside it in 200."""

UNKNOWN = "-"
FIRST_NAMESPACE = "4026531836"
"""The PID namespace of a machine itself; a container has another one."""

_MACHINE_ID = Path("/etc/machine-id")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_GONE_STATES = ("Z", "X", "x")


@dataclass(frozen=True, slots=True)
class _Identity:
    """The parts of an owner's name, in their order."""

    host: str
    machine: str
    boot: str
    namespace: str
    pid: str
    started: str

    def __str__(self) -> str:
        parts = (self.host, self.machine, self.boot, self.namespace, self.pid, self.started)
        return "|".join(parts)


@dataclass(frozen=True, slots=True)
class _ProcessState:
    started: str
    letter: str
    threads: int

    @property
    def is_over(self) -> bool:
        """Dead but not yet buried; with more threads it is only the first thread that ended."""
        return self.letter in _GONE_STATES and self.threads <= 1


def this_process() -> str:
    """Return the name of this process: the same while it lives, never used again by another.

    A fork has a name of its own. Anything may be added after another `|`.
    """
    return str(_identity(os.getpid()))


def is_gone(owner: str) -> bool:
    """Return True only if it is certain that the process named `owner` runs no more.

    Certain is: same boot, same PID namespace, and no such process, or another one under its
    number. Or: same machine (not a container) since started anew. Machines must not share both
    name and machine-id, as careless clones do. False means "not known to be gone".
    """
    parts = owner.split("|")
    if len(parts) < 6:
        return False
    them, us = _Identity(*parts[:6]), _identity(os.getpid())
    if UNKNOWN in (them.boot, them.namespace, us.boot, us.namespace):
        return False
    if them.boot != us.boot:
        return _same_machine(them, us)
    return them.namespace == us.namespace and _process_is_gone(them.pid, them.started)


def was_before_restart(owner: str) -> bool:
    """Return True if it is certain that this machine was started anew since `owner` lived.

    What it had just written may be lost, if that was a power cut.
    """
    parts = owner.split("|")
    if len(parts) < 6:
        return False
    them, us = _Identity(*parts[:6]), _identity(os.getpid())
    known = UNKNOWN not in (them.boot, them.namespace, us.boot, us.namespace)
    return known and them.boot != us.boot and _same_machine(them, us)


def can_tell_restarts() -> bool:
    """Return whether `was_before_restart` will know of this process after a restart."""
    us = _identity(os.getpid())
    return UNKNOWN not in (us.boot, us.namespace) and _same_machine(us, us)


def _same_machine(them: _Identity, us: _Identity) -> bool:
    return (
        us.machine != UNKNOWN
        and (them.machine, them.host, them.namespace) == (us.machine, us.host, us.namespace)
        and us.namespace.split("+")[0] == FIRST_NAMESPACE
    )


def _process_is_gone(pid: str, started: str) -> bool:
    if not (pid.isascii() and pid.isdigit() and len(pid) < 10 and int(pid) > 0):
        return False
    if not _exists(int(pid)):
        return True
    state = _state_of(pid)
    return state is not None and (state.started != started or state.is_over)


def _exists(pid: int) -> bool:
    # Asked of the kernel, not of /proc, where hidepid= may hide the processes of other users.
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


@lru_cache(maxsize=1)
def _identity(pid: int) -> _Identity:
    host = _safe(socket.gethostname())[:40] or UNKNOWN
    state, boot, namespace = _state_of(str(pid)), _read(_BOOT_ID), _namespaces()
    if state is None or not boot or not namespace or not _proc_shows_us():
        return _Identity(host, UNKNOWN, UNKNOWN, UNKNOWN, str(pid), secrets.token_hex(6))
    return _Identity(host, _machine(), boot[:36], namespace, str(pid), state.started)


def _machine() -> str:
    # systemd asks that the machine's number itself be kept confidential.
    number = _read(_MACHINE_ID)
    return blake2b(number.encode(), digest_size=6).hexdigest() if len(number) == 32 else UNKNOWN


def _namespaces() -> str:
    """Return the PID and time namespaces: start times are told by the clock of the latter."""
    try:
        names = [os.readlink(f"/proc/self/ns/{kind}") for kind in ("pid", "time")]
    except OSError:
        return ""
    return "+".join("".join(filter(str.isdigit, name)) for name in names)


def _proc_shows_us() -> bool:
    """Whether /proc belongs to our PID namespace; a sandbox may leave the outer one mounted."""
    try:
        return os.readlink("/proc/self") == str(os.getpid())
    except OSError:
        return False


def _state_of(pid: str) -> _ProcessState | None:
    _, bracket, rest = _read(Path("/proc") / pid / "stat").rpartition(")")
    fields = rest.split()
    if not bracket or len(fields) < 20 or not fields[17].isdigit():
        return None
    return _ProcessState(started=fields[19], letter=fields[0], threads=int(fields[17]))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _safe(name: str) -> str:
    return "".join(
        each if each.isascii() and (each.isalnum() or each in ".-_") else "_" for each in name
    )
