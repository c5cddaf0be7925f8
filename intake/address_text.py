"""Addresses as they stand in free text, and which of them reach the same mailbox."""

import re
import unicodedata
from functools import lru_cache

MOST_CHARACTERS = 20_000
"""Text is searched only so far: enough for every header and the top of every report."""

_LONGEST_DOMAIN = 255
_DOMAIN = re.compile(r"[a-z0-9._-]+")
_SEPARATORS = str.maketrans(dict.fromkeys("<>,;:\"'()[]", " ") | dict.fromkeys("。．｡", "."))
_GMAIL = {"gmail.com", "googlemail.com"}


def addresses_in(text: str) -> tuple[str, ...]:
    """Return whatever looks like an address in free text, lower-cased, in order; linear time."""
    if "@" not in text:
        return ()
    tokens = text[:MOST_CHARACTERS].lower().translate(_SEPARATORS).split()
    return tuple(token.strip(".") for token in tokens if _looks_like_address(token))


def _looks_like_address(token: str) -> bool:
    local, at, domain = token.rpartition("@")
    return bool(at and local.strip(".") and "." in domain.strip("."))


@lru_cache(maxsize=128)  # of one mail the same few are asked again and again
def fold_address(email: str) -> str:
    """Return one spelling for all that reach the same mailbox.

    No case, no +tag, no Gmail dots; the domain as name servers are asked for it (RFC 3490), so
    that full-width letters and other dots make no other domain of ours.
    """
    local, _, domain = email.strip().lower().rpartition("@")
    local = local.partition("+")[0] or local
    if not domain.isascii():
        domain = _ascii_domain(domain)
    if domain in _GMAIL:
        return f"{local.replace('.', '')}@gmail.com"
    return f"{local}@{domain}"


def is_plainly_spelt(email: str) -> bool:
    """Return whether no other address has the same `fold_address`, but for case, tags and dots.

    It has where letters look alike or are dropped: folded, "faß.example" is "fass.example", though
    each may belong to somebody else.
    """
    if email.isascii():
        return True
    local, _, domain = email.rpartition("@")
    if not local.isascii() or unicodedata.normalize("NFKC", domain) != domain:
        return False
    domain = domain.lower()
    try:
        return _ascii_domain(domain).encode("ascii").decode("idna") == domain
    except UnicodeError:
        return False


def _ascii_domain(domain: str) -> str:
    if len(domain) > _LONGEST_DOMAIN:
        return domain
    try:
        encoded = unicodedata.normalize("NFKC", domain).encode("idna").decode("ascii").lower()
    except UnicodeError:
        return domain
    return encoded if _DOMAIN.fullmatch(encoded) else domain
