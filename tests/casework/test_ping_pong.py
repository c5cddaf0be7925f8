"""Kith facing those who answer everything: each pair falls silent after at most one letter each."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from config.settings import LimitSettings
from tests.casework.desks import a_mail
from tests.robots import robot_mail
from tests.simulation.answerers import (
    Answerer,
    AnswerWith,
    BouncingHost,
    ListEcho,
    PlainEcho,
    as_acknowledger,
    as_list_echo,
    as_out_of_office,
    as_shapeshifter,
    as_shapeshifter_with_other_subjects,
    as_ticket_system,
    as_unmarked_out_of_office,
)
from tests.simulation.kiths import GROUP_ADDRESS, Clock, evening
from tests.simulation.world import KithAt, World

THEM = "desk@other.example.net"
QUESTION = "Hello, please may we join your group? We are special guardians of two."


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Give an empty world."""
    made = World(tmp_path, Clock(evening()))
    yield made
    made.close()


@pytest.fixture
def kith(world: World) -> KithAt:
    """Give a Kith with the caps as they are shipped."""
    return world.kith(GROUP_ADDRESS)


def first_mail(world: World, sender: str = THEM, **headers: str) -> bytes:
    """Return the mail with which it all begins: one that Kith answers."""
    return a_mail(world.clock(), QUESTION, sender, "Joining", Message_ID="<first@x.example.net>")


@pytest.mark.parametrize(
    ("how", "off_by"),
    [
        (as_out_of_office, timedelta(0)),
        (as_unmarked_out_of_office, timedelta(days=2)),
        (as_ticket_system, timedelta(days=-2)),
    ],
)
def test_what_answers_every_letter_from_its_own_address_gets_one(
    world: World, kith: KithAt, how: AnswerWith, off_by: timedelta
) -> None:
    world.add(Answerer(THEM, how, is_off_by=off_by))
    kith.receive(first_mail(world), world.clock())
    assert world.go_on() == {GROUP_ADDRESS: 1}
    assert world.is_silent


@pytest.mark.parametrize(
    "other", [BouncingHost(THEM, as_out_of_office), ListEcho(THEM, as_list_echo)]
)
def test_a_host_that_returns_every_letter_gets_one(
    world: World, kith: KithAt, other: Answerer
) -> None:
    world.add(other)
    kith.receive(first_mail(world), world.clock())
    assert world.go_on() == {GROUP_ADDRESS: 1}
    assert world.is_silent


def test_a_letter_of_ours_that_comes_back_as_it_left_is_not_answered(
    world: World, kith: KithAt
) -> None:
    world.add(PlainEcho(THEM, as_list_echo))
    kith.receive(first_mail(world), world.clock())
    assert world.go_on() == {GROUP_ADDRESS: 1}


def test_a_system_that_acknowledges_with_a_reference_of_its_own_gets_one(
    world: World, kith: KithAt
) -> None:
    world.add(Answerer(THEM, as_acknowledger))
    kith.receive(first_mail(world), world.clock())
    assert world.go_on() == {GROUP_ADDRESS: 1}


def test_a_robot_that_quotes_our_letter_and_changes_its_address_each_turn_gets_one(
    world: World, kith: KithAt
) -> None:
    world.add(Answerer(THEM, as_shapeshifter, domain="@other.example.net"))
    kith.receive(first_mail(world), world.clock())
    assert world.go_on(rounds=20) == {GROUP_ADDRESS: 1}
    assert world.is_silent


def test_a_robot_that_changes_address_and_subject_each_turn_is_given_up_at_the_caps(
    world: World,
) -> None:
    kith = world.kith(GROUP_ADDRESS, LimitSettings(acknowledgements_per_domain_per_hour=6))
    world.add(Answerer(THEM, as_shapeshifter_with_other_subjects, domain="@other.example.net"))
    kith.receive(first_mail(world), world.clock())
    assert world.go_on(rounds=15) == {GROUP_ADDRESS: 6}
    assert world.is_silent


@pytest.mark.parametrize("off_by", [timedelta(0), timedelta(days=2), timedelta(days=-2)])
def test_two_kiths_fall_silent_after_one_letter_each_whatever_their_clocks_say(
    world: World, kith: KithAt, off_by: timedelta
) -> None:
    theirs = world.kith(THEM, now=lambda: world.clock() + off_by)
    kith.receive(first_mail(world), world.clock())
    theirs.receive(
        a_mail(world.clock(), QUESTION, GROUP_ADDRESS, "Joining").replace(
            b"To: hello@kith.example.org", b"To: " + THEM.encode()
        ),
        world.clock(),
    )
    sent = world.go_on()
    assert sent[GROUP_ADDRESS] <= 1
    assert sent[THEM] <= 1
    assert sum(sent.values()) >= 1
    assert world.is_silent


def test_the_mail_of_hundreds_of_robots_gets_no_answer(world: World, kith: KithAt) -> None:
    for seed in range(400):
        kith.receive(robot_mail(seed, to=GROUP_ADDRESS, now=world.clock()).raw, world.clock())
    assert world.go_on(rounds=1) == {GROUP_ADDRESS: 0}
