"""Train the shipped model from the project's own messages: `make train`.

A linear model is fitted on whole messages and, with less weight, on the sentences that a person
marked as deciding. The same data gives the same bytes. Only this file and `evaluation` need
scikit-learn; the service never does.
"""

import math
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scipy.sparse import csr_matrix
from sklearn.svm import LinearSVC

import config
from intake.classification.calibration import Calibration, Judged, calibrate
from intake.classification.counting import Counts, count_features
from intake.classification.evaluation import (
    Figures,
    Folds,
    figures,
    folds_across,
    folds_within,
    judge_unseen,
    report,
)
from intake.classification.features import Reading, character_runs, plain, read, tokens
from intake.classification.model import (
    MODEL_FILE,
    TABLES,
    KindModel,
    Table,
    dump_model,
)
from intake.classification.packing import KINDS, pack
from intake.classification.samples import Sample, load_samples

_UNIT = 1e-3
_COST = 0.15
_SENTENCE_WEIGHT = 0.3
_DUST = 0.015
"""A feature none of whose weights reaches this is left out of the model."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a table takes part: in how many texts a feature must stand, and its emphasis."""

    fewest: int
    emphasis: float


RECIPES: Mapping[str, Recipe] = {
    "words": Recipe(1, 0.3),
    "runs": Recipe(2, 0.1),
    "phrases": Recipe(3, 0.25),
    "shapes": Recipe(3, 0.18),
    "subject_words": Recipe(1, 0.15),
    "subject_runs": Recipe(2, 0.07),
    "subject_phrases": Recipe(2, 0.15),
}


@dataclass(frozen=True, slots=True)
class Example:
    """A sample counted: the whole message, and each sentence that decided."""

    sample: Sample
    whole: Counts
    sentences: tuple[Counts, ...]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The features kept, numbered, with what one of each is worth."""

    columns: Mapping[tuple[str, str], int]
    worth: Sequence[float]


def prepare(samples: Sequence[Sample]) -> tuple[Example, ...]:
    """Return the samples with their features counted."""
    return tuple(
        Example(sample, count_features(read(sample.message)), _deciding_sentences(sample))
        for sample in samples
    )


def _deciding_sentences(sample: Sample) -> tuple[Counts, ...]:
    """Return the marked sentences; of a sample of several kinds only that of the first mark."""
    marked = sample.evidence[:1] if sample.also else sample.evidence
    text = sample.message.text
    sentences = [sentence_around(text, words) for words in marked if words in text]
    return tuple(
        count_features(Reading((), tuple(tokens(plain(sentence))))) for sentence in sentences
    )


def sentence_around(text: str, words: str) -> str:
    """Return the sentence or sentences of `text` that hold `words`."""
    start = text.index(words)
    end = start + len(words)
    first = max(text.rfind(mark, 0, start) for mark in ".?!\n") + 1
    ends = [at for mark in ".?!\n" if (at := text.find(mark, end)) >= 0]
    return text[first : min(ends, default=len(text)) + 1].strip()


def learn_vocabulary(texts: Sequence[Counts]) -> Vocabulary:
    """Return the features that stand in enough of `texts`; rare ones are worth more."""
    columns: dict[tuple[str, str], int] = {}
    worth: list[float] = []
    for table, recipe in RECIPES.items():
        met = Counter(feature for counts in texts for feature in counts[table])
        for feature in sorted(met):
            if met[feature] >= recipe.fewest:
                columns[table, feature] = len(worth)
                rarity = math.log((len(texts) + 1) / (met[feature] + 1)) + 1
                worth.append(recipe.emphasis * rarity)
    return Vocabulary(columns, worth)


def as_matrix(texts: Sequence[Counts], vocabulary: Vocabulary) -> Any:
    """Return one row per text, one column per feature of the vocabulary."""
    rows: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    for row, counts in enumerate(texts):
        for table, features in counts.items():
            for feature, count in features.items():
                column = vocabulary.columns.get((table, feature))
                if column is not None:
                    rows.append(row)
                    columns.append(column)
                    values.append(count * vocabulary.worth[column])
    shape = (len(texts), len(vocabulary.worth))
    matrix = csr_matrix((values, (rows, columns)), shape=shape)
    matrix.sort_indices()
    return matrix


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted linear model, not yet rounded."""

    vocabulary: Vocabulary
    coefficients: Any
    bias: Any

    def scores(self, texts: Sequence[Counts]) -> list[tuple[float, ...]]:
        """Return one score per kind (in the order of `KINDS`) for each text."""
        totals = as_matrix(texts, self.vocabulary) @ self.coefficients.T + self.bias
        return [tuple(map(float, row)) for row in totals]


