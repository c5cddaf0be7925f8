"""The lines above the blank line, read tolerantly (RFC 5322 section 2.2)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

LONGEST_VALUE = 100_000
"""Bytes of one header; the longest that people meet, a recipients' list, have some ten thousand."""
MOST_HEADERS = 2_000
"""Of one mail; a mail that was forwarded often has two hundred."""
MOST_LINES = 50_000
"""Lines of the headers of a mail: room for its headers, each folded into many."""
MOST_LINES_OF_PART = 500
"""Lines of the headers of one part: there may be 500 parts."""
_LINE = re.compile(rb"([^\r\n]*)(\r\n|\r|\n|\Z)")
_LONGEST_TIDY = LONGEST_VALUE
_CR = ord("\r")
_FOLD = re.compile(rb"\n[ \t]+")
_TIDY_LINE = re.compile(rb"^([!-9;-~]{1,200})[ \t]*:(.*)$", re.MULTILINE)
_NAME = re.compile(rb"([!-9;-~]{1,200})[ \t]*:")
_TELLING = re.compile(
    rb"(?:from|to|subject|date|message-id|mime-version|content-type|received):", re.IGNORECASE
)
TOO_MANY_HEADERS = "it has more headers than Kith reads"
HEADER_SHORTENED = "a very long header was shortened"
JUNK_AMONG_HEADERS = "lines that are no headers stand among the headers"


class RawHeader(NamedTuple):
    """One header: the name lower-cased, the value unfolded but undecoded."""

    name: str
    value: bytes


@dataclass(frozen=True, slots=True)
class HeaderBlock:
    """The headers, where the body begins, and what was wrong with them."""

    headers: tuple[RawHeader, ...]
    body_start: int
    defects: tuple[str, ...] = ()

    def first(self, name: str) -> bytes | None:
        """Return the first value of the header `name` (lower case), or None."""
        return first_value(self.headers, name)

    def every(self, name: str) -> tuple[bytes, ...]:
        """Return all values of the header `name` (lower case), in order."""
        return tuple([header.value for header in self.headers if header.name == name])


def first_value(headers: tuple[RawHeader, ...], wanted: str) -> bytes | None:
    """Return the first value of the header `wanted` (lower case), or None."""
    for name, value in headers:
        if name == wanted:
            return value
    return None


def read_header_block(raw: bytes, start: int, end: int, *, salvage: bool = False) -> HeaderBlock:
    """Read headers from `start` on. The body begins after the first blank line or at junk.

    With `salvage` (the mail's own headers) junk does not end the block if headers that every
    mail has are still to come: it is a badly folded line and belongs to the header before it.
    Without it (one part of many) no more than 500 lines are read.
    """
    tidy = _read_tidy(raw, start, end)
    return tidy if tidy is not None else _Reader(raw, end, salvage).read(start)


def _read_tidy(raw: bytes, start: int, end: int) -> HeaderBlock | None:
    """Read headers that are as they should be, fast; None for all others."""
    limit = min(end, start + _LONGEST_TIDY)
    first = raw.find(b"\n", start, limit)
    if first < 0:
        return None
    newline = b"\r\n" if raw[first - 1] == _CR else b"\n"
    blank = raw.find(newline * 2, start, limit)
    if blank < 0:
        return None
    block = raw[start:blank]
    if newline == b"\r\n":
        block = block.replace(b"\r\n", b"\n")
    elif _is_trailing(block := block.replace(b" \n", b"\n")):
        return None
    headers = _tidy_headers(block)
    return HeaderBlock(headers, blank + 2 * len(newline)) if headers is not None else None


def _is_trailing(block: bytes) -> bool:
    """Return whether a line ends with blanks, or has some that are none to everybody."""
    return b" \n" in block or b"\t\n" in block or b"\x0b" in block or b"\x0c" in block


def _tidy_headers(block: bytes) -> tuple[RawHeader, ...] | None:
    """Return the headers in `block`, whose lines end with a line feed; None if one is untidy."""
    if b"\r" in block:
        return None
    if b"\n " in block or b"\n\t" in block:
        block = _FOLD.sub(b" ", block)
    found = _TIDY_LINE.findall(block)
    if not block.count(b"\n") + 1 == len(found) <= MOST_HEADERS:
        return None
    return tuple([RawHeader(_lowered(name), value.strip()) for name, value in found])


@lru_cache(maxsize=512)
def _lowered(name: bytes) -> str:
    return name.decode("ascii").lower()


class _Reader:
    def __init__(self, raw: bytes, end: int, salvage: bool) -> None:  # noqa: FBT001
        self._raw, self._end, self._salvage = raw, end, salvage
        self._names: list[str] = []
        self._values: list[list[bytes]] = []
        self._sizes: list[int] = []
        self._defects: dict[str, None] = {}
        self._telling_at = -1

    def read(self, start: int) -> HeaderBlock:
        body_start = start
        most = MOST_LINES if self._salvage else MOST_LINES_OF_PART
        for line, line_start, line_end in _lines(self._raw, start, self._end, most):
            body_start = line_end
            if not line:
                break
            if not self._take(line) and not self._take_junk(line, line_start):
                body_start = line_start
                break
        else:
            if body_start < self._end:
                self._defects[TOO_MANY_HEADERS] = None
        headers = tuple(
            RawHeader(name, b" ".join(pieces))
            for name, pieces in zip(self._names, self._values, strict=True)
        )
        return HeaderBlock(headers, body_start, tuple(self._defects))

    def _take(self, line: bytes) -> bool:
        if line[0] in b" \t" and self._names:
            self._extend(line.strip(b" \t"))
            return True
        found = _NAME.match(line)
        if found is None:
            return line.startswith((b"From ", b">From "))
        if len(self._names) >= MOST_HEADERS:
            self._defects[TOO_MANY_HEADERS] = None
            return True
        self._names.append(found[1].decode("ascii").lower())
        self._values.append([])
        self._sizes.append(0)
        self._extend(line[found.end() :].strip(b" \t"))
        return True

    def _extend(self, piece: bytes) -> None:
        room = LONGEST_VALUE - self._sizes[-1]
        if len(piece) > room:
            self._defects[HEADER_SHORTENED] = None
            piece = piece[: max(room, 0)]
        if piece:
            self._values[-1].append(piece)
            self._sizes[-1] += len(piece) + 1

    def _take_junk(self, line: bytes, line_start: int) -> bool:
        if not self._salvage or not self._more_to_come(line_start):
            return False
        self._defects[JUNK_AMONG_HEADERS] = None
        if self._names:
            self._extend(line.strip())
        return True

    def _more_to_come(self, position: int) -> bool:
        incomplete = "from" not in self._names or "subject" not in self._names
        if not incomplete and "content-type" in self._names:
            return False
        if position < self._telling_at:  # looked already: junk must not make this quadratic
            return True
        for line, line_start, _ in _lines(
            self._raw, position, min(self._end, position + 20_000), MOST_LINES
        ):
            if not line:
                return False
            if _TELLING.match(line) and (incomplete or line.lower().startswith(b"content-type")):
                self._telling_at = line_start
                return True
        return False


def _lines(raw: bytes, start: int, end: int, most: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield each line without its end, and where it starts and the next one does."""
    position = start
    for _ in range(most):
        if position >= end:
            return
        found = _LINE.match(raw, position, end)
        if found is None:
            return
        yield found[1], position, found.end()
        position = found.end()
