"""The few sentences that are never a signal: lists of helplines (our own among them), news frames.

Only a sentence without any word about a person ("I", "she", "my") can be one, so that
"I rang Samaritans, I have taken tablets" always counts.
"""

from bisect import bisect_left, bisect_right

from intake.risk.rules import Boilerplate
from intake.risk.wording import Wording

_FURTHEST = 60
"""Words to either side in which a sentence must end to be looked at."""
_STEP = 20
"""An endless sentence is cut at every so many words, so that neighbours are looked at together."""
_FRAGMENT = 6


def sentence_around(wording: Wording, first: int, last: int) -> tuple[int, int]:
    """Return the sentence around these tokens, without its full stop; both tokens included."""
    ends = wording.ends
    before, after = bisect_left(ends, first), bisect_right(ends, last)
    start = ends[before - 1] + 1 if before else 0
    end = (ends[after] if after < len(ends) else len(wording.tokens)) - 1
    cut_start = (first - _FURTHEST) // _STEP * _STEP
    cut_end = -(-(last + _FURTHEST) // _STEP) * _STEP
    return max(start, cut_start), min(end, cut_end)


def is_boilerplate(wording: Wording, start: int, end: int, rules: Boilerplate) -> bool:
    """Return whether the sentence from `start` to `end` only lists helplines or frames news."""
    words = _joined(wording.tokens[start : end + 1])
    if _asks(wording, end):  # "Worried about self-harm? Text SHOUT ..."
        start, end = sentence_around(wording, end + 2, end + 2)
        words += _joined(wording.tokens[start : end + 1])
    if not rules.personal.isdisjoint(words.split()):
        return False
    if _has_any(words, rules.newsletter):
        return True
    return _has_any(words, rules.helplines) and _has_any(words, rules.invitations)


def is_about_nobody(wording: Wording, start: int, end: int, rules: Boilerplate) -> bool:
    """Return whether the sentence from `start` to `end` has no word about a person.

    A sentence of a few words ("Overdose. Not waking.") is about somebody: people in need write so.
    """
    words = _joined(wording.tokens[start : end + 1]).split()
    return len(words) > _FRAGMENT and rules.people.isdisjoint(words)


def is_robots_request(wording: Wording, first: int, last: int, rules: Boilerplate) -> bool:
    """Return whether "do not reply" at these tokens is the usual line of an unwatched mailbox."""
    start, end = max(0, first - 25), min(len(wording.tokens), last + 26)
    return _has_any(_joined(wording.tokens[start:end]), rules.robot)


def _asks(wording: Wording, end: int) -> bool:
    return end + 2 < len(wording.tokens) and "?" in wording.tokens[end + 1]


def _joined(tokens: list[str]) -> str:
    return f" {' '.join(tokens)} ".replace("'", "")


def _has_any(words: str, phrases: tuple[str, ...]) -> bool:
    return any(phrase in words for phrase in phrases)
