"""Every odd mail of tests/mails reads as a careful person would read it.

Beside each NAME.eml stands NAME.json: what that person expects to see, written by hand and before
the parser was asked. A mail that the parser gets wrong stays here, with the right expectation,
until the parser is mended.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from intake.message import Message
from intake.parsing import attachment_bytes, parse_message

MAILS = Path(__file__).parent.parent / "mails"
NAMES = sorted(path.stem for path in MAILS.glob("*.eml"))
ENCRYPTED = [name for name in NAMES if name.startswith("encrypted-")]


@dataclass(frozen=True)
class OddMail:
    """One mail of the corpus: its bytes and what a person expects to see."""

    raw: bytes
    expected: dict[str, Any]


def read(name: str) -> OddMail:
    expectation = (MAILS / f"{name}.json").read_text(encoding="utf-8")
    return OddMail((MAILS / f"{name}.eml").read_bytes(), json.loads(expectation))


@pytest.fixture(params=NAMES)
def odd(request: pytest.FixtureRequest) -> OddMail:
    return read(request.param)


def attachments(message: Message) -> list[dict[str, object]]:
    return [
        {"name": a.name, "content_type": a.content_type, "size": a.size}
        for a in message.attachments
    ]


SEEN: dict[str, Callable[[Message], object]] = {
    "subject": lambda message: message.subject,
    "from_name": lambda message: message.sender.name if message.sender else "",
    "from_email": lambda message: message.sender.email if message.sender else "",
    "text": lambda message: message.text,
    "new_text": lambda message: message.new_text,
    "attachments": attachments,
    "date": lambda message: message.date.isoformat() if message.date else None,
    "message_id": lambda message: message.message_id,
    "in_reply_to": lambda message: list(message.in_reply_to),
    "references": lambda message: list(message.references),
}
REQUIRED = {"subject", "from_name", "from_email", "text", "new_text", "attachments"}


def test_an_odd_mail_reads_as_a_person_would_read_it(odd: OddMail) -> None:
    message = parse_message(odd.raw)

    assert {field: SEEN[field](message) for field in odd.expected} == odd.expected


def test_reading_a_mail_twice_gives_the_same_message(odd: OddMail) -> None:
    assert parse_message(odd.raw) == parse_message(odd.raw)


def test_the_bytes_of_every_attachment_can_be_had_and_are_as_many_as_told(odd: OddMail) -> None:
    message = parse_message(odd.raw)

    sizes = [len(attachment_bytes(odd.raw, a.part)) for a in message.attachments]

    assert sizes == [a.size for a in message.attachments]


def test_marks_lie_inside_the_text_in_order_and_apart(odd: OddMail) -> None:
    message = parse_message(odd.raw)

    edges = [edge for mark in message.marks for edge in (mark.start, mark.end)]

    assert edges == sorted(edges)
    assert not edges or (edges[0] >= 0 and edges[-1] <= len(message.text))


def test_nothing_read_from_a_mail_breaks_the_database(odd: OddMail) -> None:
    message = parse_message(odd.raw)
    read_texts = [message.subject, message.text, *(h.value for h in message.headers)]
    read_texts += [part for a in message.attachments for part in (a.name, a.text)]

    assert all("\x00" not in text and text.encode("utf-8") for text in read_texts if text)


@pytest.mark.parametrize("name", ENCRYPTED)
def test_an_encrypted_mail_is_said_to_be_encrypted(name: str) -> None:
    assert any("encrypted" in defect for defect in parse_message(read(name).raw).defects)


def test_a_mail_without_a_date_is_dated_by_the_server() -> None:
    arrived = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)

    assert parse_message(read("date-missing").raw, received_at=arrived).date == arrived


def test_the_bytes_of_an_attachment_are_those_that_were_sent() -> None:
    raw = read("text-file-as-only-part").raw
    part = parse_message(raw).attachments[0].part

    assert attachment_bytes(raw, part) == raw.partition(b"\r\n\r\n")[2]


def test_a_returned_mail_is_known_by_its_message_id_and_its_status() -> None:
    message = parse_message(read("bounce-with-returned-message").raw)

    assert [e.message_id for e in message.enclosed] == ["<letter.41@kithcircle.example.org>"]
    assert "Status: 5.1.1" in message.delivery_status


def test_returned_headers_alone_tell_the_message_id() -> None:
    message = parse_message(read("bounce-with-returned-headers").raw)

    assert [e.message_id for e in message.enclosed] == ["<letter.41@kithcircle.example.org>"]


def test_the_method_of_an_invitation_is_told() -> None:
    assert parse_message(read("calendar-invite").raw).calendar_method == "REQUEST"


def test_there_are_at_least_eighty_odd_mails() -> None:
    assert len(NAMES) >= 80


def test_every_odd_mail_has_a_whole_expectation_and_every_expectation_a_mail() -> None:
    assert sorted(path.stem for path in MAILS.glob("*.json")) == NAMES
    assert all(REQUIRED <= read(name).expected.keys() <= SEEN.keys() for name in NAMES)


def test_the_people_of_the_corpus_are_invented() -> None:
    invented = ("example.org", "example.com", "example.net")
    senders = [str(read(name).expected["from_email"]) for name in NAMES]

    assert [s for s in senders if s and not s.lower().endswith(invented)] == []
