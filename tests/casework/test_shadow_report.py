"""The report of shadow mode says what would have been sent, and to whom, without saying who."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from casework.models import OutboxEmail
from casework.schema import upgrade
from casework.shadow_report import as_json, in_words, masked, shadow, shadow_report
from config.database import Sessions, make_engine, make_sessions
from replies.delivery import deliver_due
from tests.casework.desks import GROUP_ADDRESS, a_mail, a_worker, process, receive, the_desk

LEASE = timedelta(minutes=5)


class Refusing:
    """A way out that nothing may take."""

    def send(self, *, sender: str, recipient: str, content: bytes) -> str:
        raise AssertionError("a draft left")

    def close(self) -> None:
        pass


def a_fortnight(sessions: Sessions, now: datetime) -> None:
    """Let some mails come in shadow mode, a day apart."""
    desk = replace(the_desk(), is_live=False)
    mails = [
        a_mail(now, sender="Bron <bron@example.org>"),
        a_mail(now, "I am away.", "Pat <pat@example.com>", "Away", Auto_Submitted="auto-replied"),
        a_mail(now, "I will kill myself tonight.", "Al <al@example.net>", "Help"),
        a_mail(now, "Please may I join? I am 13 years old.", "Kim <kim@example.com>", "Joining"),
    ]
    for number, raw in enumerate(mails, start=1):
        at = now + timedelta(days=number)
        receive(sessions, now, raw, first_uid=number)
        process(sessions, a_worker(at), desk)


def test_the_report_counts_and_lists_the_drafts(sessions: Sessions, now: datetime) -> None:
    a_fortnight(sessions, now)
    with sessions() as session:
        report = shadow_report(session)
    assert report.mails == 4
    assert [(each.letter, each.to) for each in report.drafts] == [
        ("join", "b...@example.org"),
        ("risk", "a...@example.net"),
    ]
    assert report.drafts[0].sure
    assert report.letters == {"join": 1, "risk": 1}
    assert sum(report.reasons.values()) == 2
    assert any("child or young person" in reason for reason in report.reasons)
    assert report.risks["now"] == 1
    assert report.left == 0
    words = in_words(report, is_live=False)
    assert "Live, Kith would have sent 2 letters." in words
    assert "no machine ever sends them" in words
    for private in ("bron@", "Bron", "Joining", "kill"):
        assert private not in words
        assert private not in as_json(report)


def test_the_words_are_shown_on_request_and_only_since_a_day(
    sessions: Sessions, now: datetime
) -> None:
    a_fortnight(sessions, now)
    with sessions() as session:
        report = shadow_report(session, now + timedelta(days=2, hours=1), with_words=True)
        bodies = session.execute(select(OutboxEmail.body)).scalars().all()
    assert report.mails == 2
    [draft] = report.drafts
    assert draft.words == bodies[1]
    assert "    | " in in_words(report, is_live=True)
    assert json.loads(as_json(report))["drafts"][0]["words"] == bodies[1]


def test_drafts_stay_drafts_after_going_live(sessions: Sessions, now: datetime) -> None:
    a_fortnight(sessions, now)
    deliver_due(
        sessions,
        Refusing(),
        now=lambda: now + timedelta(days=365),
        owner="me",
        lease=LEASE,
        should_stop=lambda: False,
    )
    with sessions() as session:
        states = set(session.execute(select(OutboxEmail.state)).scalars())
        assert states == {"draft"}


def test_letters_that_left_are_only_counted(sessions: Sessions, now: datetime) -> None:
    receive(sessions, now, a_mail(now))
    process(sessions, a_worker(now))
    with sessions() as session:
        report = shadow_report(session)
    assert (report.drafts, report.left) == ((), 1)
    assert "1 letters were sent, or wait" in in_words(report, is_live=True)


def test_a_draft_that_was_taken_back_is_told_with_the_reason(
    sessions: Sessions, now: datetime
) -> None:
    desk = replace(the_desk(), is_live=False)
    receive(sessions, now, a_mail(now))
    process(sessions, a_worker(now), desk)
    later = now + timedelta(hours=1)
    receive(sessions, later, a_mail(later, "STOP", subject="Stop"), first_uid=2)
    process(sessions, a_worker(later), desk)
    with sessions() as session:
        report = shadow_report(session)
    assert report.drafts == ()
    assert report.reasons["A draft that was taken back. They wrote STOP."] == 1


def test_nothing_yet_is_told_as_nothing(sessions: Sessions) -> None:
    with sessions() as session:
        report = shadow_report(session)
    assert "0 mails were worked so far." in in_words(report, is_live=False)


def test_the_command_reads_the_database_of_the_settings(
    sqlite_url: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine(sqlite_url)
    upgrade(engine)
    a_fortnight(make_sessions(engine), now)
    engine.dispose()
    monkeypatch.setenv("KITH_DATABASE__URL", sqlite_url)
    monkeypatch.setenv("KITH_GROUP__ADDRESS", GROUP_ADDRESS)
    said = CliRunner().invoke(shadow, ["--json", "--since", "2026-11-01"], standalone_mode=False)
    assert len(json.loads(said.stdout)["drafts"]) == 2
    told = CliRunner().invoke(shadow, ["--letters"], standalone_mode=False)
    assert "To go live: set mode" in told.stdout


@pytest.mark.parametrize(
    ("address", "shown"), [("bron@example.org", "b...@example.org"), ("", "..."), ("x", "...")]
)
def test_addresses_are_masked(address: str, shown: str) -> None:
    assert masked(address) == shown
