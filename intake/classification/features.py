"""What a message is judged by: its words, their neighbours and the shape of its sentences.

The same reading serves training and the running service. Everything here is linear in the length of
the text, and long texts are read only at both ends (`READ_AT_EACH_END`).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from intake.classification.vocabulary import CLASS_OF, ENDINGS, FUNCTION_WORDS
from intake.message import Message

READ_AT_EACH_END = 20_000
"""Characters read at the beginning and at the end of a long text."""

BREAK = "."
NUMBER = "#"
_FEWEST_NEW_WORDS = 5
_LONGEST_WORD = 30
_CHARACTER_RUNS = (2, 3, 4, 5)

# Every alternative starts with a different character and repeats one class only: linear.
TOKEN = re.compile(r"\w+(?:'\w+)*|[?!.£@]|\n[ \t\r]*\n")
SENTENCE_END = re.compile(r"[?!.]|\n[ \t\r]*\n")
"""Matches exactly where `TOKEN` gives one of `SENTENCE_ENDS`."""
SENTENCE_ENDS = frozenset((BREAK, "?", "!"))

Stretch = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Reading:
    """The tokens of a message.

    `stretches` are the parts of `Message.text` that the body's tokens come from, `plain_texts` the
    same in lower case; a `BREAK` stands in `body` between one and the next.
    """

    subject: tuple[str, ...]
    body: tuple[str, ...]
    stretches: tuple[Stretch, ...] = ()
    plain_texts: tuple[str, ...] = ()


def read(message: Message) -> Reading:
    """Read what the sender wrote now; where that is next to nothing, the whole text."""
    stretches = stretches_read(message)
    texts = tuple(plain(message.text[start:end]) for start, end in stretches)
    body: list[str] = []
    for number, text in enumerate(texts):
        if number:
            body.append(BREAK)
        body += tokens(text)
    return Reading(
        subject=tuple(tokens(plain(message.subject[:READ_AT_EACH_END]))),
        body=tuple(body),
        stretches=stretches,
        plain_texts=texts,
    )


def stretches_read(message: Message) -> tuple[Stretch, ...]:
    """Return the parts of `message.text` that intent is read from, in order."""
    few = len(message.new_text.split(None, _FEWEST_NEW_WORDS)) < _FEWEST_NEW_WORDS
    whole = ((0, len(message.text)),)
    stretches = whole if few else tuple(_unmarked(message))
    if sum(end - start for start, end in stretches) <= 2 * READ_AT_EACH_END:
        return stretches
    return (*_first(stretches), *_last(stretches))


def _unmarked(message: Message) -> Iterator[Stretch]:
    position = 0
    for mark in message.marks:
        if mark.start > position:
            yield position, mark.start
        position = max(position, mark.end)
    if position < len(message.text):
        yield position, len(message.text)


def _first(stretches: Sequence[Stretch]) -> Iterator[Stretch]:
    left = READ_AT_EACH_END
    for start, end in stretches:
        if left <= 0:
            return
        yield start, min(end, start + left)
        left -= end - start


def _last(stretches: Sequence[Stretch]) -> Iterator[Stretch]:
    mirrored = [(-end, -start) for start, end in reversed(stretches)]
    return reversed([(-end, -start) for start, end in _first(mirrored)])


def plain(text: str) -> str:
    """Return `text` in lower case with straight apostrophes, exactly as long as it was."""
    lowered = text.lower()
    if len(lowered) != len(text):  # a few capitals have a longer small form
        lowered = "".join(low if len(low := char.lower()) == 1 else char for char in text)
    return lowered.replace("\u2019", "'")


def tokens(text: str) -> list[str]:
    """Return the tokens of a plain text: words, numbers (all alike, also 7pm) and marks."""
    return [found if found.isalpha() else _name(found) for found in TOKEN.findall(text)]


def _name(found: str) -> str:
    first = found[0]
    if first == "\n":
        return BREAK
    return NUMBER if first.isdecimal() else found


def character_runs(word: str) -> list[str]:
    """Return the runs of 2 to 5 letters in `word`, its ends marked by < and >."""
    if not word[0].isalpha():
        return []
    marked = f"<{word[:_LONGEST_WORD]}>"
    return [
        marked[at : at + size] for size in _CHARACTER_RUNS for at in range(len(marked) - size + 1)
    ]


def shape_of(word: str) -> tuple[str, ...]:
    """Return the parts a token plays in the shape of its sentence (two for "I'd")."""
    if word in CLASS_OF:
        return (CLASS_OF[word],)
    stem, apostrophe, ending = word.partition("'")
    if apostrophe and ending in ENDINGS:
        if ending == "t":
            stem = stem.removesuffix("n")
        return _part(stem), ENDINGS[ending]
    return (_part(word),)


def _part(word: str) -> str:
    if word in FUNCTION_WORDS or not word.isalpha():
        return word
    return CLASS_OF.get(word, "_")


def shape(parts_of_words: Iterable[tuple[str, ...]]) -> tuple[list[str], list[int]]:
    """Return the shape of a text, and for each item the token that it comes from.

    A run of words in no class counts as one.
    """
    items: list[str] = []
    owners: list[int] = []
    previous = ""
    for token, parts in enumerate(parts_of_words):
        for part in parts:
            if part != "_" or previous != "_":
                items.append(part)
                owners.append(token)
            previous = part
    return items, owners


def pairs_of(items: Sequence[str]) -> list[str]:
    """Return each two neighbouring items, joined by a space."""
    return list(map(" ".join, pairwise(items)))


def triples_of(items: Sequence[str]) -> list[str]:
    """Return each three neighbouring items, joined by spaces; a triple begins with its pair."""
    return list(map(" ".join, zip(items, items[1:], items[2:], strict=False)))
