"""Parts, and which of them is the text."""

import pytest

from intake.parsing import attachment_bytes, parse_message
from intake.parsing.filenames import described_name, safe_name
from intake.parsing.structure import read_structure

TOP = b"From: a@example.org\nSubject: x\n"


def mail(kind: bytes, *parts: bytes, boundary: bytes = b"b") -> bytes:
    """Return a multipart mail with LF line ends."""
    body = b"".join(b"--b\n" + part + b"\n" for part in parts)
    return (
        TOP
        + b"Content-Type: multipart/"
        + kind
        + b"; boundary="
        + boundary
        + b"\n\n"
        + body
        + b"--b--\n"
    )


def plain(text: bytes) -> bytes:
    """Return a plain part."""
    return b"Content-Type: text/plain; charset=utf-8\n\n" + text


def html(text: bytes) -> bytes:
    """Return an HTML part."""
    return b"Content-Type: text/html; charset=utf-8\n\n" + text


def test_plain_text_is_preferred_to_the_same_in_html() -> None:
    assert (
        parse_message(
            mail(b"alternative", plain(b"Hello *you*"), html(b"<p>Hello <b>you</b>"))
        ).text
        == "Hello *you*"
    )


@pytest.mark.parametrize(
    "excuse",
    [
        b"",
        b"  \n ",
        b"Your mail reader does not support HTML.",
        b"Please view this in an HTML viewer",
    ],
)
def test_html_is_read_where_the_plain_text_says_nothing(excuse: bytes) -> None:
    assert (
        parse_message(mail(b"alternative", plain(excuse), html(b"<p>The letter"))).text
        == "The letter"
    )


def test_html_is_read_where_it_says_much_more_than_the_plain_text() -> None:
    long = b"<p>" + b"and then they came again, at night, " * 20
    assert (
        parse_message(mail(b"alternative", plain(b"and then they came"), html(long))).text.count(
            "again"
        )
        == 20
    )


def test_links_and_styles_do_not_make_html_say_more() -> None:
    styled = (
        b"<style>"
        + b"p {margin: 0} " * 200
        + b"</style><p>Short and <a href='https://example.org/"
        + b"x" * 900
        + b"'>sweet</a>"
    )
    assert (
        parse_message(mail(b"alternative", plain(b"Short and sweet"), html(styled))).text
        == "Short and sweet"
    )


def test_the_text_parts_of_a_mixed_mail_are_read_in_order() -> None:
    image = b"Content-Type: image/png\n\nx"
    message = parse_message(mail(b"mixed", plain(b"one"), image, html(b"<p>two")))
    assert message.text == "one\n\ntwo"
    assert [(each.name, each.part) for each in message.attachments] == [("part-2.png", 2)]


def test_an_attached_text_is_the_text_where_there_is_no_other() -> None:
    note = b"Content-Type: text/plain; name=n.txt\nContent-Disposition: attachment\n\nthe note"
    alone = parse_message(mail(b"mixed", plain(b""), note))
    assert (alone.text, alone.attachments[0].name) == ("the note", "n.txt")
    assert parse_message(mail(b"mixed", plain(b"see note"), note)).text == "see note"


@pytest.mark.parametrize("boundary", [b"wrong", b'""', b"B"])
def test_a_boundary_that_is_wrong_is_guessed(boundary: bytes) -> None:
    message = parse_message(mail(b"mixed", plain(b"hello"), plain(b"there"), boundary=boundary))
    assert message.text == "hello\n\nthere"
    assert message.defects == ("its parts were told apart by guessing",)


def test_what_cannot_be_divided_is_shown_whole() -> None:
    message = parse_message(TOP + b"Content-Type: multipart/mixed; boundary=b\n\njust words\n")
    assert message.text == "just words"
    assert message.defects == ("its parts could not be told apart",)


def test_parts_after_a_closing_line_that_came_too_early_are_read() -> None:
    raw = mail(b"mixed", plain(b"one")) + b"--b\n" + plain(b"two") + b"\n--b--\n"
    assert parse_message(raw).text == "one\n\ntwo"


def test_an_outer_boundary_ends_an_inner_part_that_was_never_closed() -> None:
    inner = b"Content-Type: multipart/alternative; boundary=c\n\n--c\n" + plain(b"one")
    message = parse_message(mail(b"mixed", inner, plain(b"two")))
    assert message.text == "one\n\ntwo"
    assert message.content_types == (
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/plain",
    )


def test_text_around_a_boundary_that_only_begins_like_it_is_text() -> None:
    message = parse_message(mail(b"mixed", plain(b"one\n--bb\n --b\n--b two\nend")))
    assert message.text == "one\n--bb\n --b\n--b two\nend"


def test_reading_stops_at_five_hundred_parts_and_says_so() -> None:
    structure = read_structure(mail(b"mixed", *[plain(b"x")] * 600))
    assert len(structure.parts) == 500
    assert structure.defects == ("it has more than 500 parts; the rest was not read",)


def test_reading_stops_at_fifty_levels_and_says_so() -> None:
    levels = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(60)
    )
    structure = read_structure(TOP + levels + b"\nx")
    assert len(structure.parts) == 51
    assert "nested more than 50 deep" in structure.defects[0]


def test_part_numbers_count_in_walk_order_from_the_whole_mail() -> None:
    raw = mail(
        b"mixed", b"Content-Type: multipart/mixed; boundary=c\n\n--c\n\nx\n--c--", plain(b"y")
    )
    assert [part.number for part in read_structure(raw).parts] == [0, 1, 2, 3]


def test_an_inline_uuencoded_file_is_an_attachment_with_its_bytes() -> None:
    raw = TOP + b"\nbefore\nbegin 644 a.txt\n#86)C\n`\nend\nafter\n"
    message = parse_message(raw)
    (attachment,) = message.attachments
    assert (message.text, attachment.name, attachment.size) == ("before\nafter", "a.txt", 3)
    assert attachment_bytes(raw, attachment.part) == b"abc"
    assert attachment_bytes(raw, attachment.part + 1) == b""


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\y.doc", "y.doc"),
        ("re\u202efdp.exe", "refdp.exe"),
        ("...hidden", "hidden"),
        ("a\r\nb\x00.pdf", "ab.pdf"),
        ("", "part-3.pdf"),
        (" . ", "part-3.pdf"),
        ("x" * 300 + ".pdf", "x" * 116 + ".pdf"),
        ("x" * 300, "x" * 120),
    ],
)
def test_a_file_name_is_safe_to_save_under(given_name: str, shown: str) -> None:
    assert safe_name(given_name, "application/pdf", 3) == shown


def test_a_description_becomes_a_name_with_the_extension_of_the_type() -> None:
    assert described_name("Court order", "application/pdf", 2) == "Court order.pdf"
    assert described_name("Re: a/b?", "message/rfc822", 2) == "Re: a-b?.eml"
    assert described_name("thing", "application/x-unheard-of", 2) == "thing"
    assert described_name(" ", "image/jpeg", 2) == "part-2.jpg"
