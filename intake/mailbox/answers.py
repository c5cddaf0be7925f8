"""Reading what an IMAP server answers to FETCH, which may lack anything that was asked for."""

from collections.abc import Mapping
from datetime import UTC, datetime

from intake.mailbox.door import FetchedMail

SIZE = "RFC822.SIZE"

Answer = Mapping[int, Mapping[bytes, object]]
"""What imapclient makes of an answer: by UID, then by what was asked for."""


def sizes_in(answer: Answer) -> dict[int, int]:
    """Return the sizes by UID, in bytes, of those mails whose size was told."""
    told = ((uid, parts.get(SIZE.encode())) for uid, parts in answer.items())
    return {uid: size for uid, size in told if isinstance(size, int)}


def mails_in(
    answer: Answer, sizes: Mapping[int, int | None], *, part: int | None
) -> dict[int, FetchedMail]:
    """Return the mails by UID whose bytes came, of those in `sizes`.

    `part` says that only the first so many bytes were asked for. A mail of unknown size is then
    whole if fewer came.
    """
    mails: dict[int, FetchedMail] = {}
    for uid, size in sizes.items():
        parts = answer.get(uid, {})
        raw = parts.get(b"BODY[]" if part is None else b"BODY[]<0>")
        if raw is None and size == 0:
            raw = b""  # some servers say NIL for a mail without a single byte
        if isinstance(raw, bytes):
            is_whole = part is None or (size is None and len(raw) < part)
            known = len(raw) if size is None else size
            moment = _moment(parts.get(b"INTERNALDATE"))
            mails[uid] = FetchedMail(uid, raw, known, moment, is_whole)
    return mails


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
