"""From the words of a date to the day: counted from the day of writing, or named by its number."""

import re
from datetime import date, timedelta
from functools import lru_cache

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SHORT = {"mon": 0, "tue": 1, "tues": 1, "wed": 2, "weds": 2, "thu": 3, "thur": 3, "thurs": 3,
          "fri": 4, "sat": 5, "sun": 6}  # fmt: skip
WEEKDAY = {name: number for number, name in enumerate(WEEKDAYS)} | SHORT
_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september",
           "october", "november", "december")  # fmt: skip
MONTH = {name: number for number, name in enumerate(_MONTHS, 1)}
MONTH |= {name[:3]: number for name, number in MONTH.items()} | {"sept": 9}
_NUMBERS = """
one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen twenty
"""
NUMBER = {name: number for number, name in enumerate(_NUMBERS.split(), 1)} | {
    "a": 1,
    "couple": 2,
    "few": 3,
}
_ORDINALS = """
first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth
fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth
"""
ORDINAL = {name: number for number, name in enumerate(_ORDINALS.split(), 1)}
NEAR_DAY = {"today": 0, "tonight": 0, "tomorrow": 1, "tomoz": 1, "tomorro": 1, "tomoro": 1,
             "tommorow": 1, "tomorow": 1, "tmrw": 1, "2moro": 1, "tmw": 1}  # fmt: skip

HORIZON = 183
"""Days before and after in which a date without a year is looked for."""


def relative_day(found: re.Match[str], today: date) -> date | None:
    """Return the day of an expression that counts from the day of writing."""
    if found["span"]:
        return _after_span(found, today)
    if found["after_tomorrow"]:
        return today + timedelta(2)
    if found["near"]:
        return today + timedelta(NEAR_DAY[found["near"]] + _days(found["near_week"], 1))
    if found["weekday"] and not found["weekday_day"]:
        return _weekday(found, today)
    if found["in_unit"]:
        return today + timedelta(_days(found["in_unit"], _count(found["in_number"])))
    if found["away_unit"]:
        return today + timedelta(_days(found["away_unit"], _count(found["away_number"])))
    return None


def absolute_day(found: re.Match[str], today: date) -> date | None:
    """Return the day of an expression that names a day of the month."""
    if found["numeric"]:
        return _numeric(found["numeric"], today)
    if found["weekday_day"]:
        return _weekday_and_day(found, today)
    if found["month"]:
        return _day_and_month(_count(found["day"]), MONTH[found["month"]], found["year"], today)
    if found["month_first"]:
        month = MONTH[found["month_first"]]
        return _day_and_month(_count(found["month_day"]), month, found["month_year"], today)
    if found["ordinal"]:
        return _day_of_month(_count(found["ordinal"]), today)
    return None


def _count(words: str) -> int:
    if words[0].isdigit():
        return int(words.rstrip("stndrh"))
    name = words.removeprefix("a ").removesuffix(" of")
    return NUMBER.get(name) or ORDINAL[name]


def _days(unit: str | None, count: int) -> int:
    if unit is None:
        return 0
    if unit.startswith("day"):
        return count
    return count * (14 if unit == "fortnight" else 7)


def _number_of_weekday(name: str) -> int:
    return WEEKDAY[name] if name in WEEKDAY else WEEKDAY[name.removesuffix("s")]


def _coming(weekday: int, today: date) -> date:
    """Return the next such weekday after `today`: on a Thursday, "Thursday" is in a week."""
    return today + timedelta((weekday - today.weekday() - 1) % 7 + 1)


def _after_span(found: re.Match[str], today: date) -> date:
    weeks = _days(found["span"], _count(found["weeks"]) if found["weeks"] else 1)
    name = found["span_day"]
    base = today + timedelta(NEAR_DAY[name]) if name in NEAR_DAY else None
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
        month = MONTH[found["weekday_month"]]
        return _day_and_month(day, month, found["weekday_year"], today)
    is_ordinal = not found["weekday_day"].isdigit()
    if (both := _day_that_is(day, number, today, HORIZON if is_ordinal else 32)) is not None:
        return both
    return _day_of_month(day, today) if is_ordinal else _coming(number, today)  # "Tuesday 10 am"


@lru_cache(1024)  # a mail may name the same days without end
def _day_that_is(day: int, weekday: int, today: date, within: int) -> date | None:
    ahead = (today + timedelta(days) for days in range(within))
    return next((one for one in ahead if one.day == day and one.weekday() == weekday), None)


@lru_cache(256)
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
