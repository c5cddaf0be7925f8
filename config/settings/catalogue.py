"""The list of all settings, drawn from the models: for messages, `kith.toml` and the manual."""

import json
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel

from config.settings.section import Section
from config.settings.sections import Settings

Key = tuple[str, ...]
"""Where a setting stands: ("mode",) or ("mailbox", "port")."""


MORE_MAILBOXES = "mailboxes"
"""The section of further mailboxes, each a section of its own below it."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as people know it."""

    key: Key
    default: object
    description: str
    example: object

    @property
    def name(self) -> str:
        """The name inside its section."""
        return self.key[-1]

    @property
    def section(self) -> str:
        """The section's name, empty for the settings above all sections."""
        return self.key[0] if len(self.key) > 1 else ""

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return variable_of(self.key)


def variable_of(key: Key) -> str:
    """Return the environment variable for `key`, for instance KITH_MAILBOX__PORT."""
    return "KITH_" + "__".join(key).upper()


@lru_cache(maxsize=1)
def all_settings() -> tuple[Setting, ...]:
    """Return every setting, in the order of the manual."""
    return tuple(_settings_in(Settings(), ()))


@lru_cache(maxsize=1)
def section_names() -> tuple[str, ...]:
    """Return the names of the sections, in the order of the manual."""
    return tuple(dict.fromkeys(each.section for each in all_settings() if each.section))


def find_setting(key: Key) -> Setting | None:
    """Return the setting at `key`, or None if there is no such setting.

    A further mailbox, [mailboxes.NAME], has the settings of [mailbox].
    """
    if key[0] == MORE_MAILBOXES and len(key) == 3:
        return find_setting(("mailbox", key[2])) if _is_a_name(key[1]) else None
    return next((each for each in all_settings() if each.key == key), None)


def _is_a_name(text: str) -> bool:
    plain = text.replace("_", "")
    return text.isascii() and text == text.lower() and plain.isalnum() and len(text) <= 40


def _settings_in(model: BaseModel, above: Key) -> list[Setting]:
    found = []
    for name, field in type(model).model_fields.items():
        if name == MORE_MAILBOXES:
            continue
        default = getattr(model, name)
        if isinstance(default, Section):
            found += _settings_in(default, (*above, name))
        else:
            (example,) = field.examples or [default]
            found.append(Setting((*above, name), default, field.description or "", example))
    return found


def toml_text(value: object) -> str:
    """Return `value` as it is written in `kith.toml`; nothing at all is written as ""."""
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_text(each) for each in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, StrEnum | Path):
        return _quoted(str(value))
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    return _quoted("" if value is None else str(value))


def _quoted(text: str) -> str:
    # JSON's escapes are all TOML's too; only DEL is legal raw in JSON and not in TOML.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def variable_text(value: object) -> str:
    """Return `value` as it is written in an environment variable."""
    if isinstance(value, list | tuple):
        return ",".join(variable_text(each) for each in value)
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, date) else str(value)
