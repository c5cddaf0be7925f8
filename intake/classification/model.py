"""The trained model: weights as plain data, and the sums that make a reading into scores."""

import gzip
import json
import math
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from config.errors import KithError
from config.files import read_bytes
from intake.classification.features import character_runs, shape_of
from intake.classification.packing import KINDS, from_bytes, to_bytes

MODEL_FILE = "kinds.model.json.gz"
FORMAT = 4
TABLES = (
    "words",
    "runs",
    "phrases",
    "shapes",
    "subject_words",
    "subject_runs",
    "subject_phrases",
)
"""The groups of features."""

_WORDS_REMEMBERED = 20_000

Table = Mapping[str, int]
"""Feature -> its weights for all kinds, packed (see `packing`)."""


class ModelError(KithError):
    """The model file cannot be used."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The model that sorts mail cannot be read: {why}. Run `make train`.")


class KnownWord(NamedTuple):
    """What a word adds to each kind, and the parts it plays in the shape of a sentence."""

    weights: int
    parts: tuple[str, ...]
    familiar: bool


class WordMemory(dict[str, KnownWord]):
    """What words stand for: one that training never met is taken apart into runs of letters.

    Bounded; what it holds never changes an answer.
    """

    def __init__(self, words: Table, runs: Table) -> None:
        super().__init__()
        self._words = words
        self._runs = runs

    def __missing__(self, word: str) -> KnownWord:
        """Work out a word met for the first time, and remember it."""
        whole = self._words.get(word)
        if whole is None:
            weights = sum(self._runs.get(run, 0) for run in character_runs(word))
        else:
            weights = whole  # its runs are in there already
        known = KnownWord(weights, shape_of(word), whole is not None)
        if len(self) >= _WORDS_REMEMBERED:
            self.clear()
        self[word] = known
        return known


class Also(NamedTuple):
    """When a second kind is named: its own score, not its distance to the first, is what tells."""

    slope: float
    offset: float
    at_least: float
    """The confidence from which it is named."""

    def confidence(self, score: float) -> float:
        """Return how likely it is that a kind with this score, not the highest, is present too."""
        return 1 / (1 + math.exp(-max(min(self.slope * score + self.offset, 50.0), -50.0)))


@dataclass(frozen=True)
class KindModel:
    """Weights per feature and kind (in `unit`s), and how far the scores can be trusted."""

    bias: tuple[float, ...]
    unit: float
    tables: Mapping[str, Table]
    sharpness: float
    """How quickly confidence follows the lead of one score over the others."""
    sure_from: float
    """The confidence from which at least 97 % were right in cross-validation."""
    also: Also
    """When a second kind is named."""
    words: WordMemory = field(init=False, repr=False, compare=False)
    subject_words: WordMemory = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Set up the two word memories; they hold nothing that the tables do not say."""
        for name in ("words", "subject_words"):
            runs = self.tables[name.replace("words", "runs")]
            object.__setattr__(self, name, WordMemory(self.tables[name], runs))

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
    if plain["kinds"] != [kind.value for kind in KINDS] or len(plain["bias"]) != len(KINDS):
        raise ValueError("the kinds are others")
    return KindModel(
        bias=tuple(float(value) for value in plain["bias"]),
        unit=float(plain["unit"]),
        tables={name: _table(plain["tables"][name]) for name in TABLES},
        sharpness=float(plain["sharpness"]),
        sure_from=float(plain["sure_from"]),
        also=Also(*map(float, plain["also"])),
    )


def _table(plain: dict[str, str]) -> Table:
    rows = from_bytes(b64decode(plain["weights"], validate=True))
    features = plain["features"].split("\n") if plain["features"] else []
    return dict(zip(features, rows, strict=True))


def _plain_table(table: Table) -> dict[str, str]:
    features = sorted(table)
    rows = to_bytes([table[feature] for feature in features])
    return {"features": "\n".join(features), "weights": b64encode(rows).decode("ascii")}


def dump_model(model: KindModel) -> bytes:
    """Return `model` as bytes for `load_model`: the same model always gives the same bytes."""
    plain = {
        "format": FORMAT,
        "kinds": [kind.value for kind in KINDS],
        "bias": model.bias,
        "unit": model.unit,
        "sharpness": model.sharpness,
        "sure_from": model.sure_from,
        "also": model.also,
        "tables": {name: _plain_table(model.tables[name]) for name in TABLES},
    }
    text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
    return gzip.compress(text.encode("utf-8"), compresslevel=9, mtime=0)


def shipped_model(site_dir: Path | None = None) -> KindModel:
    """Return the site's own model if it has one, else the one shipped with Kith."""
    return load_model(read_bytes(MODEL_FILE, site_dir))
