"""The ledger: every mail ever seen, its raw bytes, and which one state it is in.

A mail is committed here before anything else happens to it. Work on it is claimed with a lease;
whoever finishes must still hold the claim, or else nothing of what it did is kept.
"""

from intake.inbox.claims import (
    ClaimedMail,
    ClaimLostError,
    claim_next,
    hold,
    note_failure,
    release,
    release_abandoned,
    release_own,
)
from intake.inbox.ledger import (
    PIECE_BYTES,
    RAWS,
    RECEIVED,
    WITHHELD,
    MailState,
    RawMail,
    ReceivedMail,
)
from intake.inbox.reading import (
    count_by_state,
    raw_of,
    small_raws,
    twins_of,
)
from intake.inbox.settling import (
    SETTLE,
    Settlement,
    settle,
    settlement_row,
    take_up_again,
)
from intake.inbox.storing import WHY_WITHHELD, highest_uid, store, unknown_uids

__all__ = [
    "PIECE_BYTES",
    "RAWS",
    "RECEIVED",
    "SETTLE",
    "WHY_WITHHELD",
    "WITHHELD",
    "ClaimLostError",
    "ClaimedMail",
    "MailState",
    "RawMail",
    "ReceivedMail",
    "Settlement",
    "claim_next",
    "count_by_state",
    "highest_uid",
    "hold",
    "note_failure",
    "raw_of",
    "release",
    "release_abandoned",
    "release_own",
    "settle",
    "settlement_row",
    "small_raws",
    "store",
    "take_up_again",
    "twins_of",
    "unknown_uids",
]
