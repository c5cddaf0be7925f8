"""When was it sent? Dates that are not quite by the book (RFC 5322 section 3.3)."""

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

_LONGEST = 200
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY = re.compile(r"(?<!\d)(\d{1,2})[ -]([a-z]{3})[a-z]{0,6}\.?,?[ -](\d{4}|\d{2})(?!\d)")
_DAY_AMERICAN = re.compile(r"(?<![a-z])([a-z]{3})[a-z]{0,6}\.? (\d{1,2}),? (\d{4})(?!\d)")
_TIME = re.compile(r"(?<![\d:+-])(\d{1,2}):(\d{2})(?::(\d{2}))?(?: ?([ap])m)?(?![\d:])")
_OFFSET = re.compile(r"(?:^|[ tz\d])(?:gmt|utc|ut)? ?([+-])(\d{1,2}):?(\d{2})?(?!\d)")
_ISO = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}[t ]\d{2}:\d{2}(?::\d{2})?(?:\.\d{1,6})?")

_USUAL = re.compile(
    r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?([0-9]{1,2}) ([A-Z][a-z]{2}) (19[7-9][0-9]|20[0-9]{2}) "
    r"([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-])([01][0-9])([0-5][0-9])(?: \([A-Z]{1,5}\))?"
)
_ODD_ZONE = re.compile(r"[+-]\d{1,2}:\d{2}|(?:gmt|utc|ut)[+-]\d|:\d\d +(?:bst|we?s?t|[ce]es?t)\b")
_NAMED_ZONE = re.compile(r"^ *(bst|wet|west|cet|cest|eet|eest)\b")
_HOURS_AHEAD = {"bst": 1, "wet": 0, "west": 1, "cet": 1, "cest": 2, "eet": 2, "eest": 3}


def read_usual_date(value: str) -> datetime | None:
    """Return the moment that a date by the book names, in UTC; None for any other.

    Nine of ten dates are of this form: `Tue, 3 Mar 2026 09:05:00 +0000 (GMT)`.
    """
    found = _USUAL.fullmatch(value)
    if found is None:
        return None
    day, month, year, hour, minute, second, sign, hours, minutes = found.groups()
    try:
        moment = datetime(
            int(year),
            _MONTHS.index(month.lower()) + 1,
            int(day),
            int(hour),
            int(minute),
            int(second),
            tzinfo=UTC,
        )
    except ValueError:
        return None
    ahead = timedelta(hours=int(hours), minutes=int(minutes))
    return moment + ahead if sign == "-" else moment - ahead


def has_odd_zone(value: str) -> bool:
    """Return whether others read the zone as UTC: `+02:00`, `GMT+1`, `BST` (ours in summer)."""
    return _ODD_ZONE.search(value[:_LONGEST].lower()) is not None


def read_date(value: str) -> datetime | None:
    """Return the moment that a Date header names, in UTC, or None. Without a zone: UTC."""
    value = value[:_LONGEST].strip()
    if not value:
        return None
    lowered = value.lower()
    if has_odd_zone(value):
        return _plausible(_read_iso(lowered) or _read_loosely(lowered))
    try:
        return _plausible(_in_utc(parsedate_to_datetime(value)))
    except (ValueError, TypeError, IndexError, OverflowError):
        return _plausible(_read_iso(lowered) or _read_loosely(lowered))


def read_received_date(value: str) -> datetime | None:
    """Return the moment at the end of a Received header (RFC 5321 section 4.4), or None."""
    return read_date(value.rpartition(";")[2][-_LONGEST:])


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _plausible(moment: datetime | None) -> datetime | None:
    return moment if moment is not None and moment.year >= 1971 else None


def _read_iso(value: str) -> datetime | None:
    found = _ISO.search(value)
    if found is None:
        return None
    try:
        moment = datetime.fromisoformat(found[0])
    except ValueError:
        return None
    return _shift(moment, value[found.end() :])


def _read_loosely(value: str) -> datetime | None:
    day, time = _find_day(value), _TIME.search(value)
    if day is None or time is None:
        return None
    hour = int(time[1])
    if time[4] and hour <= 12:
        hour = hour % 12 + (12 if time[4] == "p" else 0)
    try:
        moment = datetime(*day, hour, int(time[2]), min(int(time[3] or 0), 59))  # noqa: DTZ001
    except ValueError:
        return None
    return _shift(moment, value[time.end() :])


def _find_day(value: str) -> tuple[int, int, int] | None:
    if (found := _DAY.search(value)) is not None:
        day, month, year = found[1], found[2], found[3]
    elif (found := _DAY_AMERICAN.search(value)) is not None:
        month, day, year = found[1], found[2], found[3]
    else:
        return None
    if month not in _MONTHS:
        return None
    full_year = int(year) if len(year) == 4 else int(year) + (2000 if int(year) < 70 else 1900)
    return full_year, _MONTHS.index(month) + 1, int(day)


def _shift(moment: datetime, rest: str) -> datetime | None:
    if (named := _NAMED_ZONE.match(rest)) is not None:
        return moment.replace(tzinfo=UTC) - timedelta(hours=_HOURS_AHEAD[named[1]])
    found = _OFFSET.search(" " + rest)
    if found is None:
        return moment.replace(tzinfo=UTC)
    offset = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
    if offset >= timedelta(hours=24):
        return moment.replace(tzinfo=UTC)
    zone = timezone(-offset if found[1] == "-" else offset)
    try:
        return moment.replace(tzinfo=zone).astimezone(UTC)
    except OverflowError:
        return None
