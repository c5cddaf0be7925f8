"""From a reading to one score per kind, remembering which token added what."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from intake.classification.features import Reading, pairs_of, shape
from intake.classification.model import KindModel, Table, WordMemory
from intake.classification.packing import unpack

_SMOOTHING = 5


@dataclass(frozen=True, slots=True)
class Part:
    """The features of one sort: the packed weights of those that begin at each token.

    Each stands on `span` tokens (1 or, of a triple the first, 2) and counts `worth`, and that only
    once, where it first stands.
    """

    weights: Sequence[int]
    span: int
    worth: float


@dataclass(frozen=True, slots=True)
class Scores:
    """One score per kind, in the order of `KINDS`, and the parts that they are the sum of."""

    totals: tuple[float, ...]
    body: tuple[Part, ...]
    subject: tuple[Part, ...]
    familiar: float
    """The share of the different words that the model has met in training, 0 to 1."""


def worth_of_one(count: int) -> float:
    """Return what one of `count` features counts, so that long mails do not outshout short ones."""
    return 1 / math.sqrt(count + _SMOOTHING)


def score(reading: Reading, model: KindModel) -> Scores:
    """Return the score of each kind for `reading`: its bias and the sum of the parts."""
    body_words, familiar = _words(reading.body, model.words)
    subject_words, _ = _words(reading.subject, model.subject_words)
    body = (
        body_words,
        _phrases(reading.body, model.tables["phrases"]),
        _shapes(reading.body, model),
    )
    subject = (subject_words, _phrases(reading.subject, model.tables["subject_phrases"]))
    return Scores(_totals((*body, *subject), model), body, subject, familiar)


def _first_places(features: Sequence[str]) -> dict[str, int]:
    """Return each different feature with the index of its first place."""
    return dict(zip(reversed(features), range(len(features) - 1, -1, -1), strict=True))


def _words(words: Sequence[str], memory: WordMemory) -> tuple[Part, float]:
    """Return the words as a part, and the share of the different ones that are familiar."""
    weights = [0] * len(words)
    places = _first_places(words)
    familiar = 0
    for word, at in places.items():
        known = memory[word]
        weights[at] = known.weights
        familiar += known.familiar
    return Part(weights, 1, worth_of_one(len(places))), familiar / max(len(places), 1)


def _phrases(words: Sequence[str], table: Table) -> Part:
    """Return the pairs and triples of neighbouring words that the table knows."""
    return Part(_placed(words, table, range(len(words))), 2, worth_of_one(len(words)))


def _shapes(words: Sequence[str], model: KindModel) -> Part:
    """Return the pairs and triples in the shape of the text, where their first token stands."""
    items, owners = shape([model.words[word].parts for word in words])
    return Part(_placed(items, model.tables["shapes"], owners), 2, worth_of_one(len(items)))


def _placed(items: Sequence[str], table: Table, owners: Sequence[int]) -> list[int]:
    """Return for each token the sum of the weights of the pairs and triples that first stand there.

    The table holds the pair that begins each of its triples: where no pair is, no triple is sought.
    """
    weights = [0] * (owners[-1] + 1 if owners else 0)
    met: set[str] = set()
    pairs = pairs_of(items)
    followers = (*items[2:], "")
    for at, packed in enumerate(map(table.get, pairs)):
        if packed is None:
            continue
        pair = pairs[at]
        if pair not in met:
            met.add(pair)
            weights[owners[at]] += packed
        triple = f"{pair} {followers[at]}"
        if triple not in met and (more := table.get(triple)):
            met.add(triple)
            weights[owners[at]] += more
    return weights


def _totals(parts: Sequence[Part], model: KindModel) -> tuple[float, ...]:
    totals = list(model.bias)
    for part in parts:
        worth = part.worth * model.unit
        sums = unpack(sum(part.weights))
        totals = [total + worth * value for total, value in zip(totals, sums, strict=True)]
    return tuple(totals)
