"""How long a mail server is left alone after it failed us."""

from datetime import UTC, datetime, timedelta
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from intake.mailbox import MailboxError, Patience

NOW = datetime(2026, 11, 24, 23, 41, tzinfo=UTC)
CHANCES = st.floats(0, 1, exclude_max=True)
PLAIN = MailboxError("It broke.")


def seconds_after(patience: Patience, now: datetime = NOW) -> float:
    assert patience.until is not None
    return (patience.until - now).total_seconds()


def test_nobody_waits_before_the_first_failure_nor_after_a_success() -> None:
    patience = Patience()
    assert patience.may_try(NOW)
    patience.failed(NOW, PLAIN)
    assert not patience.may_try(NOW)
    patience.succeeded()
    assert patience.may_try(NOW)
    assert patience.failures == 0


def test_the_first_retry_is_quick_and_waits_double_up_to_five_minutes() -> None:
    patience = Patience(chance=lambda: 0.999999)
    waits = []
    for _ in range(12):
        patience.failed(NOW, PLAIN)
        waits.append(round(seconds_after(patience)))
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300, 300]


@given(chance=CHANCES, failures=st.integers(1, 2000))
def test_every_wait_is_between_a_second_and_five_minutes(chance: float, failures: int) -> None:
    patience = Patience(chance=lambda: chance)
    patience.failures = failures - 1
    patience.failed(NOW, PLAIN)
    wait = seconds_after(patience)
    assert 1 <= wait <= min(300, 2.0 ** min(failures, 30))
    assert not patience.may_try(NOW + timedelta(seconds=wait * 0.99))
    assert patience.may_try(NOW + timedelta(seconds=wait))


@given(chance=CHANCES, asked=st.floats(0, 3600), failures=st.integers(0, 50))
def test_nobody_comes_back_before_the_server_wants_it(
    chance: float, asked: float, failures: int
) -> None:
    patience = Patience(chance=lambda: chance)
    patience.failures = failures
    patience.failed(NOW, MailboxError("Busy.", retry_after=asked))
    assert asked - 1e-5 <= seconds_after(patience) <= max(300, asked * 1.1 + 1e-5)


@given(chance=CHANCES, failures=st.integers(0, 50))
def test_a_refused_sign_in_is_not_repeated_within_five_minutes(
    chance: float, failures: int
) -> None:
    patience = Patience(chance=lambda: chance)
    patience.failures = failures
    patience.failed(NOW, MailboxError("Refused.", needs_sign_in=True))
    assert 300 <= seconds_after(patience) <= 330


def test_an_error_of_another_kind_is_waited_out_too() -> None:
    patience = Patience(chance=lambda: 0.0)
    patience.failed(NOW, ValueError("strange"))
    assert seconds_after(patience) == 1


@given(back=st.timedeltas(min_value=timedelta(hours=1), max_value=timedelta(days=3650)))
def test_a_clock_that_is_set_back_does_not_keep_us_waiting(back: timedelta) -> None:
    patience = Patience()
    patience.failed(NOW, MailboxError("Busy.", retry_after=600))
    assert patience.may_try(NOW - back)


@given(chances=st.lists(CHANCES, min_size=2, max_size=2, unique=True))
def test_two_servers_do_not_come_back_at_the_same_moment(chances: list[float]) -> None:
    first, second = (Patience(chance=partial(float, chance)) for chance in chances)
    for patience in (first, second):
        patience.failures = 20
        patience.failed(NOW, PLAIN)
    assert abs(seconds_after(first) - seconds_after(second)) <= 299
    assert (seconds_after(first) < seconds_after(second)) == (chances[0] < chances[1]) or abs(
        chances[0] - chances[1]
    ) < 1e-8
