"""The gate: no cap is exceeded by one letter, whoever files at the same time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, func, insert, select

from casework.breakers import (
    breaker_of_address,
    close_breaker,
    open_breakers,
    untold_breakers,
)
from casework.gate import (
    HELD_BACK,
    SUSPENDED,
    Ask,
    Caps,
    Gate,
    NotAnnouncedError,
    Sighting,
    close_what_has_room,
)
from casework.models import CASE_MESSAGES, CorrespondentAddress
from config.database import Sessions
from intake.inbox import store
from intake.mailbox import FetchedMail
from replies.outbox import LETTERS, LetterState, OutboxEmail, enqueue
from replies.outgoing import Purpose, address_key, new_message_id
from replies.suspension import COMPLAINT, lift_suspension, suspend
from tests.casework.cases import make_case
from tests.replies.letters import make_email

NONE = Caps(0, 0, 0, 0, 0, 0, 0, 0, 0)
ROWAN = Ask("rowan@example.com", "join", "joining")
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(hours=24)


def queue(
    sessions: Sessions,
    ask: Ask,
    at: datetime,
    *,
    purpose: Purpose = Purpose.ACKNOWLEDGEMENT,
    state: LetterState = LetterState.QUEUED,
) -> None:
    with sessions.begin() as session:
        email = make_email(
            to_address=ask.address, message_id=new_message_id("example.org"), purpose=purpose
        )
        letter = enqueue(
            session,
            email,
            received_id=None,
            draft=False,
            now=at,
            template=ask.template,
            stem=ask.stem,
        )
        session.get_one(OutboxEmail, letter).state = state


def refusal(
    sessions: Sessions, ask: Ask, at: datetime, caps: Caps, *, passed: Sequence[Ask] = ()
) -> str | None:
    """Ask in a transaction of its own, in which letters were queued already."""
    with sessions.begin() as session:
        gate = Gate(session, at, caps, [ask, *passed])
        for each in passed:
            gate.passed(each)
        return gate.refusal(ask)


def robot(number: int, **fields: Any) -> Ask:
    """Return an ask that shares nothing with the others but what `fields` say."""
    values = {
        "address": f"a{number}@d{number}.example.net",
        "template": "generic",
        "stem": f"subject {number}",
    }
    return Ask(**(values | fields))


EACH_CAP = [
    (replace(NONE, acknowledgements_per_address_and_letter_per_day=1), {"address": "a@b.net"}, DAY),
    (replace(NONE, acknowledgements_per_address_per_day=3), {"address": "a@b.net"}, DAY),
    (replace(NONE, acknowledgements_per_address_per_week=5), {"address": "a@b.net"}, 7 * DAY),
    (replace(NONE, acknowledgements_per_subject_per_hour=5), {"stem": "ticket"}, HOUR),
    (replace(NONE, acknowledgements_per_hour=6), {}, HOUR),
    (replace(NONE, acknowledgements_per_day=7), {}, DAY),
]
LIMITS = [1, 3, 5, 5, 6, 7]


@pytest.mark.parametrize(
    ("caps", "shared", "window", "limit"),
    [(*each, limit) for each, limit in zip(EACH_CAP, LIMITS, strict=True)],
)
def test_a_cap_counts_what_is_in_its_time_and_what_this_transaction_queued(
    sessions: Sessions,
    now: datetime,
    caps: Caps,
    shared: dict[str, str],
    window: timedelta,
    limit: int,
) -> None:
    asks = [robot(number, **shared) for number in range(limit + 1)]
    for number, ask in enumerate(asks[: limit - 1]):
        queue(sessions, ask, now - window + timedelta(seconds=number + 1))
    assert refusal(sessions, asks[-1], now, caps) is None
    reason = refusal(sessions, asks[-1], now, caps, passed=[asks[limit - 1]])
    assert reason is not None
    assert str(limit) in reason


def test_a_letter_older_than_the_time_of_the_cap_does_not_count(
    sessions: Sessions, now: datetime
) -> None:
    for ask, window in ((ROWAN, DAY), (robot(1), HOUR)):
        queue(sessions, ask, now - window)
    caps = replace(NONE, acknowledgements_per_address_per_day=1, acknowledgements_per_hour=1)
    assert refusal(sessions, ROWAN, now, caps) is None


def test_the_same_letter_is_refused_and_another_is_not(sessions: Sessions, now: datetime) -> None:
    queue(sessions, ROWAN, now - HOUR)
    assert refusal(sessions, ROWAN, now, Caps()) is not None
    assert refusal(sessions, replace(ROWAN, template="case"), now, Caps()) is None


def test_a_robot_that_changes_its_address_each_turn_meets_the_cap_of_its_domain(
    sessions: Sessions, now: datetime
) -> None:
    caps = replace(NONE, acknowledgements_per_domain_per_hour=3)
    for number in range(3):
        queue(sessions, robot(number, address=f"r{number}@robots.example.net"), now - MINUTE)
    assert refusal(sessions, robot(9, address="r9@ROBOTS.example.net"), now, caps) is not None
    assert refusal(sessions, robot(9, address="r9@people.example.net"), now, caps) is None


def test_strangers_at_a_large_provider_have_no_cap_in_common(
    sessions: Sessions, now: datetime
) -> None:
    caps = replace(
        NONE, acknowledgements_per_domain_per_hour=1, shared_domains=frozenset({"gmail.com"})
    )
    queue(sessions, robot(1, address="jo@gmail.com"), now)
    assert refusal(sessions, robot(2, address="sam@googlemail.com"), now, caps) is None


@pytest.mark.parametrize(
    ("purpose", "state", "counts"),
    [
        (Purpose.ACKNOWLEDGEMENT, LetterState.DRAFT, True),
        (Purpose.ACKNOWLEDGEMENT, LetterState.SENT, True),
        (Purpose.ACKNOWLEDGEMENT, LetterState.UNKNOWN, True),
        (Purpose.ACKNOWLEDGEMENT, LetterState.FAILED, False),
        (Purpose.ACKNOWLEDGEMENT, LetterState.CANCELLED, False),
        (Purpose.NOTICE, LetterState.SENT, False),
    ],
)
def test_what_may_have_reached_the_address_counts(
    sessions: Sessions, now: datetime, purpose: Purpose, state: LetterState, counts: bool
) -> None:
    queue(sessions, ROWAN, now - HOUR, purpose=purpose, state=state)
    caps = replace(NONE, acknowledgements_per_address_per_week=1)
    assert (refusal(sessions, ROWAN, now, caps) is not None) is counts


def test_an_address_is_counted_however_it_is_spelt(sessions: Sessions, now: datetime) -> None:
    caps = replace(NONE, acknowledgements_per_address_per_day=1)
    queue(sessions, robot(1, address="Jo.Reed+a@gmail.com"), now)
    assert refusal(sessions, robot(2, address="joreed@googlemail.com"), now, caps) is not None


def test_suspended_addresses_get_nothing_until_a_person_lifts_it(
    sessions: Sessions, now: datetime
) -> None:
    with sessions.begin() as session:
        suspend(session, ROWAN.key, reason=COMPLAINT, now=now)
    assert refusal(sessions, replace(ROWAN, address="Rowan+x@example.com"), now, NONE) == SUSPENDED
    with sessions.begin() as session:
        lift_suspension(session, ROWAN.key, by="Ffion", now=now)
    assert refusal(sessions, ROWAN, now, NONE) is None


@pytest.mark.parametrize("column", ["no_automatic_mail", "unsafe_address"])
def test_who_said_stop_gets_nothing_at_any_of_their_addresses(
    sessions: Sessions, now: datetime, column: str
) -> None:
    with sessions.begin() as session:
        person = make_case(session, now).correspondent
        assert person is not None
        setattr(person, column, True)
        for address in ("rowan@work.example.com", "Ro.wan@gmail.com"):
            session.add(
                CorrespondentAddress(
                    correspondent_id=person.id,
                    address=address,
                    key=address_key(address),
                    created_at=now,
                )
            )
    for address in ("Rowan@work.example.com", "rowan@googlemail.com"):
        assert refusal(sessions, replace(ROWAN, address=address), now, NONE) == HELD_BACK
    assert refusal(sessions, ROWAN, now, NONE) is None


def test_at_the_cap_for_all_everything_stops_until_there_is_room(
    sessions: Sessions, now: datetime
) -> None:
    caps = replace(NONE, acknowledgements_per_hour=4)
    for number in range(4):
        queue(sessions, robot(number), now + number * 10 * MINUTE)
    half_past = now + 30 * MINUTE
    assert refusal(sessions, ROWAN, half_past, caps) is not None
    with sessions.begin() as session:
        (breaker,) = open_breakers(session, half_past)
        assert breaker.stops_all
        assert breaker.ends_at is None
        assert len(untold_breakers(session)) == 1
    # three of the four are younger than an hour, then two: still not under half the cap
    for minutes in (61, 79):
        reason = refusal(sessions, ROWAN, now + minutes * MINUTE, caps)
        assert reason is not None
        assert reason.startswith("All automatic letters have stopped")
    assert refusal(sessions, ROWAN, now + 81 * MINUTE, caps) is None
    with sessions.begin() as session:
        assert open_breakers(session, now + 81 * MINUTE) == ()


def test_the_stop_for_all_ends_by_itself_though_no_mail_comes(
    sessions: Sessions, now: datetime
) -> None:
    caps = replace(NONE, acknowledgements_per_day=1)
    queue(sessions, robot(1), now)
    refusal(sessions, ROWAN, now, caps)
    for at, closed in ((now + HOUR, 0), (now + DAY, 1), (now + DAY, 0)):
        with sessions.begin() as session:
            assert close_what_has_room(session, caps, at) == closed


def test_a_person_ends_the_stop_for_all_and_the_cap_holds_on(
    sessions: Sessions, now: datetime
) -> None:
    caps = replace(NONE, acknowledgements_per_hour=2)
    for number in range(2):
        queue(sessions, robot(number), now - (40 - 10 * number) * MINUTE)
    refusal(sessions, ROWAN, now, caps)
    later = now + 25 * MINUTE  # one letter in the hour: room, but not under half
    assert refusal(sessions, ROWAN, later, caps) is not None
    with sessions.begin() as session:
        assert close_breaker(session, "all:hour", by="Ffion", now=later)
    assert refusal(sessions, ROWAN, later, caps) is None
    assert refusal(sessions, ROWAN, later, caps, passed=[robot(7)]) is not None


@pytest.mark.parametrize(
    ("caps", "told"),
    [
        (replace(NONE, acknowledgements_per_address_per_day=1), 0),
        (replace(NONE, acknowledgements_per_domain_per_hour=1), 1),
        (replace(NONE, acknowledgements_per_subject_per_hour=1), 1),
        (replace(NONE, acknowledgements_per_hour=1), 1),
    ],
)
def test_people_are_told_once_of_a_cap_that_strangers_hit(
    sessions: Sessions, now: datetime, caps: Caps, told: int
) -> None:
    queue(sessions, ROWAN, now)
    for minute in range(3):
        assert refusal(sessions, ROWAN, now + minute * MINUTE, caps) is not None
    with sessions.begin() as session:
        assert len(untold_breakers(session)) == told


# The watchdog


def receive(
    sessions: Sessions, at: datetime, *, text: str = "same", case_id: int | None = None
) -> int:
    """File a mail of Rowan's in a case, as the pipeline would; return the case."""
    with sessions.begin() as session:
        uid = session.execute(select(func.count()).select_from(CASE_MESSAGES)).scalar_one() + 1
        raw = f"Subject: {uid}\r\n\r\n".encode()
        store(session, "inbox", 1, [FetchedMail(uid, raw, len(raw), at, is_whole=True)], at)
        case_id = case_id or make_case(session, at).id
        row = {
            "case_id": case_id,
            "received_id": uid,
            "at": at,
            "sender_key": ROWAN.key,
            "body_hash": text,
        }
        session.execute(insert(CASE_MESSAGES), row)
    return case_id


