"""Who a letter did not reach, and whether for good: what a delivery report says.

Only mail that screening called a delivery report comes here. A report may be forged: whoever acts
on a `Bounce` first checks that the returned letter was ours and that its recipient is named.
"""

import email
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from flufl.bounce import all_failures

from intake.address_text import addresses_in
from intake.message import Message

# It logs the mail it stumbles over, and what people wrote does not belong in a log.
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL + 1)

_MOST_BYTES = 65_536
_MOST_LINES = 1_000
_MOST_CHARACTERS = 20_000
_MOST_STATUS_CHARACTERS = 200_000
_MOST_RECIPIENTS = 50
_MOST_IDS = 50
_LONGEST_LINE = 1_000
_BEFORE_A_QUOTE = " \t>|"
_ENHANCED_CODE = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.])", re.ASCII)
_REPLY_CODE = re.compile(r"(?<![\d.])[45][0-5]\d(?=[ -])", re.ASCII)
_RECIPIENT_FIELDS = ("original-recipient", "final-recipient")
_NOT_FAILED = {"delayed", "delivered", "relayed", "expanded"}
_SERVERS = ("mailer-daemon@", "postmaster@")


@dataclass(frozen=True, slots=True)
class Failure:
    """One recipient whom a letter did not reach."""

    recipient: str
    status: str
    permanent: bool


@dataclass(frozen=True, slots=True)
class Bounce:
    """A letter that came back.

    `status` is the enhanced code ("5.1.1", RFC 3463) or empty. `original_message_ids` are those
    of the letters that the report encloses or quotes. `recipients`, `status` and `permanent` tell
    of the permanent failures, if there are any; `failures` of every recipient by itself.
    """

    recipients: tuple[str, ...]
    status: str
    permanent: bool
    original_message_ids: tuple[str, ...]
    failures: tuple[Failure, ...]


def parse_bounce(message: Message, raw: bytes | None = None) -> Bounce | None:
    """Return whom a letter did not reach, or None if the report says nothing of the kind.

    Reads the machine-readable part (RFC 3464), else lets flufl.bounce read the start of `raw`,
    else the headers and the text. A 4.x.x status is temporary, whatever else the report says.
    """
    blocks = tuple(_blocks(message.delivery_status[:_MOST_STATUS_CHARACTERS]))
    if _is_good_news(blocks):
        return None
    failures = (
        tuple(_failures_in(blocks))
        or _failures_by_flufl(message, raw)
        or _failures_in_words(message)
    )
    ids = _original_ids(message, blocks)
    return _bounce(failures[:_MOST_RECIPIENTS], ids) if failures or ids else None


def _bounce(failures: tuple[Failure, ...], ids: tuple[str, ...]) -> Bounce:
    """Return one bounce for all failures: the permanent ones, if there are any."""
    told = tuple(failure for failure in failures if failure.permanent) or failures
    return Bounce(
        recipients=tuple(dict.fromkeys(failure.recipient for failure in told)),
        status=next((failure.status for failure in told if failure.status), ""),
        permanent=any(failure.permanent for failure in told),
        original_message_ids=ids,
        failures=failures,
    )


def _original_ids(message: Message, blocks: tuple[dict[str, str], ...]) -> tuple[str, ...]:
    enclosed = [each.message_id for each in message.enclosed if each.message_id]
    named = [block["x-original-message-id"] for block in blocks if "x-original-message-id" in block]
    quoted = _ids_in_words(message.text)
    return tuple(islice(dict.fromkeys((*enclosed, *named, *quoted)), _MOST_IDS))


def _ids_in_words(text: str) -> Iterator[str]:
    """Yield the Message-IDs of headers that a report quotes in its text.

    Qmail, Exim, and Exchange when it writes for people, have no part of their own for the letter.
    """
    lines = (line.lstrip(_BEFORE_A_QUOTE) for line in text[:_MOST_STATUS_CHARACTERS].splitlines())
    for line in lines:
        name, _, value = line[:_LONGEST_LINE].partition(":")
        if name.strip().lower() != "message-id":
            continue
        value = value.strip() or next(lines, "")[:_LONGEST_LINE]  # the id may stand on the next
        if found := value.split():
            yield found[0]


