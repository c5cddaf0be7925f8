"""Finds many phrases in a text at once.

Each phrase has a row of bits, one for each of its words that must be there. One pass over the
words of a sentence sets them in order (the method is known as Shift-And); only the phrases whose
last bit is set are then walked step by step.
"""

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass

from intake.risk.phrases import SHORTEST_BEGINNING, Phrase, Row
from intake.risk.steps import end_of
from intake.risk.wording import Wording

_STRETCH = 200
"""Words of a sentence looked at together: in an endless one, every phrase might seem to be."""
_LETTERS = SHORTEST_BEGINNING


@dataclass(frozen=True, slots=True)
class Hit:
    """A phrase of `owner` stands at the tokens `first` to `last`, both included."""

    owner: int
    first: int
    last: int


_Span = tuple[int, int]
"""The first and the last token of a hit."""


@dataclass(frozen=True, slots=True)
class Finder:
    """The phrases of several owners (signals, events), and the bits of their words.

    `by_beginning` has the bits of each `stab*`, found by its first letters.
    """

    phrases: Mapping[int, tuple[int, Phrase]]
    """By its last bit, the owner of a phrase and the phrase."""
    by_word: Mapping[str, int]
    by_beginning: Mapping[str, tuple[tuple[str, int], ...]]
    first_bits: int
    last_bits: int
    patient_bits: int
    """The bits before which other words may come."""
    longest: int
    """The most words that a phrase takes."""

    @classmethod
    def of(cls, owners: Iterable[tuple[Phrase, ...]]) -> "Finder":
        """Return a finder for `owners`; a hit gives the owner's place in this order."""
        bits = _Bits()
        for owner, phrases in enumerate(owners):
            for phrase in phrases:
                for row in phrase.rows():
                    bits.add(owner, phrase, row)
        beginnings = _by_first_letters(bits.words)
        words = {
            word: (fitting | _fitting(word, beginnings))
            if word[:_LETTERS] in beginnings
            else fitting
            for word, fitting in bits.words.items()
            if not word.endswith("*")
        }
        return cls(
            bits.phrases, words, beginnings, bits.first, bits.last, bits.patient, bits.longest
        )

    def find(self, wording: Wording, enough: Container[int] = ()) -> Iterator[Hit]:
        """Yield the hits in `wording` in the order of the text.

        Owners in `enough` are left out. The reader may add to it between two hits; it counts from
        the next sentence on (of an endless one, from the next stretch on).
        """
        words = wording.plain
        fitting = self._fitting(words)
        for first, stop in wording.sentences:
            for start in range(first, stop, _STRETCH):
                behind = start + _STRETCH
                bits = self._last_bits(fitting[start : min(behind + self.longest, stop)])
                if bits:
                    places = range(start, min(behind, stop))
                    yield from _hits(self._spans(bits, words, places, stop, enough))

    def _fitting(self, words: list[str]) -> list[int]:
        """Return for each of `words` the bits that it may set."""
        known, beginnings = self.by_word.get, self.by_beginning
        return [
            bits
            if (bits := known(word)) is not None
            else (_fitting(word, beginnings) if word[:_LETTERS] in beginnings else 0)
            for word in words
        ]

    def _last_bits(self, fitting: list[int]) -> int:
        """Return the last bits of the phrases that may be in a row of words with these bits."""
        last, patient = self.last_bits, self.patient_bits
        seen = following = 0
        may_come = self.first_bits
        for bits in fitting:  # the busiest lines of the scan
            now = (following | may_come) & bits if bits else 0
            following = now << 1
            if now:
                seen |= now & last
                may_come |= following & patient
        return seen

    def _spans(
        self, bits: int, words: list[str], places: range, stop: int, enough: Container[int]
    ) -> Mapping[int, set[_Span]]:
        """Return by owner where the phrases with these last `bits` begin at one of `places`."""
        spans: dict[int, set[_Span]] = defaultdict(set)
        while bits:
            bit = bits.bit_length() - 1
            bits ^= 1 << bit
            owner, phrase = self.phrases[bit]
            if owner not in enough:
                _walk(spans[owner], phrase, words, places, stop)
        return spans


class _Bits:
    """Bits given out to phrases, those of one phrase in a row."""

    def __init__(self) -> None:
        self.phrases: dict[int, tuple[int, Phrase]] = {}
        self.words: dict[str, int] = defaultdict(int)
        self.first = self.last = self.patient = self.longest = 0
        self._count = 0

    def add(self, owner: int, phrase: Phrase, row: Row) -> None:
        self.first |= 1 << self._count
        for words, is_patient in row:
            bit = 1 << self._count
            for word in words:
                self.words[word] |= bit
            if is_patient:
                self.patient |= bit << 1
            self._count += 1
        self.longest = max(self.longest, phrase.longest)
        self.last |= 1 << (self._count - 1)
        self.phrases[self._count - 1] = (owner, phrase)


def _by_first_letters(words: Mapping[str, int]) -> dict[str, tuple[tuple[str, int], ...]]:
    beginnings: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for word, bits in words.items():
        if word.endswith("*"):
            beginnings[word[:_LETTERS]].append((word[:-1], bits))
    return {letters: tuple(group) for letters, group in beginnings.items()}


def _fitting(word: str, beginnings: Mapping[str, tuple[tuple[str, int], ...]]) -> int:
    """Return the bits of the beginnings that `word` has."""
    fitting = 0
    for beginning, bits in beginnings.get(word[:_LETTERS], ()):
        if word.startswith(beginning):
            fitting |= bits
    return fitting


def _hits(spans: Mapping[int, set[_Span]]) -> Iterator[Hit]:
    """Yield the hits of all owners in the order of the text."""
    every = [
        (first, last, owner) for owner, found in spans.items() for first, last in _joined(found)
    ]
    yield from (Hit(owner, first, last) for first, last, owner in sorted(every))


def _joined(spans: set[_Span]) -> list[_Span]:
    """Return `spans` of one owner in order, those that overlap joined to one."""
    joined: list[_Span] = []
    for first, last in sorted(spans):
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return joined


def _walk(found: set[_Span], phrase: Phrase, words: list[str], places: range, stop: int) -> None:
    """Add to `found` where `phrase` begins at one of `places` and ends before `stop`."""
    done = 0
    for at in phrase.steps[0].choice.beginnings(words, places):
        if at >= done and (end := end_of(phrase.steps, words, at, stop)) > 0:
            found.add((at, end - 1))
            done = end