def seen(
    sessions: Sessions,
    at: datetime,
    caps: Caps = Caps(),  # noqa: B008 (it is frozen)
    *,
    text: str = "same",
    case_id: int | None = None,
) -> str | None:
    """Show the watchdog a mail of Rowan's; return whether she may be answered then."""
    sighting = Sighting("Rowan+x@example.com", text, at)
    with sessions.begin() as session:
        gate = Gate(session, at, caps, [ROWAN], [sighting])
        gate.saw(sighting, case_id)
        return gate.refusal(ROWAN)


def test_the_third_mail_of_the_same_words_in_an_hour_opens_the_breaker(
    sessions: Sessions, now: datetime
) -> None:
    receive(sessions, now)
    assert seen(sessions, now + 20 * MINUTE) is None
    receive(sessions, now + 20 * MINUTE)
    assert seen(sessions, now + 50 * MINUTE, text="other") is None
    reason = seen(sessions, now + 50 * MINUTE)
    assert reason is not None
    assert "3 times in an hour" in reason
    with sessions.begin() as session:
        (breaker,) = untold_breakers(session)
    assert (breaker.name, breaker.key) == (breaker_of_address(ROWAN.key), ROWAN.key)


def test_the_breaker_of_an_address_ends_after_a_day_or_by_a_person(
    sessions: Sessions, now: datetime
) -> None:
    for minute in range(2):
        receive(sessions, now + minute * MINUTE)
    assert seen(sessions, now + 2 * MINUTE) is not None
    assert refusal(sessions, ROWAN, now + 23 * HOUR, NONE) is not None
    assert refusal(sessions, replace(ROWAN, address="sam@example.com"), now, NONE) is None
    assert refusal(sessions, ROWAN, now + DAY + 2 * MINUTE, NONE) is None
    assert seen(sessions, now + 3 * MINUTE) is not None
    with sessions.begin() as session:
        close_breaker(session, breaker_of_address(ROWAN.key), by="Ffion", now=now + HOUR)
    assert refusal(sessions, ROWAN, now + HOUR, NONE) is None


