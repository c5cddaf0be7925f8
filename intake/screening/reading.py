"""How screening reads headers, addresses and subjects: forgiving, lower-cased, in linear time."""

import re
import unicodedata
from itertools import islice

from intake.message import Message

MOST_CHARACTERS = 10_000
"""No header that decides anything is longer; a hostile one is read only so far."""

MOST_LINES = 50
"""No honest mail has more lines of one name; only so many are read, from the top."""

_DECIDING_CHARACTERS = 2_000
_NONE: frozenset[str] = frozenset()
_SUBJECT_CHARACTERS = 300
_MARKS = re.compile(r'\\.|[()"]', re.DOTALL)  # one step, never back: linear
_REPLY_PREFIXES = (
    "re:",
    "fw:",
    "fwd:",
    "aw:",
    "wg:",
    "sv:",
    "vs:",
    "tr:",
    "rv:",
    "antw:",
    "ymlaen:",
)


def strip_comments(value: str) -> str:
    """Return a header value without its (nested) comments; quoted strings stay (RFC 5322 3.2.2)."""
    value = value[:MOST_CHARACTERS]
    if "(" not in value:
        return value
    kept: list[str] = []
    depth, quoted, start = 0, False, 0
    for found in _MARKS.finditer(value):
        mark = found[0]
        if mark == '"' and not depth:
            quoted = not quoted
        elif mark == "(" and not quoted:
            if not depth:
                kept.append(value[start : found.start()])
            depth += 1
        elif mark == ")" and depth:
            depth -= 1
            start = found.end()
    if not depth:
        kept.append(value[start:])
    return "".join(kept)


def values_of(message: Message, *names: str) -> tuple[str, ...]:
    """Return all values of these headers, from the top: comments gone, lower-cased, trimmed."""
    wanted = message.header_names.intersection(names)
    if not wanted:
        return ()
    values = (header.value for header in message.headers if header.name in wanted)
    return tuple(
        strip_comments(value[:_DECIDING_CHARACTERS]).strip().lower()
        for value in islice(values, MOST_LINES)
    )


def first_words_of(message: Message, *names: str) -> frozenset[str]:
    """Return what each of these headers says before its parameters: 'no' for 'No; reason=x'."""
    values = values_of(message, *names)
    return frozenset(value.partition(";")[0].strip() for value in values) if values else _NONE


def plain_subject(message: Message) -> str:
    """Return the subject for comparing with phrases: folded, one space, no gateway's [tag]."""
    subject = message.subject[:_SUBJECT_CHARACTERS]
    if not subject.isascii():
        subject = unicodedata.normalize("NFKC", subject)
    subject = " ".join(subject.casefold().split()).replace(" :", ":")
    while subject.startswith("[") and "]" in subject:
        subject = subject.partition("]")[2].lstrip()
    return subject


def is_reply_or_forward(subject: str) -> bool:
    """Return whether a subject as `plain_subject` gives it was made by answering or forwarding."""
    return subject.startswith(_REPLY_PREFIXES)


def has_null_return_path(message: Message) -> bool:
    """Return whether the mail came from nobody, as reports must (RFC 5321 4.5.5)."""
    return any(not value.strip("<> ") for value in values_of(message, "return-path"))


def is_marked_automatic(message: Message) -> bool:
    """Return whether Auto-Submitted says anything but `no` (RFC 3834 5)."""
    return bool(first_words_of(message, "auto-submitted") - {"no", ""})


def names_starting(message: Message, prefixes: tuple[str, ...]) -> bool:
    """Return whether the name of any header begins with one of these."""
    for name in message.header_names:  # noqa: SIM110  (asked often; any() takes twice as long)
        if name.startswith(prefixes):
            return True
    return False
