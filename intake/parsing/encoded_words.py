"""Header text as people see it: RFC 2047 encoded words and raw 8-bit bytes decoded."""

import binascii
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from intake.parsing.charsets import clean, decode_text
from intake.parsing.transfer import decode_base64

_PLAIN_WORD = re.compile(rb"=\?([^? ]{1,99}+)\?([bBqQ])\?([^?]{0,9990}+)\?=")
"""An encoded word without a question mark in it, as nearly all are."""


class _Word(NamedTuple):
    """One encoded word."""

    charset: str
    is_base64: bool
    payload: bytes
    start: int
    end: int


def decode_header(value: bytes, elsewhere: Sequence[str] = ()) -> str:
    """Return the header `value` as one line of text, decoded (RFC 2047) and without controls.

    Adjacent encoded words of one charset are joined before decoding, since senders cut
    characters in two. What is broken is shown as it came.
    """
    if b"=?" in value:
        return _decode_words(value, elsewhere)
    return undecoded_header(value, elsewhere)


def undecoded_header(value: bytes, elsewhere: Sequence[str] = ()) -> str:
    """Return `value` as one line of text in which encoded words stay as they are written.

    For identifiers and what machines tell one another, where RFC 2047 section 5 allows none.
    """
    if value.isascii() and b"\x1b" not in value:
        text = value.decode("ascii")
        return text.strip() if text.isprintable() and "  " not in text else one_line(text)
    return one_line(decode_text(value, None, elsewhere))


def recode_header(value: bytes, elsewhere: Sequence[str] = ()) -> str:
    """Return `value` with each run of encoded words as UTF-8 ones, other bytes decoded.

    For readers that need the structure of the line (addresses) and must not be shown commas
    that stand inside a name.
    """
    if b"=?" not in value:
        return decode_header(value, elsewhere)
    parts: list[str] = []
    for piece, is_word in _decoded_runs(value, elsewhere):
        parts.append(_as_utf8_word(piece) if is_word else piece)
    return one_line("".join(parts))


def one_line(text: str) -> str:
    """Return `text` cleaned and with each run of white space as one space."""
    if text.isprintable() and "  " not in text:
        return text.strip()
    return " ".join(clean(text.replace("\x00", "")).split())


def _as_utf8_word(text: str) -> str:
    encoded = binascii.b2a_base64(one_line(text).encode("utf-8", "replace"), newline=False)
    return f"=?utf-8?b?{encoded.decode('ascii')}?="


def _decoded_runs(value: bytes, elsewhere: Sequence[str]) -> list[tuple[str, bool]]:
    runs: list[tuple[str, bool]] = []
    position = 0
    for run in _group(value, _find_words(value)):
        if run[0].start > position:
            between = value[position : run[0].start]
            if between.strip() or not runs:
                runs.append((decode_text(between, None, elsewhere), False))
        runs.append((decode_text(_bytes_of(run), run[0].charset, elsewhere), True))
        position = run[-1].end
    if position < len(value):
        runs.append((decode_text(value[position:], None, elsewhere), False))
    return runs


def _decode_words(value: bytes, elsewhere: Sequence[str]) -> str:
    start = value.find(b"=?")
    run = _one_run(value[start:] if start else value)
    if run is None:
        return one_line("".join([piece for piece, _ in _decoded_runs(value, elsewhere)]))
    before = decode_text(value[:start], None, elsewhere) if start else ""
    return one_line(before + decode_text(*run, elsewhere))


def _one_run(value: bytes) -> tuple[bytes, str] | None:
    """Return bytes and charset if `value` is nothing but plain Q words of one charset."""
    words = _PLAIN_WORD.findall(value)
    if not words or len(words) != value.count(b"=?") or b"\n" in value:
        return None
    charset = words[0][0]
    length = value.count(b" ")
    decoded: list[bytes] = []
    for other, way, payload in words:
        if other != charset or way not in b"qQ" or b" " in payload:
            return None
        length += len(b"=??Q??=") + len(charset) + len(payload)
        decoded.append(binascii.a2b_qp(payload, header=True))
    if length != len(value):  # something stands between
        return None
    return b"".join(decoded), _charset_name(charset)


def _bytes_of(run: list[_Word]) -> bytes:
    if not any(word.is_base64 for word in run):
        return b"".join([_decode_q(word.payload) for word in run])
    pieces: list[bytes] = []
    half = b""  # of a base64 quantum, which some senders cut in two
    for word in run:
        if not word.is_base64:
            pieces.append(_decode_q(word.payload))
            continue
        payload, half = half + word.payload, b""
        if b"=" not in payload and len(payload) % 4 and word is not run[-1]:
            half = payload
        else:
            pieces.append(decode_base64(payload))
    return b"".join(pieces)


def _group(value: bytes, words: list[_Word]) -> list[list[_Word]]:
    """Put words of one charset together that only white space separates."""
    groups: list[list[_Word]] = []
    end, charset = -1, ""
    for word in words:
        if groups and word.charset == charset and not value[end : word.start].strip():
            groups[-1].append(word)
        else:
            groups.append([word])
        end, charset = word.end, word.charset
    return groups


def _find_words(value: bytes) -> list[_Word]:
    words = [
        _made(found[1], found[2], found[3], found.start(), found.end())
        for found in _PLAIN_WORD.finditer(value)
    ]
    # If each beginning is that of a plain word, then no other words are there.
    return words if len(words) == value.count(b"=?") else _find_words_slowly(value)


def _find_words_slowly(value: bytes) -> list[_Word]:
    words: list[_Word] = []
    position = value.find(b"=?")
    while position >= 0:
        word = _word_at(value, position)
        if word is not None:
            words.append(word)
        position = value.find(b"=?", word.end if word else position + 2)
    return words


def _word_at(value: bytes, start: int) -> _Word | None:
    charset_end = value.find(b"?", start + 2, start + 102)
    if charset_end < 0 or value[charset_end + 2 : charset_end + 3] != b"?":
        return None
    encoding = value[charset_end + 1 : charset_end + 2].lower()
    end = _end_of_word(value, charset_end + 3)
    charset = value[start + 2 : charset_end]
    if end < 0 or encoding not in (b"b", b"q") or not charset or b" " in charset:
        return None
    return _made(charset, encoding, value[charset_end + 3 : end], start, end + 2)


def _made(charset: bytes, encoding: bytes, payload: bytes, start: int, end: int) -> _Word:
    return _Word(_charset_name(charset), encoding in b"bB", payload, start, end)


@lru_cache(maxsize=64)
def _charset_name(charset: bytes) -> str:
    """Return the charset's name without the language that may follow it (RFC 2231 section 5)."""
    return charset.partition(b"*")[0].decode("ascii", "replace").lower()


def _end_of_word(value: bytes, start: int) -> int:
    # RFC 2047 allows 75 characters; real ones reach some thousands. The bound keeps a header
    # full of beginnings without ends linear.
    return value.find(b"?=", start, start + 10_000)


def _decode_q(payload: bytes) -> bytes:
    return binascii.a2b_qp(payload.replace(b"\n", b" "), header=True)
