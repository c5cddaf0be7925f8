"""One textual part as text."""

import re
from collections.abc import Sequence

from intake.parsing.charsets import clean, decode_text
from intake.parsing.flowed import unflow
from intake.parsing.html_text import PieceBudget, html_to_text
from intake.parsing.structure import Part
from intake.parsing.transfer import decode_base64_text, decode_body

LONGEST_ENCODED = 4_000_000
"""Bytes that are decoded of one body: more than the longest text in the widest encoding."""
_META_CHARSET = re.compile(rb"charset=[\"']?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)


def part_source(raw: bytes, part: Part, elsewhere: Sequence[str], limit: int) -> str:
    """Return the part decoded but not converted, from at most `limit` bytes of it."""
    end = min(part.end, part.start + limit)
    if end < part.end:  # cut at a line's end, so that no character is cut in two
        end = max(raw.rfind(b"\n", part.start, end), part.start + 1)
    data = _decode(raw, part.start, end, part.encoding)
    return clean(decode_text(data, _charset(part, data), elsewhere))


def readable(part: Part, source: str, budget: PieceBudget | None = None) -> str:
    """Return decoded `source` as readable text: HTML converted, flowed lines joined."""
    if part.type == "text/html":
        return html_to_text(source, budget)
    if part.type in {"text/enriched", "text/richtext"}:
        return _without_commands(source)
    if (part.content.raw("format") or b"").lower() == b"flowed":
        deleting = (part.content.raw("delsp") or b"").lower() == b"yes"
        return unflow(source, delete_space=deleting)
    return source


def tidy(text: str) -> str:
    """Return `text` without white space at the ends of lines and without blank lines around it."""
    return "\n".join(map(str.rstrip, text.split("\n"))).strip("\n")


def _decode(raw: bytes, start: int, end: int, encoding: str) -> bytes:
    if encoding == "base64":
        return decode_base64_text(raw[start:end])
    return decode_body(raw, start, end, encoding)


def _charset(part: Part, data: bytes) -> str | None:
    declared = part.content.text("charset").split(" ")[0]
    if declared or part.type != "text/html":
        return declared or None
    found = _META_CHARSET.search(data[:2048])
    return found[1].decode("ascii") if found else None


def _without_commands(source: str) -> str:
    """Return text/enriched (RFC 1896) without its commands; a lone line end is a space."""
    source = re.sub(r"<param>[^<]{0,500}</param>", "", source, flags=re.IGNORECASE)
    source = re.sub(r"</?[a-zA-Z0-9-]{1,60}>", "", source.replace("<<", "\x00"))
    paragraphs = source.replace("\x00", "<").split("\n\n")
    return "\n".join(paragraph.replace("\n", " ").strip() for paragraph in paragraphs)
