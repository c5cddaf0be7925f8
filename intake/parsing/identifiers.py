"""Message-IDs, with or without the angle brackets that they should have (RFC 5322 3.6.4)."""

import re

MOST_IDENTIFIERS = 50
_LONGEST = 998
_CHUNK = re.compile(r"<[^<>]*>|[^<>]+")


def read_identifier(value: str) -> str | None:
    """Return the Message-ID in `value` with its brackets, or None."""
    found = _bracketed(value) or _bare(value)
    if found:
        return found[0]
    token = value.strip().strip("\"'<>,; ").split(" ")[0]
    return f"<{token[:_LONGEST]}>" if token else None


def read_identifiers(value: str, *, prose: bool = False) -> tuple[str, ...]:
    """Return the last 50 Message-IDs in `value`, in order, each with its brackets.

    Lost brackets, commas, quotes and folds inside an identifier are forgiven. With `prose`
    (In-Reply-To: "Your message of …") bare words count only where nothing has brackets.
    """
    found = _bracketed(value)
    if not prose or not found:
        found = _all(value)
    return tuple(dict.fromkeys(found))[-MOST_IDENTIFIERS:]


def _bracketed(value: str) -> list[str]:
    chunks = (chunk for chunk in _CHUNK.findall(value) if chunk.startswith("<"))
    return [made for chunk in chunks if (made := _make(chunk[1:-1]))]


def _bare(value: str) -> list[str]:
    tokens = value.replace(",", " ").replace(";", " ").split()
    kept = (token.strip("\"'<>()[]") for token in tokens)
    return [made for token in kept if "@" in token and (made := _make(token))]


def _all(value: str) -> list[str]:
    found: list[str] = []
    for chunk in _CHUNK.findall(value):
        if chunk.startswith("<"):
            found.extend(made for made in [_make(chunk[1:-1])] if made)
        else:
            found.extend(_bare(chunk))
    return found


def _make(inner: str) -> str:
    joined = "".join(inner.split())
    return f"<{joined}>" if 0 < len(joined) <= _LONGEST else ""
