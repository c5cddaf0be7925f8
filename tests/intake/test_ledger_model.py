"""Whatever happens to a mailbox, in any order: nothing is lost and nobody is answered twice.

Hypothesis makes up the histories: mails arrive, are moved between inbox and spam, deleted, copied
into All Mail; the server makes folders anew, rewrites bytes, forgets object ids, breaks off.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, event, select
from sqlalchemy.pool import StaticPool

from config.database import Base, Sessions, make_sessions
from config.leases import LEASES
from intake.inbox import (
    MAILBOXES,
    RAWS,
    RECEIVED,
    SPAM_FOLDER,
    MailState,
    ReceivedMail,
    Settlement,
    claim_next,
    raw_of,
    settle,
    twins_of,
)
from intake.mailbox import MailboxError, Role
from intake.poller import poll
from tests.fakes import ARRIVED, FakeMailbox

FILED = Settlement(MailState.FILED, "personal", "personal", "A person wrote it.")
COPY = Settlement(MailState.SCREENED_OUT, None, "same-mail", "It is here already.")
ACTIONS = (
    "arrive",
    "to_spam",
    "to_inbox",
    "delete",
    "anew",
    "poll",
    "break",
    "work",
    "spam_arrives",
)


def memory() -> Engine:
    engine = create_engine("sqlite://", poolclass=StaticPool)

    @event.listens_for(engine, "connect")
    def prepare(connection: object, _record: object) -> None:
        connection.isolation_level = None  # type: ignore[attr-defined]

    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    Base.metadata.create_all(engine, tables=[RECEIVED, RAWS, MAILBOXES, LEASES])
    return engine


class World:
    """An account with an inbox and a spam folder, and a Kith that reads both."""

    def __init__(self, sessions: Sessions, *, with_ids: bool) -> None:
        self.sessions, self.with_ids = sessions, with_ids
        self.inbox = FakeMailbox()
        self.spam = FakeMailbox(role=Role.SPAM, name="hello@imap.example.org/Spam")
        self.clock = ARRIVED
        self.arrived = 0
        self.answered: Counter[bytes] = Counter()
        self.read: Counter[bytes] = Counter()

    def arrive(self, place: int) -> None:
        self._arrive(self.inbox)

    def spam_arrives(self, place: int) -> None:
        self._arrive(self.spam)

    def to_spam(self, place: int) -> None:
        self._move(self.inbox, self.spam, place)

    def to_inbox(self, place: int) -> None:
        self._move(self.spam, self.inbox, place)

    def delete(self, place: int) -> None:
        if uids := sorted(self.inbox.mails):
            del self.inbox.mails[uids[place % len(uids)]]

    def anew(self, place: int) -> None:
        folder = (self.inbox, self.spam)[place % 2]
        folder.make_anew(folder.uid_validity + 1, first_uid=1 + place)

    def rewritten(self, place: int) -> None:
        """Make the inbox anew with other bytes, ids and all: only dates tell what was seen."""
        for uid, raw in self.inbox.mails.items():
            self.inbox.mails[uid] = b"X-Restored: yes\r\n" + raw
        self.inbox.object_ids.clear()
        self.inbox.make_anew(self.inbox.uid_validity + 1, first_uid=1 + place)

    def poll(self, place: int) -> None:
        for folder in (self.inbox, self.spam):
            self._look(folder)

    def break_off(self, place: int) -> None:
        for folder in (self.inbox, self.spam):
            folder.breaks_after = 2 * (place % 3)
            with suppress(MailboxError):
                self._look(folder)
            folder.breaks_after = None

    def work(self, place: int) -> None:
        """Do with the received mails what the pipeline does, as far as the ledger decides it."""
        with self.sessions.begin() as session:
            mails = claim_next(
                session, now=self.clock, owner="me", lease=timedelta(days=9), limit=99
            )
            twins = twins_of(session, mails)
            for mail in mails:
                settlement = COPY if mail.id in twins else FILED
                settle(session, mail.id, owner="me", now=self.clock, settlement=settlement)
                raw = raw_of(session, mail.id).replace(b"X-Restored: yes\r\n", b"")
                self.read[raw] += mail.id not in twins
                self.answered[raw] += mail.id not in twins and not mail.is_silent

    def _look(self, folder: FakeMailbox) -> None:
        self.clock += timedelta(minutes=1)
        poll(
            folder,
            self.sessions,
            now=lambda: self.clock,
            should_stop=lambda: False,
            from_the_start=False,
        )

    def _arrive(self, folder: FakeMailbox) -> None:
        self.arrived += 1
        self.clock += timedelta(minutes=1)
        raw = f"Subject: {self.arrived}\r\n\r\nLetter {self.arrived}\r\n".encode()
        object_id = f"gm:{self.arrived}" if self.with_ids else None
        folder.add(raw, at=self.clock, object_id=object_id)

    def _move(self, source: FakeMailbox, target: FakeMailbox, place: int) -> None:
        if not source.mails:
            return
        uids = sorted(source.mails)
        uid = uids[place % len(uids)]
        at: datetime | None = source.dates[uid]
        target.add(source.mails.pop(uid), at=at, object_id=source.object_ids.get(uid))

    def act(self, name: str, place: int) -> None:
        acts: dict[str, Callable[[int], None]] = {
            "arrive": self.arrive,
            "spam_arrives": self.spam_arrives,
            "to_spam": self.to_spam,
            "to_inbox": self.to_inbox,
            "delete": self.delete,
            "anew": self.anew,
            "rewritten": self.rewritten,
            "poll": self.poll,
            "break": self.break_off,
            "work": self.work,
        }
        acts[name](place)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 7)), max_size=40), st.booleans())
def test_nothing_is_lost_and_nobody_is_answered_twice(
    history: list[tuple[str, int]], with_ids: bool
) -> None:
    engine = memory()
    world = World(make_sessions(engine), with_ids=with_ids)
    for name, place in history:
        world.act(name, place)
    world.poll(0)
    world.work(0)

    with world.sessions() as session:
        lines = list(session.execute(select(ReceivedMail)).scalars())
        in_spam = {raw_of(session, line.id) for line in lines if line.rule == SPAM_FOLDER}
    keys = [(line.mailbox, line.uid_validity, line.uid) for line in lines]
    assert len(keys) == len(set(keys))
    for folder in (world.inbox, world.spam):
        here = {(folder.name, folder.uid_validity, uid) for uid in folder.mails}
        assert here <= set(keys)  # every mail that is there has a line
    assert set(world.inbox.mails.values()) <= set(world.read)  # and was read
    assert set(world.spam.mails.values()) <= set(world.read) | in_spam  # or lies in spam, told
    assert max(world.read.values(), default=0) <= 1  # once
    assert max(world.answered.values(), default=0) <= 1  # and answered once
    assert not [line for line in lines if line.state == MailState.RECEIVED]
    if "anew" not in {name for name, _ in history}:
        assert world.answered == world.read  # nobody is passed over in silence without cause
    engine.dispose()


INBOX_ACTIONS = ("arrive", "delete", "rewritten", "poll", "break", "work")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(INBOX_ACTIONS), st.integers(0, 7)), max_size=30))
@example([*[("arrive", 0)] * 3, ("break", 1), ("work", 0), ("rewritten", 0)])
@example([("arrive", 0), ("poll", 0), *[("arrive", 0)] * 3, ("break", 1), ("rewritten", 0)])
@example(
    [("arrive", 0), ("poll", 0), *[("arrive", 0)] * 3, ("break", 1), ("work", 0), ("rewritten", 0)]
)
def test_nobody_is_answered_twice_though_the_server_rewrites_every_mail(
    history: list[tuple[str, int]],
) -> None:
    engine = memory()
    world = World(make_sessions(engine), with_ids=True)
    for name, place in history:
        world.act(name, place)
    world.poll(0)
    world.work(0)
    here = {raw.replace(b"X-Restored: yes\r\n", b"") for raw in world.inbox.mails.values()}
    assert here <= set(world.read)
    assert max(world.answered.values(), default=0) <= 1
    engine.dispose()
