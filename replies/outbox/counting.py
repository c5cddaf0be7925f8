"""How many automatic letters there are within the time of each cap, for many letters at once."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, Executable, Integer, bindparam, case, func, select
from sqlalchemy.orm import Session

from replies.caps import Ask, Cap, Caps, Counts, limit_of
from replies.outbox.letters import LETTERS, LetterState
from replies.outbox.queueing import stem_key
from replies.outgoing import Purpose

HOUR = timedelta(hours=1)
DAY = timedelta(hours=24)
WEEK = timedelta(days=7)
_ADDRESS_CAPS = (Cap.LETTER, Cap.ADDRESS_DAY, Cap.ADDRESS_WEEK)


class Tally:
    """The counts for some asks at one moment; `add` counts what the transaction itself queues.

    What is waiting, drafted or of unknown fate counts; what failed or was taken back does not.
    It is exact as long as nobody else queues letters: hold the lock of `casework.gate`.
    """

    def __init__(self) -> None:
        self._letters: Counter[tuple[str, str]] = Counter()
        self._days: Counter[str] = Counter()
        self._weeks: Counter[str] = Counter()
        self._domains: Counter[str] = Counter()
        self._stems: Counter[str] = Counter()
        self._hour = 0
        self._day = 0

    def counts_for(self, ask: Ask) -> Counts:
        """Return how many letters there are within the time of each cap."""
        key = ask.key
        return Counts(
            letter=self._letters[key, ask.template],
            address_day=self._days[key],
            address_week=self._weeks[key],
            domain=self._domains[ask.domain],
            subject=self._stems[stem_key(ask.stem)],
            hour=self._hour,
            day=self._day,
        )

    def add(self, ask: Ask) -> None:
        """Count a letter that was queued a moment ago."""
        key = ask.key
        self._letters[key, ask.template] += 1
        self._days[key] += 1
        self._weeks[key] += 1
        self._domains[ask.domain] += 1
        self._stems[stem_key(ask.stem)] += 1
        self._hour += 1
        self._day += 1

    def load(self, session: Session, asks: Sequence[Ask], caps: Caps, now: datetime) -> None:
        """Count anew, from the database alone, for these asks: a statement for each sort of cap.

        A sort whose caps are all 0 is not counted.
        """
        since = {"hour": now - HOUR, "day": now - DAY, "week": now - WEEK}
        if _any(caps, *_ADDRESS_CAPS):
            self._load_addresses(session, {ask.key for ask in asks}, since)
        if _any(caps, Cap.DOMAIN):
            wanted = {ask.domain for ask in asks} - caps.shared_domains
            self._domains.update(_grouped(session, _BY_DOMAIN, wanted, since))
        if _any(caps, Cap.SUBJECT):
            wanted = {stem_key(ask.stem) for ask in asks}
            self._stems.update(_grouped(session, _BY_STEM, wanted, since))
        if _any(caps, Cap.HOUR, Cap.DAY):
            self._hour, self._day = session.execute(_OF_ALL, since).one()

    def _load_addresses(
        self, session: Session, keys: Iterable[str], since: Mapping[str, datetime]
    ) -> None:
        for row in session.execute(_BY_ADDRESS, {"wanted": list(keys), **since}).all():
            self._letters[row.to_key, row.template] = row.in_day
            self._days[row.to_key] += row.in_day
            self._weeks[row.to_key] += row.in_week


def _any(caps: Caps, *some: Cap) -> bool:
    return any(limit_of(caps, cap) for cap in some)


def _grouped(
    session: Session, statement: Executable, wanted: set[str], since: Mapping[str, datetime]
) -> dict[str, int]:
    if not wanted:
        return {}
    rows = session.execute(statement, {"wanted": list(wanted), "hour": since["hour"]}).all()
    return {row[0]: row[1] for row in rows}


def _younger_than(moment: str) -> Any:
    return func.coalesce(func.sum(case((_C.created_at > bindparam(moment), 1), else_=0)), 0).cast(
        Integer
    )


# Statements are built once, since to build one costs more than to run it.
_C = LETTERS.c
_COUNTED = _C.state.not_in((LetterState.FAILED.value, LetterState.CANCELLED.value))
_IS_ACKNOWLEDGEMENT = _C.purpose == Purpose.ACKNOWLEDGEMENT.value
_WANTED: BindParameter[Any] = bindparam("wanted", expanding=True)
_BY_ADDRESS = (
    select(
        _C.to_key, _C.template, _younger_than("day").label("in_day"), func.count().label("in_week")
    )
    .where(_C.to_key.in_(_WANTED), _IS_ACKNOWLEDGEMENT, _COUNTED)
    .where(_C.created_at > bindparam("week"))
    .group_by(_C.to_key, _C.template)
)
_BY_DOMAIN = (
    select(_C.to_domain, func.count())
    .where(_C.to_domain.in_(_WANTED), _C.created_at > bindparam("hour"))
    .where(_IS_ACKNOWLEDGEMENT, _COUNTED)
    .group_by(_C.to_domain)
)
_BY_STEM = (
    select(_C.stem, func.count())
    .where(_C.stem.in_(_WANTED), _C.created_at > bindparam("hour"))
    .where(_IS_ACKNOWLEDGEMENT, _COUNTED)
    .group_by(_C.stem)
)
_OF_ALL = select(_younger_than("hour"), func.count()).where(
    _C.automatic, _C.created_at > bindparam("day"), _COUNTED
)
