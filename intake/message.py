"""The one message type everybody shares: what a mail says, after parsing and before judgement."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox as a header gave it; `email` is trimmed, its domain lower-cased."""

    name: str
    email: str

    @property
    def local_part(self) -> str:
        """Return what stands before the last @, lower-cased."""
        return self.email.rpartition("@")[0].lower()

    @property
    def domain(self) -> str:
        """Return what stands after the last @, lower-cased."""
        return self.email.rpartition("@")[2].lower()


@dataclass(frozen=True, slots=True)
class Attachment:
    """One attached part: described here, its bytes fetched from the raw mail by `part`.

    `name` is safe to show and to save under. `text` is the readable text of a textual attachment
    (at most 200,000 characters), for the risk scan; empty for everything else.
    """

    name: str
    content_type: str
    size: int
    part: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Header:
    """One header line: the name lower-cased, the value decoded, unfolded and trimmed."""

    name: str
    value: str


class MarkKind(StrEnum):
    """Why a stretch of text is not what the sender wrote now."""

    QUOTE = "quote"
    FORWARD = "forward"
    SIGNATURE = "signature"


@dataclass(frozen=True, slots=True)
class Mark:
    """The characters `start` to `end` of a text are quoted, forwarded or a signature."""

    kind: MarkKind
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Enclosed:
    """The identity of a message inside this one: returned by a mail server, or attached."""

    message_id: str | None
    subject: str
    recipients: tuple[str, ...]


@dataclass(frozen=True)
class Message:
    """A parsed mail. Immutable; every text is free of NUL and lone surrogates."""

    subject: str
    sender: Address | None
    reply_to: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    date: datetime | None = None
    message_id: str | None = None
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    headers: tuple[Header, ...] = ()
    text: str = ""
    marks: tuple[Mark, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    enclosed: tuple[Enclosed, ...] = ()
    content_types: tuple[str, ...] = field(default=("text/plain",))
    """The content type of every part in order, the whole mail's own first."""
    calendar_method: str | None = None
    """METHOD of an iCalendar part, upper-cased."""
    delivery_status: str = ""
    """The text of a message/delivery-status part."""
    defects: tuple[str, ...] = ()
    from_count: int = 1
    """How many different mailboxes the From headers name, judged by their form before decoding;
    0 if none, so that `sender` (if there is one) was taken from another header."""

    def values(self, name: str) -> Iterator[str]:
        """Yield each value of the header `name` (any case), in order."""
        lowered = name.lower()
        return (header.value for header in self.headers if header.name == lowered)

    def value(self, name: str) -> str | None:
        """Return the first value of the header `name` (any case), or None."""
        return next(self.values(name), None)

    @cached_property
    def header_names(self) -> frozenset[str]:
        """Return the lower-cased names of all headers."""
        return frozenset(header.name for header in self.headers)

    @cached_property
    def new_text(self) -> str:
        """Return what the sender wrote now: `text` without the marked stretches."""
        kept: list[str] = []
        position = 0
        for mark in self.marks:
            kept.append(self.text[position : mark.start])
            position = max(position, mark.end)
        kept.append(self.text[position:])
        return "".join(kept).strip()
