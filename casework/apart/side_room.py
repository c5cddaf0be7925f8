"""The side room: where mails are judged that may be dangerous to read.

A mail of many megabytes takes memory, one that failed before may fail again, and one that was in
the hands of a worker that died may have killed it. They are judged by a child process, which is
killed when the time is up; the mail then has failed, and all others go on.

If the power fails here: nothing is written here. A child never outlives its parent.
"""

import contextlib
import logging
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterable

from casework.apart.errors import JudgedInVainError, NoSideRoomError
from casework.apart.messages import JUDGED, READY, Orders, Task, unpickle_judged
from casework.apart.wires import GoneError, LateError, Wires
from casework.judging import Judged, Judges

log = logging.getLogger(__name__)

JUDGE = "casework.judging:judge"
SECONDS = 20.0
IDLE_SECONDS = 30.0
MEMORY_BYTES = 1 << 30
"""A mail of 50 MB takes less than half of it."""
START_SECONDS = 60.0
_DYING_SECONDS = 5.0
_CLEAN_EXIT = 0
# Given the import path, not PYTHONPATH: -I lets nothing from outside in.
_START = (
    "import sys; sys.path[:] = sys.argv[1].split('\\n'); "
    "from casework.apart.child import main; main()"
)
_ENVIRONMENT = ("LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "TZ")
"""What a child gets of our environment; the rest may hold passwords."""


class SideRoom:
    """Judges mails in a child, which is started when needed and goes by itself when it is not.

    For one thread at a time.
    """

    def __init__(
        self,
        *,
        judge: str = JUDGE,
        seconds: float = SECONDS,
        memory_bytes: int = MEMORY_BYTES,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._judge, self._seconds = judge, seconds
        self._memory_bytes, self._idle_seconds = memory_bytes, idle_seconds
        self._child: _Child | None = None

    @property
    def child(self) -> int | None:
        """Return the number of the child process, None if there is none."""
        self.tidy()
        return self._child.pid if self._child else None

    def make_ready(self, judges: Judges, should_stop: Callable[[], bool]) -> None:
        """Start the child unless it is there.

        Raises `NoSideRoomError`, and `StoppedError` when told to stop meanwhile.
        """
        self.tidy()
        if self._child is not None and self._child.judges is not judges:
            self.close()
        if self._child is None:
            self._child = self._start(judges, should_stop)

    def judge(
        self,
        pieces: Callable[[], Iterable[bytes]],
        task: Task,
        judges: Judges,
        should_stop: Callable[[], bool],
    ) -> Judged:
        """Return what is to be thought of the mail whose bytes `pieces()` are.

        Raises `JudgedInVainError` if the mail is to blame, `NoSideRoomError` if the machine is,
        and `StoppedError` within a moment of being told to stop.
        """
        self.make_ready(judges, should_stop)
        try:
            return self._ask(pieces(), task, should_stop)
        except _LeftByItselfError:  # it had waited long enough just as we came
            self.make_ready(judges, should_stop)
        try:
            return self._ask(pieces(), task, should_stop)
        except _LeftByItselfError:
            raise JudgedInVainError.was_deadly(_CLEAN_EXIT) from None

    def tidy(self) -> None:
        """Bury a child that has gone by itself; cheap."""
        if self._child is not None and self._child.is_gone():
            self.close()

    def close(self) -> None:
        """End the child, whatever it is at."""
        child, self._child = self._child, None
        if child is not None:
            child.end()

    def _start(self, judges: Judges, should_stop: Callable[[], bool]) -> "_Child":
        orders = Orders(
            parent=os.getpid(),
            judge=self._judge,
            judges=judges,
            seconds=self._seconds,
            memory_bytes=self._memory_bytes,
            idle_seconds=self._idle_seconds,
            log_level=logging.getLogger().getEffectiveLevel(),
        )
        try:
            child = _Child(judges)
        except OSError as error:
            raise NoSideRoomError(error.strerror or type(error).__name__) from None
        try:
            child.wires.allow(START_SECONDS, should_stop)
            child.wires.send(pickle.dumps(orders, pickle.HIGHEST_PROTOCOL))
            if child.wires.receive() != READY:
                raise GoneError
        except (GoneError, LateError) as error:
            code = child.await_end() if isinstance(error, GoneError) else child.end()
            raise NoSideRoomError(f"it did not begin, exit code {code}") from None
        except BaseException:
            child.end()
            raise
        return child

    def _ask(self, pieces: Iterable[bytes], task: Task, should_stop: Callable[[], bool]) -> Judged:
        assert self._child is not None
        wires = self._child.wires
        try:
            wires.allow(self._seconds, should_stop)
            wires.send(pickle.dumps(task, pickle.HIGHEST_PROTOCOL))
            for piece in filter(None, pieces):  # an empty frame ends them
                wires.send(piece)
            wires.send(b"")
            answer = wires.receive()
        except LateError:
            self.close()
            raise JudgedInVainError.took_too_long(self._seconds) from None
        except GoneError:
            raise self._death() from None
        except BaseException:
            self.close()  # half a task or half an answer is in the pipes
            raise
        return self._read(answer)

    def _read(self, answer: bytes) -> Judged:
        if answer[:1] != JUDGED:
            self.close()
            raise JudgedInVainError.failed(answer[1:100].decode("ascii", "replace"))
        try:
            return unpickle_judged(memoryview(answer)[1:])
        except Exception as error:
            self.close()
            raise JudgedInVainError.failed(type(error).__name__) from None

    def _death(self) -> Exception:
        child, self._child = self._child, None
        exit_code = child.await_end() if child else _CLEAN_EXIT
        if exit_code == _CLEAN_EXIT:
            return _LeftByItselfError()
        return JudgedInVainError.was_deadly(exit_code)


class _LeftByItselfError(Exception):
    """The child ended in peace, perhaps before it saw the task."""


class _Child:
    """One child process. Raises OSError when it cannot be started."""

    def __init__(self, judges: Judges) -> None:
        path = "\n".join(os.path.abspath(each) for each in sys.path)
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", _START, path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._pipes = (self._process.stdin, self._process.stdout)
        self.judges = judges
        self.pid = self._process.pid
        self.wires = Wires(self._pipes[0].fileno(), self._pipes[1].fileno(), lambda: False)

    def is_gone(self) -> bool:
        """Return whether it has ended."""
        return self._process.poll() is not None

    def end(self) -> int:
        """Kill it; return its exit code."""
        self._hang_up()
        self._process.kill()
        return self._process.wait()

    def await_end(self) -> int:
        """Return the exit code with which it is ending, at most a few seconds from now."""
        self._hang_up()
        try:
            return self._process.wait(_DYING_SECONDS)
        except subprocess.TimeoutExpired:
            return self.end()

    def _hang_up(self) -> None:
        for pipe in self._pipes:
            with contextlib.suppress(OSError):
                pipe.close()
