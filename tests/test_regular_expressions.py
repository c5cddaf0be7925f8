"""Every regular expression is linear: no mail can make one run for long."""

import ast
import importlib
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.regex_ambiguity import why_not_linear

ROOT = Path(__file__).parent.parent
FLOORS = ("config", "intake", "replies", "casework")
FUNCTIONS = {
    "compile",
    "match",
    "fullmatch",
    "search",
    "sub",
    "subn",
    "split",
    "findall",
    "finditer",
}

COLLECT = """
import importlib, json, pkgutil, re, sys
found = {}
real = re._compile
def note(pattern, flags):
    compiled = real(pattern, flags)
    caller = sys._getframe(2)
    while caller.f_globals.get("__name__", "").startswith(("re", "functools")):
        caller = caller.f_back
    name = caller.f_globals.get("__name__", "")
    if isinstance(pattern, (str, bytes)) and name.split(".")[0] in FLOORS:
        text = pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern
        found[name, text] = (isinstance(pattern, bytes), int(compiled.flags))
    return compiled
re._compile = note
for name in ("sklearn", "scipy", "numpy"):  # only for training, which reads no mail
    sys.modules[name] = None
for floor in FLOORS:
    package = importlib.import_module(floor)
    for each in pkgutil.walk_packages(package.__path__, floor + "."):
        if not any(word in each.name for word in ("migrations", "demo", "__main__")):
            try:
                importlib.import_module(each.name)
            except ModuleNotFoundError as missing:
                if missing.name.split(".")[0] in FLOORS:
                    raise
from casework.judging import load_judges
load_judges()
print(json.dumps([[*key, *value] for key, value in found.items()]))
"""

REASONED: dict[str, str] = {}
"""Patterns that may take more than linear time, and why that is no harm."""


@cache
def compiled_when_loaded() -> tuple[tuple[str, str, bool, int], ...]:
    """Return module, pattern, whether it is of bytes, and flags, of all that loading compiles."""
    program = COLLECT.replace("FLOORS", repr(FLOORS))
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, cwd=ROOT, check=True)
    return tuple(map(tuple, json.loads(run.stdout.splitlines()[-1])))


@cache
def only_matched() -> frozenset[tuple[str, str]]:
    """Return module and pattern of those that their module only uses to match at a place."""
    found: set[tuple[str, str]] = set()
    for floor in FLOORS:
        for path in sorted((ROOT / floor).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            for name in _names_of_patterns(tree):
                if _uses(tree, name) <= {"match", "fullmatch"}:
                    pattern = getattr(importlib.import_module(module), name).pattern
                    text = pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern
                    found.add((module, text))
    return frozenset(found)


def _names_of_patterns(tree: ast.Module) -> list[str]:
    return [
        node.targets[0].id
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.value in _re_calls(node)
    ]


def _uses(tree: ast.Module, name: str) -> set[str]:
    """Return the attributes of `name` that are used; "itself" for any other use."""
    attributes = {
        node.value: node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)
    }
    return {
        attributes.get(node, "itself")
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
    }


@cache
def why_slow(module: str, pattern: str, is_bytes: bool, flags: int) -> str:
    is_searched = (module, pattern) not in only_matched()
    written = pattern.encode("latin-1") if is_bytes else pattern
    return why_not_linear(written, flags, is_searched=is_searched)


def calls_in_functions() -> list[tuple[str, ast.Call]]:
    """Return every call of `re.…(…)` that is made only when a function runs."""
    found: list[tuple[str, ast.Call]] = []
    for floor in FLOORS:
        for path in sorted((ROOT / floor).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef | ast.Lambda):
                    found += [(str(path.relative_to(ROOT)), call) for call in _re_calls(node)]
    return found


def _re_calls(function: ast.AST) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(function)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
        and node.func.attr in FUNCTIONS
    ]


def test_every_pattern_that_loading_compiles_is_linear() -> None:
    assert len(compiled_when_loaded()) > 50
    slow = {
        found[:2]: why
        for found in compiled_when_loaded()
        if (why := why_slow(*found)) and found[1] not in REASONED
    }
    assert slow == {}


def test_patterns_compiled_later_are_written_out_and_linear_too() -> None:
    slow: dict[str, str] = {}
    for path, call in calls_in_functions():
        pattern = _written(path, call.args[0])
        if pattern is None:
            slow[f"{path}:{call.lineno}"] = "made when the function runs"
        elif why := why_not_linear(pattern, re.IGNORECASE):
            slow[f"{path}:{call.lineno}"] = why
    assert slow == {}


def _written(path: str, node: ast.expr) -> str | None:
    """Return the pattern if it is written out, there or as a constant of the module."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.Name):
        return None
    module = importlib.import_module(path.removesuffix(".py").replace("/", "."))
    found = getattr(module, node.id, None)
    return found if isinstance(found, str) else None


def test_no_exception_is_left_over() -> None:
    slow = {found[1] for found in compiled_when_loaded() if why_slow(*found)}
    assert REASONED.keys() <= slow


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a*)*", r"(a+)+b", r"(?:a|aa)*c", r"(?:a|ab|b)*c", r"(\w+\s?)*$", r"(?:x?y?)*z",
        r"\s*\s*x", r"\d+\d+x", r"a*[ab]*c", r"^\s+.*\s+$", r"\w+@", r"\s+$", r"<p[^>]*>", r"a.*b",
        r"(?<!x)\d+:", r".*?x", r"[a-z]+:", r"(?s)<!--.*?-->",
        r'"[^"\\]*(?:\\.[^"\\]*)*"', r"(?<![a-z])[a-z]+(?: [a-z]+)*!",
    ],
)  # fmt: skip
def test_the_check_refuses_what_is_known_to_be_slow(pattern: str) -> None:
    assert why_not_linear(pattern, 0)


@pytest.mark.parametrize(
    "pattern",
    [
        r"abc", r"<[^<>]*>", r'"[^"\\]*(?:\\.[^"\\]*)*"?', r"(?<!\d)\d+(?!\d)", r"^[^:\n]*:",
        r"a{1,200}b", r"\d{1,4}\d{1,4}x", r"\A\s*\S", r"(?:foo|bar)baz", r"\([^()]*\)",
        r"[a-z]+(?: [a-z]+)*",
    ],
)  # fmt: skip
def test_the_check_lets_pass_what_is_linear(pattern: str) -> None:
    flags = re.MULTILINE if pattern.startswith("^") else 0
    assert why_not_linear(pattern, flags) == ""
