"""The page of the status."""

from datetime import datetime, timedelta

import pytest
from starlette.testclient import TestClient

from casework.pulses import beat, poll_pulse
from casework.status.model import Token, Watching
from casework.web.app import make_app
from config.database import Sessions
from tests.casework.desks import a_mail, receive

# What these pages read and write is tested on both databases beside the rooms that do it.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

MAILBOX = "hello@imap.example.org/INBOX"


def page_of(sessions: Sessions, now: datetime, watching: Watching) -> str:
    app = make_app(sessions, lambda: now, "Northfield", watching=lambda: watching)
    answer = TestClient(app, base_url="http://localhost").get("/status")
    assert answer.status_code == 200
    return answer.text


def test_the_page_says_that_all_is_well(sessions: Sessions, now: datetime) -> None:
    with sessions.begin() as session:
        beat(session, poll_pulse(MAILBOX), now)
    page = page_of(sessions, now, Watching(is_live=True))
    assert "<h1>All is well</h1>" in page
    assert "Live: mail is filed" in page
    assert 'aria-current="page">Status' in page


def test_the_page_says_what_needs_a_person_and_names_nobody(
    sessions: Sessions, now: datetime
) -> None:
    receive(sessions, now - timedelta(hours=1), a_mail(now))
    with sessions.begin() as session:
        beat(
            session,
            poll_pulse(MAILBOX),
            now,
            problem="imap.example.org refused hello@imap.example.org.",
            detail={"needs_sign_in": True},
        )
    watching = Watching(
        is_live=False, go_live=now, tokens=(Token("gmail", now + timedelta(days=3)),)
    )
    page = page_of(sessions, now, watching)
    assert "<h1>3 things to look at</h1>" in page
    assert "<code>kith login</code>" in page
    assert "Shadow:" in page
    assert "@" not in page


def test_without_anything_to_watch_there_is_no_such_page(sessions: Sessions, now: datetime) -> None:
    client = TestClient(make_app(sessions, lambda: now, "Northfield"), base_url="http://localhost")
    assert client.get("/status").status_code == 404
    assert "/status" not in client.get("/").text
