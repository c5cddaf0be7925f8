"""The identity of messages inside this one, and the machine-readable parts of reports."""

import re
from collections.abc import Sequence

from config.scrubbing import scrub
from intake.message import Enclosed
from intake.parsing.addresses import emails_in
from intake.parsing.attaching import MESSAGE_TYPES, enclosed_block
from intake.parsing.charsets import clean, decode_text
from intake.parsing.encoded_words import decode_header, one_line, undecoded_header
from intake.parsing.header_block import HeaderBlock
from intake.parsing.identifiers import read_identifier
from intake.parsing.structure import Part
from intake.parsing.transfer import decode_body

MOST_ENCLOSED = 50
"""Messages within one mail that are looked into; a digest of a busy list has some thirty."""
MOST_RECIPIENTS = 50
"""Of one enclosed message: enough to find the one that a letter of ours went to."""
_MOST_HEADERS = 5
_LONGEST_SUBJECT = 2_000
_LONGEST_METHOD = 40
LONGEST_STATUS = 100_000
"""Bytes of a delivery report: a letter of ours has one recipient."""
_LONGEST_CALENDAR = 20_000
"""METHOD stands at the top."""
TOO_MUCH_ENCLOSED = "the messages or reports within it are long or many and were not all read"
_METHOD = re.compile(rb"^METHOD[ \t]{0,5}:[ \t]{0,5}([A-Za-z-]{1,40})", re.MULTILINE | re.I)
_STATUS_TYPES = {"message/delivery-status", "message/global-delivery-status"}
_CALENDAR_TYPES = {"text/calendar", "application/ics"}


def read_enclosed(raw: bytes, parts: Sequence[Part]) -> tuple[Enclosed, ...]:
    """Return who and what the attached and returned messages are, not what they say."""
    found = [part for part in parts if part.type in MESSAGE_TYPES][:MOST_ENCLOSED]
    return tuple(_identify(enclosed_block(raw, part)) for part in found)


def is_too_much(parts: Sequence[Part], enclosed: Sequence[Enclosed]) -> bool:
    """Return whether there is more in enclosed messages and reports than was read."""
    messages = sum(part.type in MESSAGE_TYPES for part in parts)
    status = (part for part in parts if part.type in _STATUS_TYPES)
    return (
        messages > MOST_ENCLOSED
        or any(len(each.recipients) >= MOST_RECIPIENTS for each in enclosed)
        or any(part.end - part.start > LONGEST_STATUS for part in status)
    )


def read_delivery_status(raw: bytes, parts: Sequence[Part]) -> str:
    """Return the text of the first message/delivery-status part (RFC 3464), "" if none."""
    part = next((part for part in parts if part.type in _STATUS_TYPES), None)
    if part is None:
        return ""
    end = min(part.end, part.start + LONGEST_STATUS)
    return clean(decode_text(decode_body(raw, part.start, end, part.encoding))).strip()


def read_calendar_method(raw: bytes, parts: Sequence[Part]) -> str | None:
    """Return the METHOD of the first calendar part (RFC 5546), upper-cased, or None."""
    for part in parts:
        if part.type not in _CALENDAR_TYPES:
            continue
        declared = one_line(part.content.text("method")[:_LONGEST_METHOD])
        if declared:
            return scrub(declared.upper())
        end = min(part.end, part.start + _LONGEST_CALENDAR)
        found = _METHOD.search(decode_body(raw, part.start, end, part.encoding))
        if found is not None:
            return found[1].decode("ascii").upper()
    return None


def _identify(block: HeaderBlock) -> Enclosed:
    recipients: dict[str, None] = {}
    for value in (
        *block.every("to")[:_MOST_HEADERS],
        *block.every("x-failed-recipients")[:_MOST_HEADERS],
    ):
        recipients.update(dict.fromkeys(emails_in(value)))
    return Enclosed(
        read_identifier(undecoded_header(block.first("message-id") or b"")),
        decode_header((block.first("subject") or b"")[:_LONGEST_SUBJECT]),
        tuple(recipients)[:MOST_RECIPIENTS],
    )
