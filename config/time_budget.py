"""A time budget for work in this process: `with time_budget(20): …`.

When the time is up, `TimeIsUpError` is raised in the thread that works, between two of its steps.
It waits for calls that leave Python (a sleep, one regular expression): what may hang in those must
be done in another process.

Never after the block, because a budget is shot at once at most, and:
- a block that is left takes its budget from the list under the lock under which shots are fired,
  so that no shot can be fired afterwards;
- a shot that was fired and did not hit yet is caught while the block is left;
- a shot that hits while the block is being left comes out of the `with` statement, and was the
  only one.
"""

import ctypes
import logging
import os
import threading
import time
from types import TracebackType

log = logging.getLogger(__name__)

# The C function gives an exception to a thread, in place of one that was not raised yet.
_GIVE = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p)(
    ("PyThreadState_SetAsyncExc", ctypes.pythonapi)
)


class TimeIsUpError(BaseException):
    """The time of the block is up. Not an `Exception`: no careful handler in it may swallow it."""


class Budget:
    """The time that one block has; made by `time_budget`."""

    __slots__ = ("is_shot", "seconds", "thread", "until")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.until = 0.0
        self.thread = 0
        self.is_shot = False

    def __enter__(self) -> None:
        self.thread = threading.get_ident()
        self.until = time.monotonic() + self.seconds
        _WATCH.begin(self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _WATCH.end(self)


def time_budget(seconds: float) -> Budget:
    """Return a context that raises `TimeIsUpError` in its block after `seconds` (0 or less: soon).

    Works in any thread; blocks do not nest. Costs a few microseconds.
    """
    return Budget(seconds)


class _Watch:
    """One sleeping thread for all budgets; it ends when it wakes and there are none."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew: a forked child has neither the thread nor whoever held the lock."""
        # `with` on a bare lock takes and frees it in C, so that no shot can come between.
        self._lock = threading.Lock()
        self._change = threading.Condition(self._lock)
        self._running: set[Budget] = set()
        self._is_awake_at = 0.0
        self._thread: threading.Thread | None = None

    def begin(self, budget: Budget) -> None:
        """Watch the budget from now on."""
        with self._lock:
            self._running.add(budget)
            if self._thread is None:
                self._start()
            elif budget.until < self._is_awake_at:
                self._change.notify()

    def end(self, budget: Budget) -> None:
        """Watch it no longer; a shot on its way is caught."""
        with self._lock:
            self._running.discard(budget)
        if budget.is_shot:
            _catch(budget.thread)

    def _start(self) -> None:
        self._is_awake_at = 0.0
        thread = threading.Thread(target=self._watch, name="time budget", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the machine has no room for a thread: better unwatched than undone
            log.warning("no thread could be started to watch the time")
            return
        self._thread = thread

    def _watch(self) -> None:
        with self._lock:
            while self._running:
                now = time.monotonic()
                self._shoot(now)
                if self._running:
                    self._is_awake_at = min(budget.until for budget in self._running)
                else:
                    self._is_awake_at = now + _LINGER
                self._change.wait(max(0.0, self._is_awake_at - now))
            self._thread = None

    def _shoot(self, now: float) -> None:
        for budget in [each for each in self._running if each.until <= now]:
            self._running.discard(budget)
            budget.is_shot = True
            _GIVE(budget.thread, id(TimeIsUpError))


def _catch(thread: int) -> None:
    """Leave no exception on its way to this thread.

    Python would let it be taken back, but go on looking for it at every step for ever. It cannot
    be told whether it was raised already, so it is given once more: then there is one for certain.
    """
    try:
        _GIVE(thread, id(TimeIsUpError))
        while True:
            pass
    except TimeIsUpError:
        return


_LINGER = 1.0
_WATCH = _Watch()
if hasattr(os, "register_at_fork"):  # there is no forking on Windows
    os.register_at_fork(after_in_child=_WATCH.forget)
