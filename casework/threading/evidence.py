"""What a mail shows of where it belongs: values only; `lookups` and `threads` fetch them."""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice

from casework.threading.subjects import is_forward_by_subject
from intake.address_text import addresses_in
from intake.bounces import parse_bounce
from intake.message import Message
from intake.screening.reading import has_null_return_path
from replies.signing import ReplyToken, reply_token

LONGEST_ID = 998
MOST_IDS = 50
MOST_TOKENS = 20
_DELIVERY_HEADERS = ("delivered-to", "x-original-to")
_THREAD_INDEX_BYTES = 22
"""What all mails of a conversation share in Thread-Index (MS-OXOMSG 2.2.1.3)."""


class Source(StrEnum):
    """How a mail points at a case, in words for its history; the strongest first."""

    REPLY_ADDRESS = "it was sent to the signed address of the case"
    OUR_MESSAGE_ID = "it answers one of our letters"
    SAME_MESSAGE_ID = "it has the Message-ID of a mail of the case"
    ANSWERS = "it answers a mail of the case"
    AWAITED = "a mail of the case answers it"
    REFERENCE = "it carries the case's reference in its subject"
    ENCLOSED = "it encloses a mail of the case"
    THREAD_INDEX = "Outlook counts it to a conversation of the case"
    SAME_SUBJECT = "it has the same sender and subject"

    @property
    def shows_a_secret(self) -> bool:
        """Return whether nobody can guess it: its bearer was written to, or given the mail."""
        return self in {Source.REPLY_ADDRESS, Source.OUR_MESSAGE_ID}

    @property
    def is_strong(self) -> bool:
        """Return whether it may put a mail into a case, if the sender is right."""
        return self not in {Source.THREAD_INDEX, Source.SAME_SUBJECT}

    @property
    def is_by_id(self) -> bool:
        """Return whether one mail of the sender's names another: the two are one conversation."""
        return self in {Source.ANSWERS, Source.AWAITED}


ORDER = {source: place for place, source in enumerate(Source)}


@dataclass(frozen=True, slots=True)
class Pointer:
    """A case that a mail points at, and by what. `case_id` is where a merged case went.

    `is_repeat` says that the mail is in the case already, by another way and word for word.
    """

    case_id: int
    source: Source
    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What the policy must know of a case that a mail points at.

    `stems` are the subjects that the case has, among those asked for; None if it is older than the
    column and nobody knows. `is_untouched` says that no person has done anything with it yet.
    """

    id: int
    correspondent_id: int | None
    is_open: bool
    closed_at: datetime | None = None
    is_untouched: bool = False
    stems: frozenset[str] | None = frozenset()


@dataclass(frozen=True, slots=True)
class Traits:
    """What the policy must know of the mail. `person_id` is set only for a believed sender."""

    person_id: int | None
    at: datetime
    stem: str
    is_forward: bool = False
    may_reopen: bool = True


@dataclass(frozen=True, slots=True)
class Named:
    """What a message names of others, before anybody has looked them up."""

    own_id: str | None
    ancestors: tuple[str, ...]
    enclosed: tuple[str, ...]
    tokens: tuple[tuple[str, ReplyToken], ...]
    """Each with the address that it stands in."""


def named_by(message: Message) -> Named:
    """Return the ids and tokens in a message: In-Reply-To first, References from the right."""
    # The last id in References is the nearest ancestor (RFC 5322 3.6.4).
    cited = (*message.in_reply_to, *reversed(message.references))
    return Named(
        own_id=kept_id(message.message_id),
        ancestors=_kept(name for name in cited if name != message.message_id),
        enclosed=_kept(_enclosed(message)),
        tokens=tuple(islice(_tokens(message), MOST_TOKENS)),
    )


def kept_id(message_id: str | None) -> str | None:
    """Return a Message-ID as it is kept: one too long for an index as its digest."""
    if not message_id:
        return None
    if len(message_id) * 4 <= LONGEST_ID or len(message_id.encode()) <= LONGEST_ID:
        return message_id
    return f"<{hashlib.sha256(message_id.encode()).hexdigest()}@too-long.invalid>"


def is_forward(message: Message) -> bool:
    """Return whether the message passes another one on: such a mail is not an answer."""
    return bool(message.enclosed) or is_forward_by_subject(message.subject)


def thread_index(message: Message) -> str | None:
    """Return what Outlook gave all mails of the conversation, in hexadecimal, if that is all.

    Where a mail says by References what it answers, that is better evidence.
    """
    value = message.value("thread-index")
    if value is None or message.references or message.in_reply_to:
        return None
    try:
        given = base64.b64decode(value[:64].encode("ascii", "replace") + b"==", validate=False)
    except binascii.Error:
        return None
    shared = given[:_THREAD_INDEX_BYTES]
    return shared.hex() if len(shared) == _THREAD_INDEX_BYTES else None


def _enclosed(message: Message) -> Iterable[str | None]:
    yield from (each.message_id for each in message.enclosed)
    # Exim, qmail and others quote the letter that came back in the text of their report.
    if message.delivery_status or has_null_return_path(message):
        bounce = parse_bounce(message)
        yield from bounce.original_message_ids if bounce else ()


def _kept(ids: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for each in ids if (name := kept_id(each))))[:MOST_IDS]


def _tokens(message: Message) -> Iterable[tuple[str, ReplyToken]]:
    addresses = [address.email for address in (*message.to, *message.cc)]
    for value in (value for name in _DELIVERY_HEADERS for value in message.values(name)):
        addresses += addresses_in(value)
    for address in dict.fromkeys(addresses):
        if "+" in address and (token := reply_token(address)) is not None:
            yield address, token
