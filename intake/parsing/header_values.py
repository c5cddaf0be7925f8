"""The headers of a mail as text, within a budget: decoding them takes its time."""

from collections.abc import Sequence

from intake.message import Header
from intake.parsing.encoded_words import decode_header, undecoded_header
from intake.parsing.header_block import HEADER_SHORTENED, RawHeader

MOST_DECODED = 400_000
"""Bytes of all headers together; real ones have some ten thousand."""
_ALWAYS_DECODED = 200
# Machines write these for machines. Decoded, words in them could pass for other words.
_NEVER_DECODED = frozenset(
    {
        "arc-authentication-results",
        "authentication-results",
        "in-reply-to",
        "message-id",
        "received",
        "references",
    }
)


def read_headers(
    headers: Sequence[RawHeader], elsewhere: Sequence[str] = ()
) -> tuple[tuple[Header, ...], tuple[str, ...]]:
    """Return the headers as text, and the defect if some were shortened.

    From 400 KB on each header is cut to its first 200 bytes; so what a mail server put
    on top is always read, and short headers are read wherever they stand.
    """
    if sum([len(header.value) for header in headers]) <= MOST_DECODED:
        return tuple(
            [Header(name, _as_text(name, value, elsewhere)) for name, value in headers]
        ), ()
    read: list[Header] = []
    left = MOST_DECODED
    for name, value in headers:
        allowed = value[: max(left, _ALWAYS_DECODED)]
        left -= len(allowed)
        read.append(Header(name, _as_text(name, allowed, elsewhere)))
    return tuple(read), (HEADER_SHORTENED,)


def _as_text(name: str, value: bytes, elsewhere: Sequence[str]) -> str:
    if name in _NEVER_DECODED:
        return undecoded_header(value, elsewhere)
    return decode_header(value, elsewhere)
