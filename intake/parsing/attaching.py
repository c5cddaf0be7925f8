"""What is attached: described by name, type and size; its bytes stay in the raw mail."""

from collections.abc import Sequence

from intake.message import Attachment
from intake.parsing.encoded_words import decode_header
from intake.parsing.filenames import described_name, safe_name
from intake.parsing.header_block import HeaderBlock, read_header_block
from intake.parsing.html_text import PieceBudget
from intake.parsing.structure import Part
from intake.parsing.text_parts import part_source, readable, tidy
from intake.parsing.transfer import body_size, decode_body
from intake.parsing.uuencoded import InlineFile

LONGEST_ATTACHED_TEXT = 200_000
"""Characters of one attachment: a hundred pages, of which the scan for danger reads all."""
LONGEST_ATTACHED_SOURCE = 800_000
"""Bytes they are read from: HTML is mostly tags."""
BUDGET_SPENT = "its text attachments are very long and were not all read"
MESSAGE_TYPES = {"message/rfc822", "message/global", "text/rfc822-headers"}
_MOST_HEADER_BYTES = 100_000
"""Of an attached message, to tell who and what it is: more than any real one has."""
_LONGEST_TITLE = 2_000
_TYPES_BY_EXTENSION = {
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "zip": "application/zip",
    "rtf": "application/rtf",
    "xls": "application/vnd.ms-excel",
}


def describe(
    raw: bytes,
    part: Part,
    elsewhere: Sequence[str],
    source_left: int,
    budget: PieceBudget | None = None,
) -> tuple[Attachment, bool]:
    """Return `part` as an attachment, and whether its text is longer than what was read of it.

    At most `source_left` bytes are read.
    """
    name = attachment_name(raw, part, elsewhere)
    size = body_size(raw, part.start, part.end, part.encoding)
    limit = min(source_left, LONGEST_ATTACHED_SOURCE)
    is_text = part.type.startswith("text/") and part.type != "text/rfc822-headers"
    text = _text(raw, part, elsewhere, limit, budget) if is_text and limit > 0 else ""
    is_cut = is_text and (part.end - part.start > limit or len(text) > LONGEST_ATTACHED_TEXT)
    made = Attachment(name, part.type, size, part.number, text[:LONGEST_ATTACHED_TEXT])
    return made, is_cut


def describe_inline(file: InlineFile, part: int) -> Attachment:
    """Return an inline uuencoded file as an attachment."""
    extension = file.name.rpartition(".")[2].lower()
    content_type = _TYPES_BY_EXTENSION.get(extension, "application/octet-stream")
    return Attachment(safe_name(file.name, content_type, part), content_type, len(file.data), part)


def attachment_name(raw: bytes, part: Part, elsewhere: Sequence[str]) -> str:
    """Return the name given, else one from the description or the message's subject."""
    given = part.disposition.text("filename", elsewhere) or part.content.text("name", elsewhere)
    if given.strip():
        return safe_name(given, part.type, part.number)
    if part.type in MESSAGE_TYPES:
        subject = enclosed_block(raw, part).first("subject") or b""
        title = decode_header(subject[:_LONGEST_TITLE], elsewhere)
        return described_name(title, "message/rfc822", part.number)
    described = part.first("content-description") or b""
    description = decode_header(described[:_LONGEST_TITLE], elsewhere)
    return described_name(description, part.type, part.number)


def enclosed_block(raw: bytes, part: Part) -> HeaderBlock:
    """Return the headers of the message in `part`."""
    end = min(part.end, part.start + _MOST_HEADER_BYTES)
    if part.encoding in {"base64", "quoted-printable"}:
        data = decode_body(raw, part.start, end, part.encoding)
        return read_header_block(data, 0, len(data))
    return read_header_block(raw, part.start, end)


def _text(
    raw: bytes, part: Part, elsewhere: Sequence[str], limit: int, budget: PieceBudget | None
) -> str:
    return tidy(readable(part, part_source(raw, part, elsewhere, limit), budget))
