"""The alarm letter: what is wrong and what to do, and nothing about any person."""

from collections.abc import Sequence
from dataclasses import dataclass

from casework.alarms.book import Ring, RingState
from casework.status.words import moment_words
from replies.outgoing import OutgoingEmail, Purpose

NEEDS_SOMEBODY = "Kith needs somebody to look"
WELL_AGAIN = "Kith is well again"
LAST_TODAY = (
    "This is the last alarm mail for today: there have been too many. Look at the page Status, "
    "or run kith status."
)
ENDING = """The page Status, or the command kith status, tells how everything is now.

Kith wrote this by itself. It says nothing about anybody who writes to the group."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Whom alarm letters come from: the group's name and address."""

    name: str
    address: str


def in_words(ring: Ring) -> str:
    """Return one alarm as a paragraph."""
    since = moment_words(ring.since)
    if ring.state is RingState.OVER:
        return f"Over: {ring.words}\nIt began at {since}."
    return f"{ring.words}\nWhat to do: {ring.remedy}\nSeen first at {since}."


def alarm_letter(
    rings: Sequence[Ring], sender: Sender, to_address: str, message_id: str, *, is_last: bool
) -> OutgoingEmail:
    """Return one letter that tells all of `rings`; `is_last`: no more will be sent today."""
    begun = any(ring.state is RingState.BEGUN for ring in rings)
    parts = [*map(in_words, rings), *([LAST_TODAY] if is_last else []), ENDING]
    return OutgoingEmail(
        purpose=Purpose.NOTICE,
        from_name=sender.name,
        from_address=sender.address,
        to_address=to_address,
        subject=NEEDS_SOMEBODY if begun else WELL_AGAIN,
        body="\n\n".join(parts) + "\n",
        message_id=message_id,
        automatic=True,
    )
