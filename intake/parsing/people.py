"""Who wrote, and to whom; so much of it as one mail may ask us to read."""

from collections.abc import Sequence
from dataclasses import dataclass

from intake.message import Address
from intake.parsing.addresses import (
    LONGEST_HEADER,
    addresses_of,
    first_with_whole_name,
    mailboxes_in,
)
from intake.parsing.header_block import HeaderBlock

MOST_ADDRESSES = 500
"""Of each header name; who writes to more people writes to no group of ours in particular."""
MOST_HEADERS = 20
"""Of each name; there should be one."""
MOST_TEXT = 100_000
"""Bytes of all address headers together: reading them takes some microseconds each."""
TOO_MANY_ADDRESSES = "it names more addresses than Kith reads"
_OTHER_SENDER_HEADERS = ("sender", "reply-to", "return-path")


@dataclass(frozen=True, slots=True)
class People:
    """Who wrote and to whom; `from_count` as in `Message`."""

    sender: Address | None
    from_count: int
    reply_to: tuple[Address, ...]
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    defects: tuple[str, ...]


def read_people(block: HeaderBlock, elsewhere: Sequence[str] = ()) -> People:
    """Return all people of a mail: of each header name 20 headers and 500 addresses at most."""
    reader = _Reader(block, elsewhere)
    sender, mailboxes = reader.authors()
    return People(
        sender or reader.other_sender(),
        len(mailboxes),
        reader.every("reply-to"),
        reader.every("to"),
        reader.every("cc"),
        (TOO_MANY_ADDRESSES,) if reader.is_cut else (),
    )


def read_sender(block: HeaderBlock, elsewhere: Sequence[str] = ()) -> Address | None:
    """Return who wrote: the first address of From, else of Sender, Reply-To or Return-Path."""
    return read_people(block, elsewhere).sender


def read_addresses(
    block: HeaderBlock, name: str, elsewhere: Sequence[str] = ()
) -> tuple[Address, ...]:
    """Return the addresses in the headers called `name`, in order."""
    return _Reader(block, elsewhere).every(name)


class _Reader:
    """Reads address headers until the budget of the mail is spent."""

    def __init__(self, block: HeaderBlock, elsewhere: Sequence[str]) -> None:
        self._block, self._elsewhere = block, elsewhere
        self._left = MOST_TEXT
        self.is_cut = False

    def authors(self) -> tuple[Address | None, frozenset[str]]:
        """Return the first author and the mailboxes of all, from the From headers."""
        sender: Address | None = None
        mailboxes: frozenset[str] = frozenset()
        for value in map(self._cut, self._values("from")):
            found = addresses_of(value, self._elsewhere)
            # In an encoded word an address is none to the mail server, which then checks nothing.
            if found and f"@{found[0].domain}".encode() in value.lower():
                mailboxes |= mailboxes_in(value, found, self._elsewhere)
            if found and sender is None:
                sender = first_with_whole_name(found, value, self._elsewhere)
        return sender, mailboxes

    def other_sender(self) -> Address | None:
        """Return who sent it where From names nobody."""
        for name in _OTHER_SENDER_HEADERS:
            value = self._cut(self._block.first(name) or b"")
            if found := addresses_of(value, self._elsewhere):
                return first_with_whole_name(found, value, self._elsewhere)
        return None

    def every(self, name: str) -> tuple[Address, ...]:
        """Return the addresses in the headers called `name`."""
        found: list[Address] = []
        for value in self._values(name):
            if len(found) < MOST_ADDRESSES:
                found.extend(addresses_of(self._cut(value), self._elsewhere))
            else:
                self.is_cut = True
        self.is_cut = self.is_cut or len(found) > MOST_ADDRESSES
        return tuple(found[:MOST_ADDRESSES])

    def _values(self, name: str) -> tuple[bytes, ...]:
        values = self._block.every(name)
        self.is_cut = self.is_cut or len(values) > MOST_HEADERS
        return values[:MOST_HEADERS]

    def _cut(self, value: bytes) -> bytes:
        allowed = value[: min(self._left, LONGEST_HEADER)]
        self._left -= len(allowed)
        self.is_cut = self.is_cut or len(allowed) < len(value)
        return allowed
