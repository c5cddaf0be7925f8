"""Which words carried a decision: the stretches of the text where the winning kind gained most."""

from collections.abc import Sequence
from itertools import chain

from intake.classification.features import TOKEN, Reading, plain
from intake.classification.scoring import Part, Scores
from intake.evidence import Evidence
from intake.message import Message

_MOST_PHRASES = 3
_WORTH_SHOWING = 0.4
"""Of the strongest phrase's gain."""
_SENTENCE_ENDS = frozenset(".?!")

Phrase = tuple[float, int, int]
"""What a run of tokens gained, its first token and the one after its last."""


def carrying_phrases(
    message: Message, reading: Reading, scores: Scores, column: int, label: str
) -> tuple[Evidence, ...]:
    """Return the stretches that spoke most for the kind in `column`, strongest first."""
    phrases = strongest(reading.body, gains(len(reading.body), scores.body, column))
    subject_gain = sum(gains(len(reading.subject), scores.subject, column))
    places = _places(message, reading)
    found = [
        (gain, _evidence(message, label, places[first][0], places[after - 1][1]))
        for gain, first, after in phrases
    ]
    if message.subject.strip() and subject_gain > 0:
        found.append((subject_gain, Evidence(label, message.subject, -1, -1)))
    found.sort(key=lambda pair: -pair[0])
    enough = _WORTH_SHOWING * found[0][0] if found else 0.0
    return tuple(evidence for gain, evidence in found[:_MOST_PHRASES] if gain >= enough)


def gains(count: int, parts: Sequence[Part], column: int) -> list[float]:
    """Return what each of `count` tokens added to the score in `column`."""
    result = [0.0] * count
    for part in parts:
        for weights, first, last in part.hits:
            share = part.worth * weights[column] / (last - first + 1)
            for at in range(first, last + 1):
                result[at] += share
    return result


def strongest(tokens: Sequence[str], gained: Sequence[float]) -> list[Phrase]:
    """Return the best run of tokens of each sentence that has one above the average."""
    if not gained:
        return []
    usual = sum(gained) / len(gained)
    smooth = [
        (before + 2 * here + after) / 4 - max(usual, 0.0)
        for before, here, after in zip(
            chain((0.0,), gained), gained, chain(gained[1:], (0.0,)), strict=False
        )
    ]
    return [
        run for start, end in _sentences(tokens) if (run := _best_run(smooth, start, end))[0] > 0
    ]


def _sentences(tokens: Sequence[str]) -> list[tuple[int, int]]:
    ends = [at for at, token in enumerate(tokens) if token in _SENTENCE_ENDS]
    starts = [0, *(end + 1 for end in ends)]
    return [
        (start, end) for start, end in zip(starts, [*ends, len(tokens)], strict=True) if end > start
    ]


def _best_run(values: Sequence[float], start: int, end: int) -> Phrase:
    """Return the run between `start` and `end` with the highest sum, in one pass."""
    best: Phrase = (0.0, start, start)
    total, first = 0.0, start
    for at in range(start, end):
        if total <= 0:
            total, first = 0.0, at
        total += values[at]
        if total > best[0]:
            best = (total, first, at + 1)
    return best


def _places(message: Message, reading: Reading) -> list[tuple[int, int]]:
    """Return where in `message.text` each token of the reading's body stands."""
    places: list[tuple[int, int]] = []
    for start, end in reading.stretches:
        if places:
            places.append((start, start))
        places += [
            (start + found.start(), start + found.end())
            for found in TOKEN.finditer(plain(message.text[start:end]))
        ]
    return places


def _evidence(message: Message, label: str, start: int, end: int) -> Evidence:
    return Evidence(label, message.text[start:end], start, end)
