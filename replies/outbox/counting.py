"""How many automatic letters there are within the time of each cap, for many letters at once."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    CompoundSelect,
    Integer,
    Select,
    String,
    bindparam,
    case,
    func,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from replies.caps import Ask, Cap, Caps, Counts, limit_of
from replies.outbox.letters import LETTERS, LetterState
from replies.outbox.queueing import domain_of, stem_key
from replies.outgoing import Purpose

HOUR = timedelta(hours=1)
DAY = timedelta(hours=24)
WEEK = timedelta(days=7)
ADDRESSES, DOMAINS, STEMS, ALL = "addresses", "domains", "stems", "all"
_SORTS = {
    ADDRESSES: (Cap.LETTER, Cap.ADDRESS_DAY, Cap.ADDRESS_WEEK),
    DOMAINS: (Cap.DOMAIN,),
    STEMS: (Cap.SUBJECT,),
    ALL: (Cap.HOUR, Cap.DAY),
}
"""What is counted together, and for which caps."""


class _Keys(NamedTuple):
    """What one letter is counted by."""

    address: str
    domain: str
    stem: str


class Tally:
    """The counts for some asks at one moment; `add` counts what the transaction itself queues.

    What is waiting, drafted or of unknown fate counts; what failed or was taken back does not.
    It is exact as long as nobody else queues letters: hold the lock of `casework.gate`.
    """

    def __init__(self) -> None:
        self._keys: dict[Ask, _Keys] = {}
        self._letters: Counter[tuple[str, str]] = Counter()
        self._days: Counter[str] = Counter()
        self._weeks: Counter[str] = Counter()
        self._domains: Counter[str] = Counter()
        self._stems: Counter[str] = Counter()
        self._hour = 0
        self._day = 0

    def load(self, session: Session, asks: Sequence[Ask], caps: Caps, now: datetime) -> None:
        """Count what the database has for these asks, in one statement; call it once.

        What no cap asks for is not counted; without any cap the database is not asked.
        """
        keys = [self._keys_of(ask) for ask in asks]
        wanted = {
            ADDRESSES: {each.address for each in keys},
            DOMAINS: {each.domain for each in keys} - caps.shared_domains,
            STEMS: {each.stem for each in keys},
            ALL: {""},
        }
        sorts = tuple(
            sort for sort in _SORTS if wanted[sort] and any(limit_of(caps, c) for c in _SORTS[sort])
        )
        if sorts:
            moments = {"hour": now - HOUR, "day": now - DAY, "week": now - WEEK}
            values = {sort: list(wanted[sort]) for sort in sorts if sort != ALL}
            used = {name: moments[name] for name in _moments_in(sorts)}
            for row in session.execute(_counting(sorts), values | used).all():
                self._take(row)

    def counts_for(self, ask: Ask) -> Counts:
        """Return how many letters there are within the time of each cap."""
        address, domain, stem = self._keys_of(ask)
        return Counts(
            letter=self._letters[address, ask.template],
            address_day=self._days[address],
            address_week=self._weeks[address],
            domain=self._domains[domain],
            subject=self._stems[stem],
            hour=self._hour,
            day=self._day,
        )

    def add(self, ask: Ask) -> None:
        """Count a letter that was queued a moment ago."""
        address, domain, stem = self._keys_of(ask)
        self._letters[address, ask.template] += 1
        self._days[address] += 1
        self._weeks[address] += 1
        self._domains[domain] += 1
        self._stems[stem] += 1
        self._hour += 1
        self._day += 1

    def _keys_of(self, ask: Ask) -> _Keys:
        keys = self._keys.get(ask)
        if keys is None:
            keys = self._keys[ask] = _Keys(ask.key, domain_of(ask.key), stem_key(ask.stem))
        return keys

    def _take(self, row: Any) -> None:
        sort, key, template, lately, in_all = row
        if sort == ADDRESSES:
            self._letters[key, template] += lately
            self._days[key] += lately
            self._weeks[key] += in_all
        elif sort == DOMAINS:
            self._domains[key] += in_all
        elif sort == STEMS:
            self._stems[key] += in_all
        else:
            self._hour, self._day = lately, in_all


def _moments_in(sorts: tuple[str, ...]) -> set[str]:
    return set().union(*(_MOMENTS[sort] for sort in sorts))


@lru_cache(
    maxsize=16
)  # one for each choice of caps: to build a statement costs more than to run it
def _counting(sorts: tuple[str, ...]) -> CompoundSelect[Any]:
    return union_all(*(_COUNTING[sort] for sort in sorts))


def _younger_than(moment: str) -> Any:
    is_younger = case((_C.created_at > bindparam(moment), 1), else_=0)
    return func.coalesce(func.sum(is_younger), 0).cast(Integer)


def _counted(sort: str, key: Any, template: Any, lately: Any) -> Select[Any]:
    name = literal_column(f"'{sort}'", String)
    return select(name, key, template, lately, func.count()).where(_IS_COUNTED)


def _acknowledgements(sort: str, key: Any, since: str, template: Any, lately: Any) -> Select[Any]:
    return (
        _counted(sort, key, template, lately)
        .where(key.in_(bindparam(sort, expanding=True)))
        .where(_C.purpose == Purpose.ACKNOWLEDGEMENT.value, _C.created_at > bindparam(since))
    )


_C = LETTERS.c
_IS_COUNTED = _C.state.not_in((LetterState.FAILED.value, LetterState.CANCELLED.value))
_NO_WORD = literal_column("''", String)
_NOUGHT = literal_column("0", Integer)
_COUNTING: Mapping[str, Select[Any]] = {
    ADDRESSES: _acknowledgements(
        ADDRESSES, _C.to_key, "week", _C.template, _younger_than("day")
    ).group_by(_C.to_key, _C.template),
    DOMAINS: _acknowledgements(DOMAINS, _C.to_domain, "hour", _NO_WORD, _NOUGHT).group_by(
        _C.to_domain
    ),
    STEMS: _acknowledgements(STEMS, _C.stem, "hour", _NO_WORD, _NOUGHT).group_by(_C.stem),
    ALL: _counted(ALL, _NO_WORD, _NO_WORD, _younger_than("hour")).where(
        _C.automatic, _C.created_at > bindparam("day")
    ),
}
_MOMENTS = {ADDRESSES: {"day", "week"}, DOMAINS: {"hour"}, STEMS: {"hour"}, ALL: {"hour", "day"}}
