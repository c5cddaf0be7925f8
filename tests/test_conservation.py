"""The check that all is kept finds what is not: each kind of loss is made on purpose once."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from casework.models import CaseMessage, OutboxEmail, RawMail, ReceivedMail
from tests.simulation.conservation import World, violations
from tests.simulation.house import GROUP_ADDRESS, House
from tests.simulation.traffic import Traffic
from tests.simulation.truth import Sort, Truth

SORTS = (Sort.PERSONAL, Sort.PERSONAL, Sort.NEWSLETTER)


@pytest.fixture
def house() -> Iterator[House]:
    """Give a Kith that has answered two people and nobody else."""
    made = House()
    yield made
    made.close()


@pytest.fixture
def world(house: House) -> World:
    """Return what the world knows of it: two people and a newsletter."""
    traffic = Traffic("kept", GROUP_ADDRESS)
    truths = [traffic.one(sort, house.clock(), []) for sort in SORTS]
    for truth in truths:
        house.receive(truth.raw, truth.at)
    house.work()
    assert len(house.letters) == 2
    inbox: dict[int, Truth] = dict(enumerate(truths, start=1))
    return World(inbox, house.letters)


def found(house: House, world: World, spoil: Callable[[Session], object] = lambda _: None) -> str:
    """Return what is found wrong once the database has been spoilt."""
    with house.sessions.begin() as session:
        spoil(session)
    with house.sessions() as session:
        return "\n".join(violations(session, world))


def test_nothing_is_wrong_where_nothing_is(house: House, world: World) -> None:
    assert found(house, world) == ""


def test_a_mail_that_was_never_fetched_is_missed(house: House, world: World) -> None:
    unseen = replace(world, inbox={**world.inbox, 4: world.inbox[3]})
    assert "UID 4 (newsletter) is not in the ledger." in found(house, unseen)


def test_a_mail_that_nobody_ever_sent_is_noticed(house: House, world: World) -> None:
    fewer = replace(world, inbox={1: world.inbox[1], 2: world.inbox[2]})
    assert "UID 3 is in the ledger, but never was in the inbox." in found(house, fewer)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            lambda session: session.execute(
                update(ReceivedMail).where(ReceivedMail.uid == 3).values(state="received")
            ),
            "UID 3 is left at received.",
        ),
        (
            lambda session: session.execute(
                update(RawMail).where(RawMail.received_id == 1).values(raw=b"other")
            ),
            "The bytes of UID 1 are not those that came.",
        ),
        (
            lambda session: session.execute(
                delete(CaseMessage).where(CaseMessage.received_id == 1)
            ),
            "UID 1, filed, is in 0 cases.",
        ),
        (
            lambda session: session.execute(
                update(OutboxEmail).where(OutboxEmail.id == 1).values(state="queued")
            ),
            "Letter 1 arrived, but is at queued.\nLetter 1 is left at queued.",
        ),
        (
            lambda session: session.execute(
                update(CaseMessage).where(CaseMessage.outbox_id == 2).values(case_id=1)
            ),
            "Case 1 has 2 acknowledgements.",
        ),
        (
            lambda session: session.execute(
                update(CaseMessage).where(CaseMessage.received_id == 2).values(case_id=1)
            ),
            "has a mail by person",
        ),
    ],
)
def test_what_is_spoilt_in_the_database_is_found(
    house: House, world: World, spoil: Callable[[Session], object], words: str
) -> None:
    assert words in found(house, world, spoil)


def test_a_letter_that_arrived_twice_or_not_at_all_is_found(house: House, world: World) -> None:
    first, second = world.letters
    twice = found(house, replace(world, letters=[first, second, second]))
    assert f"The letter {second.message_id} arrived 2 times." in twice
    assert f"The mail {second.in_reply_to} got 2 acknowledgements." in twice
    lost = found(house, replace(world, letters=[first]))
    assert "is said to be sent, but did not arrive." in lost
    strange = replace(second, message_id="<other@example.org>")
    assert "that the outbox does not know" in found(
        house, replace(world, letters=[first, second, strange])
    )


def test_an_answer_to_a_machine_is_found_by_the_mail_and_by_the_address(
    house: House, world: World
) -> None:
    newsletter, second = world.inbox[3], world.letters[1]
    by_mail = replace(second, in_reply_to=newsletter.message_id)
    assert "A mail by a newsletter was acknowledged" in found(
        house, replace(world, letters=[world.letters[0], by_mail])
    )
    by_address = replace(second, recipient=newsletter.sender)
    assert "A machine was written to" in found(
        house, replace(world, letters=[world.letters[0], by_address])
    )
