"""The wording of letters: a group may edit it, and can neither break Kith nor leak with it.

A template may use variables, `if` and a few filters. Loops, calls and arithmetic are refused when
it is read: the sandbox alone would let a template run for hours or fill the memory.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, UndefinedError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from config.errors import KithError
from config.files import read_text

WIDTH = 72
PARTS = ("opener", "safety", "privacy")
"""Paragraphs that letters share; a body asks for each by name: {{ opener }}."""

MAX_SOURCE = 20_000
_FILTERS = ("default", "trim", "lower", "upper", "capitalize")
_TESTS = ("defined", "undefined")
_ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Getattr,
    nodes.If,
    nodes.Filter,
    nodes.Test,
    nodes.Const,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
)


class ReplyTemplateError(KithError):
    """A template cannot be used as it is written."""

    def __init__(self, file: str, problem: str) -> None:
        super().__init__(f"The template {file}: {problem}.")


@dataclass(frozen=True)
class TemplateContext:
    """Everything a template may say; nothing in it comes from the mail that is answered.

    `reply_time` is "" where no time may be promised, else words such as "5 working days".
    """

    reference: str = ""
    reply_time: str = ""
    due_date: str = ""
    group_name: str = ""
    privacy_url: str = ""
    help_url: str = ""
    regulator: str = ""
    regulator_url: str = ""
    numbers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RenderedLetter:
    """A letter in words: a subject of one line, a body wrapped for plain text, its shared parts."""

    subject: str
    body: str
    opener: str
    safety: str
    privacy: str


class _Unknown(StrictUndefined):
    """An unknown variable whose error is its bare name."""

    @property
    def _undefined_message(self) -> str:
        return str(self._undefined_name)


class ReplyTemplates:
    """The letters by name, each read and compiled once; a site's own files come first."""

    def __init__(self, site_dir: Path | None = None) -> None:
        self._site_dir = site_dir
        self._environment = _environment()
        self._compiled: dict[str, Template] = {}

    def render(self, name: str, context: TemplateContext) -> RenderedLetter:
        """Return the letter `name` in words.

        Raises `ReplyTemplateError`, naming file and variable, and `MissingFileError`.
        """
        values = {key.name: getattr(context, key.name) for key in fields(context)}
        parts = {part: self._say(f"{part}.txt", values) for part in PARTS}
        subject = self._say(f"{name}/subject.txt", values)
        body = self._say(f"{name}/body.txt", values | parts)
        return RenderedLetter(subject=" ".join(subject.split()), body=wrap(body), **parts)

    def check(self, names: Iterable[str]) -> None:
        """Read and compile the letters `names`, so that a mistake shows before a mail comes in."""
        for file in (f"{part}.txt" for part in PARTS):
            self._template(file)
        for name in names:
            self._template(f"{name}/subject.txt")
            self._template(f"{name}/body.txt")

    def _say(self, file: str, values: Mapping[str, Any]) -> str:
        template = self._template(file)
        try:
            return template.render(values).strip()
        except UndefinedError as error:
            raise ReplyTemplateError(file, _unknown(str(error), values)) from None
        except TemplateError as error:
            raise ReplyTemplateError(file, f"this is not allowed: {error}") from None

    def _template(self, file: str) -> Template:
        found = self._compiled.get(file)
        if found is None:
            found = self._compiled[file] = self._compile(file)
        return found

    def _compile(self, file: str) -> Template:
        source = read_text(f"templates/{file}", self._site_dir)
        if len(source) > MAX_SOURCE:
            raise ReplyTemplateError(file, f"it is longer than {MAX_SOURCE} characters")
        try:
            tree = self._environment.parse(source, name=file)
            _check_nodes(file, tree)
            _check_variables(file, tree)
            return self._environment.from_string(tree)
        except TemplateError as error:
            raise ReplyTemplateError(file, f"it cannot be read: {error}") from None


def wrap(text: str, width: int = WIDTH) -> str:
    """Return `text` as paragraphs of lines at most `width` long; longer words (URLs) stay whole.

    Blank lines part paragraphs; a line that begins with "- " stays a line of its own.
    """
    return "\n\n".join(_wrap_paragraph(lines, width) for lines in _paragraphs(text)) + "\n"


def _paragraphs(text: str) -> Iterator[str]:
    lines: list[str] = []
    for line in [*text.splitlines(), ""]:
        if line.strip():
            lines.append(line)
        elif lines:
            yield "\n".join(lines)
            lines = []


@lru_cache(maxsize=128)  # all paragraphs but the first are the same in every letter
def _wrap_paragraph(paragraph: str, width: int) -> str:
    wrapped: list[str] = []
    for line in paragraph.split("\n"):
        if not wrapped or line.startswith("- "):
            wrapped.append("")
        for word in _words(line):
            current = wrapped[-1]
            if not current:
                wrapped[-1] = word
            elif len(current) + 1 + len(word) <= width:
                wrapped[-1] = f"{current} {word}"
            else:
                wrapped.append(word)
    return "\n".join(wrapped)


def _words(line: str) -> list[str]:
    """Return the words of a line, the groups of a phone number together as one."""
    words: list[str] = []
    for word in line.split():
        if words and words[-1][-1].isdigit() and word[0].isdigit():
            words[-1] = f"{words[-1]} {word}"
        else:
            words.append(word)
    return words


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=_Unknown,
        autoescape=False,  # letters are plain text
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.clear()
    environment.filters = {name: environment.filters[name] for name in _FILTERS}
    environment.tests = {name: environment.tests[name] for name in _TESTS}
    return environment


def _check_nodes(file: str, tree: nodes.Template) -> None:
    for node in [tree, *tree.find_all(nodes.Node)]:
        if not isinstance(node, _ALLOWED):
            word = type(node).__name__.lower()
            problem = (
                f"line {node.lineno} uses {word!r}; only variables, if, and simple filters may be"
            )
            raise ReplyTemplateError(file, problem)


def _check_variables(file: str, tree: nodes.Template) -> None:
    known = {key.name for key in fields(TemplateContext)} | set(PARTS)
    for name in sorted(meta.find_undeclared_variables(tree) - known):
        raise ReplyTemplateError(file, _unknown(name, dict.fromkeys(known)))


def _unknown(name: str, known: Mapping[str, object]) -> str:
    near = get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}" if near else ""
    return f"there is no variable {name!r}{hint}"
