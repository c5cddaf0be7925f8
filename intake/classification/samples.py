"""The labelled messages the model learns from: invented people, see `data/LABELS.md`."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from intake.message import Address, Header, Message
from intake.quoting import find_marks
from intake.taxonomy import Kind

SETS = ("t1", "t2", "t3", "t4")
"""Each set is by other hands, so that one can be held back as a fair test."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A message with the kind a person gave it, and the words that decided."""

    name: str
    source: str
    message: Message
    kind: Kind
    also: tuple[Kind, ...]
    evidence: tuple[str, ...]


def load_samples() -> tuple[Sample, ...]:
    """Return all labelled messages of the project, set by set."""
    return tuple(sample for source in SETS for sample in _read_set(source))


def _read_set(source: str) -> Iterator[Sample]:
    text = files("intake.classification").joinpath("data", f"{source}.jsonl").read_text("utf-8")
    for line in text.splitlines():
        if line.strip():
            yield _sample(source, json.loads(line))


def _sample(source: str, plain: Mapping[str, Any]) -> Sample:
    return Sample(
        name=plain["id"],
        source=source,
        message=_message(plain),
        kind=Kind(plain["kind"]),
        also=tuple(Kind(name) for name in plain["also"]),
        evidence=tuple(plain["evidence"]),
    )


def _message(plain: Mapping[str, Any]) -> Message:
    return Message(
        subject=plain["subject"],
        sender=Address(plain["from_name"], plain["from_email"]),
        headers=tuple(Header(name.lower(), value) for name, value in plain["headers"].items()),
        text=plain["body"],
        marks=find_marks(plain["body"]),
    )
