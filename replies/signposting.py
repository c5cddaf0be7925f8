"""Where people can turn: helplines as configuration, with the day somebody last checked each."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum
from functools import cached_property

from config.errors import KithError

LETTER_NUMBERS = ("emergency", "samaritans", "childline", "nspcc")
"""The services that every acknowledgement names."""


class SignpostLevel(StrEnum):
    """Whether letters keep naming a service when its check is overdue."""

    CORE = "core"
    OTHER = "other"


class SignpostError(KithError):
    """The list of signposts has an entry that cannot be used."""

    def __init__(self, entry: str, key: str, problem: str) -> None:
        place = f"entry [{entry}]" if entry else "file"
        about = f", {key!r}" if key else ""
        super().__init__(f"signposting.toml, {place}{about}: {problem}.")


@dataclass(frozen=True, slots=True)
class Signpost:
    """One service: what to dial or do, for whom, and who checked that when."""

    id: str
    name: str
    level: SignpostLevel
    number: str = ""
    text: str = ""
    hours: str = ""
    nation: str = ""
    audience: str = ""
    url: str = ""
    verified_on: date | None = None
    verified_by: str = ""
    review_by: date | None = None

    @property
    def is_core(self) -> bool:
        """Return whether letters keep it, with an alarm, when its check is overdue."""
        return self.level is SignpostLevel.CORE

    def is_verified(self, today: date) -> bool:
        """Return whether a person has checked it and need not yet look again."""
        return self.verified_on is not None and (self.review_by is None or today <= self.review_by)

    def may_stand_in_a_letter(self, today: date) -> bool:
        """Return whether letters may name it: core ones always, others only while verified."""
        return self.is_core or self.is_verified(today)


@dataclass(frozen=True)
class Signposts:
    """All signposts, in the order of the file."""

    entries: tuple[Signpost, ...]

    def __iter__(self) -> Iterator[Signpost]:
        """Yield every signpost, verified or not."""
        return iter(self.entries)

    @cached_property
    def _by_id(self) -> Mapping[str, Signpost]:
        return {entry.id: entry for entry in self.entries}

    def get(self, signpost_id: str) -> Signpost | None:
        """Return the signpost of that id, or None."""
        return self._by_id.get(signpost_id)

    def numbers_for_letters(self, today: date) -> Mapping[str, str]:
        """Return id → number of every service that letters may name today."""
        return {
            entry.id: entry.number
            for entry in self.entries
            if entry.number and entry.may_stand_in_a_letter(today)
        }

    def to_review(self, today: date) -> tuple[Signpost, ...]:
        """Return the core signposts that a person must check: before go-live none may be left."""
        return tuple(
            entry for entry in self.entries if entry.is_core and not entry.is_verified(today)
        )


def load_signposts(text: str) -> Signposts:
    """Return the signposts of a signposting.toml.

    Raises `SignpostError`, naming entry and key, when the text is not TOML, a key is unknown,
    missing or of the wrong type, or a service that every acknowledgement names is absent.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SignpostError("", "", f"this is not TOML: {error}") from None
    signposts = Signposts(tuple(_signpost(name, table) for name, table in tables.items()))
    for needed in LETTER_NUMBERS:
        found = signposts.get(needed)
        if found is None or not found.number or not found.is_core:
            problem = "every acknowledgement names this service: give it, with a number, as core"
            raise SignpostError(needed, "number", problem)
    return signposts


def _signpost(name: str, table: object) -> Signpost:
    if not isinstance(table, dict):
        raise SignpostError(name, "", "write it as a table: [name] and its keys below")
    for key, value in table.items():
        _check(name, key, value)
    if not table.get("name"):
        raise SignpostError(name, "name", "give the service's name")
    if not table.get("number") and not table.get("text"):
        raise SignpostError(name, "number", "give a number, or a text for a service without one")
    if "verified_on" in table and not table.get("verified_by"):
        raise SignpostError(name, "verified_by", "say who checked it")
    return Signpost(id=name, **{**table, "level": _level(name, table.get("level"))})


def _check(name: str, key: str, value: object) -> None:
    wanted = _TYPES.get(key)
    if wanted is None:
        raise SignpostError(name, key, f"there is no such key; the keys are {', '.join(_TYPES)}")
    if type(value) is not wanted:
        shown = "a day like 2026-11-22" if wanted is date else "text in quotes"
        raise SignpostError(name, key, f"this must be {shown}")
    if isinstance(value, str) and not value.isprintable():
        raise SignpostError(name, key, "this must be one line of plain text")


def _level(name: str, value: object) -> SignpostLevel:
    try:
        return SignpostLevel(str(value))
    except ValueError:
        raise SignpostError(name, "level", "say 'core' or 'other'") from None


_DATES = ("verified_on", "review_by")
_TYPES: Mapping[str, type] = {
    field.name: date if field.name in _DATES else str
    for field in fields(Signpost)
    if field.name != "id"
}
