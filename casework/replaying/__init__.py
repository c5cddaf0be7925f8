"""Replaying: every case derived anew from the stored mail, into another database, and compared.

    source ──plan──▶ copy the ledger ──▶ work it, step by step, as it was worked ──▶ compare

The source is only read, in one transaction that sees one moment of it. The target gets the mails as
they came, the keys, and the letters of people; all else in it is worked out again. Nothing in it is
ever sent: letters are drafts there, or what the source says became of them. If the power fails, the
source is as it was and the target is of no use.
"""

from casework.replaying.comparing import Difference, compare
from casework.replaying.replay import ReplayReport, StoppedError, replay
from casework.replaying.target import NotEmptyError, SameDatabaseError, check_target

__all__ = [
    "Difference",
    "NotEmptyError",
    "ReplayReport",
    "SameDatabaseError",
    "StoppedError",
    "check_target",
    "compare",
    "replay",
]
