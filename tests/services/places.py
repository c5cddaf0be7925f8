"""Where a private server runs: its directory, the user it runs as, and a port of its own."""

import grp
import os
import pwd
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.errors import KithError

LOOPBACK = "127.0.0.1"


class ServiceMissingError(KithError):
    """A server program that the tests need is not installed."""


class ServiceBrokenError(KithError):
    """A server was started and did not come up; the message ends with its log."""


@dataclass(frozen=True)
class RunAs:
    """The user that a server's processes belong to."""

    name: str
    uid: int
    group: str
    gid: int

    @property
    def switch_uid(self) -> int | None:
        """Return what `subprocess` takes as `user`: None when we are that user anyway."""
        return self.uid if os.geteuid() == 0 else None

    @property
    def switch_gid(self) -> int | None:
        """Return what `subprocess` takes as `group`."""
        return self.gid if os.geteuid() == 0 else None

    @property
    def switch_groups(self) -> list[int] | None:
        """Return what `subprocess` takes as `extra_groups`: none of root's."""
        return [] if os.geteuid() == 0 else None


def run_as(*preferred: str) -> RunAs:
    """Return the first existing user of `preferred` when we are root, else ourselves.

    Neither PostgreSQL nor Dovecot's mail processes agree to run as root.
    """
    if os.geteuid() != 0:
        return _run_as(pwd.getpwuid(os.geteuid()))
    for name in (*preferred, "nobody"):
        try:
            return _run_as(pwd.getpwnam(name))
        except KeyError:
            continue
    raise ServiceMissingError("There is no user called nobody; add one to run the tests as root.")


def _run_as(user: pwd.struct_passwd) -> RunAs:
    return RunAs(user.pw_name, user.pw_uid, grp.getgrgid(user.pw_gid).gr_name, user.pw_gid)


def make_directory(parent: Path, name: str, owner: RunAs) -> Path:
    """Make a directory that `owner` can reach and write: below `parent`, or in /tmp for root.

    pytest's own directories are closed to everyone but their owner, so a server that leaves
    root behind could not enter them.
    """
    if os.geteuid() != 0:
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=parent))
    directory = Path(tempfile.mkdtemp(prefix=f"kith-{name}-"))
    directory.chmod(0o755)
    give_to(directory, owner)
    return directory


def give_to(path: Path, owner: RunAs) -> None:
    """Make `path` belong to `owner`, if we may give things away at all."""
    if os.geteuid() == 0:
        os.chown(path, owner.uid, owner.gid)


def remove_directory(directory: Path) -> None:
    """Remove what `make_directory` made; a file that is busy vanishing is no error."""
    shutil.rmtree(directory, ignore_errors=True)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Look until `condition` holds or `seconds` have passed; return whether it held."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def is_listening(port: int) -> bool:
    """Return whether somebody accepts connections on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex((LOOPBACK, port)) == 0


def dies_with_us(signal_name: str) -> list[str]:
    """Return what to put before a command so that it gets a signal when this process is killed.

    A test run that is killed cannot stop its servers itself.
    """
    program = shutil.which("setpriv")
    return [program, "--pdeathsig", signal_name] if program else []


def tail(log: Path) -> str:
    """Return the end of a log, for an error that must say why."""
    try:
        return log.read_text(errors="replace")[-2000:]
    except OSError:
        return "(no log)"


@contextmanager
def cleaned_up(directory: Path) -> Iterator[None]:
    """Remove `directory` if what happens inside fails: a start that failed leaves nothing."""
    try:
        yield
    except BaseException:
        remove_directory(directory)
        raise
