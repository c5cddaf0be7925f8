"""You may look down the stairs, never up; no circles; each outside package on its floor."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = ("config", "intake", "replies", "casework")
"""From the ground up."""

PLACES = {
    "aiosmtpd": ("casework.demo",),
    "alembic": ("casework",),
    "click": ("casework",),
    "flufl": ("intake",),
    "imapclient": ("intake",),
    "jinja2": ("replies", "casework.web"),
    "mailparser": ("intake.parsing",),
    "numpy": ("intake.classification",),
    "proxyprotocol": ("casework.demo",),
    "pydantic": ("config",),
    "pymap": ("casework.demo",),
    "pysasl": ("casework.demo",),
    "schedule": ("casework",),
    "scipy": ("intake.classification",),
    "sklearn": ("intake.classification",),
    "smtplib": ("replies",),
    "imaplib": ("intake",),
    "starlette": ("casework",),
    "uvicorn": ("casework",),
}
"""Where an outside package may be imported; `sqlalchemy` is at home wherever a table is."""

ANYWHERE = frozenset({"sqlalchemy"})
LARGEST_FILE = 400


def modules() -> list[Path]:
    return [path for floor in FLOORS for path in sorted((ROOT / floor).rglob("*.py"))]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports_of(path: Path) -> tuple[str, ...]:
    """Return every module that is imported anywhere in the file, also inside functions."""
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide which floor is meant"
            module = node.module or ""
            found += [f"{module}.{alias.name}" for alias in node.names]
    return tuple(found)


def own_modules() -> frozenset[str]:
    return frozenset(module_name(path) for path in modules())


def imported_modules(path: Path) -> Iterator[str]:
    """Yield our modules that the file imports; `from a.b import c` may mean a.b or a.b.c."""
    known = own_modules()
    for name in imports_of(path):
        candidate = name if name in known else name.rpartition(".")[0]
        if candidate in known:
            yield candidate


@pytest.mark.parametrize("path", modules(), ids=module_name)
def test_nobody_looks_up_the_stairs(path: Path) -> None:
    floor = FLOORS.index(module_name(path).split(".")[0])
    above = FLOORS[floor + 1 :]
    up = [name for name in imports_of(path) if name.split(".")[0] in above]
    assert not up, f"{module_name(path)} looks up at {up}"


@pytest.mark.parametrize("path", modules(), ids=module_name)
def test_outside_packages_stay_on_their_floor(path: Path) -> None:
    module = module_name(path)
    for name in imports_of(path):
        package = name.split(".")[0]
        if package in FLOORS or package in ANYWHERE:
            continue
        if package in sys.stdlib_module_names and package not in PLACES:
            continue
        homes = PLACES.get(package)
        assert homes is not None, f"{module} imports {package}, which has no place in PLACES"
        is_home = any(module == home or module.startswith(f"{home}.") for home in homes)
        assert is_home, f"{module} imports {package}, whose place is {homes}"


def test_there_are_no_circles() -> None:
    arrows = {module_name(path): set(imported_modules(path)) for path in modules()}
    done: set[str] = set()

    def walk(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, f"a circle: {' -> '.join((*trail, module))}"
        if module in done:
            return
        for target in sorted(arrows[module] - {module}):
            walk(target, (*trail, module))
        done.add(module)

    for module in arrows:
        walk(module, ())


def test_mail_parser_is_known_to_one_file_only() -> None:
    users = [
        module_name(path)
        for path in modules()
        if any(name.split(".")[0] == "mailparser" for name in imports_of(path))
    ]
    assert len(users) == 1, users


def test_the_service_needs_no_scikit_learn() -> None:
    users = {
        module_name(path)
        for path in modules()
        if any(name.split(".")[0] in {"sklearn", "numpy", "scipy"} for name in imports_of(path))
    }
    service = {
        target
        for path in modules()
        if module_name(path) not in users
        for target in imported_modules(path)
    }
    assert not users & service, f"{users & service} would be needed to run the service"


@pytest.mark.parametrize("path", modules(), ids=module_name)
def test_files_are_small(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LARGEST_FILE, f"{path} has {lines} lines: is it one room or two?"


def test_no_room_is_nameless() -> None:
    nameless = {"utils", "helpers", "common", "misc", "manager"}
    assert not [path for path in modules() if path.stem in nameless]
