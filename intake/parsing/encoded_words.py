"""Header text as people see it: RFC 2047 encoded words and raw 8-bit bytes decoded."""

import binascii
from collections.abc import Sequence
from dataclasses import dataclass

from intake.parsing.charsets import clean, decode_text
from intake.parsing.transfer import decode_base64


@dataclass(frozen=True, slots=True)
class _Word:
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
        return one_line("".join(piece for piece, _ in _decoded_runs(value, elsewhere)))
    if value.isascii() and b"\x1b" not in value:
        return one_line(value.decode("ascii"))
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


def _bytes_of(run: list[_Word]) -> bytes:
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
    for word in words:
        last = groups[-1][-1] if groups else None
        adjacent = last is not None and not value[last.end : word.start].strip()
        if adjacent and last is not None and last.charset == word.charset:
            groups[-1].append(word)
        else:
            groups.append([word])
    return groups


def _find_words(value: bytes) -> list[_Word]:
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
    payload = value[charset_end + 3 : end]
    name = charset.partition(b"*")[0].decode("ascii", "replace").lower()
    return _Word(name, encoding == b"b", payload, start, end + 2)


def _end_of_word(value: bytes, start: int) -> int:
    # RFC 2047 allows 75 characters; real ones reach some thousands. The bound keeps a header
    # full of beginnings without ends linear.
    return value.find(b"?=", start, start + 10_000)


def _decode_q(payload: bytes) -> bytes:
    return binascii.a2b_qp(payload.replace(b"\n", b" "), header=True)
