"""The features of a reading as numbers, exactly as `scoring` weighs them; used in training."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from intake.classification.features import (
    Reading,
    character_runs,
    pairs_of,
    shape,
    shape_of,
    triples_of,
)
from intake.classification.scoring import worth_of_one

Counts = Mapping[str, Mapping[str, float]]
"""Table -> feature -> how much of it there is."""


def count_features(reading: Reading) -> Counts:
    """Return how much of each feature the reading holds, by table of the model."""
    body, subject = reading.body, reading.subject
    items, _ = shape(map(shape_of, body))
    return {
        "words": _words(body),
        "runs": _runs(body),
        "phrases": _neighbours(body),
        "shapes": _neighbours(items),
        "subject_words": _words(subject),
        "subject_runs": _runs(subject),
        "subject_phrases": _neighbours(subject),
    }


def _words(tokens: Iterable[str]) -> dict[str, float]:
    different = set(tokens)
    return dict.fromkeys(different, worth_of_one(len(different)))


def _runs(tokens: Iterable[str]) -> dict[str, float]:
    different = set(tokens)
    worth = worth_of_one(len(different))
    found = Counter(run for word in different for run in character_runs(word))
    return {run: worth * times for run, times in found.items()}


def _neighbours(items: Sequence[str]) -> dict[str, float]:
    found = (*pairs_of(items), *triples_of(items))
    return dict.fromkeys(found, worth_of_one(len(items)))
