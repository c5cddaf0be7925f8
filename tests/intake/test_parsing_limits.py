"""The limits of parsing: each is told of in the message, and none loses what came before it."""

import ast
import base64
import gzip
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from intake.message import Message
from intake.parsing import (
    attachment_bytes,
    enclosures,
    fields,
    header_block,
    header_values,
    html_text,
    parse_message,
    people,
    structure,
    transfer,
    uuencoded,
    walking,
)
from intake.parsing.attaching import BUDGET_SPENT, LONGEST_ATTACHED_TEXT
from intake.parsing.structure import read_structure

HEAD = b"From: Ada Finch <ada.finch@example.com>\r\nSubject: Help\r\n"
MIXED = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nFirst words\r\n"
FIRST = "First words"


def part(headers: bytes, body: bytes) -> bytes:
    return b"--b\r\n" + headers + b"\r\n\r\n" + body + b"\r\n"


def nested(depth: int) -> bytes:
    each = (
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n)
        for n in range(depth)
    )
    return HEAD + b"".join(each) + b"\r\nFirst words"


@dataclass(frozen=True)
class Limit:
    """A mail just within a limit, one just beyond it, and what is said of the second."""

    within: bytes
    beyond: bytes
    defect: str


def of(make: Callable[[int], bytes], most: int, defect: str) -> Limit:
    return Limit(make(most), make(most + 1), defect)


def many_headers(count: int) -> bytes:
    return HEAD + b"X-More: y\r\n" * (count - 2) + b"\r\nFirst words"


def long_header(length: int) -> bytes:
    return HEAD + b"X-Long: " + b"y" * length + b"\r\n\r\nFirst words"


def many_folded_lines(count: int) -> bytes:
    return HEAD + b"X-Folded: y\r\n" + b" \ty\x0b\r\n" * (count - 4) + b"\r\nFirst words"


def many_lines_of_a_part(count: int) -> bytes:
    # A line that is none of a header makes the reader go slowly, line by line.
    return MIXED + part(b"From afar\r\n" + b"X-One: y\r\n" * (count - 3) + b"X-Last: y", b"more")


def much_to_decode(length: int) -> bytes:
    pieces, rest = divmod(length - 100, 50_000)
    lines = b"".join(b"X-Long: " + b"y" * 50_000 + b"\r\n" for _ in range(pieces))
    return HEAD + lines + b"X-Rest: " + b"y" * rest + b"\r\n\r\nFirst words"


def many_recipients(count: int) -> bytes:
    return HEAD + b"To: " + b", ".join([b"a@example.org"] * count) + b"\r\n\r\nFirst words"


def many_recipient_headers(count: int) -> bytes:
    return HEAD + b"To: a@example.org\r\n" * count + b"\r\nFirst words"


def many_parts(count: int) -> bytes:
    # The whole mail is the first, the body the second.
    return MIXED + part(b"Content-Type: image/png", b"x") * (count - 2) + b"--b--\r\n"


def many_delimiters(count: int) -> bytes:
    return MIXED + b"--but this is text\r\n" * (count - 2) + b"--b--\r\n"


def many_parameters(count: int) -> bytes:
    parameters = b"".join(b"; p%d=v" % n for n in range(count))
    return HEAD + b"Content-Type: text/plain" + parameters + b"\r\n\r\nFirst words"


def long_parameter(length: int) -> bytes:
    name = b"Content-Type: text/plain; x="
    value = b"v" * (length - len(b"text/plain; x="))
    return HEAD + name + value + b"\r\n\r\nFirst words"


def long_attached_text(length: int) -> bytes:
    return MIXED + part(b"Content-Disposition: attachment", b"y" * length)


def many_attached_messages(count: int) -> bytes:
    return MIXED + part(b"Content-Type: message/rfc822", b"Subject: x\r\n\r\ny") * count


def long_status(length: int) -> bytes:
    return MIXED + part(b"Content-Type: message/delivery-status", b"y" * length) + b"--b--"


def long_body(length: int) -> bytes:
    return HEAD + b"\r\nFirst words" + b"y" * (length - len(FIRST))


def many_tags(count: int) -> bytes:
    return HEAD + b"Content-Type: text/html\r\n\r\nFirst words" + b"<br>" * (count - 1)


def long_html(length: int) -> bytes:
    return HEAD + b"Content-Type: text/html\r\n\r\nFirst words" + b"y" * (length - len(FIRST))


def many_inline_files(count: int) -> bytes:
    return HEAD + b"\r\nFirst words\r\n" + b"begin 644 x\r\n#86)C\r\nend\r\n" * count


