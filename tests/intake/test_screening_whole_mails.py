"""Screening and bounces on whole mails, from their bytes on."""

from datetime import UTC, datetime

import pytest

from intake.bounces import Bounce, parse_bounce
from intake.parsing import parse_message
from intake.screening import Surroundings, screen, shipped_screening_rules

AROUND = Surroundings(
    now=datetime(2026, 11, 24, 23, tzinfo=UTC),
    rules=shipped_screening_rules(),
    own_addresses=frozenset({"hello@kith.example.org"}),
    trusted_authserv_ids=frozenset({"mx.google.com"}),
)
FROM_JO = "From: Jo <jo@example.org>"
FROM_SERVER = "From: MAILER-DAEMON@mx.example.net"
REPORT = "Content-Type: multipart/report; report-type=delivery-status; boundary=b"
STATUS = "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n"
DELAYED = "Final-Recipient: rfc822; a@example.net\nAction: delayed\nStatus: 4.4.1\n\n"
FULL = (
    "Final-Recipient: rfc822; a@example.net\nAction: failed\nStatus: 4.2.2\n"
    "Diagnostic-Code: smtp;\n 452 4.2.2 full\n\n"
)
UNKNOWN = "Final-Recipient: rfc822; b@example.net\nAction: failed\nStatus: 5.1.1\n\n"
TEXT = "--b\nContent-Type: text/plain\n\nAbout your letter.\n"
LETTER = "--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <k.1@kith.example.org>\n--b--\n"


def whole(*header: str, body: str = "Could somebody ring me?\n") -> bytes:
    ordinary = ("To: hello@kith.example.org", "Date: Tue, 24 Nov 2026 21:00:00 +0000")
    return "\r\n".join((*header, *ordinary, "MIME-Version: 1.0", "", *body.split("\n"))).encode()


def rule_for(raw: bytes) -> str:
    return screen(parse_message(raw), AROUND).rule


def test_an_ordinary_mail_is_personal() -> None:
    assert rule_for(whole(FROM_JO, "Subject: hello")) == "personal"


@pytest.mark.parametrize("path", ["Return-Path: <>", "Return-Path:"])
def test_a_null_return_path_is_seen_even_when_blank(path: str) -> None:
    assert rule_for(whole(path, FROM_JO, "Subject: hello")) == "null-return-path"


def test_folded_authentication_results_of_our_server_are_believed() -> None:
    results = (
        "Authentication-Results: mx.google.com;\r\n       dkim=pass header.i=@example.org;\r\n"
        "       spf=pass (google.com: domain; ok) smtp.mailfrom=jo@example.org;\r\n"
        "       dmarc=fail (p=NONE sp=NONE dis=NONE) header.from=example.org"
    )
    assert rule_for(whole(results, FROM_JO, "Subject: hello")) == "failed-authentication"


def test_an_answer_from_a_calendar_is_a_receipt() -> None:
    kind = "Content-Type: multipart/alternative; boundary=b"
    calendar = (
        "--b\nContent-Type: text/calendar; method=REPLY\n\n"
        "BEGIN:VCALENDAR\nMETHOD:REPLY\nEND:VCALENDAR\n--b--\n"
    )
    raw = whole(FROM_JO, "Subject: Accepted: a meeting", kind, body=TEXT + calendar)
    assert rule_for(raw) == "calendar-answer"


def test_a_report_of_a_delay_is_no_bounce() -> None:
    raw = whole(FROM_SERVER, "Subject: Delayed", REPORT, body=f"{TEXT}{STATUS}{DELAYED}--b--\n")
    assert rule_for(raw) == "delivery-progress"
    assert parse_bounce(parse_message(raw), raw) is None


def test_a_report_of_a_failure_leads_back_to_the_letter() -> None:
    body = f"{TEXT}{STATUS}{FULL}{UNKNOWN}{LETTER}"
    raw = whole(FROM_SERVER, "Subject: Failed", REPORT, body=body)
    assert rule_for(raw) == "delivery-status"
    assert parse_bounce(parse_message(raw), raw) == Bounce(
        recipients=("b@example.net",),
        status="5.1.1",
        permanent=True,
        original_message_ids=("<k.1@kith.example.org>",),
    )


def test_a_person_who_attaches_a_report_and_asks_about_it_is_a_person() -> None:
    question = "--c\nContent-Type: text/plain\n\nThis came back, what is it?\n"
    report = f"{FROM_SERVER}\nSubject: Failed\n{REPORT}\n\n{TEXT}{STATUS}{UNKNOWN}--b--\n"
    attached = f"--c\nContent-Type: message/rfc822\n\n{report}--c--\n"
    raw = whole(
        FROM_JO,
        "Subject: came back",
        "Content-Type: multipart/mixed; boundary=c",
        body=question + attached,
    )
    assert rule_for(raw) == "personal"


def test_a_mail_from_nobody_is_said_to_have_no_sender() -> None:
    assert rule_for(whole("From: <>", "Subject: hello")) == "no-sender"
