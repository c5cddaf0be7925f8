"""A status as lines for a person, and as JSON for a program."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from casework.status.model import CanaryStatus, MailboxStatus, Status
from casework.status.words import ago, count_of, mode_words, moment_words


def in_lines(status: Status) -> Iterator[str]:
    """Yield the status as plain lines, what needs a person first."""
    if status.is_well:
        yield "All is well: nothing needs a person."
    else:
        yield f"{count_of(len(status.troubles), 'thing')} to look at:"
    for trouble in status.troubles:
        yield f"  ! {trouble.words}"
        yield f"    {trouble.remedy}"
    yield mode_words(is_live=status.is_live)
    if status.go_live is not None:
        yield f"Go-live: {moment_words(status.go_live)} {status.go_live.year}."
    for box in status.mailboxes:
        yield f"{box.label}: {box_words(box)}"
        yield f"  {look_words(box, status.at)}"
    yield from _mail_lines(status)
    yield from _letter_lines(status)
    yield f"Test mail: {canary_words(status.canary, status.at)}"
    yield f"Senders not answered for now: {len(status.brakes.senders)}."
    yield f"Addresses that letters do not reach: {status.brakes.suspended_addresses}."
    for token in status.tokens:
        ends = f"ends at {moment_words(token.ends_at)}" if token.ends_at else "no end known"
        yield f"Permission to sign in at {token.provider.title()}: {ends}."


def _mail_lines(status: Status) -> Iterator[str]:
    counts = status.ledger
    oldest = status.oldest_unfiled_at
    waits = f" (the oldest came {ago(oldest, status.at)})" if oldest else ""
    yield (
        f"Mails: {counts.get('filed', 0):,} filed, {counts.get('screened_out', 0):,} screened out, "
        f"{status.set_aside:,} set aside, {counts.get('received', 0):,} not filed yet{waits}."
    )
    yield f"In the spam folder, to look through: {status.spam_to_look_at:,}."


def _letter_lines(status: Status) -> Iterator[str]:
    letters = status.letters
    yield (
        f"Letters: {letters.sent:,} sent, {letters.waiting:,} waiting, {letters.drafts:,} drafts, "
        f"{letters.failed:,} not deliverable, {letters.unknown:,} of unknown fate."
    )
    if status.delivery_problem:
        yield f"  The last try to send: {status.delivery_problem}"


def box_words(box: MailboxStatus) -> str:
    """Return whether all that is on the server is in the ledger."""
    if box.present is None or box.complete_at is None:
        return "not looked through to the end yet."
    if box.missing:
        return f"{count_of(box.present, 'mail')} on the server, {box.missing:,} of them not here."
    return f"{count_of(box.present, 'mail')} on the server, all of them accounted for here."


def look_words(box: MailboxStatus, now: datetime) -> str:
    """Return how the last look into it went."""
    if box.tried_at is None:
        return "Never looked into."
    if box.problem is None:
        return f"Last look: {ago(box.well_at, now)}, well."
    retry = ""
    if box.next_try_at is not None and box.next_try_at > now:
        retry = f" Next try: {moment_words(box.next_try_at)}."
    return f"Last good look: {ago(box.well_at, now)}. Since then: {box.problem}{retry}"


def canary_words(canary: CanaryStatus | None, now: datetime) -> str:
    """Return what became of the last test mail."""
    if canary is None:
        return "none is sent (canary_hours is 0, or nothing is sent at all)."
    if canary.sent_at is None:
        return "none was sent yet."
    if canary.is_overdue:
        return f"overdue; the last one that came back did so {ago(canary.back_at, now)}."
    if canary.back_at is None or canary.back_at < canary.sent_at:
        return f"on its way since {ago(canary.sent_at, now)}."
    return f"came back {ago(canary.back_at, now)}."


def as_json(status: Status) -> dict[str, Any]:
    """Return the status as JSON can hold it; moments in ISO 8601, UTC."""
    values = {"is_well": status.is_well, "set_aside": status.set_aside} | asdict(status)
    plain: dict[str, Any] = _plain(values)
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.total_seconds() if hasattr(value, "total_seconds") else value
