"""The small language of risk.toml, compiled.

A phrase is a row of words. `(a|b c)` is a choice, `word?` or `(a|b)?` may be missing, `stab*` is any
word that begins so, `<3>` up to three words of the same sentence, `{he}` a list from `[words]`, and a
last `!(a|b)` says what must not follow. Nothing else is possible, so that no phrase can be slow:
each gap is bounded, and a phrase has at most three.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from config.errors import KithError

LONGEST_GAP = 8
MOST_GAPS = 3
REACH = 250
"""Characters to either side of a trigger word in which the rest of its phrase is looked for."""

_PIECE = re.compile(r"\s*(?:<(\d)>|(!?)\(([^()<>!]*)\)(\?)?|([\w*]+)(\?)?)")
_SLOT = re.compile(r"\{([a-z_]+)\}")
_WORD = re.compile(r"[^\W_]+\*?|\d+")


class PhraseError(KithError):
    """A phrase of risk.toml cannot be read."""

    def __init__(self, phrase: str, fault: str) -> None:
        super().__init__(f"The phrase {phrase!r} {fault}")


@dataclass(frozen=True, slots=True)
class Phrase:
    """One compiled phrase; at least one of `triggers` is in every text that it matches."""

    source: str
    regex: re.Pattern[str]
    triggers: tuple[str, ...]

    def find(self, words: str, trigger: str) -> Iterator[re.Match[str]]:
        """Yield where the phrase stands in `words` near `trigger`, each stretch read once."""
        for start, end in _stretches(words, trigger):
            yield from self.regex.finditer(words, start, end)


@dataclass(frozen=True, slots=True)
class _Part:
    regex: str
    words: tuple[str, ...]
    """The words of which one is certain to be there; empty when nothing is certain."""


def compile_phrase(source: str, lists: Mapping[str, tuple[str, ...]]) -> Phrase:
    """Return `source` compiled, its `{lists}` filled in; raises `PhraseError` saying what is wrong."""
    parts = list(_parts(source, _SLOT.sub(lambda found: _choice(found, lists), source)))
    gaps = sum(part.regex.startswith(r"(?: \w") for part in parts)
    if gaps > MOST_GAPS:
        raise PhraseError(source, f"has {gaps} gaps; at most {MOST_GAPS} are allowed.")
    certain = [part.words for part in parts if part.words]
    if not certain or not parts[0].regex.startswith(" ") and not parts[0].words:
        raise PhraseError(source, "must begin with a word that is always there.")
    regex = re.compile("".join(part.regex for part in parts) + "(?= )")
    return Phrase(source, regex, min(certain, key=_commonness))


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
            yield _Part(f"(?!{_alternatives(source, choice)})", ())
        else:
            chosen = choice if word is None else word
            yield _words(source, chosen, optional=bool(maybe_choice or maybe_word))


def _gap(source: str, words: int) -> _Part:
    if not 1 <= words <= LONGEST_GAP:
        raise PhraseError(source, f"has a gap of {words}; from 1 to {LONGEST_GAP} are allowed.")
    return _Part(rf"(?: \w+){{0,{words}}}", ())


def _words(source: str, choice: str, *, optional: bool) -> _Part:
    regex = _alternatives(source, choice)
    if optional:
        return _Part(f"(?:{regex})?", ())
    return _Part(regex, tuple(_rarest(option) for option in choice.split("|")))


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
    return rf" {word[:-1]}\w*" if word.endswith("*") else f" {word}"


def _rarest(option: str) -> str:
    return max(option.split(), key=lambda word: (len(word.rstrip("*")), word))


def _commonness(words: tuple[str, ...]) -> tuple[int, int]:
    """Sort a set of certain words: the one with the rarest (longest) words first."""
    return -min(len(word.rstrip("*")) for word in words), len(words)


def _stretches(words: str, trigger: str) -> Iterator[tuple[int, int]]:
    """Yield the stretches of `words` around each `trigger`, overlapping ones joined."""
    needle = f" {trigger[:-1]}" if trigger.endswith("*") else f" {trigger} "
    position = words.find(needle)
    while position >= 0:
        start, end = max(0, position - REACH), position + len(needle) + REACH
        while 0 <= (position := words.find(needle, position + 1)) <= end + REACH:
            end = position + len(needle) + REACH
        yield start, end
