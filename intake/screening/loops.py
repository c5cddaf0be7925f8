"""Our own letters coming back (mail-rules: loop)."""

from collections.abc import Iterator
from itertools import islice

from intake.address_text import addresses_in
from intake.message import Message
from intake.screening.reading import MOST_LINES, values_of
from intake.screening.surroundings import Surroundings
from intake.screening.verdict import Screening, Verdict, withheld

LOOP_HEADER = "x-kith-loop"
_LONGEST_ID = 998  # RFC 5322 2.1.1: no line is longer
_ORIGINAL_AUTHOR = ("x-original-from", "x-original-sender")


def our_own_letter(message: Message, surroundings: Surroundings) -> Screening | None:
    """Hit when it bears a Message-ID that we signed: our letter came back, or our copy of it.

    Some servers give a letter a new Message-ID on its way; the loop header repeats ours.
    """
    if not any(map(surroundings.is_our_id, _own_ids(message))):
        return None
    return withheld(
        Verdict.LOOP, "our-own-letter", "It is one of our own letters, or a copy, come back to us."
    )


def _own_ids(message: Message) -> Iterator[str]:
    if message.message_id:
        yield message.message_id
    if LOOP_HEADER in message.header_names:
        for value in islice(message.values(LOOP_HEADER), MOST_LINES):
            yield value[:_LONGEST_ID].strip()


def own_address(message: Message, surroundings: Surroundings) -> Screening | None:
    """Hit when the mail says it comes from us; answering it would be talking to ourselves."""
    if not any(map(surroundings.is_own, _authors(message))):
        return None
    return withheld(
        Verdict.LOOP,
        "own-address",
        "It gives one of our own addresses as its sender, so an answer would come back to us.",
    )


def _authors(message: Message) -> tuple[str, ...]:
    """Return who may have written it.

    A mailing list of ours puts its own address into From, Sender and Reply-To of what members
    write; then the member is whom the list names as the original author.
    """
    sender = (message.sender.email,) if message.sender else ()
    replies = tuple(address.email for address in message.reply_to)
    if "list-id" not in message.header_names:
        return (*sender, *replies, *addresses_in(" ".join(values_of(message, "sender"))))
    return addresses_in(" ".join(values_of(message, *_ORIGINAL_AUTHOR))) or sender


def too_many_servers(message: Message, surroundings: Surroundings) -> Screening | None:
    """Hit when the mail passed so many servers that it must be going in circles (RFC 5321 6.3)."""
    passed = [header.name for header in message.headers].count("received")
    if passed <= surroundings.rules.loops.most_received_lines:
        return None
    return withheld(
        Verdict.LOOP,
        "too-many-servers",
        "It passed so many mail servers that it is probably going round in circles.",
    )