def _blocks(status: str) -> Iterator[dict[str, str]]:
    """Yield the field groups of a delivery-status text, names lower-cased (RFC 3464 2.1).

    A recipient named twice begins a new group: some servers forget the blank line.
    """
    block: dict[str, str] = {}
    name = ""
    for line in status.splitlines():
        if line[:1] in (" ", "\t") and name and line.strip():
            block[name] += f" {line.strip()}"
            continue
        name, colon, value = line.partition(":")
        name = name.strip().lower()
        if block and (not line.strip() or (name in _RECIPIENT_FIELDS and name in block)):
            yield block
            block = {}
        if colon:
            block[name] = value.strip()
        else:
            name = ""
    if block:
        yield block


def _action(block: dict[str, str]) -> str:
    return block.get("action", "").partition(";")[0].partition("(")[0].strip().lower()


def _is_good_news(blocks: tuple[dict[str, str], ...]) -> bool:
    """Return whether the report says only that a letter is delayed or has arrived."""
    actions = {_action(block) for block in blocks if "action" in block}
    return bool(actions) and actions <= _NOT_FAILED


def _failures_in(blocks: tuple[dict[str, str], ...]) -> Iterator[Failure]:
    for block in blocks:
        recipient = _recipient(block)
        if recipient and _action(block) not in _NOT_FAILED:
            told = f"{block.get('status', '')} {block.get('diagnostic-code', '')}"
            yield Failure(recipient, _status(told), permanent=_is_permanent(told))


def _recipient(block: dict[str, str]) -> str:
    for name in _RECIPIENT_FIELDS:
        if found := addresses_in(block.get(name, "").rpartition(";")[2]):
            return found[0]
    return ""


def _status(text: str) -> str:
    found = _ENHANCED_CODE.search(text[:_MOST_CHARACTERS])
    return found[0] if found else ""


def _is_permanent(text: str) -> bool:
    """Return whether codes speak of a lasting failure; a server that gives none has given up."""
    if status := _status(text):
        return not status.startswith("4")
    found = _REPLY_CODE.search(text[:_MOST_CHARACTERS])
    return found is None or found[0].startswith("5")


def _failures_by_flufl(message: Message, raw: bytes | None) -> tuple[Failure, ...]:
    if raw is None:
        return ()
    try:
        temporary, permanent = all_failures(email.message_from_bytes(_start_of(raw)))
    except Exception:
        # It raises IndexError, AttributeError and LookupError on real mail (an empty From, 8-bit
        # bytes in From, an unknown charset). Our own rules follow, so nothing is hidden by this.
        return ()
    lasting = bool(permanent) and _is_permanent(message.text)
    status = _status(message.text)
    found = sorted((permanent or temporary), key=bytes.lower)
    addresses = (addresses_in(each.decode("utf-8", "replace")) for each in found)
    return tuple(Failure(each[0], status, permanent=lasting) for each in addresses if each)


def _start_of(raw: bytes) -> bytes:
    """Return what flufl.bounce may see: it takes 19 s over 25 MB, and 6 s over 70,000 newlines."""
    kept: list[bytes] = []
    for line in raw[:_MOST_BYTES].splitlines()[: 2 * _MOST_LINES]:
        if line.strip() or (kept and kept[-1]):
            kept.append(line.rstrip())
    return b"\n".join(kept[:_MOST_LINES])


def _failures_in_words(message: Message) -> tuple[Failure, ...]:
    status, lasting = _status(message.text), _is_permanent(message.text)
    return tuple(
        Failure(recipient, status, permanent=lasting) for recipient in _named_recipients(message)
    )


def _named_recipients(message: Message) -> tuple[str, ...]:
    """Return whom the header names, else the returned letter, else the text's first address."""
    if named := addresses_in(" ".join(message.values("x-failed-recipients"))):
        return named
    if enclosed := addresses_in(
        " ".join(who for each in message.enclosed for who in each.recipients)
    ):
        return enclosed
    in_text = addresses_in(message.text)
    return tuple(each for each in in_text if not each.startswith(_SERVERS))[:1]
