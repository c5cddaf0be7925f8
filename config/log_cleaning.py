"""What may stand in a log line: one line, not too long, without addresses and quotations."""

import re

LONGEST_LINE = 2_000
"""Characters of one message; what is longer is somebody's text, not a log line."""

ADDRESS = "[address]"
LEFT_OUT = "[left out]"

# Where a database error begins to quote: PostgreSQL's row, SQLAlchemy's statement and values.
_QUOTATIONS = ("DETAIL:", "[SQL:", "[parameters:", "CONTEXT:")
_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
_BETWEEN_WORDS = re.compile(r"""([\s<>()\[\]{}"',;=|]+)""")


def clean(text: str) -> str:
    """Return `text` as it may be logged, in linear time for any text."""
    short = text[:LONGEST_LINE] + ("…" if len(text) > LONGEST_LINE else "")
    return _BREAKS.sub(" ", _without_addresses(_without_quotations(short))).strip()


def _without_quotations(text: str) -> str:
    starts = [at for mark in _QUOTATIONS if (at := text.find(mark)) >= 0]
    return f"{text[: min(starts)].rstrip()} {LEFT_OUT}" if starts else text


def _without_addresses(text: str) -> str:
    if "@" not in text and "%40" not in text and "＠" not in text:
        return text
    return "".join(
        ADDRESS if _may_be_address(word) else word for word in _BETWEEN_WORDS.split(text)
    )


def _may_be_address(word: str) -> bool:
    return "@" in word or "%40" in word or "＠" in word
