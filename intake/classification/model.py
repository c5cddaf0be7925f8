"""The trained model: weights as plain data, and the sums that make a reading into scores."""

import gzip
import json
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.errors import KithError
from config.files import read_bytes
from intake.classification.features import character_runs, shape_of
from intake.taxonomy import Kind

MODEL_FILE = "kinds.model.json.gz"
FORMAT = 1
TABLES = (
    "words",
    "runs",
    "phrases",
    "shapes",
    "subject_words",
    "subject_runs",
    "subject_phrases",
)
"""The groups of features; phrases and shapes hold every beginning of what they hold."""

_WORDS_REMEMBERED = 20_000

Weights = tuple[int, ...]
Table = Mapping[str, Weights]


class ModelError(KithError):
    """The model file cannot be used."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The model that sorts mail cannot be read: {why}. Run `make train`.")


@dataclass(frozen=True, slots=True)
class KnownWord:
    """What a word adds to each kind, and the parts it plays in the shape of a sentence."""

    weights: Weights
    parts: tuple[str, ...]
    familiar: bool


class WordMemory:
    """The sums of words met before: a word is taken apart into letters once, not in every mail."""

    def __init__(self, words: Table, runs: Table, nothing: Weights) -> None:
        self._words = words
        self._runs = runs
        self._nothing = nothing
        self._known: dict[str, KnownWord] = {}

    def look_up(self, word: str) -> KnownWord:
        """Return what `word` stands for; the memory is bounded and never changes the answer."""
        known = self._known.get(word)
        if known is None:
            known = self._work_out(word)
            if len(self._known) >= _WORDS_REMEMBERED:
                self._known.clear()
            self._known[word] = known
        return known

    def _work_out(self, word: str) -> KnownWord:
        whole = self._words.get(word)
        hits = [found for run in character_runs(word) if (found := self._runs.get(run))]
        if whole is not None:
            hits.append(whole)
        return KnownWord(column_sums(hits, self._nothing), shape_of(word), whole is not None)


def column_sums(rows: Sequence[Weights], nothing: Weights) -> Weights:
    """Return the sum of each column, `nothing` if there are no rows."""
    return tuple(map(sum, zip(*rows, strict=True))) if rows else nothing


@dataclass(frozen=True)
class KindModel:
    """Weights per feature and kind (in `unit`s), and how far the scores can be trusted."""

    kinds: tuple[Kind, ...]
    bias: tuple[float, ...]
    unit: float
    tables: Mapping[str, Table]
    sharpness: float
    """How quickly confidence follows the lead of one score over the others."""
    sure_from: float
    """The confidence from which at least 97 % were right in cross-validation."""
    also_from: float
    """The confidence from which a second kind is named."""
    words: WordMemory = field(init=False, repr=False, compare=False)
    subject_words: WordMemory = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Set up the two word memories; they hold nothing that the tables do not say."""
        for name in ("words", "subject_words"):
            runs = self.tables[name.replace("words", "runs")]
            memory = WordMemory(self.tables[name], runs, self.nothing)
            object.__setattr__(self, name, memory)

    @property
    def nothing(self) -> Weights:
        """Return the weights of a feature that says nothing."""
        return (0,) * len(self.kinds)

    def confidences(self, scores: Sequence[float]) -> list[float]:
        """Return for each kind how likely it is, given the scores; they add up to 1."""
        return softmax(scores, self.sharpness)


def softmax(scores: Sequence[float], sharpness: float) -> list[float]:
    """Return shares adding up to 1 that follow `scores`, the more sharply the higher."""
    top = max(scores)
    powers = [math.exp(sharpness * (score - top)) for score in scores]
    whole = sum(powers)
    return [power / whole for power in powers]


def load_model(data: bytes) -> KindModel:
    """Return the model in `data` (gzipped JSON as `dump_model` writes it).

    Raises `ModelError`, which says to run `make train`, when it is damaged or of another format.
    """
    try:
        plain = json.loads(gzip.decompress(data))
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise ModelError("the file is damaged") from error
    if not isinstance(plain, dict) or plain.get("format") != FORMAT:
        raise ModelError("it was made for another version of Kith")
    try:
        return _from_plain(plain)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError("a part of it is missing or malformed") from error


def _from_plain(plain: dict[str, Any]) -> KindModel:
    kinds = tuple(Kind(name) for name in plain["kinds"])
    return KindModel(
        kinds=kinds,
        bias=tuple(float(value) for value in plain["bias"]),
        unit=float(plain["unit"]),
        tables={name: _table(plain["tables"][name], len(kinds)) for name in TABLES},
        sharpness=float(plain["sharpness"]),
        sure_from=float(plain["sure_from"]),
        also_from=float(plain["also_from"]),
    )


def _table(plain: dict[str, list[int]], width: int) -> Table:
    table = {feature: tuple(weights) for feature, weights in plain.items()}
    if any(len(weights) != width for weights in table.values()):
        raise ValueError("a row of weights does not fit the kinds")
    return table


def dump_model(model: KindModel) -> bytes:
    """Return `model` as bytes for `load_model`: the same model always gives the same bytes."""
    plain = {
        "format": FORMAT,
        "kinds": [kind.value for kind in model.kinds],
        "bias": model.bias,
        "unit": model.unit,
        "sharpness": model.sharpness,
        "sure_from": model.sure_from,
        "also_from": model.also_from,
        "tables": {name: dict(sorted(model.tables[name].items())) for name in TABLES},
    }
    text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
    return gzip.compress(text.encode("utf-8"), compresslevel=9, mtime=0)


def shipped_model(site_dir: Path | None = None) -> KindModel:
    """Return the site's own model if it has one, else the one shipped with Kith."""
    return load_model(read_bytes(MODEL_FILE, site_dir))