def test_the_same_words_now_and_then_are_no_loop(sessions: Sessions, now: datetime) -> None:
    for hour in range(6):
        assert seen(sessions, now + hour * HOUR) is None
        receive(sessions, now + hour * HOUR + MINUTE)


def test_the_mail_servers_clock_counts_and_not_ours(sessions: Sessions, now: datetime) -> None:
    two_days_ago = now - 2 * DAY
    for minute in range(2):
        receive(sessions, two_days_ago + minute * MINUTE)
    sighting = Sighting(ROWAN.address, "same", two_days_ago + 2 * MINUTE)
    with sessions.begin() as session:
        gate = Gate(session, now, Caps(), [ROWAN], [sighting])
        gate.saw(sighting)
        assert gate.refusal(ROWAN) is not None


def test_mails_of_one_batch_are_seen_together(sessions: Sessions, now: datetime) -> None:
    sightings = [Sighting(ROWAN.address, "same", now + each * MINUTE) for each in range(3)]
    found = []
    with sessions.begin() as session:
        gate = Gate(session, now, NONE, [ROWAN], sightings)
        for each in sightings:
            gate.saw(each)
            found.append(gate.refusal(ROWAN))
    assert found == [None, None, None]
    with sessions.begin() as session:
        gate = Gate(session, now, replace(NONE, same_text_per_hour=3), [ROWAN], sightings)
        found = []
        for each in sightings:
            gate.saw(each)
            found.append(gate.refusal(ROWAN))
    assert [each is None for each in found] == [True, True, False]


