"""Whole mails: whatever the bytes are, a message comes out."""

import base64
import tracemalloc
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.scrubbing import scrub
from intake.message import Address, Message
from intake.parsing import UnreadableMailError, attachment_bytes, parse_message
from intake.parsing.header_block import HEADER_SHORTENED
from intake.parsing.people import TOO_MANY_ADDRESSES
from intake.parsing.walking import SHORTENED

RECEIVED = datetime(2026, 3, 3, 10, 15, tzinfo=UTC)
HEAD = b"From: Ada Finch <ada.finch@example.com>\r\nSubject: Help\r\n"
PDF = b"%PDF-1.4 pretend"


def mixed(*parts: bytes, kind: bytes = b"mixed") -> bytes:
    """Return a multipart mail of `parts`, each with its own headers."""
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts)
    start = HEAD + b"Content-Type: multipart/" + kind + b"; boundary=b\r\n\r\n"
    return start + body + b"--b--\r\n"


def pdf(name: bytes = b"report.pdf") -> bytes:
    """Return a part with a small attachment."""
    encoded = base64.encodebytes(PDF)
    headers = b'Content-Type: application/pdf; name="' + name + b'"\r\n'
    return headers + b"Content-Transfer-Encoding: base64\r\n\r\n" + encoded


@pytest.mark.parametrize("raw", [b"", b"\r\n\r\n", b" \t\n", b"\x00\x00"])
def test_a_mail_with_nothing_in_it_is_unreadable_and_the_error_says_what_to_do(raw: bytes) -> None:
    with pytest.raises(UnreadableMailError, match="ask whoever runs the mailbox"):
        parse_message(raw)


@given(st.binary(min_size=1, max_size=2000))
def test_any_bytes_give_a_message_or_the_one_error(raw: bytes) -> None:
    check_any(raw)


@given(
    st.lists(
        st.sampled_from(
            [
                b"From: =?utf-8?q?J=C3=B6?= <a@example.org>\n",
                b"Subject: =?gb2312?B?xOO6ww==?=\n",
                b"Content-Type: multipart/mixed; boundary=b\n",
                b"Content-Type: multipart/alternative; boundary=c\n",
                b"Content-Type: text/html; charset=utf-16\n",
                b"Content-Type: text/plain; format=flowed; delsp=yes\n",
                b"Content-Type: message/rfc822\n",
                b"Content-Transfer-Encoding: base64\n",
                b"Content-Transfer-Encoding: quoted-printable\n",
                b"Content-Disposition: attachment; filename*0*=utf-8''%e2; filename*1=x\n",
                b"Date: Tue, 3 Mar 2026 9:15:00 GMT+1\n",
                b"References: <a@b> c@d, <e\n",
                b"\n",
                b"--b\n",
                b"--b--\n",
                b"--c\n",
                b"<p>Hello <b hidden>you</p> & <blockquote>x\n",
                b"On 2 March 2026 a@example.org wrote:\n",
                b"> quoted\n",
                b"begin 644 x\n#86)C\nend\n",
                b"SGVsbG8=\n",
                b"=C3=28 =\n",
                b"\xff\xfe\x80\x1b$B\r",
            ]
        ),
        max_size=30,
    )
)
def test_any_arrangement_of_what_mails_are_made_of_gives_a_sound_message(
    pieces: list[bytes],
) -> None:
    check_any(b"".join(pieces))


def check_any(raw: bytes) -> None:
    """Parse and look at what every message promises."""
    try:
        message = parse_message(raw)
    except UnreadableMailError:
        assert not raw.strip(b" \t\r\n\x00")
        return
    assert message == parse_message(raw)
    assert "\n" not in message.subject
    assert not any("\x00" in text or "\ud800" in text for text in texts_of(message))
    for text in texts_of(message):
        text.encode("utf-8")
    for attachment in message.attachments:
        assert attachment.name
        assert not set("/\\\n\u202e") & set(attachment.name)
        assert len(attachment_bytes(raw, attachment.part)) == attachment.size
    assert "taken apart" not in " ".join(message.defects)


