"""The life of a case."""

import pytest

from casework.lifecycle import (
    MOVES,
    CaseStatus,
    after_a_letter_from_the_correspondent,
    may_move,
)


def test_every_status_has_its_moves_and_none_leads_to_itself() -> None:
    assert set(MOVES) == set(CaseStatus)
    assert not [status for status, targets in MOVES.items() if status in targets]


def test_a_new_case_cannot_be_done_before_anybody_looked() -> None:
    assert not may_move(CaseStatus.NEW, CaseStatus.DONE)
    assert may_move(CaseStatus.NEW, CaseStatus.TRIAGED)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (CaseStatus.NEW, CaseStatus.NEW),
        (CaseStatus.TRIAGED, CaseStatus.TRIAGED),
        (CaseStatus.ACTIVE, CaseStatus.ACTIVE),
        (CaseStatus.WAITING, CaseStatus.ACTIVE),
        (CaseStatus.DONE, CaseStatus.ACTIVE),
        (CaseStatus.CLOSED, CaseStatus.ACTIVE),
    ],
)
def test_when_they_write_again_it_is_our_turn(before: CaseStatus, after: CaseStatus) -> None:
    assert after_a_letter_from_the_correspondent(before) is after
    assert before is after or may_move(before, after)
