"""The small language of risk.toml, compiled.

A phrase is a row of words. `(a|b c)` is a choice, `word?` or `(a|b)?` may be missing, `stab*` is
any word that begins so, `<3>` up to three words of the same sentence, `{who}` a list from [words],
and a last `!(a|b)` says what must not follow. Nothing else is possible, so that no phrase can be
slow: each gap is bounded, and a phrase has at most three.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from config.errors import KithError

LONGEST_GAP = 8
MOST_GAPS = 3
SHORTEST_BEGINNING = 3
_LETTERS = 14
"""Letters per word (few words are longer) for the stretch in which a phrase is looked for."""

_COMMON_WORDS = """
the and to i a of in is it my for he that we you have was her she with on not they be me
at this are as but his if him has so from or an all our what can by about their up when
had been one would no do who there will out your us just know now them get dont like how
go said any were more some im hes time home only see told school after two which back
says because please need since want could help over off then got into than even where
went before shes being social worker come its last still ive first day days think make
take children child mum did years never here cant email other good put
"""
_COMMONEST = {word: 1 / rank for rank, word in enumerate(_COMMON_WORDS.split(), 2)}
_UNCOMMON = 1 / 600
"""Roughly how often a word comes, to look for the rarest; a wrong number only costs time."""

_PIECE = re.compile(r"\s*(?:<(\d)>|(!?)\(([^()<>!]*)\)(\?)?|([\w*]+)(\?)?)")
_SLOT = re.compile(r"\{([a-z_]+)\}")
_WORD = re.compile(r"[^\W_]+\*?|\d+")


class PhraseError(KithError):
    """A phrase of risk.toml cannot be read."""

    def __init__(self, phrase: str, fault: str) -> None:
        super().__init__(f"The phrase {phrase!r} {fault}")


@dataclass(frozen=True, slots=True)
class Trigger:
    """What gives a phrase away: its rarest `word` (or beginning, `stab*`).

    `needle` is what to look for in the text.
    """

    word: str
    needle: str


@dataclass(frozen=True)
class Phrase:
    """One compiled phrase.

    At least one of `triggers`, and one word of every set in `needs`, is in a text that it matches;
    the rest of it is looked for `reach` characters to either side of the trigger.
    """

    source: str
    pattern: str
    triggers: tuple[Trigger, ...]
    needs: tuple[frozenset[str], ...]
    reach: int

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """Return the pattern compiled: not before a text may hold it, as most never do."""
        return re.compile(self.pattern)

    def find(self, words: str, needle: str) -> Iterator[re.Match[str]]:
        """Yield where the phrase stands in `words` near a trigger's `needle`, in linear time."""
        regex, reach = self.regex, self.reach
        position = words.find(needle)
        while position >= 0:
            start, end = max(0, position - reach), position + len(needle) + reach
            while 0 <= (position := words.find(needle, position + 1)) <= end + reach:
                end = position + len(needle) + reach  # stretches that overlap are read as one
            yield from regex.finditer(words, start, end)


@dataclass(frozen=True, slots=True)
class _Part:
    regex: str
    options: tuple[str, ...]
    """The choices of which one is certain to be there; empty when nothing is certain."""
    length: int
    """How many words it takes at most."""


def compile_phrase(source: str, lists: Mapping[str, tuple[str, ...]]) -> Phrase:
    """Return `source` compiled, its `{lists}` filled in; raises `PhraseError`."""
    parts = list(_parts(source, _SLOT.sub(lambda found: _choice(found, lists), source)))
    gaps = sum(part.regex.startswith(r"(?: \w") for part in parts)
    if gaps > MOST_GAPS:
        raise PhraseError(source, f"has {gaps} gaps; at most {MOST_GAPS} are allowed.")
    ending = [part for part in parts if not part.regex.startswith("(?!")]
    if not ending or not ending[0].options or not ending[-1].options:
        raise PhraseError(source, "must begin and end with a word that is always there.")
    certain = sorted((part.options for part in parts if part.options), key=_commonness)
    needs = (frozenset(map(_rarest, options)) for options in certain[1:])
    return Phrase(
        source=source,
        pattern="".join(part.regex for part in parts) + "(?= )",
        triggers=tuple(_trigger(option) for option in sorted(set(certain[0]))),
        needs=tuple(words for words in needs if not any("*" in word for word in words)),
        reach=_LETTERS * (sum(part.length for part in parts) + 1),
    )


