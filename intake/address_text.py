"""Addresses as they stand in free text, and which of them reach the same mailbox."""

from functools import lru_cache

MOST_CHARACTERS = 20_000
"""Text is searched only so far: enough for every header and the top of every report."""

_SEPARATORS = str.maketrans(dict.fromkeys("<>,;:\"'()[]", " "))
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
    """Return one spelling for all that reach the same mailbox: no case, no +tag, no Gmail dots."""
    local, _, domain = email.strip().lower().rpartition("@")
    local = local.partition("+")[0]
    if domain in _GMAIL:
        return f"{local.replace('.', '')}@gmail.com"
    return f"{local}@{domain}"
