from datetime import UTC, date, datetime

import pytest

from replies.working_days import (
    bank_holidays,
    british_date,
    easter_sunday,
    local_day,
    next_working_day,
    one_month_after,
)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2026, 11, 24), date(2026, 12, 24)),
        (date(2026, 12, 5), date(2027, 1, 5)),
        (date(2026, 1, 31), date(2026, 2, 28)),
        (date(2028, 1, 31), date(2028, 2, 29)),
        (date(2026, 3, 31), date(2026, 4, 30)),
    ],
)
def test_a_month_ends_on_the_same_day_or_the_last_one(day: date, expected: date) -> None:
    assert one_month_after(day) == expected


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2026, 11, 24), date(2026, 11, 24)),
        (date(2026, 11, 28), date(2026, 11, 30)),
        (date(2026, 11, 29), date(2026, 11, 30)),
        (date(2026, 12, 25), date(2026, 12, 29)),
        (date(2026, 4, 3), date(2026, 4, 7)),
        (date(2027, 1, 1), date(2027, 1, 4)),
    ],
)
def test_weekends_and_bank_holidays_are_passed_over(day: date, expected: date) -> None:
    assert next_working_day(day) == expected


@pytest.mark.parametrize(
    ("year", "days"),
    [
        (2021, ["1-1", "4-2", "4-5", "5-3", "5-31", "8-30", "12-27", "12-28"]),
        (2022, ["1-3", "4-15", "4-18", "5-2", "5-30", "8-29", "12-26", "12-27"]),
        (2023, ["1-2", "4-7", "4-10", "5-1", "5-29", "8-28", "12-25", "12-26"]),
        (2026, ["1-1", "4-3", "4-6", "5-4", "5-25", "8-31", "12-25", "12-28"]),
        (2027, ["1-1", "3-26", "3-29", "5-3", "5-31", "8-30", "12-27", "12-28"]),
        (2028, ["1-3", "4-14", "4-17", "5-1", "5-29", "8-28", "12-25", "12-26"]),
    ],
)
def test_the_regular_bank_holidays_of_a_year(year: int, days: list[str]) -> None:
    expected = {date(year, *(int(part) for part in day.split("-"))) for day in days}
    assert bank_holidays(year) == expected


@pytest.mark.parametrize(
    "day", [date(2024, 3, 31), date(2025, 4, 20), date(2026, 4, 5), date(2038, 4, 25)]
)
def test_easter(day: date) -> None:
    assert easter_sunday(day.year) == day


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 6, 30, 22, 59, tzinfo=UTC), date(2026, 6, 30)),
        (datetime(2026, 6, 30, 23, 0, tzinfo=UTC), date(2026, 7, 1)),
        (datetime(2026, 11, 24, 23, 41, tzinfo=UTC), date(2026, 11, 24)),
        (datetime(2026, 3, 29, 0, 59, tzinfo=UTC), date(2026, 3, 29)),
        (datetime(2026, 10, 24, 23, 30, tzinfo=UTC), date(2026, 10, 25)),
        (datetime(2026, 10, 25, 23, 30, tzinfo=UTC), date(2026, 10, 25)),
    ],
)
def test_a_day_is_counted_as_in_london(moment: datetime, day: date) -> None:
    assert local_day(moment) == day


def test_a_date_is_written_the_british_way() -> None:
    assert british_date(date(2026, 12, 4)) == "4 December 2026"