def _choice(found: re.Match[str], lists: Mapping[str, tuple[str, ...]]) -> str:
    """Return the list that `found` names as a choice, or as part of the choice it stands in."""
    source, name = found.string, found[1]
    if name not in lists:
        raise PhraseError(source, f"uses the list {{{name}}}, which [words] does not have.")
    before = source[: found.start()]
    inside = before.count("(") > before.count(")")
    return "|".join(lists[name]) if inside else f"({'|'.join(lists[name])})"


def _parts(source: str, text: str) -> Iterator[_Part]:
    position = 0
    text = text.strip()
    while position < len(text):
        piece = _PIECE.match(text, position)
        if piece is None:
            raise PhraseError(source, f"cannot be read from {text[position : position + 20]!r} on.")
        position = piece.end()
        gap, forbidden, choice, maybe_choice, word, maybe_word = piece.groups()
        if gap:
            yield _gap(source, int(gap))
        elif forbidden:
            yield _Part(f"(?!{_alternatives(source, choice)})", (), 3)
        else:
            chosen = choice if word is None else word
            yield _words(source, chosen, optional=bool(maybe_choice or maybe_word))


def _gap(source: str, words: int) -> _Part:
    if not 1 <= words <= LONGEST_GAP:
        raise PhraseError(source, f"has a gap of {words}; from 1 to {LONGEST_GAP} are allowed.")
    return _Part(rf"(?: \w+){{0,{words}}}", (), words)


def _words(source: str, choice: str, *, optional: bool) -> _Part:
    regex = _alternatives(source, choice)
    options = choice.split("|")
    length = max(len(option.split()) for option in options)
    if optional:
        return _Part(f"(?:{regex})?", (), length)
    return _Part(regex, tuple(options), length)


def _alternatives(source: str, choice: str) -> str:
    options = [
        "".join(_word(source, word) for word in option.split()) for option in choice.split("|")
    ]
    if not all(options):
        raise PhraseError(source, "has an empty choice.")
    return options[0] if len(options) == 1 else f"(?:{'|'.join(options)})"


def _word(source: str, word: str) -> str:
    if not _WORD.fullmatch(word) or word != word.lower():
        raise PhraseError(source, f"has {word!r}; write small letters without apostrophes.")
    if word.endswith("*") and len(word) <= SHORTEST_BEGINNING:
        raise PhraseError(
            source, f"has {word!r}; write at least {SHORTEST_BEGINNING} letters before *."
        )
    return rf" {word[:-1]}\w*" if word.endswith("*") else f" {word}"


def _trigger(option: str) -> Trigger:
    word = _rarest(option)
    if word.endswith("*"):
        return Trigger(word, f" {word[:-1]}")
    return Trigger(word, f" {word} " if "*" in option else f" {option} ")


def _rarest(option: str) -> str:
    return min(option.split(), key=lambda word: (_frequency(word), -len(word)))


def _commonness(options: tuple[str, ...]) -> float:
    """Return roughly how often one of `options` is in a text; two words in a row are rare."""
    return sum(min(map(_frequency, one.split())) / len(one.split()) ** 3 for one in set(options))


def _frequency(word: str) -> float:
    """Return roughly how often `word` comes; beginnings of words cost more to look for."""
    return _UNCOMMON * 3 if word.endswith("*") else _COMMONEST.get(word, _UNCOMMON)