LIMITS = {
    "headers": of(many_headers, header_block.MOST_HEADERS, header_block.TOO_MANY_HEADERS),
    "length of a header": of(
        long_header, header_block.LONGEST_VALUE, header_block.HEADER_SHORTENED
    ),
    "lines of headers": of(
        many_folded_lines, header_block.MOST_LINES, header_block.TOO_MANY_HEADERS
    ),
    "lines of headers of a part": of(
        many_lines_of_a_part, header_block.MOST_LINES_OF_PART, header_block.TOO_MANY_HEADERS
    ),
    "headers together": Limit(
        much_to_decode(header_values.MOST_DECODED),
        much_to_decode(header_values.MOST_DECODED + 1_000),
        header_block.HEADER_SHORTENED,
    ),
    "addresses": of(many_recipients, people.MOST_ADDRESSES, people.TOO_MANY_ADDRESSES),
    "address headers": of(many_recipient_headers, people.MOST_HEADERS, people.TOO_MANY_ADDRESSES),
    "parts": of(many_parts, structure.MOST_PARTS, structure.TOO_MANY_PARTS),
    "depth": of(nested, structure.DEEPEST, structure.TOO_DEEP),
    "borders": of(many_delimiters, structure.MOST_DELIMITERS, structure.TOO_MANY_DELIMITERS),
    "parameters": of(many_parameters, fields.MOST_PARAMETERS, fields.TOO_MANY_PARAMETERS),
    "length of a field": of(long_parameter, fields.LONGEST_FIELD, fields.TOO_MANY_PARAMETERS),
    "text of an attachment": of(long_attached_text, LONGEST_ATTACHED_TEXT, BUDGET_SPENT),
    "enclosed messages": of(
        many_attached_messages, enclosures.MOST_ENCLOSED, enclosures.TOO_MUCH_ENCLOSED
    ),
    "delivery status": of(long_status, enclosures.LONGEST_STATUS, enclosures.TOO_MUCH_ENCLOSED),
    "text": of(long_body, walking.LONGEST_TEXT, walking.SHORTENED),
    "tags": of(many_tags, html_text.MOST_PIECES, walking.SHORTENED),
    "length of HTML": of(long_html, html_text.LONGEST_HTML, walking.SHORTENED),
    "inline files": of(many_inline_files, uuencoded.MOST_FILES - 1, uuencoded.TOO_MANY_FILES),
}


@pytest.mark.parametrize("name", LIMITS)
def test_a_mail_within_the_limit_has_no_defect(name: str) -> None:
    assert LIMITS[name].defect not in parse_message(LIMITS[name].within).defects


@pytest.mark.parametrize("name", LIMITS)
def test_a_mail_beyond_the_limit_says_so_and_keeps_what_came_before(name: str) -> None:
    message = parse_message(LIMITS[name].beyond)

    assert LIMITS[name].defect in message.defects
    assert message.subject == "Help"
    assert message.sender is not None
    assert FIRST in message.text or name in {"depth", "lines of headers"}


def test_the_same_attachment_texts_are_read_up_to_the_limit_of_all() -> None:
    raw = MIXED + part(b"Content-Disposition: attachment", b"y" * 700_000) * 4
    message = parse_message(raw)

    assert BUDGET_SPENT in message.defects
    assert len(message.attachments) == 4


def packed(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.txt", data)
    return file.getvalue()


@pytest.mark.parametrize("pack", [packed, gzip.compress])
def test_an_archive_is_never_unpacked(pack: Callable[[bytes], bytes]) -> None:
    bomb = pack(b"\x00" * 10_000_000)
    headers = b"Content-Type: application/zip; name=bomb.zip\r\nContent-Transfer-Encoding: base64"
    raw = MIXED + part(headers, base64.encodebytes(bomb))

    [attachment] = parse_message(raw).attachments

    assert attachment.size == len(bomb)
    assert attachment.text == ""
    assert attachment_bytes(raw, attachment.part) == bomb


def test_parsing_knows_no_archives_and_no_pictures() -> None:
    unpackers = {"zipfile", "tarfile", "gzip", "bz2", "lzma", "zlib", "PIL", "shutil", "tempfile"}
    rooms = Path(__file__).parents[2] / "intake"
    imported: set[str] = set()
    for path in (*rooms.glob("parsing/*.py"), *rooms.glob("quoting/*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").split(".")[0])

    assert "binascii" in imported
    assert not imported & unpackers


def test_thousands_of_broken_lines_are_no_uuencoded_file() -> None:
    broken = b"M\x80\x80zz\r\n" * (transfer.MOST_BROKEN_LINES + 1)
    data = b"begin 644 x\r\n" + broken + b"end\r\n"

    assert transfer.decode_uuencode(data) == data
    assert transfer.decode_uuencode(data.replace(b"M\x80", b"#86)C\r\nM\x80", 1)) != b"abc"


def test_some_broken_lines_leave_the_rest_of_a_uuencoded_file() -> None:
    data = b"begin 644 x\r\n" + b"M\x80\r\n" * 9 + b"#86)C\r\n\r\n#86)C\r\nend\r\n"

    assert transfer.decode_uuencode(data) == b"abcabc"


def test_no_part_is_deeper_than_the_limit_however_deep_they_are_nested() -> None:
    def depth(found: structure.Part) -> int:
        return 1 + max(map(depth, found.children), default=0)

    assert depth(read_structure(nested(5_000)).root) <= structure.DEEPEST + 1


def test_every_defect_is_a_clause_that_a_volunteer_can_read() -> None:
    said = {limit.defect for limit in LIMITS.values()}

    assert all(each[0].islower() and not each.endswith(".") for each in said)


def test_a_mail_of_all_limits_at_once_is_read_to_the_end() -> None:
    raw = b"".join(limit.beyond for limit in LIMITS.values())

    assert isinstance(parse_message(raw), Message)
