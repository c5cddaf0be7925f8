"""Every change of a case leaves a line."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import insert

from casework.drawer import Drawer
from casework.models import CASE_EVENTS

KITH = "Kith"
"""Who did it when no person did."""


class What(StrEnum):
    """What can happen to a case."""

    OPENED = "opened"
    RECEIVED = "received"
    RISK_RAISED = "risk raised"
    SORTED = "sorted"
    STRAND_ADDED = "strand added"
    STATUS_CHANGED = "status changed"
    ACKNOWLEDGEMENT_QUEUED = "acknowledgement queued"
    NOT_ACKNOWLEDGED = "not acknowledged"
    LETTER_SENT = "letter sent"
    LETTER_FAILED = "letter failed"
    LETTER_UNKNOWN = "letter's fate unknown"
    AUTOMATIC_MAIL = "automatic mail noted"
    STOPPED = "automatic mail stopped"
    FLAGGED = "flagged"
    DATE_FOUND = "date found"
    LETTER_CANCELLED = "letter taken back"
    REOPENED = "reopened"
    MERGED = "merged"
    MOVED = "moved"
    SPLIT = "split off"
    SENDER_CONFIRMED = "sender confirmed"


@dataclass(frozen=True, slots=True)
class Line:
    """A history line to be written: what happened, in words for a volunteer."""

    what: What
    detail: str
    by: str = KITH


def record(drawer: Drawer, case_id: int, lines: Iterable[Line], at: datetime) -> None:
    """Put by history lines of one case, all with the same time."""
    for line in lines:
        row = {"case_id": case_id, "at": at, "by": line.by, "what": line.what}
        drawer.put(WRITE_EVENT, row | {"detail": line.detail})


WRITE_EVENT = insert(CASE_EVENTS)
