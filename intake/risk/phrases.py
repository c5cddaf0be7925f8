"""The small language of risk.toml, read into steps over words.

A phrase is a row of words. `(a|b c)` is a choice, `word?` or `(a|b)?` may be missing, `stab*` is
any word that begins so, `<3>` up to three words of the same sentence, `{who}` a list from [words],
and a last `!(a|b)` says what must not follow. Nothing else is possible, so that no phrase can be
slow: each gap is bounded, and a phrase has at most three.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from config.errors import KithError
from intake.risk.steps import Choice, Step

LONGEST_GAP = 8
MOST_GAPS = 3
SHORTEST_BEGINNING = 3

_COMMON_WORDS = """
the and to i a of in is it my for he that we you have was her she with on not they be me
at this are as but his if him has so from or an all our what can by about their up when
had been one would no do who there will out your us just know now them get dont like how
go said any were more some im hes time home only see told school after two which back
says because please need since want could help over off then got into than even where
went before shes being social worker come its last still ive first day days think make
take children child mum did years never here cant email other good put
"""
_COMMONNESS = {word: 1 / rank for rank, word in enumerate(_COMMON_WORDS.split(), 2)}
"""Roughly how often a word comes, to look for the rarest; a wrong number only costs time."""

_PIECE = re.compile(r"\s*(?:<(\d)>|(!?)\(([^()<>!]*)\)(\?)?|([\w*]+)(\?)?)")
_SLOT = re.compile(r"\{([a-z_]+)\}")


class PhraseError(KithError):
    """A phrase of risk.toml cannot be read."""

    def __init__(self, phrase: str, fault: str) -> None:
        super().__init__(f"The phrase {phrase!r} {fault}")


class _Fault(Exception):  # noqa: N818 - becomes a PhraseError where the whole phrase is known
    """What is wrong with a piece."""


Row = list[tuple[frozenset[str], bool]]
"""Words (or beginnings, `stab*`) of which one comes, and whether others may before the next."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """One phrase, read."""

    source: str
    steps: tuple[Step, ...]

    @property
    def longest(self) -> int:
        """Return how many words it takes at most."""
        return sum(step.longest for step in self.steps)

    def rows(self) -> list[Row]:
        """Return rows of words of which one is, in order, in every sentence with the phrase."""
        certain = [number for number, step in enumerate(self.steps) if step.is_certain]
        if len(certain) == 1:
            return _rows_of(self.steps[certain[0]].choice)
        return [[(self.steps[at].choice.rarest, self._is_patient(at)) for at in certain]]

    def _is_patient(self, number: int) -> bool:
        """Return whether other words may come between those of this step and of the next."""
        if number + 1 == len(self.steps):
            return True
        step, after = self.steps[number : number + 2]
        is_next = after.is_certain and not after.gap
        return not (is_next and step.choice.is_single and after.choice.is_single)


def _rows_of(choice: Choice) -> list[Row]:
    """Return a row for all single words of `choice`, and one for each option of several."""
    single = frozenset(option[0] for option in choice.options if len(option) == 1)
    rows: list[Row] = [[(single, True)]] if single else []
    several = (option for option in choice.options if len(option) > 1)
    return rows + [[(frozenset((word,)), False) for word in option] for option in several]


def compile_phrase(source: str, lists: Mapping[str, tuple[str, ...]]) -> Phrase:
    """Return `source` read, its `{lists}` filled in; raises `PhraseError`."""
    text = source
    if "{" in source:
        text = _SLOT.sub(lambda found: _filled(found, lists), source)
    try:
        steps = tuple(_steps(text.strip()))
        _check_ends(steps)
    except _Fault as fault:
        raise PhraseError(source, str(fault)) from None
    return Phrase(source, steps)


def _filled(found: re.Match[str], lists: Mapping[str, tuple[str, ...]]) -> str:
    """Return the list that `found` names as a choice, or as part of the choice it stands in."""
    source, name = found.string, found[1]
    if name not in lists:
        raise PhraseError(source, f"uses the list {{{name}}}, which [words] does not have.")
    before = source[: found.start()]
    inside = before.count("(") > before.count(")")
    return "|".join(lists[name]) if inside else f"({'|'.join(lists[name])})"


def _steps(text: str) -> Iterator[Step]:
    position = gap = gaps = 0
    while position < len(text):
        piece = _PIECE.match(text, position)
        if piece is None:
            raise _Fault(f"cannot be read from {text[position : position + 20]!r} on.")
        position = piece.end()
        width, forbidden, choice, maybe_choice, word, maybe_word = piece.groups()
        if width:
            gap += _width(int(width))
            gaps += 1
            continue
        is_optional = bool(maybe_choice or maybe_word)
        read = _choice(choice if word is None else word)
        yield Step(read, gap, is_optional, bool(forbidden))
        gap = 0
    if gap:
        raise _Fault("must begin and end with a word that is always there.")
    if gaps > MOST_GAPS:
        raise _Fault(f"has {gaps} gaps; at most {MOST_GAPS} are allowed.")


def _check_ends(steps: tuple[Step, ...]) -> None:
    """Raise `_Fault` unless the first and the last word are always there."""
    ends = [step for step in steps if not step.is_forbidden]
    if not ends or not ends[0].is_certain or ends[0].gap or not ends[-1].is_certain:
        raise _Fault("must begin and end with a word that is always there.")


def _width(words: int) -> int:
    if not 1 <= words <= LONGEST_GAP:
        raise _Fault(f"has a gap of {words}; from 1 to {LONGEST_GAP} are allowed.")
    return words


@lru_cache(4096)  # the same few choices are in many phrases
def _choice(text: str) -> Choice:
    options = tuple(tuple(option.split()) for option in text.split("|"))
    if not all(options):
        raise _Fault("has an empty choice.")
    words = text.replace("|", " ").split()
    if not "".join(words).isalnum() or text != text.lower():
        for word in words:
            _check_word(word)
    return Choice(options, frozenset(map(_rarest, options)))


def _check_word(word: str) -> None:
    letters = word.removesuffix("*")
    if not letters.isalnum() or word != word.lower():
        raise _Fault(f"has {word!r}; write small letters without apostrophes.")
    if letters != word and len(letters) < SHORTEST_BEGINNING:
        raise _Fault(f"has {word!r}; write at least {SHORTEST_BEGINNING} letters before *.")


def _rarest(option: tuple[str, ...]) -> str:
    if len(option) == 1:
        return option[0]
    return min(option, key=lambda word: (_COMMONNESS.get(word, 0), -len(word)))
