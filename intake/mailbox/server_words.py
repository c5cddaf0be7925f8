"""What a mail server said in its own words: found in the library's errors, cleaned, understood."""

from imaplib import IMAP4
from typing import Any

LONGEST = 160
BUSY_S = 60.0
"""How long to leave a server alone that says we have too many connections."""
OVER_LIMIT_S = 600.0
LONGEST_BACKOFF_S = 3600.0

_BEFORE_WORDS = (" failed: ", " command error: BAD ", " command error: NO ", "* BYE ")
_TOO_MANY = ("too many simultaneous connections", "too many connections", "maximum number of conn")
_OVER_LIMIT = ("bandwidth limit", "[overquota]", "exceeded command")
_THROTTLED = ("throttled", "server busy")
_BACKOFF = "suggested backoff time:"


def words_of(error: Exception) -> str:
    """Return the server's words in an error of the library's; empty for other errors.

    The library's own words on a connection that broke off are not the server's.
    """
    if isinstance(error, OSError | EOFError | IMAP4.abort) or not error.args:
        return ""
    told = error.args[0]
    text = told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
    for sign in _BEFORE_WORDS:
        before, found, after = text.partition(sign)
        text = after if found else before
    return _unwrapped(text)


def farewell_of(client: Any) -> str:
    """Return the reason of the BYE that the client has read, or nothing."""
    try:
        told = client._imap.untagged_responses.get("BYE")
        return (told[-1] or b"").decode("utf-8", "replace") if told else ""
    except (AttributeError, TypeError):
        return ""


def clean(text: str) -> str:
    """Return the words on one line without control characters and addresses, cut to a length."""
    visible = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * LONGEST])
    words = ("…" if "@" in word else word for word in visible.split())
    line = " ".join(words)
    return line if len(line) <= LONGEST else line[: LONGEST - 1].rstrip() + "…"


def backoff_in(said: str) -> float | None:
    """Return for how many seconds the server wants to be left alone, or None if it says no such.

    Exchange gives milliseconds ("Suggested Backoff Time: 299961 milliseconds"); Gmail only says
    what is too much.
    """
    text = said.lower()
    _, found, after = text.partition(_BACKOFF)
    if found:
        digits = after.strip().partition(" ")[0].rstrip(".")
        if digits.isascii() and digits.isdigit() and len(digits) < 15:
            return min(max(int(digits) / 1000, 1.0), LONGEST_BACKOFF_S)
    if any(sign in text for sign in _OVER_LIMIT):
        return OVER_LIMIT_S
    if found or any(sign in text for sign in (*_TOO_MANY, *_THROTTLED)):
        return BUSY_S
    return None


def _unwrapped(text: str) -> str:
    """Undo what `str()` did to bytes."""
    text = text.strip().removeprefix("[").removesuffix("]") if text.startswith("[b") else text
    if len(text) > 2 and text[0] == "b" and text[1] in "'\"" and text[-1] == text[1]:
        return text[2:-1]
    return text
