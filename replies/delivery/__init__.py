"""Sending what is due.

For each letter: in one transaction write what became of the letter before it and mark this one
`sending`; commit; only then touch the network. No transaction is open while the network is waited
for. If the power fails here, at most one letter per worker stands at `sending`; it may have left,
so `settle_abandoned` makes it `unknown` and a person decides. Every other letter goes out later.
"""

from replies.delivery.attempts import WAITS, next_attempt
from replies.delivery.pausing import PAUSES, SendingPause
from replies.delivery.run import MAX_UNKNOWN, DeliveryReport, deliver_due

__all__ = [
    "MAX_UNKNOWN",
    "PAUSES",
    "WAITS",
    "DeliveryReport",
    "SendingPause",
    "deliver_due",
    "next_attempt",
]
