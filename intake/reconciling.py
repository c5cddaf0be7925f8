"""Is everything that lies in the mailbox in the ledger? A comparison of all of it, now and then.

A poll looks at the newest mails only. This is the second look: it counts, finds what every poll
passed over (a mail that became visible late, a UID that the server used twice), and lets the next
poll look at the whole mailbox. It stores no mail itself; if the power fails here, nothing is lost.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from config.database import Sessions, readers
from intake.inbox import (
    ask_for_whole_look,
    free_reused_uids,
    known_copies,
    known_uids,
    note_reconciliation,
)
from intake.mailbox import Mailbox

log = logging.getLogger(__name__)

GLIMPSES_AT_A_TIME = 500
SAMPLE = 1000
"""How many known mails are looked at, to see whether they are those that the ledger means."""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What the mailbox has and the ledger knows; the two agree if nothing is missing or reused.

    `present`: mails on the server; `known`: those of them in the ledger, of which `duplicates` are
    copies of other mails. `missing`: passed over so far; `arrived`: newer than all the ledger
    knows, so merely not polled yet; `vanished`: in the ledger and no longer on the server, which
    is fine; `reused`: known UIDs under which there is another mail by now.
    """

    mailbox: str
    present: int
    known: int
    missing: int
    arrived: int
    vanished: int
    duplicates: int
    reused: int

    @property
    def is_well(self) -> bool:
        """Whether every mail of the mailbox is in the ledger, or about to be."""
        return not (self.missing or self.reused)


def reconcile(
    mailbox: Mailbox, sessions: Sessions, *, now: Callable[[], datetime]
) -> Reconciliation:
    """Compare the whole mailbox with the ledger, write down what is missing, and return it.

    What is missing is fetched by the next poll, which looks at the whole mailbox then. Raises
    `MailboxError`.
    """
    validity = mailbox.open()
    with readers(sessions)() as session:
        known = known_uids(session, mailbox.name, validity)
        copies = known_copies(session, mailbox.name, validity)
    present = mailbox.uids_from(1)
    here = known.intersection(present)
    newest = max(known, default=0)
    unknown = [uid for uid in present if uid not in known]
    missing = sum(uid <= newest for uid in unknown)
    reused = _reused(mailbox, sessions, validity, sorted(here))
    with sessions.begin() as session:
        note_reconciliation(session, mailbox.name, now(), missing + reused)
        if unknown:
            ask_for_whole_look(session, mailbox.name)
    if missing or reused:
        log.error("job=reconcile missing=%d reused=%d", missing, reused)
    return Reconciliation(
        mailbox.name,
        present=len(present),
        known=len(here) - reused,
        missing=missing,
        arrived=len(unknown) - missing,
        vanished=len(known) - len(here),
        duplicates=len(copies.intersection(here)),
        reused=reused,
    )


def _reused(mailbox: Mailbox, sessions: Sessions, validity: int, here: Sequence[int]) -> int:
    """Free the UIDs that mean other mails by now; all are looked at if a sample shows any."""
    sample = here[:: max(1, len(here) // SAMPLE)]
    found = _freed(mailbox, sessions, validity, sample)
    if found and len(sample) < len(here):
        found += _freed(mailbox, sessions, validity, sorted(set(here) - set(sample)))
    return found


def _freed(mailbox: Mailbox, sessions: Sessions, validity: int, uids: Sequence[int]) -> int:
    found = 0
    for place in range(0, len(uids), GLIMPSES_AT_A_TIME):
        for glimpses in mailbox.glimpses(uids[place : place + GLIMPSES_AT_A_TIME]):
            with sessions.begin() as session:
                found += free_reused_uids(session, mailbox.name, validity, glimpses)
    return found
