"""Spam, and mail that is not from whom it says (mail-rules: spam and forgery)."""

from intake.address_text import addresses_in, fold_address
from intake.message import Message
from intake.screening.authentication import trusted_results
from intake.screening.reading import lines_of, values_of
from intake.screening.surroundings import Surroundings
from intake.screening.verdict import Screening, Verdict, withheld


def failed_authentication(message: Message, surroundings: Surroundings) -> Screening | None:
    """Hit when our own mail server found that the sender's domain disowns it (DMARC).

    One failure is enough, whatever else the header says: senders have their own words put into it.
    """
    lines = lines_of(message, "authentication-results")
    if not any("fail" in value.lower() for value in lines):
        return None
    results = trusted_results(message, surroundings.trusted_authserv_ids)
    if ("dmarc", "fail") not in results:
        return None
    return withheld(
        Verdict.SPAM,
        "failed-authentication",
        "Our mail server found that it probably does not come from the sender it names.",
    )


def spam_flag(message: Message, _surroundings: Surroundings) -> Screening | None:
    """Hit when a spam filter on the way marked it."""
    flags = values_of(message, "x-spam-flag", "x-spam-status")
    if not any(value.startswith("yes") for value in flags):
        return None
    return withheld(Verdict.SPAM, "spam-flag", "A spam filter on its way marked it as spam.")


def several_authors(message: Message, _surroundings: Surroundings) -> Screening | None:
    """Hit when From names several addresses: an answer would reach people who did not write.

    They were counted in the header as it stood, before encoded words were decoded.
    """
    if message.from_count < 2:
        return None
    return withheld(
        Verdict.SPAM,
        "several-authors",
        "It names several senders at once, as forged mail does; a person should look.",
    )


def claims_our_address(message: Message, surroundings: Surroundings) -> Screening | None:
    """Hit when the sender's name is one of our addresses but the address is not."""
    if not any(map(surroundings.is_own, addresses_in_name(message))):
        return None
    return withheld(
        Verdict.SPAM,
        "claims-our-address",
        "The sender uses one of our own addresses as a name, but writes from elsewhere.",
    )


def addresses_in_name(message: Message) -> tuple[str, ...]:
    """Return the addresses in the sender's name that are not the sender's own."""
    if message.sender is None or "@" not in message.sender.name:
        return ()
    own = fold_address(message.sender.email)
    return tuple(found for found in addresses_in(message.sender.name) if fold_address(found) != own)
