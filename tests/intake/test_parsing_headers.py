"""Headers: their block, their words, addresses, identifiers and dates."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.message import Address
from intake.parsing.dates import read_date, read_received_date, read_usual_date
from intake.parsing.encoded_words import decode_header, recode_header
from intake.parsing.fields import parse_field
from intake.parsing.header_block import RawHeader, read_header_block
from intake.parsing.identifiers import read_identifier, read_identifiers
from intake.parsing.mail_parser import addresses_in, date_in
from intake.parsing.people import read_addresses, read_sender


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r"])
def test_headers_are_unfolded_whatever_their_line_ends(end: bytes) -> None:
    raw = end.join([b"Subject: one", b"\ttwo", b"X-Odd : y", b"", b"body"])
    block = read_header_block(raw, 0, len(raw))
    assert block.headers == (RawHeader("subject", b"one two"), RawHeader("x-odd", b"y"))
    assert raw[block.body_start :] == b"body"


@given(
    st.lists(
        st.sampled_from(
            [
                b"Subject: a",
                b"X-Y : c",
                b" folded",
                b"\tfolded",
                b"X: blank ",
                b"X: tab\t",
                b"X:",
                b" ",
                b"X: two  ",
                b"From: \xe9",
                b"X: \x0b",
                b"\x0c",
                b"Content-Type: text/plain",
            ]
        ),
        max_size=8,
    )
)
def test_headers_are_the_same_read_fast_or_with_patience(lines: list[bytes]) -> None:
    raw = b"\n".join([b"To: a@example.org", *lines, b"", b"body"])
    with_old_line_ends = raw.replace(b"\n", b"\r")  # these are never read fast
    fast = read_header_block(raw, 0, len(raw))
    assert fast == read_header_block(with_old_line_ends, 0, len(raw))


def test_junk_among_the_headers_of_a_mail_belongs_to_the_header_before_it() -> None:
    raw = b"Subject: a long\nsubject line\nFrom: a@example.org\n\nbody"
    block = read_header_block(raw, 0, len(raw), salvage=True)
    assert block.first("subject") == b"a long subject line"
    assert block.first("from") == b"a@example.org"
    assert block.defects


def test_junk_below_complete_headers_is_the_body_without_its_blank_line() -> None:
    raw = b"From: a@example.org\nSubject: x\nContent-Type: text/plain\nDear all\n\nbody"
    block = read_header_block(raw, 0, len(raw), salvage=True)
    assert raw[block.body_start :] == b"Dear all\n\nbody"


def test_headers_beyond_the_limits_are_left_out_and_said() -> None:
    raw = b"A: " + b"x" * 200_000 + b"\n" + b"B: y\n" * 3000 + b"\nbody"
    block = read_header_block(raw, 0, len(raw), salvage=True)
    assert len(block.headers) == 2000
    assert len(block.headers[0].value) == 100_000
    assert len(block.defects) == 2
    assert raw[block.body_start :] == b"body"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"plain", "plain"),
        (b"=?utf-8?q?J=C3=B6rg?= here", "Jörg here"),
        (b"=?utf-8?b?4oKs?=", "€"),
        (b"=?utf-8?b?4o?= =?utf-8?b?Ks?=", "€"),
        (b"=?utf-8?Q?=C3?= =?utf-8?Q?=A9?=", "é"),
        (b"=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"),
        (b"=?utf-8?q?a?= =?iso-8859-1?q?=E9?=", "aé"),
        (b"=?utf-8*en?q?a_b?=", "a b"),
        (b"=?gb2312?B?6UY=?=", "镕"),
        (b"=?utf-8?q?How are you??=", "How are you?"),
        (b"=?utf-8?x?abc?=", "=?utf-8?x?abc?="),
        (b"2 =? 3", "2 =? 3"),
        (b"Gr\xfc\xdfe aus K\xf6ln", "Grüße aus Köln"),
        ("tŷ a chŵn".encode(), "tŷ a chŵn"),
        (b"a\x00b\tc   d", "ab c d"),
    ],
)
def test_a_header_is_shown_as_its_writer_meant_it(value: bytes, text: str) -> None:
    assert decode_header(value) == text


@given(st.binary(max_size=300))
def test_any_header_gives_one_line_that_can_be_stored(value: bytes) -> None:
    text = decode_header(value)
    text.encode("utf-8")
    assert text == " ".join(text.split())
    assert "\x00" not in text


def test_blanks_in_the_words_do_not_hide_what_stands_behind_them() -> None:
    assert decode_header(b"=?utf-8?q?x y?= =?utf-8?q?x y?= ?=") == "x yx y ?="


@given(
    st.lists(
        st.sampled_from(
            [
                b"=?utf-8?q?a=C3=A9?=",
                b"=?UTF-8?Q?b_c?=",
                b"=?utf-8?b?w6k=?=",
                b"=?utf-8?q?a?b?=",
                b"=?iso-8859-1?q?=E9?=",
                b"=?utf-8?q?a=C3?= =?utf-8?q?=A9?=",
                b"=?utf-8?q?x y?=",
                b"=?",
                b"?=",
                b"plain",
                b"=?utf-8*en?q?x?=",
            ]
        ),
        min_size=1,
        max_size=6,
    )
)
def test_encoded_words_read_the_same_with_a_beginning_that_leads_nowhere(
    words: list[bytes],
) -> None:
    # A lone "=?" in the value makes the reader look at each word by itself.
    value = b" ".join(words)
    assert decode_header(value + b" =?") == f"{decode_header(value)} =?"


@given(st.text(max_size=60))
def test_recoding_keeps_what_encoded_words_say(text: str) -> None:
    encoded = b"=?utf-8?q?" + text.encode("utf-8", "replace").hex("=").encode().join([b"=", b"?="])
    assert decode_header(recode_header(encoded).encode()) == decode_header(encoded)


@pytest.mark.parametrize(
    ("value", "name", "email"),
    [
        ("Ada Finch <ada@Example.ORG>", "Ada Finch", "ada@example.org"),
        ("ada@example.org", "", "ada@example.org"),
        ("ada@example.org (Ada)", "Ada", "ada@example.org"),
        ('"Finch, Ada" <ada@example.org>', "Finch, Ada", "ada@example.org"),
        ("Finch, Ada <ada@example.org>", "Finch, Ada", "ada@example.org"),
        ("Ada ada@example.org", "Ada", "ada@example.org"),
        ("Ada <ada@example.org", "Ada", "ada@example.org"),
        ("Ada <ada@example.org.>", "Ada", "ada@example.org"),
        ("Ada <mailto:ada@example.org>", "Ada", "ada@example.org"),
        (
            "=?utf-8?b?QWRhLCBGaW5jaCA8eEB5Lno+?= <a@example.org>",
            "Ada, Finch <x@y.z>",
            "a@example.org",
        ),
        ('"=?utf-8?q?Ad=C3=A1?=" <a@example.org>', "Adá", "a@example.org"),
        ('"trusted@example.com" <a@example.org>', "trusted@example.com", "a@example.org"),
        ("=?utf-8?q?Ada_=3Ca=40example.org=3E?=", "Ada", "a@example.org"),
        ("'Ada' via Kin <a@example.org>", "'Ada' via Kin", "a@example.org"),
    ],
)
def test_a_sender_is_read_however_it_is_written(value: str, name: str, email: str) -> None:
    raw = f"From: {value}\n\n".encode()
    assert read_sender(read_header_block(raw, 0, len(raw))) == Address(name, email)


_NAMES = st.from_regex(r"[A-Za-z0-9._-]{1,8}(?: [A-Za-z0-9'(&!._,-]{1,8}){0,3}", fullmatch=True)
_EMAILS = st.from_regex(
    r"[a-z0-9_+-]{1,8}(?:\.[a-z]{1,4})?@[a-z0-9-]{1,8}(?:\.uk)?", fullmatch=True
)


@given(_NAMES, _EMAILS, st.sampled_from(['"{}" <{}>', "{} <{}>", "<{1}>", "{1}", '"" <{1}>']))
def test_a_plain_address_is_what_mail_parser_says(name: str, email: str, form: str) -> None:
    value = form.format(name, email)
    said = addresses_in(value)
    raw = f"To: {value}\n\n".encode()
    read = read_addresses(read_header_block(raw, 0, len(raw)), "to")
    if len(said) == 1:  # else it was not plain
        assert [(address.name, address.email) for address in read] == list(said)


@pytest.mark.parametrize("value", ["MAILER-DAEMON", "<>", "", "nobody at all", "@", "a@", "@b"])
def test_what_is_no_address_is_no_sender(value: str) -> None:
    raw = f"From: {value}\n\n".encode()
    assert read_sender(read_header_block(raw, 0, len(raw))) is None


def test_without_from_the_sender_is_who_sent_it_or_wants_the_answer() -> None:
    raw = b"From: nobody\nReturn-Path: <r@example.org>\nReply-To: Bo <b@example.org>\n\n"
    assert read_sender(read_header_block(raw, 0, len(raw))) == Address("Bo", "b@example.org")


def test_all_recipients_of_all_headers_are_read() -> None:
    raw = b"To: a@example.org, Bo <b@example.org>\nTo: c@example.org\n\n"
    found = read_addresses(read_header_block(raw, 0, len(raw)), "to")
    assert [each.email for each in found] == ["a@example.org", "b@example.org", "c@example.org"]


def test_where_mail_parser_gives_up_there_is_no_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise AttributeError("as seen on real mail")

    monkeypatch.setattr("intake.parsing.mail_parser._get_addresses", broken)
    monkeypatch.setattr("intake.parsing.mail_parser._parse_mail_date", broken)
    assert addresses_in("never.seen@example.org") == ()
    assert date_in("Tue, 3 Mar 2026 10:15:00 +0000") is None
    raw = b"From: Bo <never.seen.too@example.org>\n\n"
    found = read_sender(read_header_block(raw, 0, len(raw)))
    assert found == Address("Bo", "never.seen.too@example.org")


@pytest.mark.parametrize(
    "value",
    [
        "Tue, 3 Mar 2026 10:15:00 +0000",
        "Tue, 3 Mar 2026 10:15:00",
        "Tue, 3 Mar 2026 11:15:00 +01:00",
        "Tue, 3 Mar 2026 11:15:00 GMT+1",
        "Tue, 3 Mar 2026 12:15:00 +0200 (EET)",
        "Tue, 3 Mar 2026 11:15:00 BST",
        "Tuesday, 3 March 2026 10:15",
        "03-Mar-2026 10:15:00 +0000",
        "March 3, 2026 10:15 AM",
        "2026-03-03T10:15:00Z",
        "2026-03-03 11:15:00+01:00",
        "2026-03-03T10:15:00.250",
    ],
)
def test_a_date_is_read_however_it_is_written(value: str) -> None:
    moment = read_date(value)
    assert moment is not None
    assert moment.replace(microsecond=0) == datetime(2026, 3, 3, 10, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "value", ["", "yesterday", "32 Mar 2026 10:15", "0000-00-00", "1 Jan 1901 00:00"]
)
def test_what_is_no_date_is_none(value: str) -> None:
    assert read_date(value) is None


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2101, 1, 1)),  # noqa: DTZ001
    st.sampled_from(["+0000", "-0000", "+0100", "-1130", "+2000", "+0160", "+0100 (BST)"]),
    st.sampled_from(["%a, %d %b %Y %H:%M:%S", "%d %b %Y %H:%M:%S", "%a, 31 %b %Y 24:%M:%S"]),
)
def test_a_usual_date_is_what_mail_parser_says(at: datetime, zone: str, form: str) -> None:
    value = f"{at:{form}} {zone}"
    usual = read_usual_date(value)
    assert usual is None or usual == date_in(value)
    if form.endswith("%H:%M:%S") and 1971 <= at.year < 2100 and zone not in {"+0160", "+2000"}:
        assert usual is not None
        assert usual.utcoffset() == timedelta(0)


@given(st.text(max_size=80))
def test_any_date_is_none_or_a_moment_in_utc(value: str) -> None:
    for moment in (read_date(value), read_received_date("by x; " + value), date_in(value)):
        assert moment is None or moment.utcoffset() is not None


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("<a@b> <c@d>", ("<a@b>", "<c@d>")),
        ("a@b, c@d", ("<a@b>", "<c@d>")),
        ('"<a@b>",<c@d', ("<a@b>", "<c@d>")),
        ("<a very\tlong@b>", ("<averylong@b>",)),
        ("Your message of Monday", ()),
        ("<>", ()),
    ],
)
def test_identifiers_are_found_with_or_without_brackets(value: str, found: tuple[str, ...]) -> None:
    assert read_identifiers(value) == found


def test_prose_around_an_identifier_is_not_one() -> None:
    value = 'Message from ada@example.org of "Monday" <a@b>'
    assert read_identifiers(value, prose=True) == ("<a@b>",)


def test_of_many_references_the_last_fifty_count() -> None:
    found = read_identifiers(" ".join(f"<{number}@x>" for number in range(80)))
    assert (found[0], found[-1], len(found)) == ("<30@x>", "<79@x>", 50)


@pytest.mark.parametrize(
    ("value", "found"),
    [("<a@b>", "<a@b>"), ("a@b", "<a@b>"), ("abc", "<abc>"), ("", None), ("<>", None)],
)
def test_a_message_id_has_its_brackets(value: str, found: str | None) -> None:
    assert read_identifier(value) == found


@pytest.mark.parametrize(
    ("value", "name", "text"),
    [
        (b'text/plain; charset="utf-8"', "charset", "utf-8"),
        (b"TEXT/Plain ; CharSet = utf-8 ; x", "charset", "utf-8"),
        (b'a/b; filename="a;b\\"c.pdf"', "filename", 'a;b"c.pdf'),
        (b"a/b; filename=my file.pdf; x=1", "filename", "my file.pdf"),
        (b'a/b; filename="C:\\new\\table.doc"', "filename", "C:\\new\\table.doc"),
        (b"a/b; filename*=utf-8''Si%C3%A2n.pdf; filename=x.pdf", "filename", "Siân.pdf"),
        (b"a/b; filename*1=b.pdf; filename*0*=utf-8''%C3%A9", "filename", "éb.pdf"),
        (b"a/b; filename*0=a; filename*1=b; filename*10=k; filename*2=c", "filename", "abck"),
        (b'a/b; filename="=?utf-8?q?Si=C3=A2n.pdf?="', "filename", "Siân.pdf"),
        ("a/b; filename=tŷ.pdf".encode(), "filename", "tŷ.pdf"),
        (b'a/b; filename="unclosed.pdf', "filename", "unclosed.pdf"),
        (b"a/b", "filename", ""),
    ],
)
def test_a_parameter_is_read_however_it_is_written(value: bytes, name: str, text: str) -> None:
    assert parse_field(value).text(name) == text


@given(st.binary(max_size=200))
def test_any_field_can_be_read(value: bytes) -> None:
    for parameter in parse_field(value).parameters:
        assert isinstance(parse_field(value).text(parameter.name), str)


def test_of_one_part_among_many_only_so_many_header_lines_are_read() -> None:
    raw = b"A: b\r" * 1000 + b"\rbody"
    assert len(read_header_block(raw, 0, len(raw)).headers) == 500