def fit(examples: Sequence[Example]) -> Fit:
    """Fit one line per kind against the rest; the same examples always give the same lines."""
    whole = [example.whole for example in examples]
    vocabulary = learn_vocabulary(whole)
    sentences = [(counts, example) for example in examples for counts in example.sentences]
    texts = whole + [counts for counts, _ in sentences]
    owners = [*examples, *(example for _, example in sentences)]
    weights = [1.0] * len(whole) + [_SENTENCE_WEIGHT] * len(sentences)
    machine = LinearSVC(C=_COST, class_weight="balanced", random_state=0, tol=1e-5, max_iter=20_000)
    labels = [KINDS.index(example.sample.kind) for example in owners]
    machine.fit(as_matrix(texts, vocabulary), labels, sample_weight=weights)
    return Fit(vocabulary, _without_dust(machine.coef_, vocabulary), machine.intercept_)


def _without_dust(coefficients: Any, vocabulary: Vocabulary) -> Any:
    """Return the coefficients with those of features that hardly matter to any kind set to 0."""
    return coefficients * (abs(coefficients * vocabulary.worth).max(axis=0) >= _DUST)


def export(fitted: Fit, calibration: Calibration) -> KindModel:
    """Return the fitted lines as the service's model: whole numbers, and only what counts.

    Words that count for nothing stay: they tell a familiar language.
    """
    tables: dict[str, dict[str, int]] = {name: {} for name in TABLES}
    for (table, feature), column in fitted.vocabulary.columns.items():
        weights = fitted.coefficients[:, column] * fitted.vocabulary.worth[column]
        if table == "words" or weights.any():
            tables[table][feature] = _rounded(weights)
    for name in ("phrases", "shapes", "subject_phrases"):
        _add_beginnings(tables[name])
    for words, runs in (("words", "runs"), ("subject_words", "subject_runs")):
        _add_runs(tables[words], tables[runs])
    return KindModel(
        bias=tuple(round(float(value), 4) for value in fitted.bias),
        unit=_UNIT,
        tables=tables,
        sharpness=calibration.sharpness,
        sure_from=calibration.sure_from,
        also=calibration.also,
    )


def _add_runs(words: dict[str, int], runs: Table) -> None:
    """Add to each known word what its runs of letters weigh, so that the service need not."""
    for word in words:
        words[word] += sum(runs.get(run, 0) for run in character_runs(word))


def _add_beginnings(table: dict[str, int]) -> None:
    """Add the pair that begins each triple, weightless where it is dust: the scorer needs it."""
    for feature in list(table):
        first, second, *third = feature.split(" ")
        if third:
            table.setdefault(f"{first} {second}", 0)


def _rounded(weights: Any) -> int:
    return pack([round(float(weight) / _UNIT) for weight in weights])


def judge(examples: Sequence[Example], folds: Folds) -> list[list[Judged]]:
    """Return every example in `folds` judged by a model that has not seen its fold."""

    def score_unseen(seen: Sequence[int], unseen: Sequence[int]) -> list[tuple[float, ...]]:
        fitted = fit([examples[at] for at in seen])
        return fitted.scores([examples[at].whole for at in unseen])

    return judge_unseen([example.sample for example in examples], folds, KINDS, score_unseen)


@dataclass(frozen=True, slots=True)
class Trained:
    """A model ready to ship, and how its recipe did on messages it had not seen."""

    model: KindModel
    within: Figures
    across: Figures


def train(samples: Sequence[Sample]) -> Trained:
    """Train on all `samples`; thresholds and figures come from cross-validation."""
    examples = prepare(samples)
    within = judge(examples, folds_within(samples))
    across = judge(examples, folds_across(samples))
    calibration = calibrate([[one for fold in folds for one in fold] for folds in (within, across)])
    model = export(fit(examples), calibration)
    return Trained(model, figures(within), figures(across))


def main() -> None:
    """Train, print the figures and write the shipped model."""
    trained = train(load_samples())
    target = Path(config.__file__).parent / "defaults" / MODEL_FILE
    target.write_bytes(dump_model(trained.model))
    sys.stdout.write(
        report("Within the sets, 5 folds", trained.within)
        + "\n\n"
        + report("Across sets, a whole set unseen", trained.across)
        + f"\n\nSure from {trained.model.sure_from}; second kinds {trained.model.also}; "
        f"sharpness {trained.model.sharpness}; {target.stat().st_size / 1e6:.2f} MB in {target}\n"
    )


if __name__ == "__main__":
    main()
