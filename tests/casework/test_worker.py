"""The schedule: a job that fails stops no other."""

import gc
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import cast

import pytest
from sqlalchemy import Engine

from casework.bootstrap import Kith
from casework.inboxes import WatchedMailbox
from casework.processing import Processed
from casework.pulses import DELIVER, pulse_of
from casework.service import in_words, one_pass, parse_parts
from casework.worker import Service, settle_memory
from config.database import Sessions
from config.settings import GroupSettings, Mode, Settings
from intake.inbox import count_by_state
from replies.smtp import DeliveryError
from tests.casework.desks import GROUP_ADDRESS, a_mail, the_desk
from tests.fakes import FakeMailbox


class FakeTransport:
    """A way out that takes every letter, or none."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.is_closed = False
        self.is_down = False

    def send(self, *, sender: str, recipient: str, content: bytes) -> str:
        """Take a letter."""
        if self.is_down:
            raise DeliveryError("The mail server could not be reached.", affects_all=True)
        self.sent.append(recipient)
        return "250 ok"

    def close(self) -> None:
        """Remember that it was closed."""
        self.is_closed = True


@pytest.fixture
def kith(engine: Engine, sessions: Sessions, now: datetime) -> Kith:
    """Return Kith with the two doors faked and everything between them real."""
    return Kith(
        settings=Settings(mode=Mode.LIVE, group=GroupSettings(address=GROUP_ADDRESS)),
        engine=engine,
        sessions=sessions,
        desk=the_desk(),
        mailboxes=(WatchedMailbox(FakeMailbox(a_mail(now), a_mail(now, sender="jo@example.org"))),),
        transport=FakeTransport(),
        now=lambda: now,
    )


def test_one_pass_takes_mails_from_the_inbox_to_letters_that_left(kith: Kith) -> None:
    report = one_pass(Service(kith, threading.Event()))
    assert (report.stored, report.filed, report.acknowledged, report.sent) == (2, 2, 2, 2)
    assert report.problems == []
    assert "2 filed" in in_words(report)
    again = one_pass(Service(kith, threading.Event()))
    assert (again.stored, again.filed, again.sent) == (0, 0, 0)


def test_an_inbox_that_cannot_be_read_is_told_and_the_rest_goes_on(kith: Kith) -> None:
    service = Service(kith, threading.Event())
    mailbox = cast(FakeMailbox, kith.mailboxes[0].mailbox)
    service.poll()
    mailbox.add(b"new")
    mailbox.breaks_after = 0
    report = one_pass(service)
    assert report.problems == ["The connection broke."]
    assert report.filed == report.sent == 2


def test_a_mail_server_that_is_down_costs_no_letter(kith: Kith) -> None:
    transport = cast(FakeTransport, kith.transport)
    transport.is_down = True
    report = one_pass(Service(kith, threading.Event()))
    assert (report.sent, report.not_deliverable, report.fate_unknown) == (0, 0, 0)
    with kith.sessions() as session:
        assert sum(count_by_state(session).values()) == 2


def test_a_job_that_raises_is_counted_and_the_others_run(kith: Kith) -> None:
    stop = threading.Event()
    service = Service(kith, stop)
    processed: list[Processed] = []
    service.tell = processed.append
    polls: list[int] = []

    def broken_poll() -> int:
        polls.append(1)
        raise ZeroDivisionError

    service.poll()
    service.poll = broken_poll  # type: ignore[method-assign,assignment]
    runner = threading.Thread(target=service.run, args=(frozenset({"poll", "process", "deliver"}),))
    runner.start()
    transport = cast(FakeTransport, kith.transport)
    wait_until(lambda: len(transport.sent) == 2 and len(polls) >= 2)
    stop.set()
    runner.join(timeout=30)
    assert not runner.is_alive()
    assert service.tally.failures == {"poll": len(polls)}
    assert len(processed) == 2
    assert transport.is_closed


def test_work_that_another_process_stored_is_found_without_a_poll(kith: Kith) -> None:
    stop = threading.Event()
    service = Service(kith, stop)
    runner = threading.Thread(target=service.run, args=(frozenset({"process", "deliver"}),))
    runner.start()
    wait_until(lambda: service.tally.runs.get("look", 0) >= 1)
    Service(kith, threading.Event()).poll()
    transport = cast(FakeTransport, kith.transport)
    wait_until(lambda: len(transport.sent) == 2)
    stop.set()
    runner.join(timeout=30)


def test_with_nothing_to_do_no_job_is_run_again_and_again(kith: Kith) -> None:
    stop = threading.Event()
    service = Service(kith, stop)
    runner = threading.Thread(target=service.run, args=(frozenset({"process", "deliver"}),))
    runner.start()
    wait_until(lambda: service.tally.runs.get("look", 0) >= 3)
    stop.set()
    runner.join(timeout=30)
    assert (service.tally.runs["process"], service.tally.runs["deliver"]) == (1, 1)


def test_a_poll_that_hangs_does_not_keep_a_stop_waiting_nor_lose_its_connection(
    kith: Kith, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("casework.worker.FAREWELL_SECONDS", 0.2)
    mailbox = cast(FakeMailbox, kith.mailboxes[0].mailbox)
    asked, answered, closed = threading.Event(), threading.Event(), threading.Event()

    def hang() -> int:
        asked.set()
        assert answered.wait(60)
        return 1

    mailbox.open = hang  # type: ignore[method-assign]
    mailbox.close = closed.set  # type: ignore[method-assign]
    stop = threading.Event()
    service = Service(kith, stop)
    runner = threading.Thread(target=service.run, args=(frozenset({"poll"}),))
    runner.start()
    assert asked.wait(60)
    stop.set()
    runner.join(timeout=30)
    assert not runner.is_alive()
    assert not closed.is_set()  # the connection is not for two threads
    answered.set()


def test_while_sending_rests_the_pulse_says_why(kith: Kith) -> None:
    service = Service(kith, threading.Event())
    cast(FakeTransport, kith.transport).is_down = True
    service.poll()
    service.process()
    for _ in range(2):
        service.deliver()
        with kith.sessions() as session:
            pulse = pulse_of(session, DELIVER)
        assert pulse is not None
        assert pulse.problem == "The mail server could not be reached."


def test_a_job_that_fails_rests_and_then_is_tried_again(kith: Kith) -> None:
    service = Service(kith, threading.Event())
    assert not service.guarded("process", broken)
    assert not service.guarded("process", lambda: pytest.fail("it rests"))
    assert service.tally.failures == {"process": 1}
    wait_until(lambda: service.guarded("process", lambda: None))


def test_a_pollers_lease_outlasts_the_largest_mail_on_a_slow_line(kith: Kith) -> None:
    bytes_per_second = 1_000_000 / 8
    largest = max(kith.settings.limits.message_bytes, kith.settings.limits.batch_bytes)
    assert kith.rhythm.lease_seconds * bytes_per_second > largest


def broken() -> None:
    raise ZeroDivisionError


def test_after_the_stop_no_further_job_begins(kith: Kith) -> None:
    stop = threading.Event()
    service = Service(kith, stop)
    stop.set()
    service.guarded("poll", lambda: pytest.fail("it ran"))
    assert service.tally.runs == {}


def test_parts_are_named_or_all() -> None:
    assert parse_parts(None) == {"poll", "process", "deliver", "web"}
    assert parse_parts("poll, deliver") == {"poll", "deliver"}
    for wrong in ("", "pol", "poll,nothing"):
        with pytest.raises(Exception, match="choose among"):
            parse_parts(wrong)


def test_what_is_loaded_is_kept_out_of_the_collectors_way() -> None:
    settle_memory()
    try:
        assert gc.get_freeze_count() > 10_000
        assert gc.get_threshold()[0] >= 10_000
    finally:
        gc.unfreeze()


def wait_until(is_so: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if is_so():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to pass")
