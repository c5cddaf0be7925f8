"""How screening reads headers, addresses and subjects: forgiving, lower-cased, in linear time."""

import re
import unicodedata
from functools import lru_cache

from intake.message import Message

MOST_CHARACTERS = 10_000
"""No header that decides anything is longer; a hostile one is read only so far."""

MOST_LINES = 50
"""No honest mail has more lines of one name; only so many are read, from the top."""

_MOST_NAMES = 2_000
_LONGEST_NAME = 60
_DECIDING_CHARACTERS = 2_000
_NONE: frozenset[str] = frozenset()
_SUBJECT_CHARACTERS = 300
_MARKS = re.compile(r'\\.|[()";]', re.DOTALL)  # one step, never back: linear
_ENVELOPE_SENDERS = ("return-path", "x-envelope-from", "x-original-return-path")
_NOBODY = ("", "mailer-daemon")
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


def split_outside(value: str) -> list[str]:
    """Return the header value without comments, split at each ; outside quoted strings."""
    value = strip_comments(value)
    if '"' not in value:
        return value.split(";")
    pieces: list[str] = []
    quoted, start = False, 0
    for found in _MARKS.finditer(value):
        if found[0] == '"':
            quoted = not quoted
        elif found[0] == ";" and not quoted:
            pieces.append(value[start : found.start()])
            start = found.end()
    return [*pieces, value[start:]]


def values_of(message: Message, *names: str) -> tuple[str, ...]:
    """Return all values of these headers, from the top: comments gone, lower-cased, trimmed."""
    if message.header_names.isdisjoint(names):
        return ()
    values = lines_of(message, names[0]) if len(names) == 1 else _lines_of_any(message, names)
    return tuple([_plain_value(value) for value in values[:MOST_LINES]])


def lines_of(message: Message, name: str) -> list[str]:
    """Return all values of this header as they are."""
    return [header.value for header in message.headers if header.name == name]


def _lines_of_any(message: Message, names: tuple[str, ...]) -> list[str]:
    wanted = message.header_names.intersection(names)
    return [header.value for header in message.headers if header.name in wanted]


def _plain_value(value: str) -> str:
    value = value[:_DECIDING_CHARACTERS]
    return (strip_comments(value) if "(" in value else value).strip().lower()


def first_words_of(message: Message, *names: str) -> frozenset[str]:
    """Return what each of these headers says before its parameters: 'no' for 'No; reason=x'."""
    values = values_of(message, *names)
    return frozenset(value.partition(";")[0].strip() for value in values) if values else _NONE


def plain_subject(message: Message) -> str:
    """Return the subject for comparing with phrases: folded, one space, no gateway's [tag]."""
    return _plain(message.subject[:_SUBJECT_CHARACTERS])


@lru_cache(maxsize=4)  # a dozen rules ask for the same one
def _plain(subject: str) -> str:
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
    """Return whether the mail came from nobody, as reports must (RFC 5321 4.5.5).

    Some servers write the envelope's sender under another name, and some write whom it stands for.
    """
    for value in values_of(message, *_ENVELOPE_SENDERS):  # noqa: SIM110  (any() takes longer)
        if value.strip("<> ") in _NOBODY:
            return True
    return False


def is_marked_automatic(message: Message) -> bool:
    """Return whether Auto-Submitted says anything but `no` (RFC 3834 5)."""
    return bool(first_words_of(message, "auto-submitted") - {"no", ""})


def names_starting(message: Message, prefixes: tuple[str, ...]) -> bool:
    """Return whether the name of any header begins with one of these."""
    others = _names_with_other_beginnings(prefixes)
    if message.header_names <= others:
        return False
    unknown = message.header_names - others
    if any(name.startswith(prefixes) for name in unknown):
        return True
    if len(others) < _MOST_NAMES:
        others.update(name for name in unknown if len(name) <= _LONGEST_NAME)
    return False


@lru_cache(maxsize=16)
def _names_with_other_beginnings(_prefixes: tuple[str, ...]) -> set[str]:
    """Return the names already looked at in vain: nearly all mails carry the same ones."""
    return set()
