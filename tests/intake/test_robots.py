"""No robot is answered, whichever of its marks it bears; and a person without one is."""

from datetime import UTC, datetime

import pytest

from intake.parsing import parse_message
from intake.screening import Screening, Surroundings, screen, shipped_screening_rules
from tests.robots import MARKS, human_mail, robot_mail

NOW = datetime(2026, 11, 24, 23, 41, tzinfo=UTC)
GROUP = "hello@kith.example.org"
AROUND = Surroundings(
    now=NOW,
    rules=shipped_screening_rules(),
    own_addresses=frozenset({GROUP}),
    trusted_authserv_ids=frozenset({"mx.google.com"}),
    received_at=NOW,
)
HOW_MANY = 2_000


def screened(raw: bytes) -> Screening:
    return screen(parse_message(raw, received_at=NOW), AROUND)


@pytest.mark.parametrize("first", range(0, HOW_MANY, 500))
def test_two_thousand_robots_get_no_acknowledgement(first: int) -> None:
    answered = []
    for seed in range(first, first + 500):
        mail = robot_mail(seed, to=GROUP, now=NOW)
        if screened(mail.raw).acknowledge:
            answered.append((seed, mail.mark))
    assert answered == []


def test_the_same_mails_without_their_marks_are_from_people() -> None:
    rules = {screened(human_mail(seed, to=GROUP, now=NOW)).rule for seed in range(100)}
    assert rules == {"personal"}


def test_there_is_a_robot_of_every_mark_and_a_seed_gives_the_same_mail() -> None:
    mails = [robot_mail(seed, to=GROUP, now=NOW) for seed in range(len(MARKS))]
    assert {mail.mark for mail in mails} == set(MARKS)
    assert mails == [robot_mail(seed, to=GROUP, now=NOW) for seed in range(len(MARKS))]


def test_robots_are_told_by_many_different_rules() -> None:
    rules = {screened(robot_mail(seed, to=GROUP, now=NOW).raw).rule for seed in range(400)}
    assert len(rules) > 30
