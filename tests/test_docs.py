"""What the documents say is so: links, commands, names and lists are compared with the code."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click
import pytest
from sqlalchemy import Engine, text

from casework.cli import kith
from casework.explain import as_answer
from casework.judging import Judged
from casework.models import Case
from casework.queue import Band, flags_of
from casework.references import is_reference
from config.settings.catalogue import all_settings
from intake.classification import AlsoKind, Classification
from intake.evidence import Evidence
from intake.inbox import MailState
from intake.message import Address, Attachment, Message
from intake.risk import KeyDate, Risk, RiskLevel
from intake.screening import Screening, Verdict
from intake.taxonomy import Kind
from replies.outbox import LetterState

HOME = Path(__file__).parents[1]
DOCS = HOME / "docs"
DECISIONS = sorted((DOCS / "decisions").glob("0*.md"))
DOCUMENTS = [HOME / "README.md", HOME / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
FLOORS = ("config", "intake", "replies", "casework")

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^()\s]+)\)")  # pictures have a test of their own
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE_SPAN = re.compile(r"`([^`\n]+)`")
PICTURE = re.compile(r"docs/pictures/[\w.-]+\.(?:png|jpe?g|gif|svg|webp)")
REFERENCE = re.compile(r"\b[0-9A-Z]{4}-[0-9A-Z]{2}\b")
VARIABLE = re.compile(r"\bKITH_[A-Z_]+[A-Z]\b")
FIRST_CELL = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)


def read(file: Path) -> str:
    """Return a document's text."""
    return file.read_text(encoding="utf-8")


def name_of(file: Path) -> str:
    """Return a document's path inside the project."""
    return str(file.relative_to(HOME))


def anchors(document: str) -> set[str]:
    """Return the anchors that the headings of a document make."""
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(document))
    return {heading.replace(" ", "-") for heading in kept}


# Links and pictures


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading_of_it(document: Path) -> None:
    targets = [t for t in LINK.findall(read(document)) if "://" not in t]
    astray = []
    for target in targets:
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        if not file.is_file() or (anchor and anchor not in anchors(read(file))):
            astray.append(target)
    assert astray == []


def texts_of_the_project() -> Iterator[Path]:
    """Yield the files of the project that are written by hand."""
    yield from (HOME / name for name in ("README.md", "CHANGELOG.md", "Makefile", "pyproject.toml"))
    for part in ("docs", "tests", *FLOORS):
        for suffix in ("md", "py", "toml", "html", "txt"):
            yield from (HOME / part).rglob(f"*.{suffix}")


def test_every_picture_that_is_named_exists() -> None:
    named = {picture for file in texts_of_the_project() for picture in PICTURE.findall(read(file))}
    assert named
    assert [picture for picture in sorted(named) if not (HOME / picture).is_file()] == []


# Commands


def shell_lines(document: str) -> Iterator[list[str]]:
    """Yield the words of every line of code in a document that could be typed into a shell."""
    for language, block in FENCE.findall(document):
        if language in ("", "sh", "console", "ini"):
            yield from map(words_of, block.replace("\\\n", " ").split("\n"))
    for span in CODE_SPAN.findall(FENCE.sub("", document)):
        yield words_of(span)


def words_of(line: str) -> list[str]:
    """Return the words of a shell line without its comment; none if it is not a shell line."""
    try:
        return shlex.split(line, comments=True)
    except ValueError:
        return []


def kith_commands(document: str) -> list[list[str]]:
    """Return what follows the word `kith`, wherever that is a program's name."""
    found = []
    for words in shell_lines(document):
        for place, word in enumerate(words):
            is_program = word == "kith" and place == 0
            if is_program or word.endswith("/bin/kith"):
                ending = (
                    n for n, w in enumerate(words) if n > place and w in ("|", ">", "<", "&&")
                )
                found.append(words[place + 1 : next(ending, len(words))])
    return found


def complaint_about(words: list[str], command: click.Command = kith) -> str | None:
    """Return what is wrong with a command line, or None if the program has all that it names."""
    context = click.Context(command)
    options = {o: p for p in command.get_params(context) for o in (*p.opts, *p.secondary_opts)}
    rest = list(words)
    while rest:
        word = rest.pop(0).strip("[]")
        if word.startswith("-") and word != "-":
            option = options.get(word.partition("=")[0])
            if option is None:
                return f"{command.name} has no option {word}"
            takes_value = isinstance(option, click.Option) and not option.is_flag
            if takes_value and "=" not in word and not rest:
                return f"{command.name} {word} wants a value"
            if takes_value and "=" not in word:
                rest.pop(0)
        elif isinstance(command, click.Group):
            inner = command.get_command(context, word)
            return complaint_about(rest, inner) if inner else f"there is no command {word}"
    return None


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_kith_command_that_is_named_exists(document: Path) -> None:
    complaints = map(complaint_about, kith_commands(read(document)))
    assert [complaint for complaint in complaints if complaint] == []


