"""The shelves: what lies outside of all cases can be seen, and only its outside."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from casework.shelves import LONGEST_DOMAIN, Shelf, how_many, sender_domain, shelved
from config.database import Sessions
from intake.inbox import RAWS, RECEIVED, MailState
from tests.casework.desks import a_mail, receive


@pytest.mark.parametrize(
    ("head", "domain"),
    [
        (b"From: Bron <bron@Example.ORG>\n\nHi", "example.org"),
        (b"Subject: x\r\nFROM: bron@example.org\r\n\r\nHi", "example.org"),
        (b'From: "a@b.example.com" <bron@example.org>\n', "example.org"),
        (b"From: Bron\n <bron@\n example.org>\n", ""),
        (b"From: =?utf-8?q?Bron?=\n\t<bron@mail.example.org.>\n\n", "mail.example.org"),
        ("From: <bron@bücher.example>\n\n".encode(), "bücher.example"),
        (b"To: hello@example.org\n\nFrom: x@example.net", ""),
        (b"From: nobody\n\n", ""),
        (b"From: root@localhost\n\n", ""),
        (b"From: <script>@x.example<b>\n\n", ""),
        (b"From: a@" + b"x" * 200 + b".example\n\n", ""),
        (b"", ""),
    ],
)
def test_the_domain_of_the_sender_is_read_from_the_bytes(head: bytes, domain: str) -> None:
    assert sender_domain(head) == domain


@given(st.binary())
def test_whatever_the_bytes_the_domain_is_one_or_nothing(head: bytes) -> None:
    for raw in (head, b"From: " + head, b"From: <a@" + head):
        domain = sender_domain(raw)
        assert len(domain) <= LONGEST_DOMAIN
        assert all(sign.isalnum() or sign in ".-" for sign in domain)


def put(sessions: Sessions, uid: int, state: MailState, rule: str | None) -> None:
    with sessions.begin() as session:
        line = update(RECEIVED).where(RECEIVED.c.uid == uid)
        session.execute(line.values(state=state.value, rule=rule, reason="A reason."))


def test_each_mail_lies_on_its_shelf_and_copies_on_none(sessions: Sessions, now: datetime) -> None:
    rules = ["failed", "spam-folder", "campaign", "same-mail", "before-start", "canary", None]
    receive(sessions, now, *[a_mail(now, f"Mail {number}") for number in range(7)])
    for uid, rule in enumerate(rules, start=1):
        state = MailState.SET_ASIDE if uid == 1 else MailState.SCREENED_OUT
        put(sessions, uid, MailState.FILED if rule is None else state, rule)
    with sessions() as session:
        found = {shelf: [mail.rule for mail in shelved(session, shelf)] for shelf in Shelf}
        counts = {shelf: how_many(session, shelf) for shelf in Shelf}
    assert found == {
        Shelf.SET_ASIDE: ["failed"],
        Shelf.SPAM_FOLDER: ["spam-folder"],
        Shelf.SCREENED_OUT: ["campaign"],
    }
    assert set(counts.values()) == {1}


def test_the_newest_come_first_and_page_by_page(sessions: Sessions, now: datetime) -> None:
    receive(sessions, now, *[a_mail(now, f"Mail {number}") for number in range(5)])
    for uid in range(1, 6):
        put(sessions, uid, MailState.SCREENED_OUT, "campaign")
    with sessions() as session:
        first = shelved(session, Shelf.SCREENED_OUT, limit=3)
        second = shelved(session, Shelf.SCREENED_OUT, before=first[-1].id, limit=3)
    assert [mail.id for mail in (*first, *second)] == [5, 4, 3, 2, 1]
    assert first[0].domain == "example.org"
    assert first[0].is_at_hand


def test_a_line_without_its_mail_says_so(sessions: Sessions, now: datetime) -> None:
    receive(sessions, now, a_mail(now))
    put(sessions, 1, MailState.SET_ASIDE, "withheld")
    with sessions.begin() as session:
        session.execute(RAWS.delete())
        [mail] = shelved(session, Shelf.SET_ASIDE)
    assert not mail.is_at_hand
    assert mail.domain == ""
