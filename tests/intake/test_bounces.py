"""Whom a letter did not reach, and whether for good."""

from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.bounces import Bounce, Failure, parse_bounce
from intake.message import Address, Enclosed
from tests.factories import make_message

SERVER = Address("Mail Delivery System", "mailer-daemon@mx.example.net")
LETTER = Enclosed("<k.abc@kith.example.org>", "We have your email", ("jo@example.net",))


def group(address: str, action: str = "failed", status: str = "5.1.1", more: str = "") -> str:
    lines = f"Final-Recipient: RFC822; {address}\nAction: {action}\nStatus: {status}\n{more}"
    return f"Reporting-MTA: dns; mx.example.net\nArrival-Date: Tue, 24 Nov 2026\n\n{lines}\n"


def bounce_of(status_text: str) -> Bounce | None:
    return parse_bounce(
        make_message(sender=SERVER, delivery_status=status_text, enclosed=(LETTER,), text="")
    )


def test_a_standard_report_names_recipient_status_and_letter() -> None:
    assert bounce_of(group("Jo@Example.net")) == Bounce(
        recipients=("jo@example.net",),
        status="5.1.1",
        permanent=True,
        original_message_ids=("<k.abc@kith.example.org>",),
        failures=(Failure("jo@example.net", "5.1.1", permanent=True),),
    )


def test_a_temporary_status_stays_temporary_although_the_server_gave_up() -> None:
    bounce = bounce_of(group("jo@example.net", status="4.2.2 (mailbox full)"))
    assert bounce is not None
    assert (bounce.status, bounce.permanent) == ("4.2.2", False)


@pytest.mark.parametrize("action", ["delayed", "Delivered", "relayed (to a gateway)", "expanded"])
def test_a_report_that_nothing_failed_is_no_bounce(action: str) -> None:
    assert bounce_of(group("jo@example.net", action=action, status="4.4.1")) is None


def test_one_failure_among_good_news_is_a_bounce() -> None:
    text = (
        group("sam@example.net", action="delivered", status="2.0.0")
        + "\n"
        + group("jo@example.net")
    )
    bounce = bounce_of(text)
    assert bounce is not None
    assert bounce.recipients == ("jo@example.net",)


def test_permanent_failures_are_told_before_temporary_ones() -> None:
    bounce = bounce_of(group("sam@example.net", status="4.2.2") + "\n" + group("jo@example.net"))
    assert bounce is not None
    assert (bounce.recipients, bounce.status) == (("jo@example.net",), "5.1.1")


def test_the_address_we_wrote_to_comes_before_where_it_was_forwarded() -> None:
    text = (
        "Original-Recipient: rfc822;jo@example.net\n"
        + group("hidden@example.com").partition("\n\n")[2]
    )
    bounce = bounce_of(text)
    assert bounce is not None
    assert bounce.recipients == ("jo@example.net",)


def test_groups_without_a_blank_line_between_them_are_told_apart() -> None:
    one, two = (group(f"{name}@example.net").partition("\n\n")[2].strip() for name in ("jo", "sam"))
    bounce = bounce_of(f"{one}\n{two}\n")
    assert bounce is not None
    assert bounce.recipients == ("jo@example.net", "sam@example.net")


def test_the_servers_words_stand_in_for_a_missing_status() -> None:
    text = group("jo@example.net", status="", more="Diagnostic-Code: smtp; 550\n 5.7.1 no thanks\n")
    bounce = bounce_of(text)
    assert bounce is not None
    assert (bounce.status, bounce.permanent) == ("5.7.1", True)
    soft = bounce_of(group("jo@example.net", status="", more="Diagnostic-Code: smtp; 451 later\n"))
    assert soft is not None
    assert (soft.status, soft.permanent) == ("", False)


def test_an_address_of_four_numbers_is_no_status() -> None:
    message = make_message(
        sender=SERVER,
        headers=[("x-failed-recipients", "jo@example.net")],
        text="The server 4.2.2.1 said 550 no such user",
    )
    bounce = parse_bounce(message)
    assert bounce is not None
    assert (bounce.status, bounce.permanent) == ("", True)


def test_a_report_names_the_letter_in_its_own_fields_too() -> None:
    text = "X-Original-Message-ID: <k.def@kith.example.org>\n" + group("jo@example.net")
    bounce = parse_bounce(make_message(sender=SERVER, delivery_status=text))
    assert bounce is not None
    assert bounce.original_message_ids == ("<k.def@kith.example.org>",)


def qmail_report() -> bytes:
    report = EmailMessage()
    report["From"] = "MAILER-DAEMON@mx.example.net"
    report["To"] = "hello@kith.example.org"
    report["Subject"] = "failure notice"
    report.set_content(
        "Hi. This is the qmail-send program at mx.example.net.\n"
        "I'm afraid I wasn't able to deliver your message to the following addresses.\n"
        "This is a permanent error; I've given up. Sorry it didn't work out.\n\n"
        "<jo@example.net>:\n"
        "Sorry, no mailbox here by that name. (#5.1.1)\n\n"
        "--- Below this line is a copy of the message.\n\n"
        "Return-Path: <hello@kith.example.org>\n"
    )
    return report.as_bytes()


