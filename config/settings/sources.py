"""What was given, and where: the values of `kith.toml` and of the KITH_ variables, unjudged."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from config.settings.catalogue import (
    MORE_MAILBOXES,
    Key,
    all_settings,
    find_setting,
    section_names,
)
from config.settings.errors import SettingsError
from config.settings.toml_lines import KeyLines, find_key_lines

PREFIX = "KITH_"
CONFIG_VARIABLE = "KITH_CONFIG"
FOREIGN_PREFIXES = ("KITH_TEST_", "KITH_BENCH_")
"""Variables of these names belong to Kith's own tests and measurements."""

PATHS = frozenset({"data_dir", "site_dir", "password_file", "client_secret_file"})
"""Names of the settings that are paths, in whichever section."""
SECRETS = {"password": "password_file", "client_secret": "client_secret_file"}
RIVALS: Mapping[str, str] = SECRETS | {file: secret for secret, file in SECRETS.items()}
"""Names of the settings of which only one may be given."""


@dataclass(frozen=True, slots=True)
class Given:
    """One value as it was given. `where` names the file and line, and is empty for a variable."""

    key: Key
    value: object
    where: str
    variable: str = ""

    @property
    def is_known(self) -> bool:
        """Whether a setting of this name exists."""
        return find_setting(self.key) is not None


def given_in_file(path: Path) -> tuple[Given, ...]:
    """Return what the file says; a relative path in it is taken from the file's directory.

    Raises `SettingsError` when the file cannot be read or is not TOML.
    """
    text = _read(path)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(
            f"{path} is not written as TOML wants it: {error}. "
            'Text needs quotes, as in name = "our group".'
        ) from None
    base = path.absolute().parent
    return tuple(_anchored(each, base) for each in _flatten(document, path, find_key_lines(text)))


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")  # Windows editors begin with a BOM
    except OSError as error:
        raise SettingsError(
            f"The settings file {path} cannot be read: {error.strerror}. "
            f"Check {CONFIG_VARIABLE}, or make the file with kith init."
        ) from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not UTF-8 text. Save it again as UTF-8.") from None


def _flatten(document: Mapping[str, object], path: Path, lines: KeyLines) -> list[Given]:
    found = []
    for name, value in document.items():
        if name == MORE_MAILBOXES and isinstance(value, dict):
            found += _mailboxes(value, path, lines)
        elif name in section_names() and isinstance(value, dict):
            found += [_from_file((name, inner), each, path, lines) for inner, each in value.items()]
        else:
            found.append(_from_file((name,), value, path, lines))
    return found


def _mailboxes(sections: Mapping[str, object], path: Path, lines: KeyLines) -> list[Given]:
    found = []
    for name, section in sections.items():
        above = (MORE_MAILBOXES, name)
        if isinstance(section, dict):
            found += [
                _from_file((*above, inner), each, path, lines) for inner, each in section.items()
            ]
        else:
            found.append(_from_file(above, section, path, lines))
    return found


def _from_file(key: Key, value: object, path: Path, lines: KeyLines) -> Given:
    line = lines.of(key)
    return Given(key, value, f"{path}, line {line}" if line else str(path))


def _anchored(given: Given, base: Path) -> Given:
    value = given.value
    if not isinstance(value, str) or not value:
        return given
    if given.key[-1] in PATHS:
        return replace(given, value=str(base / value))
    if given.key == ("database", "url"):
        return replace(given, value=_anchored_url(value, base))
    return given


def _anchored_url(url: str, base: Path) -> str:
    # Left alone, a relative SQLite file would depend on where Kith is started, and starting it
    # elsewhere would begin an empty database and answer the whole inbox again.
    scheme, mark, file = url.partition(":///")
    if not (mark and scheme.startswith("sqlite")) or file.startswith(("/", ":memory:", "file:")):
        return url
    return f"{scheme}:///{base / file}" if file else url


def given_in_environment(environ: Mapping[str, str]) -> tuple[Given, ...]:
    """Return what the KITH_ variables say, the misspelt ones included.

    A relative path in one is taken from the working directory, once and for all.
    """
    known = {each.variable: each.key for each in all_settings()}
    return tuple(
        _anchored(Given(_key_of(name, known), value, where="", variable=name), Path.cwd())
        for name, value in sorted(environ.items())
        if _is_ours(name)
    )


def _key_of(name: str, known: Mapping[str, Key]) -> Key:
    parts = name.removeprefix(PREFIX).lower().split("__")
    if parts[0] == MORE_MAILBOXES and len(parts) == 3:
        return tuple(parts)
    return known.get(name, (name,))


def _is_ours(name: str) -> bool:
    return (
        name.startswith(PREFIX)
        and name != CONFIG_VARIABLE
        and not name.startswith(FOREIGN_PREFIXES)
    )


def overlay(lower: Iterable[Given], upper: Iterable[Given]) -> tuple[Given, ...]:
    """Return both layers as one: where both give a setting, or one secret, the upper counts."""
    top = tuple(upper)
    settled = {each.key for each in top}
    settled |= {
        (*each.key[:-1], RIVALS[each.key[-1]])
        for each in top
        if each.value != "" and each.key[-1] in RIVALS
    }
    return (*(each for each in lower if each.key not in settled), *top)
