"""What one line of text is, told by the line alone."""

from dataclasses import dataclass
from itertools import accumulate

from intake.quoting.words import (
    BESIDE_DEVICES,
    BLOCK_NAMES,
    DEVICES,
    FORWARD_BEGINNINGS,
    FORWARDED,
    ORIGINAL,
    SENT_FROM,
)

MOST_LINES = 50_000
_LONGEST_LINE = 300
_FACES = (">:", ">_", ">.<", ">;", ">=(")


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a text side by side: where each starts, its words, and whether ">" leads it.

    Lists rather than one object a line, since every mail passes here and most lines are plain.
    """

    starts: list[int]
    texts: list[str]
    quoted: list[bool]

    def __len__(self) -> int:
        return len(self.texts)


def read_lines(text: str) -> Lines:
    """Return the first 50,000 lines, without quote signs and blanks around them."""
    written = text.split("\n", MOST_LINES)[:MOST_LINES]
    texts = [line[:_LONGEST_LINE].strip() for line in written]
    starts = list(accumulate([len(line) + 1 for line in written], initial=0))
    starts[-1] = min(starts[-1], len(text))
    if ">" not in text:
        return Lines(starts, texts, [False] * len(texts))
    quoted = [line[:1] == ">" and not line.startswith(_FACES) for line in texts]
    pairs = zip(texts, quoted, strict=True)
    return Lines(starts, [line.lstrip("> ") if quote else line for line, quote in pairs], quoted)


def begins_forward(text: str) -> bool:
    """Return whether the line stands above a forwarded message."""
    if text.startswith(("--", "==")):
        return text.strip("-=_* ").lower().startswith(FORWARDED)
    return text[-1:] == ":" and text.lower().startswith(FORWARD_BEGINNINGS)


def begins_original(text: str) -> bool:
    """Return whether the line is "-----Original Message-----"."""
    return text.startswith(("--", "==", "__")) and text.strip("-_=* ").lower() in ORIGINAL


def is_rule(text: str) -> bool:
    """Return whether the line is drawn, not written."""
    return text.startswith(("---", "===", "___")) and not text.strip("-_= ")


def header_name(text: str) -> str:
    """Return the name if the line reads like `Subject: …` in a header block, else ""."""
    name, colon, _ = text[:60].partition(":")
    lowered = name.strip("* \xa0").lower()
    return lowered if colon and lowered in BLOCK_NAMES else ""


def is_prose(text: str, words: int) -> bool:
    """Return whether the line has at least so many words."""
    return text.count(" ") + 1 >= words


def is_postscript(text: str) -> bool:
    """Return whether the line begins with PS, P.S. or P S."""
    lowered = text[:4].lower()
    if lowered.startswith(("p.s", "p s")):
        return not lowered[3:].isalpha()
    return lowered.startswith("ps") and not lowered[2:3].isalpha()


def names_a_device(text: str) -> bool:
    """Return whether the line is a phone's own: "Sent from my iPhone", and nothing more.

    "Sent from my phone, please do not ring it" is the sender's.
    """
    lowered = text[:200].lower().replace("’", "'")
    prefix = next((each for each in SENT_FROM if lowered.startswith(each)), None)
    if prefix is None or len(text) > 120:
        return False
    rest = lowered[len(prefix) :].partition("<")[0].partition("http")[0]
    words = [kept for word in rest.split() if (kept := word.strip(".,;:!()[]-"))]
    known = all(
        word in DEVICES or word in BESIDE_DEVICES or any(map(str.isdigit, word)) for word in words
    )
    return known and len(words) <= 9 and any(word in DEVICES for word in words)