def test_more_than_ten_mails_to_a_case_in_ten_minutes_open_the_breaker(
    sessions: Sessions, now: datetime
) -> None:
    case_id = receive(sessions, now, text="0")
    for number in range(1, 9):
        receive(sessions, now + number * timedelta(seconds=50), text=f"{number}", case_id=case_id)
    at = now + 9 * MINUTE
    assert seen(sessions, at, text="ninth", case_id=case_id) is None
    receive(sessions, at, text="9", case_id=case_id)
    assert seen(sessions, at + MINUTE * 5, text="x", case_id=case_id) is None
    reason = seen(sessions, at, text="x", case_id=case_id)
    assert reason is not None
    assert "one case in ten minutes" in reason


# What it costs, and two at a time


@contextmanager
def statements_of(engine: Engine) -> Iterator[list[str]]:
    said: list[str] = []

    def note(connection: Connection, cursor: object, statement: str, *rest: object) -> None:
        said.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield said
    event.remove(engine, "before_cursor_execute", note)


def test_forty_mails_cost_a_handful_of_statements(
    sessions: Sessions, engine: Engine, now: datetime
) -> None:
    asks = [robot(number) for number in range(40)]
    sightings = [Sighting(ask.address, "text", now) for ask in asks]
    with sessions.begin() as session, statements_of(engine) as said:
        gate = Gate(session, now, Caps(), asks, sightings)
        for ask, sighting in zip(asks, sightings, strict=True):
            gate.saw(sighting)
            assert gate.refusal(ask) is None
            gate.passed(ask)
    assert len([each for each in said if each.startswith("SELECT")]) <= 5


