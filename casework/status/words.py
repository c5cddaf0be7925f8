"""How a status says things: moments, counts and waits, in plain British English."""

from datetime import datetime
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")


def moment_words(moment: datetime) -> str:
    """Return a moment as it is on the clock in Britain: "14:05 on Tuesday 24 November"."""
    local = moment.astimezone(LONDON)
    return f"{local:%H:%M} on {local:%A} {local.day} {local:%B}"


def ago(moment: datetime | None, now: datetime) -> str:
    """Return how long ago that was, in the largest unit that fits; None is "never"."""
    if moment is None:
        return "never"
    minutes = int((now - moment).total_seconds() // 60)
    if minutes < 0:
        return moment_words(moment)
    if minutes < 1:
        return "just now"
    return f"{_span(minutes)} ago"


def _span(minutes: int) -> str:
    if minutes < 60:
        return f"{minutes} min"
    hours = minutes // 60
    return count_of(hours, "hour") if hours < 48 else count_of(hours // 24, "day")


def count_of(number: int, noun: str) -> str:
    """Return a number with its noun: "1 mail", "2 mails", "1,000 mails"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def mode_words(*, is_live: bool) -> str:
    """Return whether Kith sends anything."""
    return (
        "Live: mail is filed and automatic replies are sent."
        if is_live
        else "Shadow: mail is filed and replies are drafted; nothing is sent."
    )
