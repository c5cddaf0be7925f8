"""Is a mail nothing but a thank-you? Then a closed case need not be opened again for it."""

import re

MOST_CHARACTERS = 240
MOST_WORDS = 30

_WORD = re.compile(r"[^\W\d_]+")
_THANKS = frozenset({"thank", "thanks", "thankyou", "thx", "ta", "cheers", "grateful", "diolch"})
_ASKING = (
    "but can could would will please need needs help how when why what where who which still "
    "again another also problem worse unfortunately however urgent worried scared tonight today "
    "tomorrow ring call reply ask question not no never until unless since now"
)
"""Words with which a thank-you goes on to something else. In doubt it is not only a thank-you."""

_ASKS = frozenset(_ASKING.split())


def is_only_thanks(new_text: str) -> bool:
    """Return whether what somebody wrote is short, thanks, and asks or tells nothing else."""
    if len(new_text) > MOST_CHARACTERS or "?" in new_text:
        return False
    words = [word.casefold() for word in _WORD.findall(new_text)]
    if not words or len(words) > MOST_WORDS:
        return False
    said = set(words)
    return bool(said & _THANKS) and not said & _ASKS
