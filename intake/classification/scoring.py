"""From a reading to one score per kind, remembering what added how much."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from intake.classification.features import (
    LONGEST_PHRASE,
    LONGEST_SHAPE,
    Reading,
    shape,
)
from intake.classification.model import KindModel, Table, Weights, WordMemory, column_sums

_SMOOTHING = 5


Hit = tuple[Weights, int, int]
"""A feature found: its weights, and the first and the last token that it stands on."""


@dataclass(frozen=True, slots=True)
class Part:
    """The hits of one group of features, and what each of its weights counts."""

    hits: Sequence[Hit]
    worth: float


@dataclass(frozen=True, slots=True)
class Scores:
    """One score per kind, in the model's order, and the hits that they are the sum of."""

    totals: tuple[float, ...]
    body: tuple[Part, ...]
    subject: tuple[Part, ...]
    familiar: float
    """The share of the different words that the model has met in training, 0 to 1."""


def worth_of_one(count: int) -> float:
    """Return what one of `count` features counts, so that long mails do not outshout short ones."""
    return 1 / math.sqrt(count + _SMOOTHING)


def score(reading: Reading, model: KindModel) -> Scores:
    """Return the score of each kind for `reading`; the sum of its parts and the bias."""
    subject = _subject_parts(reading.subject, model)
    words, familiar = _word_hits(reading.body, model.words)
    items, owners = shape(model.words.look_up(word).parts for word in reading.body)
    body = (
        Part(words, worth_of_one(len(words))),
        Part(
            _runs_of(reading.body, model.tables["phrases"], LONGEST_PHRASE),
            worth_of_one(len(reading.body)),
        ),
        Part(
            _placed(_runs_of(items, model.tables["shapes"], LONGEST_SHAPE), owners),
            worth_of_one(len(items)),
        ),
    )
    return Scores(_totals((*body, *subject), model), body, subject, familiar)


def _subject_parts(subject: Sequence[str], model: KindModel) -> tuple[Part, ...]:
    words, _ = _word_hits(subject, model.subject_words)
    phrases = _runs_of(subject, model.tables["subject_phrases"], LONGEST_PHRASE)
    return (
        Part(words, worth_of_one(len(words))),
        Part(phrases, worth_of_one(len(subject))),
    )


def _word_hits(words: Sequence[str], memory: WordMemory) -> tuple[list[Hit], float]:
    """Return one hit for each different word, where it first stands, and the familiar share."""
    first_places = {word: at for at, word in reversed(list(enumerate(words)))}
    known = [(memory.look_up(word), at) for word, at in first_places.items()]
    hits = [(word.weights, at, at) for word, at in known]
    familiar = sum(word.familiar for word, _ in known)
    return hits, familiar / max(len(known), 1)


def _runs_of(items: Sequence[str], table: Table, longest: int) -> list[Hit]:
    """Return each different run of 2 to `longest` items that is in `table`, where it first stands.

    The table holds every beginning of what it holds, so that a miss ends the search at that place.
    """
    hits: dict[str, Hit] = {}
    count = len(items)
    for at in range(count - 1):
        run = items[at]
        for last in range(at + 1, min(at + longest, count)):
            run = f"{run} {items[last]}"
            weights = table.get(run)
            if weights is None:
                break
            if run not in hits:
                hits[run] = (weights, at, last)
    return list(hits.values())


def _placed(hits: Sequence[Hit], owners: Sequence[int]) -> list[Hit]:
    return [(weights, owners[first], owners[last]) for weights, first, last in hits]


def _totals(parts: Sequence[Part], model: KindModel) -> tuple[float, ...]:
    totals = list(model.bias)
    for part in parts:
        sums = column_sums([weights for weights, _, _ in part.hits], model.nothing)
        worth = part.worth * model.unit
        totals = [total + worth * value for total, value in zip(totals, sums, strict=True)]
    return tuple(totals)
