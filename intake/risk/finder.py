"""Finds many phrases in a text at once: only those are tried whose rarest word is there."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from intake.risk.phrases import Phrase
from intake.risk.wording import Wording

MOST_HITS = 4
"""How often one owner is shown in one stretch of text; enough to decide and to read."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A phrase of `owner` stands at the tokens `first` to `last`, both included."""

    owner: int
    first: int
    last: int


_Entry = tuple[str, tuple[frozenset[str], ...], int, Phrase]
"""What to look for in the text, what else must be there, whose phrase it is, and the phrase."""
_STEM = 3
"""Letters by which the beginnings of words are looked up; the shortest beginning allowed."""


@dataclass(frozen=True, slots=True)
class Finder:
    """The phrases of several owners (signals, events), by the word that triggers them.

    `by_stem` has those whose trigger is the beginning of words (`stab*`), by its first letters.
    """

    by_word: Mapping[str, tuple[_Entry, ...]]
    by_stem: Mapping[str, tuple[_Entry, ...]]

    @classmethod
    def of(cls, owners: Iterable[tuple[Phrase, ...]]) -> "Finder":
        """Return a finder for `owners`; a hit gives the owner's place in this order."""
        words: dict[str, list[_Entry]] = defaultdict(list)
        stems: dict[str, list[_Entry]] = defaultdict(list)
        for owner, phrases in enumerate(owners):
            for phrase in phrases:
                for trigger in phrase.triggers:
                    is_stem = trigger.word.endswith("*")
                    table, key = (stems, trigger.word[:_STEM]) if is_stem else (words, trigger.word)
                    table[key].append((trigger.needle, phrase.needs, owner, phrase))
        return cls(
            {word: tuple(entries) for word, entries in words.items()},
            {stem: tuple(entries) for stem, entries in stems.items()},
        )

    def find(self, wording: Wording) -> tuple[Hit, ...]:
        """Return the hits in `wording` in the order of the text, at most `MOST_HITS` per owner."""
        vocabulary, words = wording.vocabulary, wording.words
        hits: dict[int, set[Hit]] = {}
        for needle, needs, owner, phrase in self._candidates(vocabulary):
            for need in needs:  # the busiest lines of the scan, hence no function
                if vocabulary.isdisjoint(need):
                    break
            else:
                if needle in words:
                    _collect(hits.setdefault(owner, set()), owner, phrase, needle, wording)
        every = (hit for found in hits.values() for hit in _joined(found))
        return tuple(sorted(every, key=lambda hit: (hit.first, hit.last, hit.owner)))

    def _candidates(self, vocabulary: frozenset[str]) -> list[_Entry]:
        """Return the phrases whose trigger may be there, always in the same order."""
        found: list[_Entry] = []
        for word in sorted(vocabulary & self.by_word.keys()):
            found += self.by_word[word]
        for stem in sorted({word[:_STEM] for word in vocabulary} & self.by_stem.keys()):
            found += self.by_stem[stem]
        return found


def _joined(hits: set[Hit]) -> Iterator[Hit]:
    """Yield `hits` of one owner, those that overlap joined to one."""
    current: Hit | None = None
    for hit in sorted(hits, key=lambda one: (one.first, one.last)):
        if current is not None and hit.first <= current.last:
            current = Hit(hit.owner, current.first, max(current.last, hit.last))
            continue
        if current is not None:
            yield current
        current = hit
    if current is not None:
        yield current


def _collect(found: set[Hit], owner: int, phrase: Phrase, needle: str, wording: Wording) -> None:
    if len(found) >= MOST_HITS:
        return
    for match in phrase.find(wording.words, needle):
        first, last = wording.index_at(match.start() + 1), wording.index_at(match.end() - 1)
        found.add(Hit(owner, first, last))
        if len(found) >= MOST_HITS:
            return
