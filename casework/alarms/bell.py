"""The bell: looks at how things are, and tells the operators what began and what is over.

It holds no transaction while it tells. When the database cannot be used it says so, out of its own
memory; whatever else was wrong is then neither begun nor over, since nobody knows.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from casework.alarms.book import TELL_AGAIN_AFTER, Ring, RingState, command_told, note, told
from casework.alarms.telling import Operators, Telling, run_commands, send_letters
from casework.pulses import beat, pulse_of
from casework.status.model import Trouble, Watching
from casework.status.reading import read_status
from config.database import Sessions, readers
from config.errors import KithError

log = logging.getLogger(__name__)

LETTERS_PER_DAY = 20
LETTERS = "alarm-letters"
"""The pulse that counts the day's letters."""
DATABASE_GONE = Trouble(
    "database",
    "Kith cannot use its database. No mail is read or answered until it can.",
    "Is the disk full, or the database server stopped? `kith check` says what is wrong.",
)


@dataclass(frozen=True, slots=True)
class Rung:
    """What one look told: how many troubles began, how many are over, how many letters left."""

    begun: int = 0
    over: int = 0
    letters: int = 0


@dataclass(slots=True)
class _Memory:
    """What this process alone knows: whether the database is gone, and its letters of today."""

    gone: Ring | None = None
    is_told: bool = True
    day: date = date.min
    letters: int = 0


class AlarmBell:
    """Tells each trouble once when it begins and once when it is over. One per process."""

    def __init__(
        self,
        sessions: Sessions,
        operators: Operators,
        watching: Callable[[], Watching],
        now: Callable[[], datetime],
    ) -> None:
        self._sessions = sessions
        self._reading = readers(sessions)
        self._operators = operators
        self._watching = watching
        self._now = now
        self._memory = _Memory()

    def look(self) -> Rung:
        """Look once, tell what is to be told, and return what was told. Raises nothing expected."""
        now = self._now()
        try:
            with self._reading() as session:
                status = read_status(session, self._watching(), now)
            with self._sessions.begin() as session:
                rings = note(session, status.troubles, now)
            rung = self._tell(rings, now)
        except (SQLAlchemyError, KithError) as error:
            log.error("the alarm bell cannot use the database (%s)", type(error).__name__)
            return self._database_is_gone(now)
        return _sum(rung, self._database_is_back(now))

    def close(self) -> None:
        """Let go of the connection to the mail server."""
        if self._operators.transport is not None:
            self._operators.transport.close()

    def _tell(self, rings: Sequence[Ring], now: datetime) -> Rung:
        if not rings:
            return Rung()
        for ring in run_commands(self._operators, rings):
            with self._sessions.begin() as session:
                command_told(session, ring)
        with self._sessions.begin() as session:
            allowed = min(_allowed(session, now), self._allowed_by_memory(now))
        telling = send_letters(self._operators, rings, allowed=allowed, now=now)
        self._count(telling, now)
        with self._sessions.begin() as session:
            _count_letters(session, telling.letters, now)
            if telling.is_done:
                for ring in rings:
                    told(session, ring)
        return _rung(rings, telling)

    def _database_is_gone(self, now: datetime) -> Rung:
        memory = self._memory
        if memory.gone is None or memory.gone.state is RingState.OVER:
            words = (DATABASE_GONE.words, DATABASE_GONE.remedy)
            memory.gone = Ring(DATABASE_GONE.key, RingState.BEGUN, *words, now, now)
            memory.is_told = False
        elif memory.is_told or now - memory.gone.claimed_at < TELL_AGAIN_AFTER:
            return Rung()
        return self._tell_from_memory(memory.gone, now)

    def _database_is_back(self, now: datetime) -> Rung:
        gone = self._memory.gone
        if gone is None:
            return Rung()
        if gone.state is RingState.BEGUN:
            gone = replace(gone, state=RingState.OVER, command_told=False)
        elif now - gone.claimed_at < TELL_AGAIN_AFTER:
            return Rung()
        rung = self._tell_from_memory(gone, now)
        if self._memory.is_told:
            self._memory.gone = None
        return rung

    def _tell_from_memory(self, ring: Ring, now: datetime) -> Rung:
        commanded = bool(list(run_commands(self._operators, [ring])))
        allowed = self._allowed_by_memory(now)
        telling = send_letters(self._operators, [ring], allowed=allowed, now=now)
        self._count(telling, now)
        has_run = ring.command_told or commanded
        self._memory.gone = replace(ring, claimed_at=now, command_told=has_run)
        self._memory.is_told = telling.is_done
        return _rung([ring], telling)

    def _allowed_by_memory(self, now: datetime) -> int:
        if self._memory.day != now.date():
            self._memory.day, self._memory.letters = now.date(), 0
        return LETTERS_PER_DAY - self._memory.letters

    def _count(self, telling: Telling, now: datetime) -> None:
        self._allowed_by_memory(now)
        self._memory.letters += telling.letters


def _allowed(session: Session, now: datetime) -> int:
    return LETTERS_PER_DAY - _letters_of_the_day(session, now)


def _letters_of_the_day(session: Session, now: datetime) -> int:
    pulse = pulse_of(session, LETTERS)
    if pulse is None or pulse.detail.get("day") != now.date().isoformat():
        return 0
    letters = pulse.detail.get("letters")
    return letters if isinstance(letters, int) else 0


def _count_letters(session: Session, letters: int, now: datetime) -> None:
    if letters:
        total = _letters_of_the_day(session, now) + letters
        beat(session, LETTERS, now, detail={"day": now.date().isoformat(), "letters": total})


def _rung(rings: Sequence[Ring], telling: Telling) -> Rung:
    begun = sum(ring.state is RingState.BEGUN for ring in rings)
    return Rung(begun, len(rings) - begun, telling.letters)


def _sum(one: Rung, other: Rung) -> Rung:
    return Rung(one.begun + other.begun, one.over + other.over, one.letters + other.letters)
