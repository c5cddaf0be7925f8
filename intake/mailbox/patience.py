"""How long to leave a mail server alone after it failed us."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta

from intake.mailbox.door import MailboxError

FLOOR_S = 1.0
CEILING_S = 300.0
SIGN_IN_S = 300.0
"""After a refused sign-in: repeated tries lock accounts, and no try cures a wrong password."""
SPREAD = 0.1
"""What the server or the sign-in asks for is lengthened by up to this share, never shortened."""
_MOST_DOUBLINGS = 30


class Patience:
    """Exponential back-off with full jitter, for one server.

    The first retry comes after 1 to 2 seconds, later ones after 1 second to twice as long as
    before at most, up to five minutes; never earlier than the server asked for. A clock that is
    set back cannot make us wait longer than that.
    """

    def __init__(
        self,
        *,
        floor: float = FLOOR_S,
        ceiling: float = CEILING_S,
        sign_in: float = SIGN_IN_S,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._floor = floor
        self._ceiling = ceiling
        self._sign_in = sign_in
        self._chance = chance
        self._wait = timedelta(0)
        self.failures = 0
        self.until: datetime | None = None

    def may_try(self, now: datetime) -> bool:
        """Return whether the wait is over (or none is on)."""
        return self.until is None or not timedelta(0) < self.until - now <= self._wait

    def failed(self, now: datetime, error: Exception) -> None:
        """Start the next wait, the longer the more failures there were in a row."""
        self.failures += 1
        self._wait = timedelta(seconds=max(self._drawn(), self._asked_for(error)))
        self.until = now + self._wait

    def succeeded(self) -> None:
        """Forget all failures."""
        self.failures = 0
        self.until = None

    def _drawn(self) -> float:
        longest: float = min(self._ceiling, self._floor * 2 ** min(self.failures, _MOST_DOUBLINGS))
        return self._floor + self._chance() * max(0.0, longest - self._floor)

    def _asked_for(self, error: Exception) -> float:
        if not isinstance(error, MailboxError):
            return 0.0
        least = max(error.retry_after or 0.0, self._sign_in if error.needs_sign_in else 0.0)
        return least * (1 + SPREAD * self._chance())
