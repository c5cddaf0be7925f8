"""How pages say things: kinds, waits and dates in plain British English."""

from datetime import date, datetime

from casework.status.words import LONDON
from intake.screening import Verdict
from intake.taxonomy import Kind

KIND_WORDS = {
    Kind.PRIVACY_REQUEST: "Privacy request",
    Kind.CASE_REPORT: "Case report",
    Kind.PARTNERSHIP: "Working together",
    Kind.SUPPORT_OFFER: "Offer of support",
    Kind.JOIN_REQUEST: "Joining",
    Kind.CONTRIBUTION: "Contribution",
    Kind.ENQUIRY: "Enquiry",
    Kind.AUTOMATED: "Automatic mail",
    Kind.SPAM: "Spam",
}
VERDICT_WORDS = {
    Verdict.PERSONAL: "From a person",
    Verdict.AUTO_REPLY: "Automatic reply",
    Verdict.DELIVERY_REPORT: "Delivery report",
    Verdict.RECEIPT: "Receipt",
    Verdict.BULK: "Sent to many",
    Verdict.ROBOT: "From a machine",
    Verdict.LOOP: "Our own mail",
    Verdict.SPAM: "Spam or forged",
    Verdict.UNREADABLE: "Unreadable",
}


def verdict_words(verdict: Verdict | str | None) -> str:
    """Return what screening said of a mail, as a volunteer would say it."""
    return VERDICT_WORDS[Verdict(verdict)] if verdict else "Not judged"


def kind_words(kind: Kind | str) -> str:
    """Return a kind as a volunteer would say it."""
    return KIND_WORDS[Kind(kind)]


def waited(since: datetime, now: datetime) -> str:
    """Return how long ago that was, in the largest unit that fits: "18 min", "3 hours"."""
    minutes = max(0, int((now - since).total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min"
    hours = minutes // 60
    if hours < 48:
        return f"{hours} hour{'s' if hours != 1 else ''}"
    return f"{hours // 24} days"


def british_day(day: date) -> str:
    """Return a day as "Thursday 26 November"."""
    return f"{day:%A} {day.day} {day:%B}"


def short_moment(moment: datetime) -> str:
    """Return a moment as "24 Nov 2026, 23:41", on the clock in Britain."""
    local = moment.astimezone(LONDON)
    return f"{local.day} {local:%b %Y, %H:%M}"