def test_where_nobody_asks_the_database_is_not_asked(
    sessions: Sessions, engine: Engine, now: datetime
) -> None:
    with sessions.begin() as session, statements_of(engine) as said:
        session.connection()
        before = len(said)
        Gate(session, now, Caps(), [])
        assert len(said) == before


def test_a_mail_that_was_not_announced_is_an_error(sessions: Sessions, now: datetime) -> None:
    with sessions.begin() as session:
        gate = Gate(session, now, Caps(), [ROWAN])
        with pytest.raises(NotAnnouncedError, match="all asks and sightings"):
            gate.refusal(robot(1))
        with pytest.raises(NotAnnouncedError):
            gate.saw(Sighting(ROWAN.address, "text", now))


@pytest.mark.parametrize(
    ("caps", "shared"),
    [
        (replace(NONE, acknowledgements_per_hour=7), {}),
        (replace(NONE, acknowledgements_per_subject_per_hour=7), {"stem": "ticket"}),
        (replace(NONE, acknowledgements_per_address_per_day=7), {"address": "a@b.net"}),
    ],
)
def test_two_workers_at_once_never_exceed_a_cap_by_one_letter(
    sessions: Sessions, now: datetime, caps: Caps, shared: dict[str, str]
) -> None:
    together = Barrier(3)

    def work(worker: int) -> None:
        together.wait()
        for turn in range(4):
            asks = [robot(100 * worker + 10 * turn + each, **shared) for each in range(3)]
            with sessions.begin() as session:
                gate = Gate(session, now, caps, asks)
                for ask in asks:
                    if gate.refusal(ask) is None:
                        email = make_email(
                            to_address=ask.address, message_id=new_message_id("example.org")
                        )
                        enqueue(
                            session,
                            email,
                            received_id=None,
                            draft=False,
                            now=now,
                            template=ask.template,
                            stem=ask.stem,
                        )
                        gate.passed(ask)

    threads = [Thread(target=work, args=(worker,)) for worker in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with sessions.begin() as session:
        assert session.execute(select(func.count()).select_from(LETTERS)).scalar_one() == 7
