"""Telling the operators: the command first, since it works when mail does not, then the letters.

Letters go straight to a transport of their own and not through the outbox: the outbox may be what
is broken, and must not be needed when the database is gone. Whatever cannot be told now stays
untold in the book and is told later.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from casework.alarms.book import Ring
from casework.alarms.command import run_command
from casework.alarms.letter import Sender, alarm_letter
from config.errors import KithError
from replies.outgoing import ascii_address, to_mime
from replies.smtp import DeliveryError, Transport

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Operators:
    """Who is told, and how. Without a transport (shadow mode) no letter leaves.

    The transport is for this alone: it serves one thread. `environ` is what the command inherits.
    """

    sender: Sender
    new_id: Callable[[], str]
    addresses: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    transport: Transport | None = None
    environ: Mapping[str, str] = field(default_factory=dict)


class Sent(Enum):
    """What became of an alarm letter."""

    GONE = "gone"
    REFUSED = "refused"
    NOT_NOW = "not now"


@dataclass(frozen=True, slots=True)
class Telling:
    """What was told: how many letters left, and whether all is told that can be."""

    letters: int
    is_done: bool


def run_commands(operators: Operators, rings: Sequence[Ring]) -> Iterator[Ring]:
    """Run the command for each alarm that it was not run for; yield those it was run for.

    It is run once, whether it goes well or not: its failure stands in the log.
    """
    for ring in rings:
        if operators.command and not ring.command_told:
            run_command(operators.command, ring, operators.environ)
            yield ring


def send_letters(
    operators: Operators, rings: Sequence[Ring], *, allowed: int, now: datetime
) -> Telling:
    """Send each operator one letter about all the alarms, at most `allowed` letters.

    It is done when a letter left or when no letter can: nobody to write to, no way out, no more
    allowed today, or every address refused for good.
    """
    if operators.transport is None or not operators.addresses or not rings:
        return Telling(0, is_done=True)
    if allowed <= 0:
        log.warning("alarms=%d no letter: too many today", len(rings))
        return Telling(0, is_done=True)
    chosen = operators.addresses[:allowed]
    is_last = allowed <= len(operators.addresses)
    fates = [_send(operators, rings, each, now, is_last=is_last) for each in chosen]
    operators.transport.close()
    gone = fates.count(Sent.GONE)
    return Telling(gone, is_done=gone > 0 or Sent.NOT_NOW not in fates)


def _send(
    operators: Operators, rings: Sequence[Ring], address: str, now: datetime, *, is_last: bool
) -> Sent:
    assert operators.transport is not None
    try:
        email = alarm_letter(rings, operators.sender, address, operators.new_id(), is_last=is_last)
        operators.transport.send(
            sender=ascii_address(email.from_address),
            recipient=ascii_address(email.to_address),
            content=to_mime(email, now).as_bytes(),
        )
    except DeliveryError as error:
        return _refused(error)
    except KithError as error:
        log.error("an alarm letter cannot be written: %s", error)
        return Sent.REFUSED
    except Exception:
        log.exception("an alarm letter could not be sent")
        return Sent.NOT_NOW
    return Sent.GONE


def _refused(error: DeliveryError) -> Sent:
    log.error("an alarm letter did not leave: %s", error)
    if error.sent_unknown:
        return Sent.GONE  # a second one could be one too many, and the command was run
    return Sent.REFUSED if error.permanent else Sent.NOT_NOW
