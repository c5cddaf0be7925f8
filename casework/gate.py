"""The last gate before an automatic letter is queued: caps, breakers, suspended addresses, STOP.

One gate belongs to one transaction, the one that also queues the letters, and counts for all its
mails at once. On PostgreSQL it takes a lock that all gates share until the commit, so that of two
workers that file at the same time the second counts what the first has queued; on SQLite the
transaction itself keeps others out. So no cap is exceeded, not by a single letter. Make the gate
before anything locks rows, or two workers may wait for each other.

If the power fails, the letters, the counts and the breakers of the transaction are gone together.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    Integer,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from casework.breakers import (
    NAMES_FOR_ALL,
    SILENT_FOR,
    Breaker,
    breaker_of_address,
    breakers_among,
    close_breaker,
    notice_of_cap,
    open_breaker,
)
from casework.history import KITH
from casework.models import ADDRESSES, CORRESPONDENTS
from casework.watchdog import Sighting, Watchdog
from config.errors import KithError
from replies.caps import Ask, Cap, Caps, Counts, first_exceeded, has_room_again, words_for
from replies.outbox import Tally, stem_key
from replies.suspension import SuspendedAddress

__all__ = [
    "Ask",
    "Caps",
    "Gate",
    "NotAnnouncedError",
    "Sighting",
    "close_what_has_room",
    "take_gate_lock",
]

GATE_LOCK = 0x6B69746867617465
"""The number of the lock ("kithgate"), shared by all gates of one PostgreSQL database."""
SUSPENDED = "Letters to this address have come back to us before."
HELD_BACK = (
    "Nothing goes to this correspondent by itself: they, or what they wrote, asked for that."
)


class NotAnnouncedError(KithError):
    """The gate is asked about a mail that it has not counted for."""

    def __init__(self) -> None:
        super().__init__(
            "The gate was not told of this mail when it was made, so it cannot say whether a "
            "letter may go. Hand it all asks and sightings of the transaction at once."
        )


class Gate:
    """Says of each mail of one transaction whether an automatic letter may be queued, and counts.

    `asks` are the letters that might be, `sightings` the mails that are filed; for none of either
    it asks the database nothing. For each mail call `saw`, then `refusal`, then `passed` if a
    letter was queued.
    """

    def __init__(
        self,
        session: Session,
        now: datetime,
        caps: Caps,
        asks: Sequence[Ask],
        sightings: Sequence[Sighting] = (),
    ) -> None:
        """Lock and count."""
        self._session = session
        self._now = now
        self._caps = caps
        self._asks = frozenset(asks)
        self._tally = Tally()
        self._silent: dict[str, str] = {}
        self._breakers: dict[str, Breaker] = {}
        if asks:
            take_gate_lock(session)
            self._tally.load(session, asks, caps, now)
            self._silent = _silent_addresses(session, {ask.key for ask in asks})
        keys = {ask.key for ask in asks} | {each.key for each in sightings}
        if keys:
            names = [*map(breaker_of_address, keys), *NAMES_FOR_ALL.values()]
            self._breakers = breakers_among(session, names, now)
        self._watchdog = Watchdog(session, caps, sightings)

    def saw(self, sighting: Sighting, case_id: int | None = None) -> None:
        """Show a mail that is being filed to the watchdog; `case_id` if it joins a case.

        Raises `NotAnnouncedError`.
        """
        if not self._watchdog.knows(sighting):
            raise NotAnnouncedError
        reason = self._watchdog.bark(sighting, case_id)
        if reason is not None:
            ends_at = self._now + SILENT_FOR
            self._open(breaker_of_address(sighting.key), sighting.key, reason, ends_at)

    def refusal(self, ask: Ask) -> str | None:
        """Return why no letter may be queued, for a volunteer; None if it may.

        Opens the breaker for all when a cap for all is hit, and closes it when there is room again.
        Raises `NotAnnouncedError`.
        """
        if ask not in self._asks:
            raise NotAnnouncedError
        if ask.key in self._silent:
            return self._silent[ask.key]
        counts = self._tally.counts_for(ask)
        if (breaker := self._breakers.get(breaker_of_address(ask.key))) is not None:
            return f"Nothing is answered at this address for a day. {breaker.reason}"
        if (breaker := self._breaker_for_all(counts)) is not None:
            return f"All automatic letters have stopped for now. {breaker.reason}"
        cap = first_exceeded(counts, self._caps, ask)
        return None if cap is None else self._exceeded(cap, ask)

    def passed(self, ask: Ask) -> None:
        """Count a letter that was queued in this transaction."""
        self._tally.add(ask)

    def _breaker_for_all(self, counts: Counts) -> Breaker | None:
        for cap, name in NAMES_FOR_ALL.items():
            breaker = self._breakers.get(name)
            if breaker is None:
                continue
            if not has_room_again(counts, self._caps, cap):
                return breaker
            close_breaker(self._session, name, by=KITH, now=self._now)
            del self._breakers[name]
        return None

    def _exceeded(self, cap: Cap, ask: Ask) -> str:
        words = words_for(cap, self._caps)
        if cap in NAMES_FOR_ALL:
            self._open(NAMES_FOR_ALL[cap], None, words, None)
        elif not cap.is_about_one_address:
            self._open(_notice(cap, ask), ask.domain, words, self._now + SILENT_FOR)
        return words

    def _open(self, name: str, key: str | None, reason: str, ends_at: datetime | None) -> None:
        if name in self._breakers:
            return
        now = self._now
        open_breaker(self._session, name, key=key, reason=reason, now=now, ends_at=ends_at)
        self._breakers[name] = Breaker(name, key, reason, now, ends_at)


def take_gate_lock(session: Session) -> None:
    """Wait until no other transaction has a gate, and keep others waiting until this one ends."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_LOCK)


