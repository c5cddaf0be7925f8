"""Reading what an IMAP server answers to FETCH, which may lack anything that was asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from intake.mailbox.door import FetchedMail, Glimpse
from intake.parsing.identifiers import read_identifier

SIZE = "RFC822.SIZE"
GMAIL = ("X-GM-MSGID", "X-GM-THRID")
OBJECTID = ("EMAILID", "THREADID")
LABELS = "X-GM-LABELS"
ONLY_THE_ID = "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"
_LONGEST_OBJECT_ID = 255
"""RFC 8474 section 4."""

Answer = Mapping[int, Mapping[bytes, object]]
"""What imapclient makes of an answer: by UID, then by what was asked for."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was told of a mail before its bytes were asked for; `size` in bytes (None: not told)."""

    size: int | None
    object_id: str | None = None
    thread_id: str | None = None


NOTHING_KNOWN = Known(None)


def known_in(answer: Answer) -> dict[int, Known]:
    """Return what is known by UID of those mails whose size was told."""
    return {
        uid: Known(size, _object_id(parts), _thread_id(parts))
        for uid, parts in answer.items()
        if isinstance(size := parts.get(SIZE.encode()), int)
    }


def mails_in(
    answer: Answer, known: Mapping[int, Known], *, part: int | None
) -> dict[int, FetchedMail]:
    """Return the mails by UID whose bytes came, of those in `known`.

    `part` says that only the first so many bytes were asked for. A mail of unknown size is then
    whole if fewer came.
    """
    mails: dict[int, FetchedMail] = {}
    for uid, told in known.items():
        parts = answer.get(uid, {})
        raw = parts.get(b"BODY[]" if part is None else b"BODY[]<0>")
        if raw is None and told.size == 0:
            raw = b""  # some servers say NIL for a mail without a single byte
        if isinstance(raw, bytes):
            mails[uid] = FetchedMail(
                uid,
                raw,
                size=len(raw) if told.size is None else told.size,
                internal_date=_moment(parts.get(b"INTERNALDATE")),
                is_whole=part is None or (told.size is None and len(raw) < part),
                object_id=told.object_id,
                thread_id=told.thread_id,
            )
    return mails


def glimpses_in(answer: Answer) -> dict[int, Glimpse]:
    """Return by UID what was told without the mails' bodies."""
    return {uid: _glimpse(uid, parts) for uid, parts in answer.items()}


def _glimpse(uid: int, parts: Mapping[bytes, object]) -> Glimpse:
    size = parts.get(SIZE.encode())
    return Glimpse(
        uid,
        internal_date=_moment(parts.get(b"INTERNALDATE")),
        size=size if isinstance(size, int) else 0,
        object_id=_object_id(parts),
        message_id=_message_id(parts),
        labels=_labels(parts.get(LABELS.encode())),
    )


def _message_id(parts: Mapping[bytes, object]) -> str | None:
    """Return the Message-ID; servers differ in how they repeat what they were asked for."""
    for name, value in parts.items():
        if name.startswith(b"BODY[HEADER.FIELDS") and isinstance(value, bytes):
            _, colon, after = value.decode("ascii", "replace").partition(":")
            return read_identifier(after) if colon else None
    return None


def _labels(told: object) -> frozenset[str]:
    if not isinstance(told, tuple):
        return frozenset()
    return frozenset(text.lower() for label in told if (text := _text(label)))


def _object_id(parts: Mapping[bytes, object]) -> str | None:
    return _identity(parts, *GMAIL[:1], *OBJECTID[:1])


def _thread_id(parts: Mapping[bytes, object]) -> str | None:
    return _identity(parts, *GMAIL[1:], *OBJECTID[1:])


def _identity(parts: Mapping[bytes, object], gmail: str, objectid: str) -> str | None:
    number = parts.get(gmail.encode())
    if isinstance(number, int) and number > 0:
        return f"gm:{number}"
    told = parts.get(objectid.encode())
    text = _text(told[0]) if isinstance(told, tuple) and len(told) == 1 else ""
    is_sound = text.isascii() and text.isprintable() and 0 < len(text) <= _LONGEST_OBJECT_ID
    return f"oid:{text}" if is_sound else None


def _text(value: object) -> str:
    """Return an atom as text; imapclient makes a number of one that consists of digits."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value) if isinstance(value, int) else ""


def _moment(told: object) -> datetime | None:
    """Return the moment in UTC, or None for none and for one outside the calendar."""
    if not isinstance(told, datetime):
        return None
    if told.tzinfo is None:
        return told.replace(tzinfo=UTC)
    try:
        return told.astimezone(UTC)
    except OverflowError:
        return None
