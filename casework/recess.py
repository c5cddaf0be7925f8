"""How long a job that fails again and again is left alone, so that it fills no log and no line."""

import time
from collections.abc import Callable

FIRST_S = 1.0
LONGEST_S = 60.0


class Recess:
    """The rests of the jobs of one process, each longer than the one before, until it goes well.

    Each job belongs to one thread.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[str, int] = {}
        self._until: dict[str, float] = {}

    def left(self, *jobs: str) -> float:
        """Return for how many seconds one of the jobs still rests, 0 if none does."""
        latest = max((self._until.get(job, 0.0) for job in jobs), default=0.0)
        return max(0.0, latest - self._clock())

    def failed(self, job: str) -> None:
        """Let the job rest from now on: a second at first, then twice as long each time."""
        failures = self._failures.get(job, 0)
        self._failures[job] = min(failures + 1, 30)
        self._until[job] = self._clock() + min(LONGEST_S, FIRST_S * 2**failures)

    def went_well(self, job: str) -> None:
        """Forget its failures."""
        self._failures.pop(job, None)
        self._until.pop(job, None)