def close_what_has_room(session: Session, caps: Caps, now: datetime) -> int:
    """Close the breakers for all that have room again, though no mail asks; return how many."""
    found = breakers_among(session, list(NAMES_FOR_ALL.values()), now)
    if not found:
        return 0
    tally = Tally()
    tally.load(session, (), caps, now)
    counts = tally.counts_for(Ask("", "", ""))
    closed = 0
    for cap, name in NAMES_FOR_ALL.items():
        if name in found and has_room_again(counts, caps, cap):
            closed += close_breaker(session, name, by=KITH, now=now)
    return closed


def _notice(cap: Cap, ask: Ask) -> str:
    return notice_of_cap(cap, ask.domain if cap is Cap.DOMAIN else stem_key(ask.stem))


def _silent_addresses(session: Session, keys: set[str]) -> dict[str, str]:
    """Return why nothing automatic goes to those of these addresses to which nothing does."""
    rows = session.execute(_SILENT, {"wanted": list(keys)}).all()
    return {row.key: SUSPENDED if row.is_suspended else HELD_BACK for row in rows}


# Statements are built once, since to build one costs more than to run it.
_LOCK = select(func.pg_advisory_xact_lock(bindparam("lock", GATE_LOCK)))
_WANTED: BindParameter[Any] = bindparam("wanted", expanding=True)
_SUSPENDED_KEY = SuspendedAddress.key.label("key")
_SILENT = union_all(
    select(ADDRESSES.c.key, literal_column("0", Integer).label("is_suspended"))
    .join(CORRESPONDENTS, CORRESPONDENTS.c.id == ADDRESSES.c.correspondent_id)
    .where(ADDRESSES.c.key.in_(_WANTED))
    .where(or_(CORRESPONDENTS.c.no_automatic_mail, CORRESPONDENTS.c.unsafe_address)),
    select(_SUSPENDED_KEY, literal_column("1", Integer))
    .where(SuspendedAddress.key.in_(_WANTED))
    .where(SuspendedAddress.lifted_at.is_(None)),
)
