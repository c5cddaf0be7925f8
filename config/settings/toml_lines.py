"""On which line of a TOML file does a key stand? The standard library's reader does not tell.

A scanner, not a parser: it is only asked about text that `tomllib` has already accepted, and a
wrong answer costs a wrong line number in a message.
"""

from dataclasses import dataclass, field

_QUOTES = "\"'"


@dataclass(frozen=True, slots=True)
class KeyLines:
    """The lines of one file's keys."""

    lines: dict[tuple[str, ...], int] = field(default_factory=dict)

    def of(self, key: tuple[str, ...]) -> int | None:
        """Return the line (from 1) where `key`, or else the table around it, is written."""
        while key:
            if key in self.lines:
                return self.lines[key]
            key = key[:-1]
        return None


def find_key_lines(text: str) -> KeyLines:
    """Return where the tables and keys of `text` stand."""
    found = KeyLines()
    table: tuple[str, ...] = ()
    inside = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if inside:
            inside = "" if inside in line else inside
            continue
        stripped = line.strip()
        if stripped.startswith("#"):
            continue
        if stripped.startswith("["):
            table = _split(stripped.lstrip("[").partition("]")[0])
            _note(found, table, number)
        elif "=" in stripped:
            name, _, value = stripped.partition("=")
            _note(found, (*table, *_split(name)), number)
            inside = _opened(value)
    return found


def _split(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip(_QUOTES) for part in dotted.split("."))


def _note(found: KeyLines, key: tuple[str, ...], number: int) -> None:
    for length in range(1, len(key) + 1):
        found.lines.setdefault(key[:length], number)


def _opened(value: str) -> str:
    """Return the quotes of a text of several lines that begins here and does not end here."""
    quotes = value.strip()[:3]
    if quotes not in ('"""', "'''"):
        return ""
    return quotes if value.count(quotes) == 1 else ""
