"""The demo's inbox: varied, invented, and always of the last three days."""

import re
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imapclient import IMAPClient

from casework.demo.mail_servers import DemoMail
from casework.demo.sample_inbox import SampleError, SampleMail, fill_in, sample_inbox

GROUP = "help@kith.example.org"
DRAMA_NUMBERS = re.compile(r"07700 ?900\d{3}|01632 ?960\d{3}|020 ?7946 ?0\d{3}")


@pytest.fixture(scope="module")
def mails() -> dict[str, SampleMail]:
    inbox = sample_inbox(GROUP, datetime(2026, 11, 24, 23, 41, tzinfo=UTC))
    return {mail.name: mail for mail in inbox}


@pytest.fixture(scope="module")
def parsed(mails: dict[str, SampleMail]) -> dict[str, Message]:
    return {name: message_from_bytes(mail.raw) for name, mail in mails.items()}


def content_types(message: Message) -> list[str]:
    return [part.get_content_type() for part in message.walk()]


def test_there_are_more_than_fifty_and_no_two_are_alike(mails: dict[str, SampleMail]) -> None:
    assert len(mails) > 50
    assert len({mail.raw for mail in mails.values()}) == len(mails)


@pytest.mark.parametrize(
    ("kind", "least"),
    [
        ("join-", 5),
        ("offer-", 5),
        ("case-", 8),
        ("partnership-", 4),
        ("contribution-", 4),
        ("privacy-", 4),
        ("enquiry-", 5),
        ("crisis-", 2),
        ("machine-", 5),
        ("spam-", 2),
        ("broken-", 2),
    ],
)
def test_every_kind_comes_several_times(
    mails: dict[str, SampleMail], kind: str, least: int
) -> None:
    assert sum(name.startswith(kind) for name in mails) >= least


@settings(deadline=None, max_examples=30)
@given(st.integers(min_value=0, max_value=10 * 365 * 24 * 3600))
def test_whenever_the_demo_runs_its_mails_are_of_the_last_three_days(second: int) -> None:
    now = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
    for mail in sample_inbox(GROUP, now):
        assert now - timedelta(hours=71) < mail.internal_date <= now


def test_the_date_header_says_when_the_mail_was_sent(
    mails: dict[str, SampleMail], parsed: dict[str, Message]
) -> None:
    for name, message in parsed.items():
        if not name.startswith("broken-"):
            late = mails[name].internal_date - parsedate_to_datetime(message["Date"])
            assert late == timedelta(seconds=4), name


def test_the_mails_come_in_the_order_of_their_arrival() -> None:
    dates = [mail.internal_date for mail in sample_inbox(GROUP, datetime.now(UTC))]
    assert dates == sorted(dates)


def test_the_demos_post_office_hands_every_mail_on_byte_for_byte(
    mails: dict[str, SampleMail],
) -> None:
    post_office = DemoMail(GROUP)
    post_office.start()
    for mail in mails.values():
        post_office.deliver(GROUP, mail.raw, mail.internal_date)
    with IMAPClient(post_office.host, post_office.imap_port, ssl=False, timeout=30) as client:
        client.login(post_office.username, post_office.password)
        client.select_folder("INBOX", readonly=True)
        uids = client.search()
        answer = client.fetch(uids, ["BODY.PEEK[]"])
    post_office.stop()
    assert [answer[uid][b"BODY[]"] for uid in uids] == [mail.raw for mail in mails.values()]


def test_days_named_in_a_text_fit_the_day_of_the_demo() -> None:
    filled = fill_in(
        "x",
        b"To: {{group}}\nDate: {{sent 1 08:30}}\n\n{{weekday 3}} {{day -24}} {{full 0}} "
        b"{{written 9 10:00}} {{stamp 1 09:05}}\n",
        GROUP,
        datetime(2026, 11, 24, 23, 41, tzinfo=UTC),
    )
    assert filled.raw == (
        b"To: help@kith.example.org\r\nDate: Mon, 23 Nov 2026 08:30:00 +0000\r\n\r\n"
        b"Friday 31 October Tuesday 24 November "
        b"Sun, 15 Nov 2026 10:00:00 +0000 20261125T090500Z\r\n"
    )
    assert filled.internal_date == datetime(2026, 11, 23, 8, 30, 4, tzinfo=UTC)


def test_a_misspelt_word_in_braces_is_an_error_that_names_it() -> None:
    with pytest.raises(SampleError, match="wekday 3"):
        fill_in("x", b"{{wekday 3}}", GROUP, datetime.now(UTC))


def test_nothing_is_left_in_braces_and_every_line_ends_as_mail_does(
    mails: dict[str, SampleMail],
) -> None:
    for mail in mails.values():
        assert b"{{" not in mail.raw
        assert mail.raw.count(b"\n") == mail.raw.count(b"\r\n")


def test_every_address_is_one_that_nobody_has(mails: dict[str, SampleMail]) -> None:
    for name, mail in mails.items():
        text = mail.raw.decode("utf-8", "replace")
        domains = re.findall(r"[\w.+-]@([\w.-]+\w)", text) + re.findall(r"https?://([\w.-]+)", text)
        for domain in domains:
            assert re.search(r"(^|\.)example\.(org|com|net)$", domain), (name, domain)


def test_every_telephone_number_is_one_that_nobody_has(mails: dict[str, SampleMail]) -> None:
    for name, mail in mails.items():
        text = mail.raw.decode("utf-8", "replace")
        for number in re.findall(r"(?<![\w:+.-])0\d{2,4} ?\d{3,4} ?\d{3,4}(?!\d)", text):
            assert DRAMA_NUMBERS.fullmatch(number), (name, number)


def test_attachments_forwards_and_machines_are_among_them(parsed: dict[str, Message]) -> None:
    attached = {
        part.get_content_type()
        for message in parsed.values()
        for part in message.walk()
        if part.get_content_disposition() == "attachment"
    }
    assert attached >= {"application/pdf", "image/png", "text/plain", "message/rfc822"}
    assert any("wordprocessingml" in content_type for content_type in attached)
    assert "message/delivery-status" in content_types(parsed["machine-bounce"])
    assert "text/calendar" in content_types(parsed["calendar-invitation"])
    assert "message/disposition-notification" in content_types(parsed["machine-read-receipt"])
    assert content_types(parsed["join-in-html-only"]) == ["multipart/alternative", "text/html"]
    assert parsed["machine-out-of-office"]["Auto-Submitted"] == "auto-replied"
    assert parsed["machine-newsletter"]["List-Unsubscribe-Post"]
    assert parsed["list-mail-from-a-parent"]["List-ID"]
    assert GROUP in parsed["loop-from-our-own-address"]["From"]


def test_the_windows_mail_is_not_utf8(mails: dict[str, SampleMail]) -> None:
    raw = mails["contribution-in-windows-1252"].raw
    with pytest.raises(UnicodeDecodeError):
        raw.decode("utf-8")
    assert "child’s file" in raw.decode("cp1252")


def test_one_mail_lies_under_a_mountain_of_quotes(mails: dict[str, SampleMail]) -> None:
    raw = mails["case-under-a-mountain-of-quotes"].raw
    quoted = [line for line in raw.splitlines() if line.startswith(b">")]
    assert len(quoted) > 500
