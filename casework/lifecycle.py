"""The life of a case: the shared spine, and which moves along it are allowed.

new → triaged → active → waiting → done → closed, and back to active when somebody writes again
"""

from enum import StrEnum


class CaseStatus(StrEnum):
    """Where a case stands."""

    NEW = "new"
    TRIAGED = "triaged"
    ACTIVE = "active"
    WAITING = "waiting"
    DONE = "done"
    CLOSED = "closed"

    @property
    def is_open(self) -> bool:
        """Return whether somebody still has something to do."""
        return self not in {CaseStatus.DONE, CaseStatus.CLOSED}


MOVES: dict[CaseStatus, frozenset[CaseStatus]] = {
    CaseStatus.NEW: frozenset({CaseStatus.TRIAGED, CaseStatus.ACTIVE, CaseStatus.CLOSED}),
    CaseStatus.TRIAGED: frozenset({CaseStatus.ACTIVE, CaseStatus.WAITING, CaseStatus.CLOSED}),
    CaseStatus.ACTIVE: frozenset({CaseStatus.WAITING, CaseStatus.DONE, CaseStatus.CLOSED}),
    CaseStatus.WAITING: frozenset({CaseStatus.ACTIVE, CaseStatus.DONE, CaseStatus.CLOSED}),
    CaseStatus.DONE: frozenset({CaseStatus.ACTIVE, CaseStatus.CLOSED}),
    CaseStatus.CLOSED: frozenset({CaseStatus.ACTIVE}),
}


def may_move(old: CaseStatus, new: CaseStatus) -> bool:
    """Return whether a case may go from `old` to `new`."""
    return new in MOVES[old]


def after_a_letter_from_the_correspondent(status: CaseStatus) -> CaseStatus:
    """Return the status once the correspondent has written again: it is our turn."""
    if status in {CaseStatus.NEW, CaseStatus.TRIAGED, CaseStatus.ACTIVE}:
        return status
    return CaseStatus.ACTIVE
