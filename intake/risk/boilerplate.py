"""The few sentences that are never a signal: lists of helplines (our own among them), news frames.

Only a sentence without any word about a person ("I", "she", "my") can be one, so that
"I rang Samaritans, I have taken tablets" always counts.
"""

from bisect import bisect_left, bisect_right

from intake.risk.rules import Boilerplate
from intake.risk.wording import Wording

_FURTHEST = 60
"""Words to either side in which a sentence must end to be looked at."""
_FRAGMENT = 6


def is_boilerplate(wording: Wording, first: int, last: int, rules: Boilerplate) -> bool:
    """Return whether the sentence around these tokens only lists helplines or frames news."""
    words = _sentence(wording, first, last)
    if _asks(wording, last):  # "Worried about self-harm? Text SHOUT ..."
        words += _sentence(wording, *_next_sentence(wording, last))
    if not rules.personal.isdisjoint(words.split()):
        return False
    if _has_any(words, rules.newsletter):
        return True
    return _has_any(words, rules.helplines) and _has_any(words, rules.invitations)


def is_about_nobody(wording: Wording, first: int, last: int, rules: Boilerplate) -> bool:
    """Return whether the sentence around these tokens has no word about a person.

    A sentence of a few words ("Overdose. Not waking.") is about somebody: people in need write so.
    """
    words = _sentence(wording, first, last).split()
    return len(words) > _FRAGMENT and rules.people.isdisjoint(words)


def is_robots_request(wording: Wording, first: int, last: int, rules: Boilerplate) -> bool:
    """Return whether "do not reply" at these tokens is the usual line of an unwatched mailbox."""
    start, end = max(0, first - 25), min(len(wording.tokens), last + 26)
    return _has_any(_joined(wording.tokens[start:end]), rules.robot)


def _sentence(wording: Wording, first: int, last: int) -> str:
    before = bisect_left(wording.ends, first)
    start = wording.ends[before - 1] + 1 if before else 0
    return _joined(wording.tokens[max(start, first - _FURTHEST) : _end(wording, last) + 1])


def _end(wording: Wording, last: int) -> int:
    """Return the last token of the sentence that `last` is in, without its full stop."""
    ends = wording.ends
    after = bisect_right(ends, last)
    end = ends[after] if after < len(ends) else len(wording.tokens)
    return min(end - 1, last + _FURTHEST)


def _asks(wording: Wording, last: int) -> bool:
    end = _end(wording, last)
    return end + 2 < len(wording.tokens) and "?" in wording.tokens[end + 1]


def _next_sentence(wording: Wording, last: int) -> tuple[int, int]:
    following = _end(wording, last) + 2
    return following, following


def _joined(tokens: list[str]) -> str:
    return f" {' '.join(tokens)} ".replace("'", "")


def _has_any(words: str, phrases: tuple[str, ...]) -> bool:
    return any(phrase in words for phrase in phrases)
