"""Waiting for news: woken at once by IDLE, never held up and never run in circles by it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from intake.mailbox import Doorbell, ImapMailbox, Mailbox
from tests.fakes import FakeMailbox
from tests.intake.test_mailbox import RAW, server_for
from tests.intake.test_mailbox_glimpses import MAIL, mailbox_at
from tests.services.certificates import make_certificate
from tests.services.dovecot import DovecotServer
from tests.services.places import wait_for
from tests.services.scripted_faults import Bye, Drops, Hangs, Says, SaysFirst
from tests.services.scripted_imap import ScriptedImap

LONG = 20.0
"""Longer than any of these tests takes; a wait that lasts so long was not woken."""


def never() -> bool:
    return False


@contextmanager
def meanwhile(act: Callable[[], object], *, after: Callable[[], bool]) -> Iterator[None]:
    """Do something on another thread as soon as `after` says so."""

    def run() -> None:
        assert wait_for(after, seconds=LONG)
        act()

    thread = threading.Thread(target=run)
    thread.start()
    yield
    thread.join()


def opened(server: ScriptedImap, **changes: object) -> ImapMailbox:
    mailbox = mailbox_at(server, **changes)
    mailbox.open()
    mailbox.uids_from(1)
    return mailbox


@pytest.mark.parametrize("in_pieces", [False, True])
def test_a_mail_that_arrives_rings_at_once(in_pieces: bool) -> None:
    with ScriptedImap() as server:
        server.exists_in_pieces = in_pieces
        mailbox = opened(server)
        with meanwhile(lambda: server.add(MAIL), after=lambda: server.idle_sessions() == 1):
            assert Doorbell().wait([mailbox], seconds=LONG, should_stop=never)
        mailbox.open()
        assert mailbox.uids_from(1) == [1]
        assert server.connections == 1
        assert server.idle_sessions() == 0


@pytest.mark.parametrize("ahead", [False, True])
def test_a_mail_that_arrived_before_the_idle_rings_at_once(ahead: bool) -> None:
    with ScriptedImap() as server:
        server.exists_ahead = ahead
        mailbox = opened(server)
        server.add(MAIL)
        assert Doorbell().wait([mailbox], seconds=LONG, should_stop=never)
        mailbox.open()
        assert mailbox.uids_from(1) == [1]
        assert server.connections == 1


def test_a_mail_that_was_told_of_in_passing_rings_at_once() -> None:
    with ScriptedImap() as server:
        server.add(MAIL)
        mailbox = opened(server)
        server.add(MAIL)
        list(mailbox.fetch([1]))  # the server says "2 EXISTS" in this answer, and never again
        assert Doorbell().wait([mailbox], seconds=LONG, should_stop=never)


def test_a_mail_that_arrived_between_listing_and_counting_rings_at_once() -> None:
    with ScriptedImap() as server:
        mailbox = opened(server)
        server.add(MAIL)
        assert mailbox.count() == 1  # which opens the folder anew: the server will not repeat it
        assert Doorbell().wait([mailbox], seconds=LONG, should_stop=never)
        mailbox.open()
        assert mailbox.uids_from(1) == [1]
        assert mailbox.count() == 1
        assert not Doorbell().wait([mailbox], seconds=0.05, should_stop=never)


def test_without_news_the_wait_ends_in_time_and_the_idle_goes_on() -> None:
    with ScriptedImap() as server:
        mailbox, bell = opened(server), Doorbell()
        for _ in range(3):
            assert not bell.wait([mailbox], seconds=0.05, should_stop=never)
        assert server.commands.count("IDLE") == 1
        assert server.idle_sessions() == 1
        mailbox.close()
        assert wait_for(lambda: server.commands[-2:] == ["DONE", "LOGOUT"], seconds=5)


def test_an_idle_that_has_gone_on_long_enough_is_begun_again() -> None:
    with ScriptedImap() as server:
        mailbox, bell = opened(server), Doorbell(cycle=0.1)
        assert not bell.wait([mailbox], seconds=0.7, should_stop=never)
        assert server.commands.count("IDLE") >= 2
        assert server.connections == 1


def test_a_server_that_only_keeps_the_line_open_does_not_ring_at_the_end_of_the_cycle() -> None:
    with ScriptedImap() as server:
        mailbox, bell = opened(server), Doorbell(cycle=0.1)
        server.spoil("DONE", SaysFirst("OK Still here"), times=None)
        assert not bell.wait([mailbox], seconds=0.6, should_stop=never)
        server.heal()
        server.spoil("DONE", SaysFirst("1 EXISTS"))
        assert bell.wait([mailbox], seconds=LONG, should_stop=never)


def test_a_stop_is_heard_and_leaves_no_idle_half_open() -> None:
    stop = threading.Event()
    with ScriptedImap() as server:
        mailbox = opened(server)
        with meanwhile(stop.set, after=lambda: server.idle_sessions() == 1):
            assert not Doorbell().wait([mailbox], seconds=LONG, should_stop=stop.is_set)
        assert server.commands[-1] == "DONE"
        assert wait_for(lambda: server.idle_sessions() == 0, seconds=5)


def test_any_of_several_mailboxes_rings() -> None:
    with ScriptedImap() as server:
        server.add_folder("Spam", "\\Junk")
        boxes: list[Mailbox] = [opened(server), opened(server, special_use="\\Junk")]
        boxes.append(FakeMailbox())
        with meanwhile(
            lambda: server.add(MAIL, folder="Spam"), after=lambda: server.idle_sessions() == 2
        ):
            assert Doorbell().wait(boxes, seconds=LONG, should_stop=never)


@pytest.mark.parametrize("reason", ["no capability", "switched off", "not open", "refused"])
def test_where_there_is_no_idle_the_time_is_waited_for(reason: str) -> None:
    with ScriptedImap(capabilities=[] if reason == "no capability" else ["IDLE"]) as server:
        mailbox = mailbox_at(server, idle=reason != "switched off")
        if reason != "not open":
            mailbox.open()
        bell = Doorbell()
        if reason == "refused":
            server.spoil("IDLE", Says("NO Not for you"), times=None)
            for _ in range(3):  # each looks like trouble, for a poll to find out
                assert bell.wait([mailbox], seconds=LONG, should_stop=never)
                mailbox.open()
        began = time.monotonic()
        assert not bell.wait([mailbox], seconds=0.1, should_stop=never)
        assert time.monotonic() - began >= 0.1


@pytest.mark.parametrize("trouble", ["bye", "cut"])
def test_a_server_that_goes_away_rings_once_and_the_next_open_connects_anew(trouble: str) -> None:
    with ScriptedImap() as server:
        mailbox = opened(server)

        def go() -> None:
            if trouble == "bye":
                server.say_to_all("BYE Restarting")
            server.cut_all()

        with meanwhile(go, after=lambda: server.idle_sessions() == 1):
            assert Doorbell().wait([mailbox], seconds=LONG, should_stop=never)
        assert mailbox.open() == 1
        assert server.connections == 2


@pytest.mark.parametrize("fault", [Hangs(), Drops(), Drops(5), Bye(), Says("BAD What?")], ids=repr)
def test_a_server_that_cannot_end_an_idle_costs_only_the_connection(fault: Hangs) -> None:
    with ScriptedImap() as server:
        server.spoil("DONE", fault)
        mailbox = opened(server)
        assert mailbox.idle() is not None
        assert mailbox.end_idle(within=0.2)
        assert mailbox.open() == 1
        assert server.connections == 2


def test_a_connection_that_died_without_a_word_is_found_by_the_cycle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("intake.mailbox.idling.DONE_S", 0.2)
    with ScriptedImap() as server:
        server.spoil("DONE", Hangs())
        mailbox = opened(server)
        assert Doorbell(cycle=0.1).wait([mailbox], seconds=LONG, should_stop=never)
        assert mailbox.open() == 1
        assert server.connections == 2


def test_a_server_that_breaks_every_idle_is_soon_spared_them() -> None:
    with ScriptedImap() as server:
        server.spoil("IDLE", Drops(), times=None)
        mailbox, bell = mailbox_at(server), Doorbell()
        rings = 0
        for _ in range(6):
            mailbox.open()
            rings += bell.wait([mailbox], seconds=0.01, should_stop=never)
        assert rings == 3
        assert server.commands.count("IDLE") == 3


def test_a_server_that_chatters_cannot_keep_us_running_in_circles() -> None:
    with ScriptedImap() as server:
        mailbox, bell = opened(server), Doorbell()
        polls, until = 0, time.monotonic() + 1.2
        while time.monotonic() < until:
            mailbox.open()
            mailbox.idle()
            server.say_to_all("7 EXISTS")
            assert bell.wait([mailbox], seconds=LONG, should_stop=never)
            polls += 1
        assert polls < 20


def test_over_tls_news_rings_and_silence_does_not(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(tmp_path_factory.mktemp("certificate"))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.certificate))
    with ScriptedImap(certificate=certificate) as server:
        mailbox = opened(server, host="localhost", security="tls")
        assert not Doorbell().wait([mailbox], seconds=0.3, should_stop=never)
        with meanwhile(lambda: server.add(MAIL), after=lambda: server.idle_sessions() == 1):
            assert Doorbell().wait([mailbox], seconds=LONG, should_stop=never)
        mailbox.open()
        assert mailbox.uids_from(1) == [1]
        with meanwhile(server.cut_all, after=lambda: server.idle_sessions() == 1):
            assert Doorbell().wait([mailbox], seconds=LONG, should_stop=never)


@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
def test_dovecot_wakes_us(
    dovecot: DovecotServer, security: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(dovecot.certificate.certificate))
    user = f"bell-{security}"
    port = dovecot.tls_port if security == "tls" else dovecot.port
    where = replace(server_for(dovecot, user), host="localhost", security=security, port=port)
    mailbox = ImapMailbox(where)
    mailbox.open()
    assert mailbox.uids_from(1) == []
    deliver = threading.Timer(0.2, dovecot.deliver, (user, RAW % (1, 1)))
    deliver.start()
    assert Doorbell().wait([mailbox], seconds=LONG, should_stop=never)
    deliver.join()
    mailbox.open()
    assert mailbox.uids_from(1) == [1]
    mailbox.close()
