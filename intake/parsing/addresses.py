"""Who wrote, and to whom: mail-parser's reading, and ours where it finds nothing."""

import re
from collections.abc import Sequence

from intake.message import Address
from intake.parsing.encoded_words import decode_header, one_line, recode_header
from intake.parsing.header_block import HeaderBlock
from intake.parsing.mail_parser import addresses_in

MOST_ADDRESSES = 500
_LONGEST_HEADER = 20_000
_LONGEST_EMAIL = 320
_BRACKETED = re.compile(r"<([^<>\s@]{1,250}@[^<>\s@]{1,255})>")
_ADDRESS = r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"
_QUOTED_NAME = r""""([A-Za-z0-9 ,.'&/()!_-]+)" """
_BARE_NAME = r"([A-Za-z0-9'_-]+(?: [A-Za-z0-9'_-]+)*) "
_PLAIN = re.compile(rf"(?:{_QUOTED_NAME}|{_BARE_NAME})?<({_ADDRESS})>|({_ADDRESS})")
_AROUND = "\"'<>()[],;:. "
_SENDER_HEADERS = ("from", "sender", "reply-to", "return-path")


def read_addresses(
    block: HeaderBlock, name: str, elsewhere: Sequence[str] = ()
) -> tuple[Address, ...]:
    """Return the addresses in all headers called `name`, in order."""
    found: list[Address] = []
    for value in block.every(name):
        found.extend(_addresses(value[:_LONGEST_HEADER], elsewhere))
    return tuple(found[:MOST_ADDRESSES])


def read_sender(block: HeaderBlock, elsewhere: Sequence[str] = ()) -> Address | None:
    """Return who wrote: the first address of From, else of Sender, Reply-To or Return-Path."""
    for name in _SENDER_HEADERS:
        value = block.first(name)
        if value is None:
            continue
        found = _addresses(value[:_LONGEST_HEADER], elsewhere)
        if found:
            return _with_whole_name(found, value[:_LONGEST_HEADER], elsewhere)
    return None


def emails_in(value: bytes) -> tuple[str, ...]:
    """Return the bare addresses in a header, by a quick look (for enclosed messages)."""
    text = decode_header(value[:_LONGEST_HEADER])
    tokens = (_tidy(token) for token in re.split(r"[\s,;<>]", text) if "@" in token)
    return tuple(dict.fromkeys(email for email in tokens if _is_email(email)))


def _addresses(value: bytes, elsewhere: Sequence[str]) -> list[Address]:
    text = recode_header(value, elsewhere)
    pairs = _plain(text) or addresses_in(text)
    made = [_make(name, email, elsewhere) for name, email in pairs]
    kept = [address for address in made if _is_email(address.email)]
    return kept or _fall_back(value, elsewhere)


def _plain(text: str) -> tuple[tuple[str, str]] | None:
    """Return name and address of `"Anna" <a@b.org>` and its like, which leave nothing to judge.

    Only letters that mean nothing to any reader of addresses pass; then mail-parser, which looks
    at each letter several times, would say the same.
    """
    found = _PLAIN.fullmatch(text)
    if found is None:
        return None
    quoted, name, bracketed, bare = found.groups()
    return ((quoted or name or "", bracketed or bare),)


def _make(name: str, email: str, elsewhere: Sequence[str]) -> Address:
    if "=?" in name:  # encoded words inside quotes are not by the book, but common
        name = decode_header(name.encode("utf-8", "replace"), elsewhere)
    return Address(_unquoted(one_line(name)), _tidy(email))


def _fall_back(value: bytes, elsewhere: Sequence[str]) -> list[Address]:
    """Find an address that mail-parser does not accept: the last in brackets, else the first."""
    text = decode_header(value, elsewhere)
    bracketed = _BRACKETED.findall(text)
    if bracketed:
        name = text.rpartition("<" + bracketed[-1])[0]
        return _if_email(name, bracketed[-1])
    for token in text.split():
        if "@" in token and _is_email(email := _tidy(token)):
            return _if_email(text.replace(token, " ", 1), email)
    return []


def _if_email(name: str, email: str) -> list[Address]:
    tidy = _tidy(email)
    return [Address(one_line(name).strip("\"'<>(),; "), tidy)] if _is_email(tidy) else []


def _with_whole_name(found: list[Address], value: bytes, elsewhere: Sequence[str]) -> Address:
    """Give back the part of a name before a comma: `Okafor, Blessing <…>` is one person."""
    first = found[0]
    if b"," not in value or value.count(b"@") != 1 or value.count(b"<") != 1:
        return first
    name = decode_header(value.partition(b"<")[0], elsewhere)
    return Address(_unquoted(name.replace('\\"', '"')), first.email)


def _unquoted(name: str) -> str:
    """Take off quotes that stand around the whole name (one of a pair is part of it)."""
    name = name.strip()
    while len(name) > 1 and name[0] == name[-1] and name[0] in "\"'":
        name = name[1:-1].strip()
    return name


def _tidy(email: str) -> str:
    if email[:7].lower() == "mailto:":
        email = email[7:]
    local, at, domain = email.strip(_AROUND).rpartition("@")
    return f"{local.strip()}{at}{domain.strip(_AROUND).lower()}"


def _is_email(email: str) -> bool:
    local, at, domain = email.rpartition("@")
    return bool(local and at and domain) and len(email) <= _LONGEST_EMAIL and email.isprintable()
