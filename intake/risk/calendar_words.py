"""The days that a text names, the British way: "Thursday", "a week on Friday", "the 14th", "14/03".

Days are worked out from the day on which the mail was written. Without it, what can be worked out
nowhere (“the 14th”) still counts as near, because it may be.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from intake.risk.wording import Wording

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHORT = {"mon": 0, "tue": 1, "tues": 1, "wed": 2, "weds": 2, "thu": 3, "thur": 3, "thurs": 3,
          "fri": 4, "sat": 5, "sun": 6}  # fmt: skip
_WEEKDAY = {name: number for number, name in enumerate(_WEEKDAYS)} | _SHORT
_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september",
           "october", "november", "december")  # fmt: skip
_MONTH = {name: number for number, name in enumerate(_MONTHS, 1)}
_MONTH |= {name[:3]: number for name, number in _MONTH.items()} | {"sept": 9}
_NUMBERS = """
one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen twenty
"""
_NUMBER = {name: number for number, name in enumerate(_NUMBERS.split(), 1)} | {
    "a": 1,
    "couple": 2,
    "few": 3,
}
_ORDINALS = """
first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth
fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth
"""
_ORDINAL = {name: number for number, name in enumerate(_ORDINALS.split(), 1)}
_NEAR_DAY = {"today": 0, "tonight": 0, "tomorrow": 1, "tomoz": 1, "tomorro": 1, "tomoro": 1,
             "tommorow": 1, "tomorow": 1, "tmrw": 1, "2moro": 1, "tmw": 1}  # fmt: skip


def _any(words: object) -> str:
    return "|".join(sorted(words, key=len, reverse=True))  # type: ignore[call-overload]


_FULL = f"(?:{_any(_WEEKDAYS)})s?|tues|weds|thurs|thur|fri"
_DAY = rf"(?:\d{{1,2}}(?:st|nd|rd|th)?|{_any(_ORDINAL)})"
_NUM = rf"(?:\d{{1,2}}|(?:a )?couple of|(?:a )?few|{_any(_NUMBER)})"
_DATE = (
    rf" (?P<numeric>\d{{1,4}}[./-]\d{{1,2}}(?:[./-]\d{{2,4}})?)(?= )"
    rf"|(?: (?:a|(?P<weeks>{_NUM})))? (?P<span>weeks?|fortnight)(?: (?:on|from|this|after|coming))?"
    rf" (?P<span_day>{_FULL}|{_any(_SHORT)}|{_any(_NEAR_DAY)})(?= )"
    rf"| day after (?P<after_tomorrow>tomorrow)(?= )"
    rf"| (?P<near>{_any(_NEAR_DAY)})(?: (?P<near_week>week|fortnight))?(?= )"
    rf"| (?P<last>last|previous) (?:{_FULL}|{_any(_SHORT)})(?= )"
    rf"|(?: (?P<before>next|this coming|this|coming|on|by|until|till|every))?"
    rf" (?P<weekday>{_FULL}|{_any(_SHORT)})(?= )"
    rf"(?: (?P<behind>next|coming|week|fortnight)(?= ))?"
    rf"(?:(?: the)? (?P<weekday_day>{_DAY})(?= ))?"
    rf"(?:(?: of)? (?P<weekday_month>{_any(_MONTH)})(?= ))?"
    rf"(?: (?P<weekday_year>20\d\d)(?= ))?"
    rf"| (?P<day>{_DAY})(?: of)? (?P<month>{_any(_MONTH)})(?= )(?: (?P<year>(?:20)?\d\d)(?= ))?"
    rf"| (?P<month_first>{_any(_MONTH)})(?: the)? (?P<month_day>{_DAY})(?= )"
    rf"(?: (?P<month_year>20\d\d)(?= ))?"
    rf"|(?: (?P<the>the|on|by))? (?P<ordinal>\d{{1,2}}(?:st|nd|rd|th))(?= )"
    rf"| (?:in|within)(?: the next)? (?P<in_number>{_NUM}|a)"
    rf" (?P<in_unit>days?|weeks?|fortnight)(?= )"
    rf"| (?P<away_number>{_NUM}) (?P<away_unit>days?|weeks?|fortnight)"
    rf" (?:away|off|from (?:now|today)|time|to go|left|today)(?= )"
    rf"| (?P<vague>next week|this week|end of (?:the|this) (?:week|month)|this afternoon"
    rf"|this evening|this morning|any day now)(?= )"
)
_CORE = (
    frozenset(_WEEKDAY) | {f"{name}s" for name in _WEEKDAYS} | {f"{name}'s" for name in _WEEKDAYS}
)
_CORE |= frozenset(_MONTH) | frozenset(_NEAR_DAY) | frozenset(_ORDINAL)
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
_BEFORE, _AFTER = 5, 7
"""Words before and after such a word that may belong to the expression."""
_DOUBTFUL = frozenset({"sat", "sun", "wed", "mon", "thu", "tue"})
_NO_DATES = frozenset({"24/7", "50/50", "9/11", "7/7"})
_VAGUE_DAYS = 7
"""How far ahead "next week" and its like are taken to be."""
HORIZON = 183
"""Days before and after in which a date without a year is looked for."""


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
    relative = _relative(found, today)
    day = relative or _absolute(found, today)
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
        start = max(done, wording.place(max(0, first - _BEFORE)) - 1)
        done = wording.place(min(len(tokens), last + _AFTER))
        yield from _date_regex().finditer(wording.words, start, done)
        done -= 1


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


def _relative(found: re.Match[str], today: date) -> date | None:
    """Return the day of an expression that counts from the day of writing."""
    if found["span"]:
        return _after_span(found, today)
    if found["after_tomorrow"]:
        return today + timedelta(2)
    if found["near"]:
        return today + timedelta(_NEAR_DAY[found["near"]] + _days(found["near_week"], 1))
    if found["weekday"] and not found["weekday_day"]:
        return _weekday(found, today)
    if found["in_unit"]:
        return today + timedelta(_days(found["in_unit"], _count(found["in_number"])))
    if found["away_unit"]:
        return today + timedelta(_days(found["away_unit"], _count(found["away_number"])))
    return None


def _absolute(found: re.Match[str], today: date) -> date | None:
    """Return the day of an expression that names a day of the month."""
    if found["numeric"]:
        return _numeric(found["numeric"], today)
    if found["weekday_day"]:
        return _weekday_and_day(found, today)
    if found["month"]:
        return _day_and_month(_count(found["day"]), _MONTH[found["month"]], found["year"], today)
    if found["month_first"]:
        month = _MONTH[found["month_first"]]
        return _day_and_month(_count(found["month_day"]), month, found["month_year"], today)
    if found["ordinal"]:
        return _day_of_month(_count(found["ordinal"]), today)
    return None


def _count(words: str) -> int:
    if words[0].isdigit():
        return int(words.rstrip("stndrh"))
    name = words.removeprefix("a ").removesuffix(" of")
    return _NUMBER.get(name) or _ORDINAL[name]


def _days(unit: str | None, count: int) -> int:
    if unit is None:
        return 0
    if unit.startswith("day"):
        return count
    return count * (14 if unit == "fortnight" else 7)


def _number_of_weekday(name: str) -> int:
    return _WEEKDAY[name] if name in _WEEKDAY else _WEEKDAY[name.removesuffix("s")]


def _coming(weekday: int, today: date) -> date:
    """Return the next such weekday after `today`: on a Thursday, "Thursday" is in a week."""
    return today + timedelta((weekday - today.weekday() - 1) % 7 + 1)


def _after_span(found: re.Match[str], today: date) -> date:
    weeks = _days(found["span"], _count(found["weeks"]) if found["weeks"] else 1)
    name = found["span_day"]
    base = today + timedelta(_NEAR_DAY[name]) if name in _NEAR_DAY else None
    return (base or _coming(_number_of_weekday(name), today)) + timedelta(weeks)


def _weekday(found: re.Match[str], today: date) -> date:
    """Return "Thursday", "Thursday week" or "next Thursday": the one in next week."""
    number = _number_of_weekday(found["weekday"])
    if found["before"] == "next" or found["behind"] == "next":
        return today + timedelta(7 - today.weekday() + number)
    behind = found["behind"] if found["behind"] != "coming" else None
    return _coming(number, today) + timedelta(_days(behind, 1))


def _weekday_and_day(found: re.Match[str], today: date) -> date | None:
    day, number = _count(found["weekday_day"]), _number_of_weekday(found["weekday"])
    if found["weekday_month"]:
        month = _MONTH[found["weekday_month"]]
        return _day_and_month(day, month, found["weekday_year"], today)
    is_ordinal = not found["weekday_day"].isdigit()
    ahead = (today + timedelta(days) for days in range(HORIZON if is_ordinal else 32))
    fitting = (one for one in ahead if one.day == day and one.weekday() == number)
    if (both := next(fitting, None)) is not None:
        return both
    return _day_of_month(day, today) if is_ordinal else _coming(number, today)  # "Tuesday 10 am"


def _day_of_month(day: int, today: date) -> date | None:
    if not 1 <= day <= 31:
        return None
    return next(
        (one for days in range(62) if (one := today + timedelta(days)).day == day),
        None,
    )


def _day_and_month(day: int, month: int, year: str | None, today: date) -> date | None:
    """Return the day; without a year the one nearest to `today`, before or after."""
    if year:
        return _date_or_none(int(year) + (2000 if len(year) == 2 else 0), month, day)
    near = (_date_or_none(today.year + shift, month, day) for shift in (-1, 0, 1))
    fitting = [one for one in near if one and abs((one - today).days) <= HORIZON]
    return fitting[-1] if fitting else None


def _numeric(written: str, today: date) -> date | None:
    """Return 14/03, 14.3.26, 14-03-2026 or 2026-03-14; two numbers with a dot are a time of day."""
    parts = re.split(r"[./-]", written)
    if len(parts[0]) == 4 and len(parts) == 3:
        return _date_or_none(int(parts[0]), int(parts[1]), int(parts[2]))
    if len(parts[0]) > 2 or (len(parts) == 2 and "/" not in written):
        return None
    if not 1 <= int(parts[1]) <= 12:
        return None
    year = parts[2] if len(parts) == 3 else None
    return _day_and_month(int(parts[0]), int(parts[1]), year, today)


def _date_or_none(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
