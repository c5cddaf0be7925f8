"""Days that count in England: working days, bank holidays, and one calendar month on."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from functools import cache

SATURDAY, SUNDAY = 5, 6
MONDAY = 0


def local_day(moment: datetime) -> date:
    """Return the day of `moment` in London.

    Summer time by rule (last Sunday of March to last Sunday of October, at 01:00 UTC), since a
    small machine may have no time zone data.
    """
    utc = moment.astimezone(UTC)
    start = _last(utc.year, 3, SUNDAY)
    end = _last(utc.year, 10, SUNDAY)
    changes = [datetime(day.year, day.month, day.day, 1, tzinfo=UTC) for day in (start, end)]
    is_summer = changes[0] <= utc < changes[1]
    return (utc + timedelta(hours=1 if is_summer else 0)).date()


def one_month_after(day: date) -> date:
    """Return the same day of the next month, or that month's last: 31 January gives 28 February."""
    year, month = (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def next_working_day(day: date) -> date:
    """Return `day` if it is a working day in England, else the first one after it."""
    while day.weekday() >= SATURDAY or day in bank_holidays(day.year):
        day += timedelta(days=1)
    return day


def british_date(day: date) -> str:
    """Return `day` as people write it here: 24 December 2026."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


@cache
def bank_holidays(year: int) -> frozenset[date]:
    """Return England's regular bank holidays, with their substitutes for weekends.

    One-off holidays (a coronation) are not known; a date that falls on one is merely kept early.
    """
    easter = easter_sunday(year)
    christmas = date(year, 12, 25)
    return frozenset(
        {
            _weekday_from(date(year, 1, 1)),
            easter - timedelta(days=2),
            easter + timedelta(days=1),
            _first(year, 5, MONDAY),
            _last(year, 5, MONDAY),
            _last(year, 8, MONDAY),
            *_christmas(christmas),
        }
    )


def easter_sunday(year: int) -> date:
    """Return Easter Sunday in the Gregorian calendar, by the method of Meeus, Jones and Butcher."""
    golden = year % 19
    century, in_century = divmod(year, 100)
    leaps, rest = divmod(century, 4)
    shift = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leaps - shift + 15) % 30
    quarter, left = divmod(in_century, 4)
    to_sunday = (32 + 2 * rest + 2 * quarter - epact - left) % 7
    late = (golden + 11 * epact + 22 * to_sunday) // 451
    month, day = divmod(epact + to_sunday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def _christmas(christmas: date) -> tuple[date, date]:
    first = _weekday_from(christmas)
    second = _weekday_from(christmas + timedelta(days=1))
    if first == second or first == christmas + timedelta(days=1):
        second = _weekday_from(max(first, second) + timedelta(days=1))
    return first, second


def _weekday_from(day: date) -> date:
    while day.weekday() >= SATURDAY:
        day += timedelta(days=1)
    return day


def _first(year: int, month: int, weekday: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7)


def _last(year: int, month: int, weekday: int) -> date:
    last = date(year, month, monthrange(year, month)[1])
    return last - timedelta(days=(last.weekday() - weekday) % 7)


_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
