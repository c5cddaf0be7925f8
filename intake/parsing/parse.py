"""From raw bytes to a `Message`, whatever the bytes are."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from config.errors import KithError
from intake.message import Message
from intake.parsing.charsets import clean, decode_text
from intake.parsing.dates import has_odd_zone, read_date, read_received_date, read_usual_date
from intake.parsing.enclosures import (
    TOO_MUCH_ENCLOSED,
    is_too_much,
    read_calendar_method,
    read_delivery_status,
    read_enclosed,
)
from intake.parsing.header_block import HeaderBlock
from intake.parsing.header_values import read_headers
from intake.parsing.identifiers import read_identifier, read_identifiers
from intake.parsing.mail_parser import date_in
from intake.parsing.people import read_people
from intake.parsing.preparing import prepare
from intake.parsing.structure import Structure, charsets_of, read_structure
from intake.parsing.text_parts import tidy
from intake.parsing.transfer import decode_body
from intake.parsing.walking import Body, inline_bytes, read_body
from intake.quoting import find_marks

NOT_PARSED = "it could not be taken apart; its beginning is shown as it came"
BODY_NOT_PARSED = "its text could not be taken apart; it is shown as it came"
ENCRYPTED = "it is encrypted and Kith cannot read it"
WINMAIL = "it holds a winmail.dat file, in which Outlook may have packed attachments"
_ENCRYPTED_TYPES = {"multipart/encrypted", "application/pgp-encrypted"}
_SMIME_TYPES = {"application/pkcs7-mime", "application/x-pkcs7-mime"}
_TNEF_TYPES = {"application/ms-tnef", "application/vnd.ms-tnef"}
_SALVAGED_BYTES = 200_000


class UnreadableMailError(KithError):
    """There is nothing to read at all."""

    def __init__(self) -> None:
        super().__init__("The mail is empty: ask whoever runs the mailbox whether it came whole.")


def parse_message(raw: bytes, *, received_at: datetime | None = None) -> Message:
    """Return the mail `raw` as a `Message`; `received_at` (the server's) dates it at the last.

    Raises `UnreadableMailError` only if there is nothing but white space. Whatever else is
    wrong with the mail stands in `defects`, in words that repeat nothing of it.
    """
    prepared = prepare(raw)
    if prepared is None:
        raise UnreadableMailError
    source, start = prepared
    try:
        return _parse(source, start, received_at)
    except Exception:
        text = _as_it_came(source, start)
        return Message("", None, date=received_at, text=text, defects=(NOT_PARSED,))


def attachment_bytes(raw: bytes, part: int) -> bytes:
    """Return the decoded content of the attachment with that part number; b"" if none has it."""
    prepared = prepare(raw)
    if prepared is None or part < 0:
        return b""
    source, start = prepared
    structure = read_structure(source, start)
    if part >= len(structure.parts):
        return inline_bytes(source, structure, charsets_of(structure.parts), part)
    found = structure.parts[part]
    return decode_body(source, found.start, found.end, found.encoding)


def _parse(raw: bytes, start: int, received_at: datetime | None) -> Message:
    structure = read_structure(raw, start)
    block = HeaderBlock(structure.root.headers, structure.root.start)
    elsewhere = charsets_of(structure.parts)
    headers, shortened = read_headers(block.headers, elsewhere)
    first = {header.name: header.value for header in reversed(headers)}
    people = read_people(block, elsewhere)
    body = _body(raw, structure, elsewhere)
    enclosed = read_enclosed(raw, structure.parts)
    others = (TOO_MUCH_ENCLOSED,) if is_too_much(structure.parts, enclosed) else ()
    return Message(
        subject=first.get("subject", ""),
        sender=people.sender,
        reply_to=people.reply_to,
        to=people.to,
        cc=people.cc,
        date=_date(first) or received_at,
        message_id=read_identifier(first.get("message-id", "")),
        in_reply_to=read_identifiers(first.get("in-reply-to", ""), prose=True),
        references=read_identifiers(first.get("references", "")),
        headers=headers,
        text=body.text,
        marks=find_marks(body.text),
        attachments=body.attachments,
        enclosed=enclosed,
        content_types=tuple([part.type for part in structure.parts]),
        calendar_method=read_calendar_method(raw, structure.parts),
        delivery_status=read_delivery_status(raw, structure.parts),
        defects=_defects(structure, body, (*shortened, *people.defects, *others)),
        from_count=people.from_count,
    )


def _date(first: Mapping[str, str]) -> datetime | None:
    """Return the date the sender gave, else when the last server on its way received it."""
    written = first.get("date", "")
    if (moment := read_usual_date(written)) is not None:
        return moment
    trusted = None if has_odd_zone(written) else date_in(written)
    if (moment := trusted or read_date(written)) is not None:
        return moment
    return read_received_date(first.get("received", ""))


def _body(raw: bytes, structure: Structure, elsewhere: Sequence[str]) -> Body:
    try:
        return read_body(raw, structure, elsewhere)
    except Exception:
        return Body(_as_it_came(raw, structure.root.start), (), (BODY_NOT_PARSED,))


def _as_it_came(raw: bytes, start: int) -> str:
    return tidy(clean(decode_text(raw[start : start + _SALVAGED_BYTES])))


def _defects(structure: Structure, body: Body, others: Iterable[str]) -> tuple[str, ...]:
    found = dict.fromkeys((*structure.defects, *others, *body.defects))
    if _is_encrypted(structure, body):
        found[ENCRYPTED] = None
    if any(part.type in _TNEF_TYPES for part in structure.parts):
        found[WINMAIL] = None
    return tuple(found)


def _is_encrypted(structure: Structure, body: Body) -> bool:
    if body.text.lstrip().startswith("-----BEGIN PGP MESSAGE-----"):
        return True
    return any(
        part.type in _ENCRYPTED_TYPES
        or (part.type in _SMIME_TYPES and part.content.text("smime-type") != "signed-data")
        for part in structure.parts
    )
