"""How a phrase walks over the words of a sentence: step by step, the longest way first."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

_Option = tuple[str, ...]
_ONE = (1,)


@dataclass(frozen=True)
class Choice:
    """Several `options`, each of one or more words, of which one fits; a word may be `stab*`.

    Each option has one of the words `rarest`.
    """

    options: tuple[_Option, ...]
    rarest: frozenset[str]

    @cached_property
    def is_single(self) -> bool:
        """Return whether every option is of one word."""
        return max(map(len, self.options)) == 1

    @cached_property
    def _by_first(self) -> Mapping[str, tuple[_Option, ...]]:
        options: dict[str, list[_Option]] = defaultdict(list)
        for option in self.options:
            options[option[0]].append(option)
        return {first: tuple(group) for first, group in options.items()}

    @cached_property
    def _only_single(self) -> frozenset[str]:
        """Return the words with which only options of one word begin."""
        return frozenset(
            first for first, group in self._by_first.items() if max(map(len, group)) == 1
        )

    @cached_property
    def _beginnings(self) -> tuple[str, ...]:
        """Return the beginnings of words that an option may begin with."""
        return tuple({option[0][:-1] for option in self.options if option[0][-1] == "*"})

    def beginnings(self, words: Sequence[str], places: range) -> list[int]:
        """Return those of `places` at which an option may begin, ascending."""
        firsts, beginnings = self._by_first, self._beginnings
        if not beginnings:
            return [at for at in places if words[at] in firsts]
        return [at for at in places if words[at] in firsts or words[at].startswith(beginnings)]

    def lengths(self, words: Sequence[str], at: int, stop: int) -> Sequence[int]:
        """Return how many words each option takes that fits at `at`, in the order written."""
        if at >= stop:
            return ()
        word = words[at]
        if self._beginnings and word.startswith(self._beginnings):
            options = self.options
        elif word in self._only_single:
            return _ONE
        elif (options := self._by_first.get(word, ())) == ():
            return ()
        return [len(option) for option in options if _fits(option, words, at, stop)]


@dataclass(frozen=True, slots=True)
class Step:
    """A choice after at most `gap` other words; it may be missing, or must not be there."""

    choice: Choice
    gap: int = 0
    is_optional: bool = False
    is_forbidden: bool = False

    @property
    def longest(self) -> int:
        """Return how many words it takes at most."""
        return self.gap + max(map(len, self.choice.options))

    @property
    def is_certain(self) -> bool:
        """Return whether one of the choice is always there."""
        return not (self.is_optional or self.is_forbidden)


def end_of(steps: Sequence[Step], words: Sequence[str], at: int, stop: int, done: int = 0) -> int:
    """Return the place behind the last word of `steps` from `done` on, begun at `at`; -1 for none.

    Tried in this order: long gaps, options as written, what may be missing there before missing.
    `words` from `at` to `stop` are of one sentence. The tries are bounded by the gaps of a phrase.
    """
    if done == len(steps):
        return at
    step = steps[done]
    for place in range(min(at + step.gap, stop), at - 1, -1):
        lengths = step.choice.lengths(words, place, stop)
        if step.is_forbidden:
            lengths = () if lengths else (0,)
        for length in lengths:
            if (end := end_of(steps, words, place + length, stop, done + 1)) >= 0:
                return end
        if step.is_optional and (end := end_of(steps, words, place, stop, done + 1)) >= 0:
            return end
    return -1


def _fits(option: _Option, words: Sequence[str], at: int, stop: int) -> bool:
    if at + len(option) > stop:
        return False
    for wanted in option:
        if words[at] != wanted and not (wanted[-1] == "*" and words[at].startswith(wanted[:-1])):
            return False
        at += 1
    return True
