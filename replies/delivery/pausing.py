"""When the mail server or our account is at fault, all sending rests, longer each time."""

from datetime import datetime, timedelta

PAUSES = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
)
"""How long to rest after each failure in a row; then the last again and again.

Providers lock accounts that knock too often; but a letter should not wait long once all is well.
"""


class SendingPause:
    """The rest of one process: make it once and give it to every `deliver_due`."""

    def __init__(self) -> None:
        self._failures = 0
        self._length = timedelta(0)
        self._until: datetime | None = None
        self._problem = ""

    def holds(self, now: datetime) -> bool:
        """Return whether nothing may be sent now.

        A clock that is set back cannot make us rest longer than was meant.
        """
        return self._until is not None and timedelta(0) < self._until - now <= self._length

    def problem(self, now: datetime) -> str:
        """Return in words why nothing may be sent now, "" if it may."""
        return self._problem if self.holds(now) else ""

    def begin(self, now: datetime, problem: str = "") -> datetime:
        """Rest from now on, longer than the last time unless a letter went out; return the end."""
        self._length = PAUSES[min(self._failures, len(PAUSES) - 1)]
        self._until = now + self._length
        self._problem = problem
        self._failures += 1
        return self._until

    def end(self) -> None:
        """A letter went out: the next rest is a short one again."""
        self._failures = 0
        self._until = None
