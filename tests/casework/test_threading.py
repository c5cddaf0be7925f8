"""Which case a mail belongs to: the policy by itself."""

from casework.threading import Hint, Match, Pointer, decide

BY_ID = Pointer(1, 10, Hint.OUR_MESSAGE_ID)
BY_REFERENCE = Pointer(2, 20, Hint.REFERENCE)


def test_the_cases_own_correspondent_appends_by_either_hint() -> None:
    assert decide([BY_ID], 10) == Match(case_id=1, hint=Hint.OUR_MESSAGE_ID)
    assert decide([BY_REFERENCE], 20) == Match(case_id=2, hint=Hint.REFERENCE)


def test_nobody_else_ever_appends() -> None:
    assert decide([BY_REFERENCE], 99).case_id is None
    assert decide([BY_ID], None).case_id is None
    assert decide([BY_REFERENCE], 99) == Match(may_belong_to=2, hint=Hint.REFERENCE)


def test_a_stranger_with_our_message_id_is_marked_as_knowing_a_secret() -> None:
    match = decide([BY_ID, BY_REFERENCE], 99)
    assert match.knows_our_message_id
    assert match.may_belong_to == 1


def test_of_two_cases_the_one_that_is_the_senders_own_counts() -> None:
    assert decide([BY_ID, BY_REFERENCE], 20).case_id == 2


def test_a_case_without_correspondent_takes_nobody_in() -> None:
    assert decide([Pointer(3, None, Hint.OUR_MESSAGE_ID)], None).case_id is None


def test_without_hints_it_is_a_new_matter() -> None:
    assert decide([], 10) == Match()
