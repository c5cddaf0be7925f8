"""Mailing lists, campaigns and mail that was not addressed to us (mail-rules: bulk)."""

from intake.address_text import addresses_in
from intake.message import Message
from intake.screening.reading import first_words_of, names_starting, values_of
from intake.screening.robots import is_robot
from intake.screening.rules_file import BulkRules
from intake.screening.surroundings import Surroundings
from intake.screening.verdict import Screening, Verdict, withheld

_DELIVERED_HEADERS = (
    "delivered-to",
    "x-original-to",
    "x-forwarded-to",
    "x-delivered-to",
    "envelope-to",
    "x-envelope-to",
)
_LISTS = ("list-",)
_ONE_CLICK = "list-unsubscribe-post"


def discussion_list(message: Message, surroundings: Surroundings) -> Screening | None:
    """Hit when people talk on a mailing list: a parent may have written it, so a person looks."""
    rules = surroundings.rules.bulk
    if not _is_discussion(message, rules) or is_robot(message, surroundings.rules.robots):
        return None
    return withheld(
        Verdict.BULK,
        "discussion-list",
        "It came through a mailing list where people write to one another; a person should look.",
    )


def _is_discussion(message: Message, rules: BulkRules) -> bool:
    names = message.header_names
    if not (
        names & rules.discussion_headers
        or _precedences(message) == {"list"}
        or _is_sent_by_list(message)
    ):
        return False
    if _is_campaign(message, rules) or _is_from_service(message, rules):
        return False
    return _ONE_CLICK not in names or bool(names & rules.list_software_headers)


def _is_sent_by_list(message: Message) -> bool:
    """Return whether Sender has the form of a list's own address (old lists have no List-*)."""
    senders = addresses_in(" ".join(values_of(message, "sender")))
    locals_ = (sender.partition("@")[0] for sender in senders)
    return any(
        each.startswith("owner-") or each.endswith(("-bounces", "-owner")) for each in locals_
    )


def campaign(message: Message, surroundings: Surroundings) -> Screening | None:
    """Hit on the marks of newsletters and campaigns."""
    if not (_is_campaign(message, surroundings.rules.bulk) or _ONE_CLICK in message.header_names):
        return None
    return withheld(
        Verdict.BULK, "campaign", "It carries the marks of a newsletter or advertising campaign."
    )


def list_header(message: Message, surroundings: Surroundings) -> Screening | None:
    """Hit on any List-* header (RFC 2369, 2919)."""
    lists = surroundings.rules.bulk.discussion_headers
    if message.header_names.isdisjoint(lists) and not names_starting(message, _LISTS):
        return None
    return withheld(
        Verdict.BULK, "list-header", "It was sent to many people by a program that keeps a list."
    )


def bulk_precedence(message: Message, surroundings: Surroundings) -> Screening | None:
    """Hit on Precedence: bulk, junk or list."""
    if not _precedences(message) & surroundings.rules.bulk.precedences:
        return None
    return withheld(Verdict.BULK, "bulk-precedence", "It is marked as mail sent to many.")


def sending_service(message: Message, surroundings: Surroundings) -> Screening | None:
    """Hit on services that send for others: nearly always programs, now and then an office."""
    if not _is_from_service(message, surroundings.rules.bulk):
        return None
    return withheld(
        Verdict.BULK, "sending-service", "It was sent by a service that mails for many senders."
    )


def not_addressed_to_us(message: Message, surroundings: Surroundings) -> Screening | None:
    """Hit when none of our addresses stands where recipients stand.

    A mail that shows no journey at all (no Received line) proves nothing either way.
    """
    if not surroundings.own_addresses or "received" not in message.header_names:
        return None
    shown = [address.email for address in (*message.to, *message.cc)]
    if any(map(surroundings.is_own, shown)) or _was_delivered_to_us(message, surroundings):
        return None
    return withheld(
        Verdict.BULK,
        "not-addressed-to-us",
        "None of our addresses is among its recipients, so it may have gone to many people.",
    )


def _was_delivered_to_us(message: Message, surroundings: Surroundings) -> bool:
    delivered = " ".join(values_of(message, *_DELIVERED_HEADERS))
    envelopes = " ".join(value.partition(" for ")[2] for value in values_of(message, "received"))
    return any(map(surroundings.is_own, addresses_in(f"{delivered} {envelopes}")))


def _precedences(message: Message) -> frozenset[str]:
    return first_words_of(message, "precedence", "x-precedence")


def _is_campaign(message: Message, rules: BulkRules) -> bool:
    if not message.header_names.isdisjoint(rules.campaign_headers):
        return True
    return names_starting(message, rules.campaign_prefixes)


def _is_from_service(message: Message, rules: BulkRules) -> bool:
    if not message.header_names.isdisjoint(rules.service_headers):
        return True
    return names_starting(message, rules.service_prefixes)
