"""The one room that uses mail-parser: for addresses, where it resists spoofed names, and dates.

Bodies, attachments and everything else are read by our own rooms: mail-parser mixes the text of
attached messages into the body, guesses charsets and raises on real mail.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from mailparser.dates import parse_mail_date
from mailparser.utils import get_addresses

# It logs the text of headers, which is personal.
logging.getLogger("mailparser").setLevel(logging.CRITICAL)

_get_addresses: Callable[..., list[tuple[str, str]]] = get_addresses
_parse_mail_date: Callable[[str], Any] = parse_mail_date


@lru_cache(maxsize=256)
def addresses_in(value: str) -> tuple[tuple[str, str], ...]:
    """Return the (name, address) pairs of an address header; empty where mail-parser gives up.

    Most mail goes to the same few addresses, hence the cache.
    """
    try:
        found = _get_addresses(value, decode_names=True)
    except Exception:
        return ()
    return tuple((name, address) for name, address in found if address)


def date_in(value: str) -> datetime | None:
    """Return the moment that a Date header names, in UTC; None where mail-parser gives up."""
    try:
        moment = _parse_mail_date(value).value
    except Exception:
        return None
    if not isinstance(moment, datetime):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
