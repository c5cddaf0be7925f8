"""The addresses in one header: mail-parser's reading, and ours where it finds nothing."""

import re
from collections.abc import Sequence

from intake.address_text import addresses_in as addresses_in_text
from intake.address_text import fold_address
from intake.message import Address
from intake.parsing.encoded_words import decode_header, one_line, recode_header
from intake.parsing.mail_parser import addresses_in

LONGEST_HEADER = 20_000
"""Bytes of one address header: mail-parser looks at each of them several times."""
_LONGEST_ENCLOSED = 4_000
_LONGEST_EMAIL = 320
_BRACKETED = re.compile(r"<([^<>\s@]{1,250}@[^<>\s@]{1,255})>")
_ADDRESS = r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"
_QUOTED_NAME = r""""([A-Za-z0-9 ,.'&/()!_-]+)" """
_BARE_NAME = r"([A-Za-z0-9'_-]+(?: [A-Za-z0-9'_-]+)*) "
_PLAIN = re.compile(rf"(?:{_QUOTED_NAME}|{_BARE_NAME})?<({_ADDRESS})>|({_ADDRESS})")
_QUOTED = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_COMMENT = re.compile(r"\([^()]*\)")
_AROUND = "\"'<>()[],;:. "


def addresses_of(value: bytes, elsewhere: Sequence[str] = ()) -> list[Address]:
    """Return the addresses in the header `value`, in order."""
    text = recode_header(value, elsewhere)
    pairs = _plain(text) or addresses_in(text)
    made = [_make(name, email, elsewhere) for name, email in pairs]
    kept = [address for address in made if _is_email(address.email)]
    return kept or _fall_back(value, elsewhere)


def first_with_whole_name(
    found: list[Address], value: bytes, elsewhere: Sequence[str] = ()
) -> Address:
    """Return the first address found in `value`, with its whole name.

    What stands before a comma is given back to the name: `Okafor, Blessing <…>` is one person.
    """
    first = found[0]
    if b"," not in value or value.count(b"@") != 1 or value.count(b"<") != 1:
        return first
    name = decode_header(value.partition(b"<")[0], elsewhere)
    return Address(_unquoted(name.replace('\\"', '"')), first.email)


def mailboxes_in(
    value: bytes, found: Sequence[Address], elsewhere: Sequence[str] = ()
) -> frozenset[str]:
    """Return every mailbox in a From header, folded: what was read, and what others may see.

    The header is looked at before decoding, so that a comma or a quote inside an encoded word
    neither makes an address nor hides one.
    """
    mailboxes = frozenset([fold_address(address.email) for address in found])
    if value.count(b"@") < 2 or not found:
        return mailboxes
    text = _QUOTED.sub(" ", recode_header(value, elsewhere))
    text = _COMMENT.sub(" ", _COMMENT.sub(" ", text))
    parts = (part.split() for part in text.replace(";", ",").replace(":", ",").split(","))
    last = [words[-1] for words in parts if words and (len(words) == 1 or words[-1][0] == "<")]
    return mailboxes.union(map(fold_address, addresses_in_text(",".join(last))))


def emails_in(value: bytes) -> tuple[str, ...]:
    """Return the bare addresses in a header, by a quick look (for enclosed messages)."""
    text = decode_header(value[:_LONGEST_ENCLOSED])
    tokens = (_tidy(token) for token in re.split(r"[\s,;<>]", text) if "@" in token)
    return tuple(dict.fromkeys(email for email in tokens if _is_email(email)))


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
