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


_Entries = tuple[tuple[int, Phrase], ...]


@dataclass(frozen=True, slots=True)
class Finder:
    """The phrases of several owners (signals, events), by the word that triggers them."""

    by_word: Mapping[str, _Entries]
    by_beginning: Mapping[str, _Entries]

    @classmethod
    def of(cls, owners: Iterable[tuple[Phrase, ...]]) -> "Finder":
        """Return a finder for `owners`; a hit gives the owner's place in this order."""
        words: dict[str, list[tuple[int, Phrase]]] = defaultdict(list)
        for owner, phrases in enumerate(owners):
            for phrase in phrases:
                for trigger in set(phrase.triggers):
                    words[trigger].append((owner, phrase))
        tables = {trigger: tuple(entries) for trigger, entries in words.items()}
        return cls(
            {trigger: found for trigger, found in tables.items() if not trigger.endswith("*")},
            {trigger: found for trigger, found in tables.items() if trigger.endswith("*")},
        )

    def find(self, wording: Wording) -> tuple[Hit, ...]:
        """Return the hits in `wording` in the order of the text, at most `MOST_HITS` per owner."""
        hits: dict[int, set[Hit]] = defaultdict(set)
        for trigger, (owner, phrase) in self._candidates(wording):
            found = hits[owner]
            if len(found) < MOST_HITS:
                _collect(found, owner, phrase, trigger, wording)
        every = (hit for found in hits.values() for hit in found)
        return tuple(sorted(every, key=lambda hit: (hit.first, hit.last, hit.owner)))

    def _candidates(self, wording: Wording) -> Iterator[tuple[str, tuple[int, Phrase]]]:
        for word in sorted(wording.vocabulary & self.by_word.keys()):
            yield from ((word, entry) for entry in self.by_word[word])
        for beginning, entries in self.by_beginning.items():
            if f" {beginning[:-1]}" in wording.words:
                yield from ((beginning, entry) for entry in entries)


def _collect(found: set[Hit], owner: int, phrase: Phrase, trigger: str, wording: Wording) -> None:
    for match in phrase.find(wording.words, trigger):
        first, last = wording.index_at(match.start() + 1), wording.index_at(match.end() - 1)
        found.add(Hit(owner, first, last))
        if len(found) >= MOST_HITS:
            return
