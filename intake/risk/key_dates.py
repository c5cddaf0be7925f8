"""Key dates: a hearing, a review, a move, near a day that can be worked out."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from itertools import accumulate
from zoneinfo import ZoneInfo

from intake.risk.calendar_words import NamedDay, find_days
from intake.risk.finder import Hit
from intake.risk.rules import RiskRules
from intake.risk.wording import Wording

LONGEST_DATE = 6
"""Words that an expression such as "a week on Friday the 14th of March" takes at most."""


@dataclass(frozen=True, slots=True)
class DatedEvent:
    """An event and the day it is on; `soon` when that is near, or may be as far as one can tell."""

    type: str
    day: date | None
    soon: bool
    event: Hit
    named: NamedDay


def day_of_writing(moment: datetime | None) -> date | None:
    """Return the London day of a Date header; None when there is none or it is nonsense."""
    if moment is None:
        return None
    try:
        local = moment.astimezone(_london()) if moment.tzinfo else moment
    except OverflowError:
        return None
    return local.date() if 1980 <= local.year <= 9000 else None


@cache
def _london() -> ZoneInfo:
    return ZoneInfo("Europe/London")


def find_dated_events(
    hits: Iterable[Hit], wording: Wording, written: date | None, rules: RiskRules
) -> Iterator[DatedEvent]:
    """Yield each day in `wording` that stands near an event among `hits`, with the nearest."""
    signals = len(rules.signals)
    events = [Hit(hit.owner - signals, hit.first, hit.last) for hit in hits if hit.owner >= signals]
    if not events:
        return
    rows = _rows(events, rules)
    for named in find_days(wording, written, _reachable(events, wording, rules)):
        event = _nearest(named, rows)
        if event is not None:
            soon = _is_soon(named, rules.deadline_within_days)
            yield DatedEvent(rules.events[event.owner].type, named.day, soon, event, named)


def _reachable(events: Sequence[Hit], wording: Wording, rules: RiskRules) -> Iterator[int]:
    """Yield the tokens at which a date near one of `events` may stand, ascending."""
    reaches = [(event, rules.events[event.owner].reach + LONGEST_DATE) for event in events]
    done = 0
    for start, stop in sorted((one.first - reach, one.last + reach + 1) for one, reach in reaches):
        yield from range(max(done, start), min(stop, len(wording.tokens)))
        done = max(done, stop)


@dataclass(frozen=True, slots=True)
class _Row:
    """The events of one type in the order of the text, to look up those nearest to a day."""

    reach: int
    events: Sequence[Hit]
    firsts: Sequence[int]
    furthest: Sequence[Hit]
    """For each event, which of those up to it ends last."""

    def neighbours(self, named: NamedDay) -> Iterator[Hit]:
        """Yield the event nearest before the beginning of `named` and the nearest after it."""
        at = bisect_left(self.firsts, named.first)
        if at:
            yield self.furthest[at - 1]
        if at < len(self.events):
            yield self.events[at]


def _rows(events: Iterable[Hit], rules: RiskRules) -> list[_Row]:
    by_owner: dict[int, list[Hit]] = defaultdict(list)
    for event in events:
        by_owner[event.owner].append(event)
    return [
        _Row(
            rules.events[owner].reach,
            row,
            [event.first for event in row],
            list(accumulate(row, _later)),
        )
        for owner, row in by_owner.items()
    ]


def _later(one: Hit, other: Hit) -> Hit:
    return other if other.last > one.last else one


def _nearest(named: NamedDay, rows: Iterable[_Row]) -> Hit | None:
    """Return the event within reach that is nearest to `named`; the same cost for many events."""
    reachable = [
        (distance, event.first, event.last, event.owner, event)
        for row in rows
        for event in row.neighbours(named)
        if (distance := _distance(named, event)) <= row.reach
    ]
    return min(reachable, key=lambda one: one[:4])[4] if reachable else None


def _distance(named: NamedDay, event: Hit) -> int:
    """Return the words between the two; 0 where they touch or overlap."""
    return max(0, event.first - named.last - 1, named.first - event.last - 1)


def _is_soon(named: NamedDay, within_days: int) -> bool:
    return named.days_ahead is None or 0 <= named.days_ahead <= within_days
