"""The file of screening rules: what ships, and how mistakes in it are told."""

from pathlib import Path

import pytest

from config.files import read_text
from intake.screening import ScreeningRulesError, load_screening_rules, shipped_screening_rules

SHIPPED = read_text("screening.toml")


def line_of(text: str, part: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)


def test_the_shipped_file_loads() -> None:
    rules = shipped_screening_rules()
    assert rules.loops.most_received_lines == 25
    assert "noreply" in rules.robots.local_parts
    assert "mailerdaemon" in rules.robots.squashed


def test_the_sites_own_file_is_laid_over_the_shipped_one(tmp_path: Path) -> None:
    own = SHIPPED.replace("old_after_days = 7", "old_after_days = 3")
    (tmp_path / "screening.toml").write_text(own, encoding="utf-8")
    assert shipped_screening_rules(tmp_path).doubts.old_after_days == 3


def test_the_shipped_lists_name_nothing_twice() -> None:
    for line in SHIPPED.splitlines():
        words = [word for word in line.split('"')[1::2] if not line.startswith("#")]
        assert len(words) == len(set(words)), line


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("most_received_lines = 25", "most_received_lines = 0", "above 0"),
        ("most_received_lines = 25", "most_received_lines = true", "whole number"),
        ("[loops]", "[loop]", "unknown table"),
        ("old_after_days = 7", "old_after_day = 7", "unknown key in [doubts]: 'old_after_day'"),
        ('"listserv"', '"Listserv"', "lower case"),
        ('"listserv"', '""', "lower case"),
        ('"listserv"', "555", "lower case"),
        ('"form submission"', '"Form"', "subjects holds 'Form'"),
        ('precedences = ["bulk", "junk", "list"]', 'precedences = "bulk"', "list of words"),
    ],
)
def test_a_mistake_is_told_with_its_line(old: str, new: str, told: str) -> None:
    text = SHIPPED.replace(old, new, 1)
    with pytest.raises(ScreeningRulesError) as caught:
        load_screening_rules(text)
    assert told in str(caught.value)
    assert f"line {line_of(text, new)}:" in str(caught.value)


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ScreeningRulesError, match=r"missing key in \[doubts\]: 'old_after_days'"):
        load_screening_rules(SHIPPED.replace("old_after_days = 7", ""))


def test_a_missing_table_is_named() -> None:
    with pytest.raises(ScreeningRulesError, match="missing table: 'doubts'"):
        load_screening_rules(SHIPPED[: SHIPPED.index("[doubts]")])


def test_a_table_that_is_none_is_told() -> None:
    text = "loops = 3\n" + SHIPPED.replace("[loops]", "").replace("most_received_lines = 25", "")
    with pytest.raises(ScreeningRulesError, match=r"line 1: \[loops\] must be a table"):
        load_screening_rules(text)


def test_broken_syntax_is_told_with_its_line() -> None:
    with pytest.raises(ScreeningRulesError, match="line 1"):
        load_screening_rules("loops = = 3")
