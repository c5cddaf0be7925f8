"""Which case does a mail belong to? Evidence and policy are apart: `evidence`, then `policy`."""

from casework.threading.evidence import CaseFacts, Pointer, Source, Traits, is_forward
from casework.threading.policy import NOTHING, Decision, Placing, decide
from casework.threading.subjects import subject_stem
from casework.threading.thanks import is_only_thanks
from casework.threading.threads import Threads, sender_key

__all__ = [
    "NOTHING",
    "CaseFacts",
    "Decision",
    "Placing",
    "Pointer",
    "Source",
    "Threads",
    "Traits",
    "decide",
    "is_forward",
    "is_only_thanks",
    "sender_key",
    "subject_stem",
]
