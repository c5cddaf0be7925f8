"""Several pollers at once: every mail is stored once, whoever is quick, slow or dead."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from sqlalchemy import select, update

from config.database import Sessions
from config.leases import LEASES
from intake.inbox import RAWS, ReceivedMail
from intake.poller import PollReport, poll
from tests.fakes import FakeMailbox

MAILS = tuple(f"Subject: {n}\r\n\r\nLetter {n}\r\n".encode() for n in range(20))


def look(sessions: Sessions, now: datetime, owner: str, steals: bool) -> PollReport:
    """Poll as `owner`, who sometimes sleeps so long that the lease ends."""
    chance, mailbox = random.Random(owner), FakeMailbox(*MAILS)

    def dawdle() -> None:
        time.sleep(chance.random() / 200)
        if steals and chance.random() < 0.3:
            with sessions.begin() as session:
                session.execute(update(LEASES).values(until=0.0))

    mailbox.on_fetch = dawdle
    return poll(
        mailbox,
        sessions,
        now=lambda: now,
        should_stop=lambda: False,
        from_the_start=True,
        owner=owner,
    )


def race(sessions: Sessions, now: datetime, *, steals: bool) -> list[PollReport]:
    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(look, sessions, now, f"owner-{n}", steals) for n in range(8)]
        return [run.result() for run in runs]


def everything_is_stored_once(sessions: Sessions) -> bool:
    with sessions() as session:
        uids = session.execute(select(ReceivedMail.uid)).scalars().all()
        raws = session.execute(select(RAWS.c.raw)).scalars().all()
    return sorted(uids) == list(range(1, 21)) and sorted(raws) == sorted(MAILS)


def test_rivals_never_poll_at_the_same_time(sessions: Sessions, now: datetime) -> None:
    reports = race(sessions, now, steals=False)
    assert [each.stored for each in reports if each.stored] == [20]
    assert all(each.complete for each in reports if each.is_ours)
    assert everything_is_stored_once(sessions)


def test_pollers_that_lose_their_lease_in_the_middle_store_nothing_twice(
    sessions: Sessions, now: datetime
) -> None:
    reports = race(sessions, now, steals=True)
    reports.append(look(sessions, now, "last", steals=False))
    assert sum(each.stored for each in reports) == 20
    assert reports[-1].complete
    assert everything_is_stored_once(sessions)
