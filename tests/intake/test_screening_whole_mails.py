"""Screening and bounces on whole mails, from their bytes on."""

from datetime import UTC, datetime

import pytest

from intake.bounces import Bounce, Failure, parse_bounce
from intake.parsing import parse_message
from intake.screening import Surroundings, screen, shipped_screening_rules
from intake.screening.authentication import trusted_results

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
        failures=(
            Failure("a@example.net", "4.2.2", permanent=False),
            Failure("b@example.net", "5.1.1", permanent=True),
        ),
    )


@pytest.mark.parametrize("kind", ["message/rfc822", "text/rfc822-headers"])
def test_the_letter_is_named_whether_it_is_returned_whole_or_only_its_headers(kind: str) -> None:
    letter = LETTER.replace("text/rfc822-headers", kind).replace("\n--b--", "Subject: x\n\n--b--")
    raw = whole(FROM_SERVER, "Subject: Failed", REPORT, body=f"{TEXT}{STATUS}{UNKNOWN}{letter}")
    bounce = parse_bounce(parse_message(raw))
    assert bounce is not None
    assert bounce.original_message_ids == ("<k.1@kith.example.org>",)


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


@pytest.mark.parametrize(
    "header",
    [
        ("Reply-To: jo@example.net",),
        ("Sender: jo@example.net",),
        ("Return-Path: <jo@example.net>",),
        ("From: ", "Reply-To: jo@example.net"),
        ("From: undisclosed-sender:;", "Reply-To: jo@example.net"),
        ("From: Jo", "Reply-To: jo@example.net", "Reply-To: sam@example.com"),
    ],
)
def test_a_stranger_put_into_another_header_than_from_gets_no_letter(
    header: tuple[str, ...],
) -> None:
    screening = screen(parse_message(whole(*header, "Subject: hello")), AROUND)
    assert (screening.rule, screening.acknowledge) == ("sender-not-in-from", False)


@pytest.mark.parametrize(
    "author",
    [
        "Jo <jo@example.org>, sam@example.net",
        "jo@example.org\r\nFrom: Sam <sam@example.net>",
        "=?utf-8?q?=22?= <jo@example.org>, =?utf-8?q?=22?= <sam@example.net>",
        "Group: jo@example.org, sam@example.net;",
        "<jo@example.org>; <sam@example.net>",
        "Jo (at (home)) <jo@example.org>, sam@example.net",
    ],
)
def test_several_authors_are_seen_however_they_are_written(author: str) -> None:
    assert rule_for(whole(f"From: {author}", "Subject: hello")) == "several-authors"


@pytest.mark.parametrize(
    "author",
    [
        "Ashworth, Marion <marion@example.org>",
        "jo@example.org <Jo@example.org>",
        "jo@example.org, <jo@example.org>",
        "jo@example.org, <Jo+home@EXAMPLE.org>",
        "Jo <jo@example.org>\r\nFrom: jo@example.org",
        "=?utf-8?q?Rees=2C_Jo?= <jo@example.org>",
    ],
)
def test_one_author_is_one_however_written(author: str) -> None:
    assert rule_for(whole(f"From: {author}", "Subject: hello")) == "personal"


@pytest.mark.parametrize(
    "author",
    [
        '"jo@example.net, at home" <jo@example.org>',
        "=?utf-8?q?jo=40example=2Enet=2C?= <jo@example.org>",
        "jo@example.org (that is, sam@example.net)",
    ],
)
def test_an_address_in_a_name_is_no_second_author(author: str) -> None:
    assert parse_message(whole(f"From: {author}", "Subject: hello")).from_count == 1


@pytest.mark.parametrize(
    "own",
    [
        "hello@\uff4bith.example.org",
        "hello@k\uff49th.example.org",
        "hello@kith.example\u3002org",
        "Hello@KITH.example.org",
    ],
)
def test_our_own_address_is_known_in_every_spelling_of_its_domain(own: str) -> None:
    assert rule_for(whole(f"From: Kith <{own}>", "Subject: hello")) == "own-address"
    assert rule_for(whole(FROM_JO, f"Reply-To: {own}", "Subject: hello")) == "own-address"
    assert rule_for(whole(FROM_JO, f"Sender: {own}", "Subject: hello")) == "own-address"


@pytest.mark.parametrize(
    "said",
    [
        'spf=pass smtp.mailfrom="a; dmarc=pass x"@example.net; dmarc=fail (p=REJECT)',
        'spf=pass (google.com: domain of "a); dmarc=pass ("@example.net designates 192.0.2.1 as '
        "permitted sender) smtp.mailfrom=example.net; dmarc=fail (p=REJECT)",
        'spf=pass (google.com: domain of "a("@example.net designates) smtp.mailfrom=a; dmarc=fail',
        'spf=pass smtp.mailfrom="a@example.net; dmarc=fail (p=REJECT) header.from=example.org',
        "spf=pass smtp.mailfrom==?utf-8?q?a@example.net; dmarc=fail header.i=?=@example.net",
        "dmarc=pass; dmarc=fail",
    ],
)
def test_no_sender_can_argue_away_that_his_mail_is_forged(said: str) -> None:
    results = f"Authentication-Results: mx.google.com; {said} header.from=example.org"
    assert rule_for(whole(results, FROM_JO, "Subject: hello")) == "failed-authentication"


def test_what_a_sender_puts_in_quotes_is_no_result() -> None:
    said = 'mx.google.com; spf=pass smtp.mailfrom="a; dmarc=pass x"@example.net; dkim=none'
    message = parse_message(whole(f"Authentication-Results: {said}", FROM_JO, "Subject: hello"))
    found = trusted_results(message, AROUND.trusted_authserv_ids)
    assert found == (("spf", "pass"), ("dkim", "none"))


def test_identifiers_are_read_as_they_are_written() -> None:
    word = "<=?utf-8?q?Sarah?=@example.net>"
    enclosed = f"--b\nContent-Type: message/rfc822\n\nMessage-ID: {word}\nSubject: x\n\nx\n--b--\n"
    named = [f"{name}: {word}" for name in ("Message-ID", "In-Reply-To", "References")]
    kind = "Content-Type: multipart/mixed; boundary=b"
    message = parse_message(whole(*named, FROM_JO, kind, body=enclosed))
    assert message.message_id == message.enclosed[0].message_id == word
    assert message.in_reply_to == message.references == (word,)
    assert message.value("message-id") == word