def texts_of(message: Message) -> list[str]:
    """Return every text of a message."""
    sender = [message.sender.name, message.sender.email] if message.sender else []
    headers = [header.value for header in message.headers]
    files = [text for each in message.attachments for text in (each.name, each.text)]
    return [message.subject, message.text, *sender, *headers, *files]


def test_a_mail_without_any_date_is_dated_by_the_server() -> None:
    assert parse_message(HEAD + b"\r\nhello", received_at=RECEIVED).date == RECEIVED
    assert parse_message(HEAD + b"\r\nhello").date is None


def test_a_mail_without_date_is_dated_by_the_last_server_on_its_way() -> None:
    trace = b"Received: from a by b; Tue, 03 Mar 2026 10:15:00 +0000\r\nReceived: by c; junk\r\n"
    assert parse_message(trace + HEAD + b"\r\nhello").date == RECEIVED


def test_what_goes_wrong_in_the_body_leaves_the_headers_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("intake.parsing.parse.read_body", broken)
    message = parse_message(HEAD + b"\r\nhello")
    assert (message.subject, message.text) == ("Help", "hello")
    assert message.defects == ("its text could not be taken apart; it is shown as it came",)


def test_a_bug_of_ours_still_gives_a_message_to_show_to_a_person(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("intake.parsing.parse.read_structure", broken)
    message = parse_message(HEAD + b"\r\nhello", received_at=RECEIVED)
    assert "hello" in message.text
    assert message.date == RECEIVED
    assert message.defects == ("it could not be taken apart; its beginning is shown as it came",)


def test_the_text_of_an_attached_message_stays_out_but_its_identity_is_known() -> None:
    inner = (
        b"Content-Type: message/rfc822\r\n\r\nMessage-ID: <old@example.net>\r\n"
        b"To: Bo <bo@example.net>, cy@example.net\r\nX-Failed-Recipients: di@example.net\r\n"
        b"Subject: =?utf-8?q?Caf=C3=A9?= / plan\r\n\r\nsecret words"
    )
    message = parse_message(mixed(b"\r\nsee inside", inner))
    assert message.text == "see inside"
    assert message.attachments[0].name == "Café - plan.eml"
    assert message.attachments[0].text == ""
    (enclosed,) = message.enclosed
    assert (enclosed.message_id, enclosed.subject) == ("<old@example.net>", "Café / plan")
    assert enclosed.recipients == ("bo@example.net", "cy@example.net", "di@example.net")


def test_a_delivery_report_says_its_status_and_only_its_words_are_the_text() -> None:
    status = b"Content-Type: message/delivery-status\r\n\r\nAction: failed\r\nStatus: 5.1.1"
    returned = b"Content-Type: text/rfc822-headers\r\n\r\nSubject: Ours\r\nMessage-ID: <o@k>"
    message = parse_message(mixed(b"\r\nNot delivered.", status, returned, kind=b"report"))
    assert message.text == "Not delivered."
    assert message.delivery_status == "Action: failed\nStatus: 5.1.1"
    assert message.enclosed[0].message_id == "<o@k>"
    assert message.content_types == (
        "multipart/report",
        "text/plain",
        "message/delivery-status",
        "text/rfc822-headers",
    )


def test_the_method_of_a_calendar_part_is_known_from_header_or_content() -> None:
    declared = b"Content-Type: text/calendar; method=reply\r\n\r\nBEGIN:VCALENDAR"
    written = b"Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nMETHOD:CANCEL\r\n"
    assert parse_message(mixed(b"\r\nhi", declared)).calendar_method == "REPLY"
    assert parse_message(mixed(b"\r\nhi", written)).calendar_method == "CANCEL"
    assert parse_message(HEAD + b"\r\nMETHOD:CANCEL").calendar_method is None


def test_the_bytes_of_an_attachment_are_had_by_its_part_number() -> None:
    raw = mixed(b"\r\nhello", pdf(), pdf(b"second.pdf"))
    first, second = parse_message(raw).attachments
    assert (first.part, second.part, first.size) == (2, 3, len(PDF))
    assert attachment_bytes(raw, second.part) == PDF
    assert attachment_bytes(raw, 99) == attachment_bytes(raw, -1) == attachment_bytes(b"", 1) == b""


def test_a_textual_attachment_gives_its_text_and_others_do_not() -> None:
    page = b"Content-Type: text/html; name=a.html\r\n\r\n<p>He hit me.</p><script>x</script>"
    html, other = parse_message(mixed(b"\r\nhello", page, pdf())).attachments
    assert (html.text, other.text) == ("He hit me.", "")


def test_many_long_text_attachments_are_not_all_read_and_the_message_says_so() -> None:
    page = b"Content-Disposition: attachment; filename=a.txt\r\n\r\n" + b"word " * 100_000
    message = parse_message(mixed(b"\r\nhello", *[page] * 8))
    assert max(len(each.text) for each in message.attachments) == 200_000
    assert message.attachments[-1].text == ""
    assert "its text attachments are very long and were not all read" in message.defects


@pytest.mark.parametrize(
    ("headers", "defect"),
    [
        (b"Content-Type: multipart/encrypted; boundary=b\r\n", "it is encrypted"),
        (b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n", "it is encrypted"),
        (b"Content-Type: application/ms-tnef; name=winmail.dat\r\n", "winmail.dat"),
    ],
)
def test_what_kith_cannot_look_into_is_said(headers: bytes, defect: str) -> None:
    message = parse_message(HEAD + headers + b"\r\n--b\r\n\r\nx\r\n--b--\r\n")
    assert any(defect in each for each in message.defects)


def test_a_very_long_text_is_shortened_and_the_message_says_so() -> None:
    message = parse_message(HEAD + b"\r\n" + b"Long story. " * 100_000)
    assert len(message.text) <= 1_000_000
    assert "the text is very long and was shortened" in message.defects


def test_defects_repeat_nothing_of_the_mail() -> None:
    raw = b"From: x\nsecretword\nSubject: secretword\nContent-Type: multipart/mixed\n\nsecretword"
    assert "secretword" not in " ".join(parse_message(raw).defects)


def hostile_mails() -> dict[str, bytes]:
    """Return mails that make naive parsers hang, crash or eat the memory."""
    many_parts = b"--b\nContent-Type: text/plain\n\nx\n" * 100_000
    levels = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (level, level)
        for level in range(5000)
    )
    multipart = HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n"
    page = HEAD + b"Content-Type: text/html\n\n"
    return {
        "100,000 parts": multipart + many_parts,
        "5,000 levels": HEAD + levels + b"\nx",
        "a 5 MB subject": b"Subject: " + b"x" * 5_000_000 + b"\n\nhello",
        "20,000 encoded words": b"Subject: " + b"=?utf-8?q?a?= " * 20_000 + b"\n\nhello",
        "20,000 beginnings of words": b"Subject: " + b"=?a?q?" * 20_000 + b"\n\nhello",
        "20,000 parameters": HEAD + b"Content-Type: text/plain" + b"; a=1" * 20_000 + b"\n\nx",
        "300,000 headers": b"A: b\n" * 300_000 + b"\nhello",
        "300,000 junk lines": HEAD[:20] + b"\njunk" * 300_000,
        "brackets in From": b"From: " + b"(" * 50_000 + b"\n\nhello",
        "200,000 open tags": page + b"<div>" * 200_000,
        "misnested tags": page + b"".join(b"<b a=%d>" % i for i in range(1000)) + b"<p>x" * 5000,
        "tags that do not end": page + b"<a" * 200_000,
        "comments that do not end": page + b"<!--" * 100_000,
        "boundaries without line ends": multipart + b"\r--b" * 500_000,
        "lone equals signs": HEAD + b"Content-Transfer-Encoding: base64\n\n" + b"A=" * 500_000,
    }


@pytest.mark.parametrize("name", hostile_mails())
def test_a_hostile_mail_becomes_a_message_within_bounds(name: str) -> None:
    message = parse_message(hostile_mails()[name])
    assert len(message.content_types) <= 500
    assert len(message.headers) <= 2000
    assert all(len(header.value) <= 100_000 for header in message.headers)
    assert len(message.text) <= 1_000_000


def test_a_large_attachment_is_described_without_holding_it_in_memory() -> None:
    encoded = base64.encodebytes(bytes(12 * 1024 * 1024))
    big = b"Content-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    raw = mixed(b"\r\nhello", big + encoded)
    tracemalloc.start()
    try:
        message = parse_message(raw)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert message.attachments[0].size == 12 * 1024 * 1024
    assert peak < 8 * 1024 * 1024


def strings_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from strings_in(each)
    elif is_dataclass(value):
        for each in fields(value):
            yield from strings_in(getattr(value, each.name))


def unstorable(message: Message) -> list[str]:
    return [text for text in strings_in(message) if scrub(text) != text]


HOSTILE_BYTES = st.sampled_from(
    [
        b"From: =?utf-7?q?+2AA-?= <a@example.org>\n",
        b"To: \xed\xa0\x80@example.org, a\x00@example.org\n",
        b"Subject: =?utf-16le?b?ANg=?= \x00\n",
        b"Message-ID: <\x00\xed\xa0\x80@x>\n",
        b"X-\x00: a\n",
        b"Content-Type: multipart/mixed; boundary=b\n",
        b"Content-Type: text/html; charset=utf-7\n",
        b"Content-Type: text/calendar; method*=utf-7''+2AA-%00\n",
        b"Content-Type: message/delivery-status; charset=utf-7\n",
        b"Content-Type: message/rfc822\n",
        b"Content-Type: application/pdf; name*=utf-16le''%00%d8a%00\n",
        b"Content-Type: a\xed\xa0\x80/b\x00\n",
        b"Content-Disposition: attachment; filename*=utf-7''+2AA-.pdf\n",
        b'Content-Disposition: attachment; filename="=?utf-7?q?+2AA-?="\n',
        b"\n",
        b"\n--b\n",
        b"begin 644 \x00+2AA-\n#86)C\nend\n",
        b"+2AA- &#xD800; &#0; &#1; \x00 \xed\xa0\x80 METHOD:REPLY",
    ]
)


@given(st.lists(HOSTILE_BYTES | st.binary(max_size=20), min_size=1).map(b"".join))
def test_nothing_in_a_message_is_what_a_database_cannot_hold(raw: bytes) -> None:
    if raw.strip(b" \t\r\n\x00"):
        assert unstorable(parse_message(raw)) == []


@pytest.mark.parametrize("name", [b"utf-7''+2AA-.pdf", b"utf-16le''%00%d8a%00", b"utf-8''a%00.pdf"])
def test_a_hostile_file_name_can_be_stored(name: bytes) -> None:
    raw = (
        b"From: a@example.org\nContent-Type: application/pdf\n"
        b"Content-Disposition: attachment; filename*=" + name + b"\n\nx"
    )
    message = parse_message(raw)
    assert len(message.attachments) == 1
    assert unstorable(message) == []


def test_only_so_many_addresses_are_read_and_the_message_says_so() -> None:
    line = b"To: " + b"a <a@example.org>, " * 400 + b"\n"
    message = parse_message(line * 30 + b"From: b@example.org\n\nHello")
    assert len(message.to) == 500
    assert TOO_MANY_ADDRESSES in message.defects
    assert message.sender == Address("", "b@example.org")


def test_the_html_of_all_parts_together_is_read_only_so_far() -> None:
    part = b"--b\nContent-Type: text/html\n\n" + b"<" * 500_000 + b"\n"
    raw = b"From: a@example.org\nContent-Type: multipart/mixed; boundary=b\n\n" + part * 6
    message = parse_message(raw)
    assert len(message.text) <= 1_000_001
    assert SHORTENED in message.defects


def test_html_of_nothing_but_tags_is_read_only_so_far() -> None:
    raw = b"From: a@example.org\nContent-Type: text/html\n\nHello" + b"<b>" * 200_000 + b"end"
    message = parse_message(raw)
    assert message.text == "Hello"
    assert SHORTENED in message.defects


def test_long_headers_are_cut_once_many_were_decoded() -> None:
    many = b"".join(b"X-%d: " % at + b"=?utf-8?q?a?= " * 2000 + b"\n" for at in range(40))
    message = parse_message(b"From: a@example.org\n" + many + b"Precedence: bulk\n\nHello")
    assert sum(len(header.value) for header in message.headers) < 60_000
    assert message.value("precedence") == "bulk"
    assert HEADER_SHORTENED in message.defects