def test_the_check_of_commands_finds_what_is_wrong() -> None:
    named = kith_commands(
        "`kith run --only web` and `kith fly`\n"
        "```sh\nsudo /opt/kith/.venv/bin/kith case shwo X # y\nkith poll --twice > out\n```\n"
    )
    assert [complaint_about(words) for words in named] == [
        "there is no command shwo",
        "poll has no option --twice",
        None,
        "there is no command fly",
    ]


def test_the_documents_name_every_command() -> None:
    everywhere = "\n".join(map(read, DOCUMENTS))
    named = {words[0] for words in kith_commands(everywhere) if words}
    assert set(kith.list_commands(click.Context(kith))) <= named


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_make_target_that_is_named_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", read(HOME / "Makefile"), re.MULTILINE))
    named = {
        word
        for words in shell_lines(read(document))
        if "make" in words and words[0] in ("make", "sudo") and "apt" not in words
        for word in words[words.index("make") + 1 :]
        if not word.startswith(("-", "/"))
    }
    assert named <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_variable_that_is_named_exists(document: Path) -> None:
    known = {
        "KITH_CONFIG",
        "KITH_ALARM",
        "KITH_ALARM_STATE",
        *(setting.variable for setting in all_settings()),
    }
    known |= {each.replace("KITH_MAILBOX__", "KITH_MAILBOXES__NAME__") for each in known}
    assert set(VARIABLE.findall(read(document))) <= known


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_reference_shown_has_the_right_check_character(document: Path) -> None:
    dates = re.compile(r"\d{4}-\d\d")
    shown = [found for found in REFERENCE.findall(read(document)) if not dates.fullmatch(found)]
    assert [reference for reference in shown if not is_reference(reference)] == []


def test_the_statements_for_operators_run_on_both_databases(engine: Engine) -> None:
    statements = [
        statement
        for language, block in FENCE.findall(read(DOCS / "operating.md"))
        if language == "sql"
        for statement in block.split(";")
        if statement.strip()
    ]
    assert statements
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


# Lists


def asked_for() -> dict[str, list[str]]:
    """Return the packages of pyproject.toml by section, in alphabetical order."""
    project = tomllib.loads(read(HOME / "pyproject.toml"))["project"]
    sections = {"dependencies": project["dependencies"], **project["optional-dependencies"]}
    return {
        section: sorted(re.split(r"[\[<>=~! ]", package)[0] for package in packages)
        for section, packages in sections.items()
    }


def explained() -> dict[str, list[str]]:
    """Return the packages with a licence and a reason in dependencies.md by section."""
    sections = re.split(r"^## ", read(DOCS / "dependencies.md"), flags=re.MULTILINE)[1:]
    row = re.compile(r"^\| ([\w.-]+) \| [^|]+ \| [^|]+\. \|$", re.MULTILINE)
    return {section.split("\n")[0]: sorted(row.findall(section)) for section in sections}


def test_every_direct_dependency_has_its_reason_and_no_reason_is_stale() -> None:
    assert explained() == asked_for()


@pytest.mark.parametrize("decision", DECISIONS, ids=name_of)
def test_a_decision_has_its_number_and_three_parts(decision: Path) -> None:
    number = DECISIONS.index(decision) + 1
    title, *parts = HEADING.findall(read(decision))
    assert decision.name.startswith(f"{number:04}-")
    assert title.startswith(f"{number}. ")
    assert parts == ["Context", "Decision", "Consequences"]


def test_the_list_of_decisions_is_complete() -> None:
    listed = re.findall(r"\((0\d{3}-[\w-]+\.md)\)", read(DOCS / "decisions" / "README.md"))
    assert listed == [decision.name for decision in DECISIONS]


def test_the_changes_tell_of_this_version() -> None:
    version = tomllib.loads(read(HOME / "pyproject.toml"))["project"]["version"]
    assert f"## [{version}]" in read(HOME / "CHANGELOG.md")


# Names


