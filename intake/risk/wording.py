"""Text as the rules read it: lower-case words with one space between, apostrophes gone.

Every word can be traced back to the characters it came from, so that evidence is exact.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property

CHUNK = 60_000
"""Characters read at once: keeps memory small however long the text is."""
OVERLAP = 600
"""Characters read twice at the seam between two chunks, so that no phrase is cut."""
MARKS = ".!?…"
"""What a sentence ends with; a row of them is one token."""
LONGEST_WORD = 40
"""What is longer is no word (Base64, tracking links) and is read in pieces."""

_APOSTROPHES = str.maketrans(
    {"’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'", "＇": "'", "′": "'"}
)
_TOKEN = re.compile(
    rf"\d{{1,4}}(?:[./:-]\d{{1,4}}){{1,3}}(?!\d)"
    rf"|[^\W_]{{1,{LONGEST_WORD}}}(?:'[^\W_]{{1,{LONGEST_WORD}}}){{0,2}}"
    rf"|[{MARKS}]+"
)


def _fold(text: str) -> str:
    """Return `text` in lower case with straight apostrophes, every character in its place."""
    lowered = text.lower()
    if len(lowered) != len(text):  # a few letters, such as the Turkish İ, grow when lowered
        lowered = "".join(low if len(low := char.lower()) == 1 else char for char in text)
    return lowered if lowered.isascii() else lowered.translate(_APOSTROPHES)


class Wording:
    """One stretch of text, read as words.

    `words` has a space before, between and after all words; the ends of sentences are words too.
    `offset` is where the stretch begins in the whole text.
    """

    def __init__(self, text: str, offset: int = 0) -> None:
        self.text = text
        self.offset = offset
        self._folded = _fold(text)
        self.tokens: list[str] = _TOKEN.findall(self._folded)
        self.words = f" {' '.join(self.tokens)} ".replace("'", "")
        self.plain = self.words.split()
        self._starts: list[int] = []  # of as many tokens as have been asked for

    @cached_property
    def _marks(self) -> list[int]:
        """Return the tokens that are no words: ends of sentences, dates and times with a mark."""
        return [at for at, word in enumerate(self.plain) if not word.isalnum()]

    @cached_property
    def ends(self) -> list[int]:
        """Return the tokens that end a sentence, ascending."""
        return [at for at in self._marks if self.plain[at][0] in MARKS]

    @property
    def sentences(self) -> Iterator[tuple[int, int]]:
        """Yield where each row of words starts and stops that no mark, date or time parts."""
        start = 0
        for stop in (*self._marks, len(self.plain)):
            if start < stop:
                yield start, stop
            start = stop + 1

    @cached_property
    def _places(self) -> list[int]:
        """Return where in `words` each token begins."""
        places, place = [], 1
        for word in self.plain:
            places.append(place)
            place += len(word) + 1
        return places

    def place(self, index: int) -> int:
        """Return where token `index` begins in `words`; the end of `words` beyond the last."""
        return self._places[index] if index < len(self.tokens) else len(self.words)

    def index_at(self, position: int) -> int:
        """Return the number of the token at `position` of `words`."""
        return max(0, bisect_right(self._places, position) - 1)

    def span(self, first: int, last: int) -> tuple[int, int]:
        """Return the characters of the whole text from token `first` to `last`, both included."""
        start, end = self._stretch(first, last)
        return self.offset + start, self.offset + end

    def written(self, first: int, last: int) -> str:
        """Return the text from token `first` to token `last` as it was written."""
        start, end = self._stretch(first, last)
        return self.text[start:end]

    def _stretch(self, first: int, last: int) -> tuple[int, int]:
        return self._start(first), self._start(last) + len(self.tokens[last])

    def _start(self, index: int) -> int:
        """Return where in the text token `index` begins."""
        starts, tokens, find = self._starts, self.tokens, self._folded.find
        position = starts[-1] + len(tokens[len(starts) - 1]) if starts else 0
        for token in tokens[len(starts) : index + 1]:
            position = find(token, position)  # nothing between two tokens looks like one
            starts.append(position)
            position += len(token)
        return starts[index]


def read_wordings(text: str) -> Iterator[Wording]:
    """Yield the whole of `text` as wordings of bounded length, in order, the seams read twice."""
    start = 0
    while len(text) - start > CHUNK:
        yield Wording(text[start : start + CHUNK], start)
        start += CHUNK - OVERLAP
    yield Wording(text[start:], start)
