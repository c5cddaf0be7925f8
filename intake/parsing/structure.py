"""The tree of parts, read in place: parts are offsets into the raw mail, never copies.

Why not the standard library's parser: it takes 2.5 s for 100,000 parts, recurses on nesting and
holds a 25 MB attachment several times over. This one stops at its limits while it reads.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from intake.parsing.fields import NO_FIELD, TOO_MANY_PARAMETERS, Field, parse_field
from intake.parsing.header_block import HeaderBlock, RawHeader, first_value, read_header_block

MOST_PARTS = 500
"""Of one mail; each costs a tenth of a millisecond, and people send some fifty pictures at most."""
DEEPEST = 50
"""Parts within parts; a mail forwarded ten times has some twenty. Deeper, Python's stack ends."""
_MOST_CHARSETS = 8
"""Only hints for text that names none."""
MOST_DELIMITERS = 10_000
"""Lines that begin like the border of a part; only in mails made to hurt most of them are none."""
TOO_MANY_DELIMITERS = f"it has more than {MOST_DELIMITERS} lines that look like borders of parts"
TOO_MANY_PARTS = f"it has more than {MOST_PARTS} parts; the rest was not read"
TOO_DEEP = f"its parts are nested more than {DEEPEST} deep; what lies deeper was not read"
NOT_DIVIDED = "its parts could not be told apart"
BOUNDARY_GUESSED = "its parts were told apart by guessing"
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,100}/[a-z0-9!#$&^_.+-]{1,100}")
_AFTER_DELIMITER = re.compile(rb"(--)?[ \t]{0,200}(?:\r\n|\r|\n|\Z)")
_GUESS = re.compile(rb"[\r\n]--([^\s-][^\r\n]{0,198}|-[^\r\n]{1,198})\r?\n(?=Content-)", re.I)


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its number in the walk, its headers, and where its body lies in the raw mail."""

    number: int
    type: str
    content: Field
    disposition: Field
    encoding: str
    headers: tuple[RawHeader, ...]
    start: int
    end: int
    children: tuple["Part", ...] = ()

    @property
    def is_multipart(self) -> bool:
        """Return whether it was divided into parts."""
        return bool(self.children)

    def first(self, name: str) -> bytes | None:
        """Return the first value of the part's header `name` (lower case), or None."""
        return first_value(self.headers, name)


@dataclass(frozen=True, slots=True)
class Structure:
    """The whole mail as a tree, all its parts in order, and what was wrong with it."""

    root: Part
    parts: tuple[Part, ...]
    defects: tuple[str, ...]


def read_structure(raw: bytes, start: int = 0) -> Structure:
    """Return the parts of the mail that begins at `start`. Never fails; stops at the limits."""
    reader = _Reader(raw)
    block = read_header_block(raw, start, len(raw), salvage=True)
    root = reader.read(block, len(raw), 0, "text/plain")
    return Structure(root, _flatten(root), (*block.defects, *reader.defects))


class _Reader:
    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._count = 0
        self.defects: dict[str, None] = {}

    def read(self, block: HeaderBlock, end: int, depth: int, default_type: str) -> Part:
        number = self._count
        self._count += 1
        content = parse_field(block.first("content-type") or b"")
        kind = _content_type(content.value, default_type)
        disposition = block.first("content-disposition")
        encoding = _encoding(block.first("content-transfer-encoding") or b"")
        start = min(block.body_start, end)
        children: tuple[Part, ...] = ()
        if kind.startswith("multipart/"):
            children = self._read_children(kind, content, (start, end), depth)
        elif kind == "message/rfc822" and depth == 0:
            # A mail that is nothing but another one: its words are all there is to read.
            inner = read_header_block(self._raw, start, end)
            children = (self.read(inner, end, depth + 1, "text/plain"),)
        field = parse_field(disposition) if disposition else NO_FIELD
        if content.is_cut or field.is_cut:
            self.defects[TOO_MANY_PARAMETERS] = None
        return Part(number, kind, content, field, encoding, block.headers, start, end, children)

    def _read_children(
        self, kind: str, content: Field, span: tuple[int, int], depth: int
    ) -> tuple[Part, ...]:
        if depth >= DEEPEST:
            self.defects[TOO_DEEP] = None
            return ()
        default = "message/rfc822" if kind == "multipart/digest" else "text/plain"
        children: list[Part] = []
        for start, end in self._divide(content, span):
            if self._count >= MOST_PARTS:
                self.defects[TOO_MANY_PARTS] = None
                break
            block = read_header_block(self._raw, start, end)
            self.defects.update(dict.fromkeys(block.defects))
            children.append(self.read(block, end, depth + 1, default))
        return tuple(children)

    def _divide(self, content: Field, span: tuple[int, int]) -> list[tuple[int, int]]:
        boundary = (content.raw("boundary") or b"").rstrip()
        spans = self._split(span, boundary) if boundary else []
        if spans:
            return spans
        guessed = _GUESS.search(self._raw, max(span[0] - 1, 0), min(span[1], span[0] + 100_000))
        if guessed is not None and (spans := self._split(span, guessed[1].rstrip())):
            self.defects[BOUNDARY_GUESSED] = None
            return spans
        if self._raw[span[0] : span[0] + 1000].strip():
            self.defects[NOT_DIVIDED] = None
        return []

    def _split(self, span: tuple[int, int], boundary: bytes) -> list[tuple[int, int]]:
        spans, is_cut = _split(self._raw, span, boundary)
        if is_cut:
            self.defects[TOO_MANY_DELIMITERS] = None
        return spans


def _split(
    raw: bytes, span: tuple[int, int], boundary: bytes
) -> tuple[list[tuple[int, int]], bool]:
    """Return where the parts between lines of `boundary` lie (RFC 2046 section 5.1.1).

    Text after the closing line is ignored, but parts after it are read: some senders close
    early. One part more than the limit is returned, so that the caller can tell; also whether
    there were too many lines to look at.
    """
    start, end = span
    delimiter = b"--" + boundary
    spans: list[tuple[int, int]] = []
    opened = -1
    position = raw.find(delimiter, start, end)
    looked_at = 0
    while position >= 0 and len(spans) <= MOST_PARTS and looked_at < MOST_DELIMITERS:
        looked_at += 1
        after = position + len(delimiter)
        found = _AFTER_DELIMITER.match(raw, after, end)
        if found is not None and (position == start or raw[position - 1] in b"\r\n"):
            if opened >= 0:
                spans.append((opened, _before_newline(raw, opened, position)))
            opened = -1 if found[1] else found.end()
        position = raw.find(delimiter, after, end)
    if opened >= 0 and (opened < end or not spans):
        spans.append((opened, end))
    return spans, position >= 0 and looked_at >= MOST_DELIMITERS


def _before_newline(raw: bytes, start: int, position: int) -> int:
    """Return `position` less the line end before it, which belongs to the boundary."""
    if position - 2 >= start and raw[position - 2 : position] == b"\r\n":
        return position - 2
    return max(start, position - 1)


def _content_type(value: str, default: str) -> str:
    if _TYPE.fullmatch(value):
        return value
    return "text/plain" if value == "text" else default


def _encoding(value: bytes) -> str:
    tokens = value.replace(b";", b" ").split()
    return tokens[0].strip(b"\"'").decode("ascii", "replace").lower() if tokens else ""


def _flatten(root: Part) -> tuple[Part, ...]:
    found: list[Part] = []
    waiting: list[Part] = [root]
    while waiting:
        part = waiting.pop()
        found.append(part)
        waiting.extend(reversed(part.children))
    return tuple(found)


def charsets_of(parts: Sequence[Part]) -> tuple[str, ...]:
    """Return the charsets that the parts declare, each once, the first eight."""
    labels = (part.content.raw("charset") for part in parts)
    found = dict.fromkeys(label.decode("ascii", "replace") for label in labels if label)
    return tuple(found)[:_MOST_CHARSETS]