def answer_with_everything() -> dict[str, Any]:
    """Return an answer of `kith explain` in which no list is empty."""
    here, elsewhere = Evidence("label", "words", 0, 5), Evidence("label", "words", -1, -1)
    someone = Address("Sam", "sam@example.org")
    moment = datetime(2026, 11, 24, 23, 41, tzinfo=UTC)
    judged = Judged(
        message=Message(
            "Hello",
            someone,
            to=(someone,),
            cc=(someone,),
            date=moment,
            text="words",
            attachments=(Attachment("a.pdf", "application/pdf", 1, 1),),
            defects=("broken",),
        ),
        received_at=moment,
        screening=Screening(Verdict.PERSONAL, acknowledge=True, rule="personal", reason="why"),
        risk=Risk(
            RiskLevel.DEADLINE,
            key_dates=(KeyDate("review", date(2026, 11, 26), "Thursday", 0, 8),),
            evidence=(here, elsewhere),
        ),
        classification=Classification(
            Kind.ENQUIRY,
            0.5,
            sure=False,
            also=(AlsoKind(Kind.SPAM, 0.4),),
            evidence=(here, elsewhere),
        ),
    )
    return as_answer("id", judged)


def fields_of(value: object, path: str = "") -> Iterator[str]:
    """Yield the path of every field in a JSON value, [] for the members of a list."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from fields_of(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        assert value, path
        for inner in value:
            yield from fields_of(inner, f"{path}[]")
    else:
        yield path


def test_the_manual_of_explain_has_every_field_and_no_other() -> None:
    section = read(DOCS / "explain.md").split("## The fields")[1].split("## ")[0]
    documented = FIRST_CELL.findall(section)
    assert sorted(documented) == sorted(set(fields_of(answer_with_everything())))


@pytest.mark.parametrize(("heading", "names"), [("The verdicts", Verdict), ("The kinds", Kind)])
def test_the_manual_of_explain_has_every_name(heading: str, names: Any) -> None:
    section = read(DOCS / "explain.md").split(f"## {heading}")[1].split("## ")[0]
    assert FIRST_CELL.findall(section) == [name.value for name in names]


@pytest.mark.parametrize(
    ("heading", "names"),
    [("Where mails are: the ledger", MailState), ("Where letters are: the outbox", LetterState)],
)
def test_operators_find_every_state(heading: str, names: Any) -> None:
    section = read(DOCS / "operating.md").split(f"## {heading}")[1].split("###")[0]
    assert FIRST_CELL.findall(section) == [name.value for name in names]


def test_volunteers_find_every_group_mark_and_level_of_the_queue() -> None:
    document = read(DOCS / "volunteers.md")
    everything = Case(
        unsafe_reply=True,
        child_sender=True,
        unconfirmed_sender=True,
        may_belong_to=1,
        new_subject=True,
        needs_look=True,
        needs_glance=True,
    )
    words = [*Band, *(flag.capitalize() for flag in flags_of(everything))]
    words += [f"| `{level}` |" for level in RiskLevel]
    assert [word for word in words if word not in document] == []


def rooms_drawn() -> dict[str, list[str]]:
    """Return the rooms of each floor in the picture of architecture.md."""
    picture = FENCE.findall(read(DOCS / "architecture.md"))[0][1]
    rooms: dict[str, list[str]] = {}
    floor = ""
    for line in picture.split("\n"):
        if "│" in line:
            label, inside, _ = line.split("│")
            floor = label.strip(" /") or floor
            rooms.setdefault(floor, []).extend(inside.partition("·")[0].split())
    return rooms


def rooms_built(floor: str) -> list[str]:
    """Return the rooms that a floor has: its modules, and its folders with anything in them."""
    inside = (HOME / floor).iterdir()
    return [
        entry.stem
        for entry in inside
        if not entry.name.startswith("_")
        and (entry.suffix == ".py" or (entry.is_dir() and any(entry.iterdir())))
    ]


def test_the_picture_of_the_house_shows_the_rooms_there_are() -> None:
    drawn = {floor: sorted(rooms) for floor, rooms in rooms_drawn().items()}
    assert drawn == {floor: sorted(rooms_built(floor)) for floor in FLOORS}


def test_rooms_named_as_paths_exist() -> None:
    named = {
        path
        for document in DOCUMENTS
        for path in re.findall(
            rf"\b((?:{'|'.join(FLOORS)}|tests)/[\w/]+(?:\.(?:py|md|toml|model\.json\.gz)\b)?)",
            read(document),
        )
    }
    missing = {
        path for path in named if not any((HOME / f"{path}{end}").exists() for end in ("", ".py"))
    }
    assert missing == set()


def test_the_walls_of_the_house_are_straight() -> None:
    picture = FENCE.findall(read(DOCS / "architecture.md"))[0][1]
    widths = {len(line) for line in picture.split("\n") if line.endswith(("┐", "│", "┘"))}
    assert len(widths) == 1