def test_a_report_in_a_servers_own_form_is_read_by_flufl() -> None:
    message = make_message(sender=SERVER, text="Sorry, no mailbox here by that name. (#5.1.1)")
    bounce = parse_bounce(message, qmail_report())
    assert bounce is not None
    assert (bounce.recipients, bounce.status, bounce.permanent) == (
        ("jo@example.net",),
        "5.1.1",
        True,
    )


def test_empty_lines_before_a_servers_own_words_do_not_hide_them() -> None:
    message = make_message(sender=SERVER, text="Sorry, no mailbox here by that name. (#5.1.1)")
    raw = qmail_report().replace(b"Hi. This", b"\n \n" * 300 + b"Hi. This")
    bounce = parse_bounce(message, raw)
    assert bounce is not None
    assert bounce.recipients == ("jo@example.net",)


def test_a_report_that_makes_flufl_fail_is_still_read() -> None:
    raw = b"From: \nSubject: Returned mail\n\nno such user\n"
    message = make_message(sender=None, text="<jo@example.net>: 550 5.1.1 no such user")
    bounce = parse_bounce(message, raw)
    assert bounce is not None
    assert (bounce.recipients, bounce.status) == (("jo@example.net",), "5.1.1")


def test_a_report_in_prose_gives_the_recipient_of_the_letter_it_encloses() -> None:
    message = make_message(sender=SERVER, enclosed=(LETTER,), text="sam@example.net is unknown")
    bounce = parse_bounce(message)
    assert bounce is not None
    assert bounce.recipients == ("jo@example.net",)
    assert bounce.original_message_ids == ("<k.abc@kith.example.org>",)


def test_a_report_in_prose_gives_the_first_address_that_is_no_servers() -> None:
    text = "From: postmaster@example.net. Your message to jo@example.org couldn't be delivered."
    bounce = parse_bounce(make_message(sender=SERVER, text=text))
    assert bounce is not None
    assert bounce.recipients == ("jo@example.org",)


def test_a_report_that_names_nothing_is_no_bounce() -> None:
    assert parse_bounce(make_message(sender=SERVER, text="Something went wrong.")) is None


def test_of_several_recipients_each_has_its_own_status() -> None:
    text = group("sam@example.net", status="4.2.2") + "\n" + group("jo@example.net")
    bounce = bounce_of(text)
    assert bounce is not None
    assert bounce.failures == (
        Failure("sam@example.net", "4.2.2", permanent=False),
        Failure("jo@example.net", "5.1.1", permanent=True),
    )


EXCHANGE_FOR_PEOPLE = """\
Delivery has failed to these recipients or groups:

jo@example.net (jo@example.net)
The email address you entered couldn't be found.

Diagnostic information for administrators:

Remote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found'

Original message headers:

Received: from mail.kith.example.org by mx.example.net; Tue, 24 Nov 2026 21:00:00 +0000
Message-ID: <k.abc@kith.example.org>
Subject: We have your email
"""


def test_a_report_for_people_that_quotes_the_headers_of_the_letter_is_read() -> None:
    bounce = parse_bounce(make_message(sender=SERVER, text=EXCHANGE_FOR_PEOPLE))
    assert bounce == Bounce(
        recipients=("jo@example.net",),
        status="5.1.10",
        permanent=True,
        original_message_ids=("<k.abc@kith.example.org>",),
        failures=(Failure("jo@example.net", "5.1.10", permanent=True),),
    )


@pytest.mark.parametrize(
    "quoted",
    [
        "> Message-ID: <k.abc@kith.example.org>",
        "  message-id:<k.abc@kith.example.org> ",
        "| Message-Id:\n|   <k.abc@kith.example.org>",
        ">> MESSAGE-ID: <k.abc@kith.example.org> (added by the server)",
    ],
)
def test_a_quoted_message_id_is_found_however_it_is_quoted(quoted: str) -> None:
    text = f"jo@example.net: no such user\n\n--- Your letter:\n{quoted}\nSubject: hello\n"
    bounce = parse_bounce(make_message(sender=SERVER, text=text))
    assert bounce is not None
    assert [each.strip("<>") for each in bounce.original_message_ids] == ["k.abc@kith.example.org"]


def test_a_report_that_quotes_ids_without_end_names_only_so_many() -> None:
    text = "\n".join(f"Message-ID: <{number}@example.net>" for number in range(20_000))
    bounce = parse_bounce(make_message(sender=SERVER, text=f"{text}\nMessage-ID:"))
    assert bounce is not None
    assert len(bounce.original_message_ids) == 50


@given(status=st.text(), text=st.text(), raw=st.none() | st.binary())
def test_any_report_can_be_read(status: str, text: str, raw: bytes | None) -> None:
    message = make_message(sender=SERVER, delivery_status=status, text=text)
    bounce = parse_bounce(message, raw)
    assert bounce is None or bounce.recipients or bounce.original_message_ids


def test_a_report_without_end_is_read_only_so_far() -> None:
    text = "\n".join(group(f"jo{number}@example.net") for number in range(20_000))
    bounce = bounce_of(text)
    assert bounce is not None
    assert len(bounce.recipients) <= 50
