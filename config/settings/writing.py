"""A new `kith.toml`: the shipped one, with some of its lines put in force."""

from collections.abc import Mapping

from config.files import read_text
from config.settings.catalogue import Key, toml_text

SHIPPED = "kith.toml"


def new_settings_text(values: Mapping[Key, object]) -> str:
    """Return the shipped, commented `kith.toml` with `values` in force.

    A setting that the shipped file does not have is left out; tests see to it that it has all.
    """
    section: Key = ()
    lines = []
    for line in read_text(SHIPPED).split("\n"):
        if line.startswith("["):
            section = (line.strip("[]"),)
        lines.append(_in_force(line, section, values))
    return "\n".join(lines)


def _in_force(line: str, section: Key, values: Mapping[Key, object]) -> str:
    name, equals, _ = line.partition(" = ")
    key = (*section, name.removeprefix("#"))
    if not (equals and name.startswith("#")) or key not in values:
        return line
    return f"{key[-1]} = {toml_text(values[key])}"
