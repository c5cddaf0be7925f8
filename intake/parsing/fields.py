"""Structured header fields: a value with parameters (RFC 2045 section 5.1, RFC 2231)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from config.scrubbing import scrub
from intake.parsing.charsets import decode_text
from intake.parsing.encoded_words import decode_header

MOST_PARAMETERS = 100
"""Of one field; a file name in pieces has some twenty."""
LONGEST_FIELD = 20_000
"""Bytes of one field; of names Kith keeps 120 characters anyway."""
_LONGEST_KEPT = 80
_LONGEST_TEXT = 2_000
TOO_MANY_PARAMETERS = "a header has more parameters than Kith reads"
_QUOTED = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)"?', re.DOTALL)
_ESCAPED = re.compile(rb'\\(["\\])')
_DRIVE = re.compile(rb"[A-Za-z]:\\|\\\\")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter, undecoded; `charset` is set for the extended form of RFC 2231."""

    name: str
    value: bytes
    charset: str | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """A field's value, lower-cased, and its parameters."""

    value: str
    parameters: tuple[Parameter, ...] = ()
    is_cut: bool = False
    """Whether there was more than Kith reads."""

    def raw(self, name: str) -> bytes | None:
        """Return the undecoded value of the parameter `name`, or None."""
        found = self._find(name)
        return None if found is None else found.value

    def text(self, name: str, elsewhere: Sequence[str] = ()) -> str:
        """Return the parameter `name` as text, encoded words decoded too; "" if there is none."""
        found = self._find(name)
        if found is None:
            return ""
        if found.charset is not None:
            return scrub(decode_text(found.value[:_LONGEST_TEXT], found.charset, elsewhere))
        return decode_header(found.value[:_LONGEST_TEXT], elsewhere)

    def _find(self, name: str) -> Parameter | None:
        for each in self.parameters:
            if each.name == name:
                return each
        return None


NO_FIELD = Field("")


def parse_field(value: bytes) -> Field:
    """Return `value` split into its value and parameters, however carelessly it was written."""
    if len(value) <= _LONGEST_KEPT and b"boundary" not in value:
        return _parse_often_seen(value)
    return _parse(value)


@lru_cache(maxsize=128)
def _parse_often_seen(value: bytes) -> Field:
    return _parse(value)


def _parse(value: bytes) -> Field:
    head, _, rest = value[:LONGEST_FIELD].partition(b";")
    name = head.split(b"(")[0].strip(b" \t\r\n\"';").decode("ascii", "replace").lower()
    if not rest:
        return Field(name, (), len(value) > LONGEST_FIELD)
    found, is_cut = _read_parameters(rest)
    return Field(name, _join_sections(found), is_cut or len(value) > LONGEST_FIELD)


def _read_parameters(data: bytes) -> tuple[list[tuple[str, bytes]], bool]:
    """Return names and values, and whether there are more."""
    found: list[tuple[str, bytes]] = []
    position = 0
    while position < len(data):
        equals = data.find(b"=", position)
        if equals < 0:
            break
        if len(found) >= MOST_PARAMETERS:
            return found, True
        name = data[position:equals].rpartition(b";")[2].strip().decode("ascii", "replace").lower()
        value, position = _read_value(data, equals + 1)
        if name:
            found.append((name, value))
    return found, False


def _read_value(data: bytes, position: int) -> tuple[bytes, int]:
    while data[position : position + 1] in (b" ", b"\t", b"\r", b"\n"):
        position += 1
    quoted = _QUOTED.match(data, position)
    if quoted is not None:
        return _unescape(quoted[1]), quoted.end()
    end = data.find(b";", position)
    end = len(data) if end < 0 else end
    return data[position:end].strip(), end + 1


def _unescape(value: bytes) -> bytes:
    # "C:\new\table.doc" was never meant to be escaped.
    return value if _DRIVE.match(value) else _ESCAPED.sub(rb"\1", value)


def _join_sections(found: list[tuple[str, bytes]]) -> tuple[Parameter, ...]:
    """Join `name*0`, `name*1*`, … and decode percent signs; the extended form wins."""
    if not any("*" in name for name, _ in found):
        return tuple(Parameter(name, value) for name, value in found)
    plain = [Parameter(name, value) for name, value in found if "*" not in name]
    sections: dict[str, list[tuple[str, bytes]]] = {}
    for name, value in found:
        base, star, _ = name.partition("*")
        if star:
            sections.setdefault(base, []).append((name, value))
    return (*(_join_one(base, each) for base, each in sections.items()), *plain)


def _join_one(base: str, found: list[tuple[str, bytes]]) -> Parameter:
    sections = sorted((_section_number(name), name.endswith("*"), value) for name, value in found)
    charset: str | None = None
    joined: list[bytes] = []
    for index, (_, extended, value) in enumerate(sections):
        if extended and index == 0 and value.count(b"'") >= 2:
            label, _, value = value.split(b"'", 2)
            charset = label.decode("ascii", "replace")
        joined.append(unquote_to_bytes(value) if extended else value)
    return Parameter(base, b"".join(joined), charset)


def _section_number(name: str) -> int:
    digits = name.rstrip("*").rpartition("*")[2]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 6 else 0
