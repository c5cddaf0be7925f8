"""How a fault in the settings is told: where it is, what is wrong, what would be right.

A value is never shown: it may be a password in the wrong place.
"""

from collections.abc import Iterable
from difflib import get_close_matches

from pydantic import ValidationError

from config.settings.catalogue import (
    MORE_MAILBOXES,
    Key,
    Setting,
    all_settings,
    find_setting,
    section_names,
    toml_text,
    variable_text,
)
from config.settings.sections import Settings
from config.settings.sources import PREFIX, Given

WRONG_TYPE = {
    "int": "must be a whole number",
    "float": "must be a number",
    "finite_number": "must be a number",
    "string": "must be text in quotes",
    "path": "must be a path in quotes",
    "tuple": "must be a list",
}
BOUND = {
    "greater_than_equal": ("ge", "must be {} or more"),
    "greater_than": ("gt", "must be more than {}"),
    "less_than_equal": ("le", "must be {} or less"),
    "too_long": ("max_length", "must be no longer than {} characters"),
    "enum": ("expected", "must be one of {}"),
}


def unknown_problem(given: Given) -> str:
    """Return the sentence about a name that Kith does not know, with the nearest that it does."""
    if given.variable:
        return f"{given.variable}: there is no such setting.{_suggestion(_nearest_variable(given))}"
    if given.key[-1] in section_names() and len(given.key) == 1:
        return (
            f"{given.where}: {given.key[0]} is a section. Write [{given.key[0]}] on a line of its "
            "own, and its settings below it."
        )
    return f"{given.where}: {_unknown_name(given)}{_suggestion(_nearest_name(given))}"


def _nearest_variable(given: Given) -> str:
    # compared without the beginning that all share, or everything would look alike
    known = (each.variable.removeprefix(PREFIX) for each in all_settings())
    nearest = _nearest(given.variable.removeprefix(PREFIX), known)
    return PREFIX + nearest if nearest else ""


def _unknown_name(given: Given) -> str:
    name = _shown(given.key[-1])
    if len(given.key) > 1:
        return f"there is no setting {name} in [{_shown('.'.join(given.key[:-1]))}]."
    if isinstance(given.value, dict):
        return f"there is no section [{name}]."
    return f"there is no setting {name} above the first section."


def _nearest_name(given: Given) -> str:
    name, section = given.key[-1], given.key[0] if len(given.key) > 1 else ""
    section = "mailbox" if section == MORE_MAILBOXES else section
    if isinstance(given.value, dict):
        nearest = _nearest(name, section_names())
        return f"[{nearest}]" if nearest else ""
    if nearest := _nearest(name, (each.name for each in all_settings() if each.section == section)):
        return nearest
    nearest = _nearest(name, (each.name for each in all_settings()))
    return next((_at_home(each) for each in all_settings() if each.name == nearest), "")


def _at_home(setting: Setting) -> str:
    home = f"in [{setting.section}]" if setting.section else "above the first section"
    return f"{setting.name} {home}"


def _nearest(word: str, known: Iterable[str]) -> str:
    return next(iter(get_close_matches(word[:100], list(known), n=1, cutoff=0.7)), "")


def _suggestion(nearest: str) -> str:
    return f" Did you mean {nearest}?" if nearest else " docs/settings.md lists all settings."


def _shown(name: str) -> str:
    return name[:100] if name.isprintable() else repr(name[:100])


def wrong_value_problems(error: ValidationError, given: Iterable[Given]) -> tuple[str, ...]:
    """Return one sentence for each value that is not what its setting wants."""
    by_key = {each.key: each for each in given}
    problems = {}
    for fault in error.errors(include_url=False, include_input=False):
        if fault["type"] == "default_factory_not_called":
            continue  # the follow-up of another fault in the same section
        key = tuple(str(part) for part in fault["loc"])
        source = by_key.get(key[:3]) or by_key.get(key[:2]) or by_key.get(key[:1])
        wording = _wording(fault["type"], fault.get("ctx", {}))
        problems[key[:3]] = _wrong_value(source, wording) if source else wording
    return tuple(problems.values())


def value_problem(key: Key, value: object) -> str:
    """Return what is wrong with `value` for the setting at `key`, empty if nothing is."""
    nested: object = value
    for name in reversed(key):
        nested = {name: nested}
    try:
        Settings.model_validate(nested)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        return _wording(fault["type"], fault.get("ctx", {}))
    return ""


def _wording(kind: str, context: dict[str, object]) -> str:
    if kind == "value_error":
        return str(context["error"])
    if kind in BOUND:
        name, phrase = BOUND[kind]
        return phrase.format(str(context[name]).replace("'", ""))
    for beginning, phrase in WRONG_TYPE.items():
        if kind.startswith(beginning):
            return phrase
    return "is not a value that Kith can use"


def _wrong_value(given: Given, wording: str) -> str:
    setting = find_setting(given.key)
    example = setting.example if setting else ""
    if given.variable:
        return f"{given.variable} {wording}. Example: {given.variable}={variable_text(example)}"
    return (
        f"{given.where}: {_place(given)} {wording}. Example: {given.key[-1]} = {toml_text(example)}"
    )


def _place(given: Given) -> str:
    *section, name = given.key
    return f"{name} in [{'.'.join(section)}]" if section else name


def trouble_with(given: Given, wording: str) -> str:
    """Return the sentence about a value that is well formed but leads nowhere."""
    place = given.variable or f"{given.where}: {_place(given)}"
    return f"{place} {wording}"
