"""The outbox: every letter that leaves, queued in the same transaction as its cause.

    draft      written in shadow mode; nothing sends it
    queued     due at `due_at`
    claimed    one worker has it until its lease ends; not yet near the network
    sending    committed before the network is touched; from here on it may have left
    sent  failed  cancelled     settled
    unknown    it may have left or not; only a person decides what to do, no machine sends it again

A worker that dies leaves `claimed` letters, which go back to the queue, or one `sending`, which
becomes `unknown`. So an automatic letter leaves at most once.
"""

from replies.outbox.claims import (
    Claimed,
    Settled,
    claim_due,
    defer,
    mark_failed,
    mark_sending,
    mark_sent,
    mark_unknown,
    release,
    settle_abandoned,
)
from replies.outbox.counting import Tally
from replies.outbox.letters import LETTERS, LetterState, OutboxEmail
from replies.outbox.lookups import (
    FoundLetter,
    acknowledgements_since,
    find_by_message_ids,
)
from replies.outbox.queueing import (
    QUEUE_LETTER,
    AlreadyQueuedError,
    acknowledgement_of,
    cancel_automatic,
    domain_of,
    enqueue,
    letter_row,
    stem_key,
)

__all__ = [
    "LETTERS",
    "QUEUE_LETTER",
    "AlreadyQueuedError",
    "Claimed",
    "FoundLetter",
    "LetterState",
    "OutboxEmail",
    "Settled",
    "Tally",
    "acknowledgement_of",
    "acknowledgements_since",
    "cancel_automatic",
    "claim_due",
    "defer",
    "domain_of",
    "enqueue",
    "find_by_message_ids",
    "letter_row",
    "mark_failed",
    "mark_sending",
    "mark_sent",
    "mark_unknown",
    "release",
    "settle_abandoned",
    "stem_key",
]
