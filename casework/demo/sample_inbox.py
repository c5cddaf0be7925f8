"""The demo's inbox: mails of the last three days, each written by hand, all people invented.

The mails lie in `samples/*.eml` with line feeds, so that they can be read and edited. In double
braces stands what depends on the day of the demo; `N` counts days from today:

- `group`: the group's address
- `sent N HH:MM`: when the mail was sent, N (0 to 2) days ago; its first mention is also its arrival
- `written N HH:MM`: the date of an older mail inside this one, N days ago
- `weekday N`, `day N`, `full N`: "Friday", "27 November", "Friday 27 November" in N days
- `stamp N HH:MM`: the same moment as a calendar writes it
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from importlib.resources import files

from config.errors import KithError

OLDEST = timedelta(hours=70)
"""Mail older than 72 hours gets no automatic reply, and the demo is to show some."""

TRAVEL = timedelta(seconds=4)
"""How long a mail is under way."""

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_BLANK = re.compile(rb"\{\{([a-z]+)(?: (-?[0-9]{1,3}))?(?: ([0-9]{2}):([0-9]{2}))?\}\}")
_LINE_END = re.compile(rb"\r?\n")


class SampleError(KithError):
    """A sample asks for something that is not known here."""

    def __init__(self, name: str, asked: str) -> None:
        super().__init__(f"The sample {name!r} has {asked!r} in braces; see sample_inbox.py.")


@dataclass(frozen=True)
class SampleMail:
    """One mail of the sample inbox: its name, its bytes, and when it arrived."""

    name: str
    raw: bytes
    internal_date: datetime


@dataclass(frozen=True)
class _Blank:
    """One thing in braces: the word, the number of days, the time of day."""

    word: str
    days: int
    hour: int
    minute: int

    @classmethod
    def read(cls, found: re.Match[bytes]) -> "_Blank":
        word, days, hour, minute = found.groups()
        return cls(word.decode("ascii"), int(days or 0), int(hour or 0), int(minute or 0))

    def at(self, day: datetime) -> datetime:
        """Return the time of day on `day`."""
        return day.replace(hour=self.hour, minute=self.minute, second=0, microsecond=0)


def sample_inbox(group_address: str, now: datetime) -> list[SampleMail]:
    """Return the sample mails to `group_address`, dated from `now` backwards, oldest first.

    Raises `SampleError` when a sample has something unknown in braces.
    """
    texts = files("casework.demo").joinpath("samples")
    names = sorted(text.name for text in texts.iterdir() if text.name.endswith(".eml"))
    mails = [
        fill_in(name.removesuffix(".eml"), texts.joinpath(name).read_bytes(), group_address, now)
        for name in names
    ]
    return sorted(mails, key=lambda mail: (mail.internal_date, mail.name))


def fill_in(name: str, text: bytes, group_address: str, now: datetime) -> SampleMail:
    """Return the sample `name` with everything in braces written out.

    Raises `SampleError` for a word that is not known here.
    """
    arrived: list[datetime] = []

    def word(found: re.Match[bytes]) -> bytes:
        blank = _Blank.read(found)
        if blank.word == "group":
            return group_address.encode()
        if blank.word == "sent":
            arrived.append(_last_time(blank, now))
            return _header_date(arrived[-1])
        if (written := _date_words(blank, now)) is None:
            raise SampleError(name, found[0].decode("ascii"))
        return written

    filled = _BLANK.sub(word, text)
    sent = arrived[0] if arrived else now - timedelta(hours=3)
    came = min(sent + TRAVEL, now)
    return SampleMail(name, _LINE_END.sub(b"\r\n", filled), came)


def _last_time(blank: _Blank, now: datetime) -> datetime:
    """Return the last moment at this time of day that is at least `days` old, within reason."""
    moment = blank.at(now.astimezone(UTC) - timedelta(days=blank.days))
    if moment > now - timedelta(days=blank.days):
        moment -= timedelta(days=1)
    return max(moment, now.astimezone(UTC).replace(microsecond=0) - OLDEST)


def _date_words(blank: _Blank, now: datetime) -> bytes | None:
    today = now.astimezone(UTC)
    day = today + timedelta(days=blank.days)
    match blank.word:
        case "written":
            return _header_date(blank.at(today - timedelta(days=blank.days)))
        case "stamp":
            return f"{blank.at(day):%Y%m%dT%H%M%SZ}".encode("ascii")
        case "weekday":
            return WEEKDAYS[day.weekday()].encode("ascii")
        case "day":
            return f"{day.day} {MONTHS[day.month - 1]}".encode("ascii")
        case "full":
            return f"{WEEKDAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]}".encode("ascii")
    return None


def _header_date(moment: datetime) -> bytes:
    return format_datetime(moment).encode("ascii")
