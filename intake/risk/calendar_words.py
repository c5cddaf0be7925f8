"""The days that a text names, the British way: "Thursday", "a week on Friday", "the 14th", "14/03".

Days are worked out from the day on which the mail was written. Without it, what can be worked out
nowhere (“the 14th”) still counts as near, because it may be.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache

from intake.risk.reckoning import (
    MONTH,
    NEAR_DAY,
    NUMBER,
    ORDINAL,
    SHORT,
    WEEKDAY,
    WEEKDAYS,
    absolute_day,
    relative_day,
)
from intake.risk.wording import Wording


def _any(words: Iterable[str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_FULL = f"(?:{_any(WEEKDAYS)})s?|tues|weds|thurs|thur|fri"
_DAY = rf"(?:\d{{1,2}}(?:st|nd|rd|th)?|{_any(ORDINAL)})"
_NUM = rf"(?:\d{{1,2}}|(?:a )?couple of|(?:a )?few|{_any(NUMBER)})"
_DATE = (
    rf" (?P<numeric>\d{{1,4}}[./-]\d{{1,2}}(?:[./-]\d{{2,4}})?)(?= )"
    rf"|(?: (?:a|(?P<weeks>{_NUM})))? (?P<span>weeks?|fortnight)(?: (?:on|from|this|after|coming))?"
    rf" (?P<span_day>{_FULL}|{_any(SHORT)}|{_any(NEAR_DAY)})(?= )"
    rf"| day after (?P<after_tomorrow>tomorrow)(?= )"
    rf"| (?P<near>{_any(NEAR_DAY)})(?: (?P<near_week>week|fortnight))?(?= )"
    rf"| (?P<last>last|previous) (?:{_FULL}|{_any(SHORT)})(?= )"
    rf"|(?: (?P<before>next|this coming|this|coming|on|by|until|till|every))?"
    rf" (?P<weekday>{_FULL}|{_any(SHORT)})(?= )"
    rf"(?: (?P<behind>next|coming|week|fortnight)(?= ))?"
    rf"(?:(?: the)? (?P<weekday_day>{_DAY})(?= ))?"
    rf"(?:(?: of)? (?P<weekday_month>{_any(MONTH)})(?= ))?"
    rf"(?: (?P<weekday_year>20\d\d)(?= ))?"
    rf"| (?P<day>{_DAY})(?: of)? (?P<month>{_any(MONTH)})(?= )(?: (?P<year>(?:20)?\d\d)(?= ))?"
    rf"| (?P<month_first>{_any(MONTH)})(?: the)? (?P<month_day>{_DAY})(?= )"
    rf"(?: (?P<month_year>20\d\d)(?= ))?"
    rf"|(?: (?P<the>the|on|by))? (?P<ordinal>\d{{1,2}}(?:st|nd|rd|th))(?= )"
    rf"| (?:in|within)(?: the next)? (?P<in_number>{_NUM}|a)"
    rf" (?P<in_unit>days?|weeks?|fortnight)(?= )"
    rf"| (?P<away_number>{_NUM}) (?P<away_unit>days?|weeks?|fortnight)"
    rf" (?:away|off|from (?:now|today)|time|to go|left|today)(?= )"
    rf"| (?P<vague>next week|this week|end of (?:the|this) (?:week|month)|this afternoon"
    rf"|this evening|this morning|any day now)(?= )"
)
_CORE = frozenset(WEEKDAY) | {f"{name}s" for name in WEEKDAYS} | {f"{name}'s" for name in WEEKDAYS}
_CORE |= frozenset(MONTH) | frozenset(NEAR_DAY) | frozenset(ORDINAL)
_CORE |= {
    "day",
    "days",
    "week",
    "weeks",
    "fortnight",
    "month",
    "afternoon",
    "evening",
    "morning",
    "now",
}
"""One of these, or a number, is in every expression that `_DATE` knows."""
_FIRST = frozenset(WEEKDAY) | {f"{name}s" for name in WEEKDAYS} | frozenset(MONTH)
_FIRST |= frozenset(NEAR_DAY) | frozenset(ORDINAL) | frozenset(NUMBER)
_FIRST |= {"week", "weeks", "fortnight", "day", "last", "previous", "next", "this", "coming"}
_FIRST |= {"on", "by", "until", "till", "every", "the", "in", "within", "end", "any"}
"""One of these, or a number, begins every expression that `_DATE` knows."""
_BEFORE, _AFTER = 5, 7
"""Words before and after such a word that may belong to the expression."""
_DOUBTFUL = frozenset({"sat", "sun", "wed", "mon", "thu", "tue"})
_NO_DATES = frozenset({"24/7", "50/50", "9/11", "7/7"})
_VAGUE_DAYS = 7
"""How far ahead "next week" and its like are taken to be."""


@dataclass(frozen=True, slots=True)
class NamedDay:
    """A day named at the tokens `first` to `last`; `day` is None where it cannot be worked out."""

    first: int
    last: int
    day: date | None
    days_ahead: int | None
    """How far ahead when counted from an unknown day of writing; None when that is unknown too."""


def find_days(
    wording: Wording, written: date | None, tokens: Iterable[int] | None = None
) -> Iterator[NamedDay]:
    """Yield the days named in `wording`, worked out from the day on which it was `written`.

    Only around `tokens` (ascending), where these are given.
    """
    for found in _expressions(wording, range(len(wording.tokens)) if tokens is None else tokens):
        first, last = wording.index_at(found.start() + 1), wording.index_at(found.end() - 1)
        if not (found["last"] or found["before"] == "every" or _is_no_date(found, wording, first)):
            named = _named_day(found, first, last, written)
            if named is not None:
                yield named


def _named_day(
    found: re.Match[str], first: int, last: int, written: date | None
) -> NamedDay | None:
    if found["vague"]:
        return NamedDay(first, last, None, _VAGUE_DAYS)
    today = written or date(2001, 1, 1)  # a Monday; only differences from it are used
    relative = relative_day(found, today)
    day = relative or absolute_day(found, today)
    if day is None:
        return None
    is_reckoned = written is not None or relative is not None
    ahead = (day - today).days if is_reckoned else None
    return NamedDay(first, last, day if written else None, ahead)


@cache
def _date_regex() -> re.Pattern[str]:
    return re.compile(_DATE)


def _expressions(wording: Wording, places: Iterable[int]) -> Iterator[re.Match[str]]:
    """Yield the matches of `_DATE`, looked for only around the words that make a date."""
    tokens = wording.tokens
    core = [at for at in places if tokens[at] in _CORE or tokens[at][0].isdigit()]
    done = position = 0
    while position < len(core):
        first = last = core[position]
        while position < len(core) and core[position] <= last + _AFTER:
            last = core[position]
            position += 1
        start, done = max(done, first - _BEFORE), min(len(tokens), last + _AFTER)
        yield from _matches(wording, start, done)


def _matches(wording: Wording, at: int, stop: int) -> Iterator[re.Match[str]]:
    """Yield the matches of `_DATE` between two tokens, tried only at words that may begin one."""
    words, end, regex = wording.words, wording.place(stop), _date_regex()
    while at < stop:
        word = wording.plain[at]
        if word in _FIRST or word[0].isdigit():
            found = regex.match(words, wording.place(at) - 1, end)
            if found is not None:
                yield found
                at = wording.index_at(found.end() - 1)
        at += 1


def _is_no_date(found: re.Match[str], wording: Wording, first: int) -> bool:
    if found["numeric"] in _NO_DATES:
        return True
    weekday = found["weekday"]
    if weekday is None:
        return False
    if weekday in _DOUBTFUL:
        return not (found["before"] or found["behind"] or found["weekday_day"])
    written = wording.tokens[first + (1 if found["before"] else 0)]
    return weekday.endswith("days") and "'" not in written  # "Fridays": every Friday
