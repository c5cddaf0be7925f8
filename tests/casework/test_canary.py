"""The test mail to ourselves."""

import threading
from datetime import datetime, timedelta
from itertools import count

from sqlalchemy import select

from casework.canary import (
    BACK_WITHIN,
    CAME_BACK,
    CanaryAddress,
    canary_came_back,
    canary_status,
    send_canary_if_due,
)
from casework.pulses import all_pulses
from casework.status.model import CanaryStatus
from config.database import Sessions
from replies.outbox import OutboxEmail, enqueue
from replies.outgoing import OutgoingEmail, Purpose
from tests.factories import make_message

PLACE = CanaryAddress("Hazel Row", "desk@hazelrow.example.org")
DAILY = timedelta(hours=24)
_numbers = count(1)


def send(sessions: Sessions, now: datetime) -> bool:
    with sessions.begin() as session:
        return send_canary_if_due(
            session,
            PLACE,
            every=DAILY,
            now=now,
            new_id=lambda: f"<k.canary{next(_numbers)}@hazelrow.example.org>",
        )


def letters(sessions: Sessions) -> list[OutboxEmail]:
    with sessions() as session:
        return list(session.execute(select(OutboxEmail).order_by(OutboxEmail.id)).scalars())


def come_back(sessions: Sessions, now: datetime, **fields: object) -> bool:
    with sessions.begin() as session:
        return canary_came_back(session, make_message(**fields), now)  # type: ignore[arg-type]


def status(sessions: Sessions, now: datetime, every: timedelta | None = DAILY) -> CanaryStatus:
    with sessions() as session:
        found = canary_status(all_pulses(session), every=every, now=now)
    assert found is not None
    return found


def test_a_canary_leaves_once_a_day_from_us_to_us(sessions: Sessions, now: datetime) -> None:
    assert send(sessions, now)
    assert not send(sessions, now + timedelta(hours=23))
    assert send(sessions, now + timedelta(hours=24))
    found = letters(sessions)
    assert [letter.purpose for letter in found] == [Purpose.CANARY] * 2
    assert found[0].to_address == found[0].from_address == PLACE.address
    assert found[0].automatic


def test_of_two_machines_one_sends_it(sessions: Sessions, now: datetime) -> None:
    sent: list[bool] = []
    threads = [threading.Thread(target=lambda: sent.append(send(sessions, now))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sent) == [False, False, False, True]
    assert len(letters(sessions)) == 1


def test_it_is_known_when_it_comes_back(sessions: Sessions, now: datetime) -> None:
    send(sessions, now)
    [letter] = letters(sessions)
    later = now + timedelta(minutes=2)
    assert come_back(sessions, later, message_id=letter.message_id)
    assert status(sessions, later) == CanaryStatus(now, later, is_overdue=False)
    assert CAME_BACK.rule == "canary"


def test_a_relay_may_give_it_another_message_id(sessions: Sessions, now: datetime) -> None:
    send(sessions, now)
    [letter] = letters(sessions)
    header = ("x-kith-loop", letter.message_id)
    assert come_back(sessions, now, message_id="<new@relay.example.net>", headers=[header])


def test_other_mail_of_ours_is_no_canary(sessions: Sessions, now: datetime) -> None:
    notice = OutgoingEmail(
        Purpose.NOTICE,
        PLACE.name,
        PLACE.address,
        PLACE.address,
        "Hello",
        "Hello",
        "<k.notice@hazelrow.example.org>",
    )
    with sessions.begin() as session:
        enqueue(session, notice, received_id=None, draft=False, now=now)
    send(sessions, now)
    assert not come_back(sessions, now, message_id=notice.message_id)
    assert not come_back(sessions, now, message_id="<k.guess@hazelrow.example.org>")
    assert not come_back(sessions, now, message_id=None)
    assert status(sessions, now).back_at is None


def test_one_that_stays_away_is_overdue_after_half_an_hour(
    sessions: Sessions, now: datetime
) -> None:
    assert status(sessions, now) == CanaryStatus()
    send(sessions, now)
    assert not status(sessions, now + BACK_WITHIN).is_overdue
    assert status(sessions, now + BACK_WITHIN + timedelta(seconds=1)).is_overdue


def test_the_next_one_does_not_hide_that_the_last_never_came(
    sessions: Sessions, now: datetime
) -> None:
    send(sessions, now)
    tomorrow = now + DAILY
    send(sessions, tomorrow)
    assert status(sessions, tomorrow).is_overdue
    assert come_back(sessions, tomorrow, message_id=letters(sessions)[1].message_id)
    assert not status(sessions, tomorrow).is_overdue


def test_without_a_canary_there_is_no_status(sessions: Sessions, now: datetime) -> None:
    with sessions() as session:
        assert canary_status(all_pulses(session), every=None, now=now) is None
