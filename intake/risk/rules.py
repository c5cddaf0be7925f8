"""risk.toml, read and compiled: what a safeguarding lead may change without touching code."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from config.errors import KithError
from config.files import read_text
from intake.risk.finder import Finder
from intake.risk.phrases import Phrase, PhraseError, compile_phrase

_SIGNAL_KEYS = frozenset({"id", "level", "why", "example", "needs_person", "phrases"})
_EVENT_KEYS = frozenset({"type", "example", "reach", "phrases"})
_FILE_KEYS = frozenset({"deadline_within_days", "words", "signals", "events", "boilerplate"})

_Table = Mapping[str, Any]
_Lists = Mapping[str, tuple[str, ...]]


class SignalLevel(StrEnum):
    """What a signal raises."""

    NOW = "now"
    TODAY = "today"
    DEADLINE = "deadline"
    UNSAFE_REPLY = "unsafe_reply"
    CHILD_SENDER = "child_sender"


class RiskRulesError(KithError):
    """risk.toml is wrong; the sentence names the signal and what to change."""

    def __init__(self, where: str, fault: str) -> None:
        super().__init__(f"risk.toml, {where}: {fault}")


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal: the phrases that give it away, and the sentence that says why it matters."""

    id: str
    level: SignalLevel
    why: str
    example: str
    needs_person: bool
    phrases: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """A kind of day that matters (a hearing, a review), and the phrases that name it.

    A day belongs to it when at most `reach` words lie between the two.
    """

    type: str
    example: str
    reach: int
    phrases: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class Boilerplate:
    """How to know a sentence that only lists helplines or belongs to a newsletter's frame.

    Each of the phrases has a space before and behind, so that it is found as whole words.
    """

    helplines: tuple[str, ...]
    invitations: tuple[str, ...]
    newsletter: tuple[str, ...]
    robot: tuple[str, ...]
    people: frozenset[str]
    personal: frozenset[str]


@dataclass(frozen=True, slots=True)
class RiskRules:
    """All signals and events, ready to scan with."""

    signals: tuple[Signal, ...]
    events: tuple[Event, ...]
    deadline_within_days: int
    boilerplate: Boilerplate
    finder: Finder
    """Of the phrases of all signals and then of all events, in one go."""


def load_risk_rules(text: str) -> RiskRules:
    """Return the rules in `text` (the TOML of risk.toml), compiled; raises `RiskRulesError`."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RiskRulesError("the file", f"is not valid TOML: {error}.") from error
    _check_keys("the file", table, _FILE_KEYS)
    lists = _lists(_section(table, "words"))
    signals = tuple(_signal(entry, lists) for entry in _entries(table, "signals"))
    events = tuple(_event(entry, lists) for entry in _entries(table, "events"))
    _check_unique("signal", [signal.id for signal in signals])
    _check_unique("event", [event.type for event in events])
    return RiskRules(
        signals=signals,
        events=events,
        deadline_within_days=_number(
            "the file", "deadline_within_days", table["deadline_within_days"]
        ),
        boilerplate=_boilerplate(_section(table, "boilerplate")),
        finder=Finder.of([one.phrases for one in signals] + [one.phrases for one in events]),
    )


def shipped_risk_rules(site_dir: Path | None = None) -> RiskRules:
    """Return the rules of the site's own risk.toml if it has one, else those shipped with Kith."""
    return load_risk_rules(read_text("risk.toml", site_dir))


def _check_keys(where: str, table: _Table, keys: frozenset[str]) -> None:
    if missing := sorted(keys - table.keys()):
        raise RiskRulesError(where, f"{', '.join(missing)} is missing.")
    if unknown := sorted(table.keys() - keys):
        raise RiskRulesError(where, f"{', '.join(unknown)} is not known; take it out.")


def _section(table: _Table, name: str) -> _Table:
    section = table[name]
    if not isinstance(section, dict):
        raise RiskRulesError(f"[{name}]", f"must be a section that begins with [{name}].")
    return section


def _entries(table: _Table, name: str) -> list[_Table]:
    entries = table[name]
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise RiskRulesError(f"[[{name}]]", f"each must be a section that begins with [[{name}]].")
    return entries


def _check_unique(what: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise RiskRulesError(f"{what} {name!r}", "is there twice; give one another name.")


def _strings(where: str, key: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
        raise RiskRulesError(where, f"{key} must be a list of texts in quotes.")
    return tuple(value)


def _string(where: str, key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise RiskRulesError(where, f"{key} must be a text in quotes.")
    return value


def _yes_or_no(where: str, key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise RiskRulesError(where, f"{key} must be true or false.")
    return value


def _number(where: str, key: str, value: object) -> int:
    if not isinstance(value, int) or not 0 <= value <= 60:
        raise RiskRulesError(where, f"{key} must be a number from 0 to 60.")
    return value


def _lists(table: _Table) -> _Lists:
    return {name: _strings("[words]", name, value) for name, value in table.items()}


def _phrases(where: str, value: object, lists: _Lists) -> tuple[Phrase, ...]:
    try:
        return tuple(compile_phrase(source, lists) for source in _strings(where, "phrases", value))
    except PhraseError as error:
        raise RiskRulesError(where, str(error)) from error


def _signal(table: _Table, lists: _Lists) -> Signal:
    where = f"signal {table.get('id', '(without an id)')!r}"
    _check_keys(where, {"needs_person": False} | dict(table), _SIGNAL_KEYS)
    if table["level"] not in set(SignalLevel):
        raise RiskRulesError(where, f"level must be one of {', '.join(SignalLevel)}.")
    return Signal(
        id=_string(where, "id", table["id"]),
        level=SignalLevel(table["level"]),
        why=_string(where, "why", table["why"]),
        example=_string(where, "example", table["example"]),
        needs_person=_yes_or_no(where, "needs_person", table.get("needs_person", False)),
        phrases=_phrases(where, table["phrases"], lists),
    )


def _event(table: _Table, lists: _Lists) -> Event:
    where = f"event {table.get('type', '(without a type)')!r}"
    _check_keys(where, table, _EVENT_KEYS)
    return Event(
        type=_string(where, "type", table["type"]),
        example=_string(where, "example", table["example"]),
        reach=_number(where, "reach", table["reach"]),
        phrases=_phrases(where, table["phrases"], lists),
    )


def _boilerplate(table: _Table) -> Boilerplate:
    where = "[boilerplate]"
    names = ("helplines", "invitations", "newsletter", "robot", "people", "personal")
    _check_keys(where, table, frozenset(names))
    lists = {name: _strings(where, name, table[name]) for name in names}
    return Boilerplate(
        _spaced(lists["helplines"]),
        _spaced(lists["invitations"]),
        _spaced(lists["newsletter"]),
        _spaced(lists["robot"]),
        frozenset(lists["people"]),
        frozenset(lists["personal"]),
    )


def _spaced(phrases: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f" {phrase} " for phrase in phrases)
