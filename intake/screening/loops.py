"""Our own letters coming back (mail-rules: loop)."""

from intake.address_text import addresses_in
from intake.message import Message
from intake.screening.reading import values_of
from intake.screening.surroundings import Surroundings
from intake.screening.verdict import Screening, Verdict, withheld

_ORIGINAL_AUTHOR = ("x-original-from", "x-original-sender")


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
