"""Rests between failures: longer each time, bounded, over at the first success."""

from casework.recess import LONGEST_S, Recess


def test_each_rest_is_twice_as_long_up_to_a_minute_and_a_success_ends_it() -> None:
    clock = [0.0]
    recess = Recess(clock=lambda: clock[0])
    rests: list[float] = []
    for _ in range(40):
        recess.failed("poll")
        rests.append(recess.left("poll", "listen"))
    assert rests[:7] == [1, 2, 4, 8, 16, 32, LONGEST_S]
    assert rests[-1] == LONGEST_S
    assert recess.left("listen") == 0
    clock[0] += LONGEST_S
    assert recess.left("poll") == 0
    recess.failed("poll")
    recess.went_well("poll")
    assert recess.left("poll") == 0
    recess.failed("poll")
    assert recess.left("poll") == 1
