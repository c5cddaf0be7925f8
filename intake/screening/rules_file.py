"""The lists that screening works with, from `screening.toml`: words, headers and numbers."""

import tomllib
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, get_type_hints

from config.errors import KithError
from config.files import read_text

FILE_NAME = "screening.toml"

_NO_BRACKETS = str.maketrans("[]=", "   ")
_NO_JOINTS = str.maketrans("", "", "-._")


class ScreeningRulesError(KithError):
    """The file of screening rules says something Kith cannot use."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{FILE_NAME}, {where}: {problem}")


@dataclass(frozen=True, slots=True)
class LoopRules:
    """When a mail is going round in circles."""

    most_received_lines: int


@dataclass(frozen=True, slots=True)
class DeliveryRules:
    """How mail servers report that a letter did not arrive, or has not yet."""

    sender_local_parts: frozenset[str]
    sender_prefixes: tuple[str, ...]
    headers: frozenset[str]
    subjects: tuple[str, ...]
    bodies: tuple[str, ...]
    delay_subjects: tuple[str, ...]
    delay_bodies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReceiptRules:
    """How challenge-response services ask for proof of a human sender."""

    challenge_headers: frozenset[str]
    challenge_subjects: tuple[str, ...]
    challenge_bodies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AutoReplyRules:
    """How answering machines give themselves away."""

    headers: frozenset[str]
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FormRules:
    """How a website's form passes on what a person typed."""

    headers: frozenset[str]
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BulkRules:
    """What campaigns, sending services and mailing lists put into the headers."""

    campaign_headers: frozenset[str]
    campaign_prefixes: tuple[str, ...]
    service_headers: frozenset[str]
    service_prefixes: tuple[str, ...]
    precedences: frozenset[str]
    discussion_headers: frozenset[str]
    list_software_headers: frozenset[str]


@dataclass(frozen=True)
class RobotRules:
    """Local parts of addresses that no person reads."""

    local_parts: frozenset[str]
    prefixes: tuple[str, ...]
    suffixes: tuple[str, ...]
    markers: tuple[str, ...]

    @cached_property
    def squashed(self) -> frozenset[str]:
        """Return the local parts without dots, hyphens and underscores."""
        return frozenset(part.translate(_NO_JOINTS) for part in self.local_parts)


@dataclass(frozen=True, slots=True)
class DoubtRules:
    """What makes an automatic answer unwise although a person may have written."""

    old_after_days: int
    free_mail_domains: frozenset[str]


@dataclass(frozen=True, slots=True)
class ScreeningRules:
    """All lists, one table of the file each."""

    loops: LoopRules
    delivery: DeliveryRules
    receipts: ReceiptRules
    auto_reply: AutoReplyRules
    forms: FormRules
    bulk: BulkRules
    robots: RobotRules
    doubts: DoubtRules


def load_screening_rules(text: str) -> ScreeningRules:
    """Return the rules that `text` (TOML) holds.

    Raises `ScreeningRulesError`, naming the line or the key, when a table or key is missing,
    unknown or of the wrong sort, or an entry is empty or has capitals.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScreeningRulesError("not TOML", f"{error}.") from None
    hints = get_type_hints(ScreeningRules)
    _check_names(tables, set(hints), "table", "", text)
    return ScreeningRules(
        **{name: _section(hints[name], name, tables[name], text) for name in hints}
    )


def shipped_screening_rules(site_dir: Path | None = None) -> ScreeningRules:
    """Return the site's own rules if it has a screening.toml, else the packaged ones."""
    return load_screening_rules(read_text(FILE_NAME, site_dir))


def _section(kind: Any, name: str, table: Any, text: str) -> Any:
    if not isinstance(table, dict):
        raise ScreeningRulesError(_where(text, name), f"[{name}] must be a table.")
    keys = fields(kind)
    _check_names(table, {key.name for key in keys}, f"key in [{name}]", name, text)
    return kind(
        **{key.name: _value(key.type, table[key.name], name, key.name, text) for key in keys}
    )


def _check_names(given: dict[str, Any], known: set[str], what: str, table: str, text: str) -> None:
    for name in sorted(set(given) - known):
        choices = ", ".join(sorted(known))
        place = _where(text, table, name) if table else _where(text, name)
        raise ScreeningRulesError(place, f"unknown {what}: {name!r}; known: {choices}.")
    for name in sorted(known - set(given)):
        raise ScreeningRulesError(_where(text, table), f"missing {what}: {name!r}; add it.")


def _value(kind: Any, value: Any, table: str, key: str, text: str) -> Any:
    if kind is int:
        if type(value) is not int or value < 1:
            raise ScreeningRulesError(
                _where(text, table, key), f"{key} must be a whole number above 0."
            )
        return value
    if not isinstance(value, list):
        raise ScreeningRulesError(
            _where(text, table, key), f"{key} must be a list of words in quotes."
        )
    for word in value:
        _check_word(word, table, key, text)
    return frozenset(value) if kind == frozenset[str] else tuple(value)


def _check_word(word: Any, table: str, key: str, text: str) -> None:
    if not isinstance(word, str) or not word.strip() or word != word.casefold().strip():
        entry = f'"{word}"' if isinstance(word, str) else str(word)
        raise ScreeningRulesError(
            _where(text, table, key, entry),
            f"{key} holds {word!r}; each entry must be a word or phrase in lower case.",
        )


def _where(text: str, table: str, key: str = "", entry: str = "") -> str:
    """Return 'line N' for the last of these that can be found in order: tomllib forgets lines."""
    sought = [each for each in (table, key, entry) if each]
    last = 0
    for number, line in enumerate(text.splitlines(), 1):
        while sought and _begins(line, sought[0], is_entry=len(sought) == 1 and bool(entry)):
            last = number
            sought = sought[1:]
    return f"line {last}" if last else "the whole file"


def _begins(line: str, sought: str, *, is_entry: bool) -> bool:
    if is_entry:
        return sought in line
    return line.translate(_NO_BRACKETS).split()[:1] == [sought]
