"""Every setting is explained, in the shipped `kith.toml` and in docs/settings.md, as it is."""

import re
import tomllib
from pathlib import Path

import pytest

from config.files import read_text
from config.settings import Settings, load_settings, new_settings_text
from config.settings.catalogue import Setting, all_settings, section_names, toml_text

MANUAL = Path(__file__).parents[2] / "docs" / "settings.md"
SHIPPED = read_text("kith.toml")
SETTING_LINE = re.compile(r"^#(\w+ = )", re.MULTILINE)


def explanation(setting: Setting) -> str:
    """Return the comment above a setting in the shipped file, on one line."""
    part = SHIPPED
    if setting.section:
        part = part.split(f"\n[{setting.section}]\n")[1]
    above = part.split(f"\n#{setting.name} = ")[0].split("\n\n")[-1]
    return " ".join(line.removeprefix("# ") for line in above.split("\n"))


def test_every_section_has_settings_and_stands_in_the_shipped_file() -> None:
    assert re.findall(r"^\[(\w+)\]$", SHIPPED, re.MULTILINE) == list(section_names())


@pytest.mark.parametrize("setting", all_settings(), ids=lambda each: each.variable)
def test_the_shipped_file_explains_the_setting(setting: Setting) -> None:
    note = " (Example; there is no default.)" if setting.default is None else ""
    assert setting.description
    assert explanation(setting) == setting.description + note


@pytest.mark.parametrize("setting", all_settings(), ids=lambda each: each.variable)
def test_the_manual_has_a_row_for_the_setting(setting: Setting) -> None:
    default = f"`{toml_text(setting.default)}`" if setting.default not in ("", ()) else "empty"
    if setting.default is None:
        default = "none"
    row = f"| `{setting.name}` | `{setting.variable}` | {default} | {setting.description} |"
    assert row in MANUAL.read_text(encoding="utf-8").split("\n")


def test_the_manual_has_no_row_for_a_setting_that_is_gone() -> None:
    rows = re.findall(
        r"^\| `\w+` \| `(KITH_\w+)`", MANUAL.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert rows == [setting.variable for setting in all_settings()]


def test_the_shipped_file_as_it_is_says_nothing_but_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "kith.toml"
    file.write_text(SHIPPED, encoding="utf-8")
    assert load_settings(file, {}) == Settings(data_dir=tmp_path / "data")


def test_the_shipped_file_with_every_default_in_force_equals_the_defaults(tmp_path: Path) -> None:
    examples = {each.key for each in all_settings() if each.default is None}
    document = tomllib.loads(SETTING_LINE.sub(r"\1", SHIPPED))
    for key in examples:
        del (document[key[0]] if len(key) > 1 else document)[key[-1]]
    assert Settings.model_validate(document) == Settings()
    assert document.keys() >= set(section_names())
    written = {(name,) for name in document} | {
        (name, inner) for name in section_names() for inner in document[name]
    }
    assert {each.key for each in all_settings()} - examples <= written


def test_any_setting_can_be_put_in_force_in_a_new_file(tmp_path: Path) -> None:
    values = {each.key: each.example for each in all_settings()}
    document = tomllib.loads(new_settings_text(values))
    for key, value in values.items():
        assert (document[key[0]][key[1]] if len(key) > 1 else document[key[0]]) == value


@pytest.mark.parametrize(
    "name", ['O\'Hara "and" \\ friends', "Teulu â'u ffrindiau 🙂", "a # b = [c]"]
)
def test_a_new_file_holds_any_text_as_it_is(name: str) -> None:
    assert tomllib.loads(new_settings_text({("group", "name"): name}))["group"]["name"] == name
