"""HTML as readable text: lines, lists, tables, links; what is quoted carries "> "."""

import re
from dataclasses import dataclass

from intake.parsing.html_scanning import RAW_TEXT, Scanner, Tag

LONGEST_HTML = 1_000_000
"""Characters of HTML of one mail; what Outlook makes of a long letter has a tenth of it."""
MOST_PIECES = 120_000
"""Tags and texts between them; a second's work."""
_DEEPEST_QUOTE = 8
_LONGEST_LINK = 1_000
_SPACES = re.compile(r"[ \t\r\n\f\xa0]+")
_SKIPPED = RAW_TEXT | {"head", "svg", "math", "object", "select", "datalist"}
_PARAGRAPHS = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "blockquote", "ul", "ol", "dl"}
_PARAGRAPHS |= {"table", "figure", "address"}
_BLOCKS = {"div", "tr", "li", "section", "article", "header", "footer", "main", "aside", "nav"}
_BLOCKS |= {"center", "form", "fieldset", "dt", "dd", "caption", "thead", "tbody", "tfoot", "hr"}
_BLOCKS |= {"figcaption", "details", "summary", "body", "html", "option", "legend"}
_VOID = {"br", "img", "hr", "input", "meta", "link", "wbr", "col", "area", "base", "source"}
_QUOTE_CLASSES = ("gmail_quote", "yahoo_quoted", "protonmail_quote", "moz-cite-prefix")


@dataclass(slots=True)
class PieceBudget:
    """How much HTML may still be read of one mail: tags and texts between them, and characters.

    Each tag takes its time; even a megabyte of HTML as mail programs make it has no more than
    some ten thousand.
    """

    left: int = MOST_PIECES
    characters: int = LONGEST_HTML
    is_spent: bool = False

    def cut(self, source: str) -> str:
        """Return as much of `source` as may be read."""
        allowed = source[: self.characters]
        self.characters -= len(allowed)
        self.is_spent = self.is_spent or len(allowed) < len(source)
        return allowed


def html_to_text(source: str, budget: PieceBudget | None = None) -> str:
    """Return the text that a reader of the HTML `source` would see, its first million characters.

    Hidden elements, scripts and styles are left out; quoted elements have "> " before each line,
    so that `intake.quoting` finds them.
    """
    budget = budget or PieceBudget()
    return _Renderer(budget.cut(source), budget).render()


class _Lines:
    """The lines so far, each with its depth of quotation."""

    def __init__(self) -> None:
        self._depth = 0
        self._lowest = 0
        self._lines: list[tuple[int, int, str]] = []
        self._current: list[str] = []
        self._at_space = True
        self._gap = False
        self._bullet = False
        self._spacer = False

    def set_depth(self, depth: int) -> None:
        """Quote what follows `depth` times."""
        self.new_block(gap=False)
        self._depth = min(depth, _DEEPEST_QUOTE)
        self._lowest = min(self._lowest, self._depth)

    def write(self, text: str) -> None:
        """Add `text` to the current line, white space collapsed."""
        self._spacer = self._spacer or "\xa0" in text
        text = _SPACES.sub(" ", text)
        if self._at_space and text[:1] == " ":
            text = text[1:]
        if text:
            self._put(text)

    def write_as_is(self, text: str) -> None:
        """Add preformatted `text`, its line ends kept."""
        first, *others = text.split("\n")
        if first:
            self._put(first)
        for line in others:
            self.new_line()
            if line:
                self._put(line)

    def cell(self) -> None:
        """Separate table cells."""
        if self._current and self._current[-1] != "\t":
            self._put("\t")

    def bullet(self) -> None:
        """Begin the next line with a bullet."""
        self._bullet = True

    def new_line(self) -> None:
        """End the current line, even an empty one."""
        if not self._current and self._bullet:
            return
        self._lines.append((self._depth, self._lowest, "".join(self._current).rstrip()))
        self._lowest = self._depth
        self._current = []
        self._at_space = True
        self._spacer = False

    def new_block(self, *, gap: bool) -> None:
        """End the current line if anything stands on it; with `gap` leave a line free."""
        if self._current:
            self.new_line()
        elif self._spacer:  # a block with nothing but &nbsp; is there to leave a line free
            gap = True
        self._spacer = False
        self._gap = (self._gap or gap) and not self._bullet

    def text(self) -> str:
        """Return all lines, at most one of them free at a time."""
        self.new_block(gap=False)
        shown: list[str] = []
        depth_of_gap, free = 0, False
        for depth, lowest, line in self._lines:
            depth_of_gap = min(depth_of_gap, lowest)
            free = free or not line
            if line:
                if free and shown:
                    shown.append(_quoted(depth_of_gap, ""))
                shown.append(_quoted(depth, line))
                depth_of_gap, free = depth, False
        return "\n".join(shown)

    def _put(self, text: str) -> None:
        if not self._current:
            if self._gap:
                self._lines.append((self._depth, self._lowest, ""))
                self._lowest = self._depth
                self._gap = False
            if self._bullet:
                self._current.append("- ")
                self._bullet = False
        self._current.append(text)
        self._at_space = text[-1] in " \t"


def _quoted(depth: int, line: str) -> str:
    return ("> " * depth + line).rstrip() if depth else line


class _Renderer:
    """Walks the tags once and keeps what is needed of where it is."""

    def __init__(self, source: str, budget: PieceBudget) -> None:
        self._source = source
        self._budget = budget
        self._out = _Lines()
        self._hidden: str | None = None
        self._hidden_depth = 0
        self._honour_hidden = True
        self._pre = 0
        self._lists = 0
        self._quotes = 0
        self._divs = 0
        self._quoted_divs: list[int] = []
        self._rest_is_quote = 0
        self._link: str | None = None
        self._link_text: list[str] = []

    def render(self) -> str:
        for token in Scanner(self._source):
            self._budget.left -= 1
            if self._budget.left < 0:
                self._budget.is_spent = True
                break
            if isinstance(token, str):
                self._text(token)
            elif self._hidden is not None:
                self._in_hidden(token)
            elif token.closing:
                self._close(token.name)
            else:
                self._open(token)
        if self._hidden is not None and self._honour_hidden:
            return self._again_showing_all()
        self._end_link()
        return self._out.text()

    def _again_showing_all(self) -> str:
        # A hidden element that is never closed would hide the rest of the letter.
        other = _Renderer(self._source, self._budget)
        other._honour_hidden = False
        return other.render()

    def _text(self, text: str) -> None:
        if self._hidden is not None:
            return
        if self._link is not None:
            self._link_text.append(text)
        if self._pre:
            self._out.write_as_is(text.replace("\r\n", "\n").replace("\xa0", " "))
        else:
            self._out.write(text)

    def _in_hidden(self, tag: Tag) -> None:
        if self._hidden == "head" and tag.name == "body":
            self._hidden = None
        elif tag.name == self._hidden:
            self._hidden_depth += -1 if tag.closing else 1
            if self._hidden_depth == 0:
                self._hidden = None

    def _open(self, tag: Tag) -> None:
        name = tag.name
        if name not in _VOID and self._must_hide(tag):
            self._hidden, self._hidden_depth = name, 1
            return
        if name == "br":
            self._out.new_line()
        elif name in {"td", "th"}:
            self._out.cell()
        elif name == "a":
            self._begin_link(tag)
        elif name == "img":
            self._picture(tag)
        elif name in _PARAGRAPHS:
            self._open_paragraph(name)
        elif name in _BLOCKS:
            self._open_block(tag)

    def _picture(self, tag: Tag) -> None:
        # Some programs send emoji as pictures.
        alternative = tag.attribute("alt") or ""
        if not alternative.isascii() and len(alternative) <= 8:
            self._text(alternative)

    def _must_hide(self, tag: Tag) -> bool:
        if tag.name in _SKIPPED:
            return self._honour_hidden or tag.name in RAW_TEXT
        return bool(tag.written) and self._honour_hidden and _is_hidden(tag)

    def _open_paragraph(self, name: str) -> None:
        self._out.new_block(gap=not (self._lists and name in {"ul", "ol"}))
        if name in {"ul", "ol"}:
            self._lists += 1
        elif name == "pre":
            self._pre += 1
        elif name == "blockquote":
            self._quotes += 1
            self._set_depth()

    def _open_block(self, tag: Tag) -> None:
        self._out.new_block(gap=False)
        if tag.name == "li":
            self._out.bullet()
        elif tag.name == "div":
            self._divs += 1
            if tag.written:
                self._quoting_div(tag)

    def _quoting_div(self, tag: Tag) -> None:
        lowered = tag.written.lower()
        if "divrplyfwdmsg" in lowered:
            self._out.new_block(gap=True)
            self._rest_is_quote = 1
        elif any(name in lowered for name in _QUOTE_CLASSES):
            self._out.new_block(gap=True)
            self._quoted_divs.append(self._divs)
        self._set_depth()

    def _close(self, name: str) -> None:
        if name == "a":
            self._end_link()
        elif name == "div":
            self._close_div()
        elif name in _PARAGRAPHS:
            self._close_paragraph(name)
        elif name in _BLOCKS:
            self._out.new_block(gap=False)

    def _close_paragraph(self, name: str) -> None:
        self._out.new_block(gap=not (self._lists > 1 and name in {"ul", "ol"}))
        if name in {"ul", "ol"}:
            self._lists = max(0, self._lists - 1)
        elif name == "pre":
            self._pre = max(0, self._pre - 1)
        elif name == "blockquote":
            self._quotes = max(0, self._quotes - 1)
            self._set_depth()

    def _close_div(self) -> None:
        ended_quote = bool(self._quoted_divs) and self._quoted_divs[-1] == self._divs
        self._out.new_block(gap=ended_quote)
        if ended_quote:
            self._quoted_divs.pop()
            self._set_depth()
        self._divs = max(0, self._divs - 1)

    def _set_depth(self) -> None:
        self._out.set_depth(self._quotes + len(self._quoted_divs) + self._rest_is_quote)

    def _begin_link(self, tag: Tag) -> None:
        self._end_link()
        url = (tag.attribute("href") or "").strip()
        if url.lower().startswith(("http://", "https://", "mailto:")):
            self._link = url[:_LONGEST_LINK]

    def _end_link(self) -> None:
        if self._link is None:
            return
        url, text = self._link, " ".join("".join(self._link_text).split())
        self._link, self._link_text = None, []
        if text and not _says_the_same(text, url):
            self._out.write(f" ({url})")


def _is_hidden(tag: Tag) -> bool:
    lowered = tag.written.lower()
    if "hidden" in lowered and tag.attribute("hidden") is not None:
        return True
    if "display" not in lowered and "visibility" not in lowered:
        return False
    style = "".join((tag.attribute("style") or "").lower().split())
    return "display:none" in style or "visibility:hidden" in style


def _says_the_same(text: str, url: str) -> bool:
    return _bare(text) == _bare(url)


def _bare(address: str) -> str:
    lowered = address.lower().rstrip("/")
    for prefix in ("https://", "http://", "mailto:"):
        lowered = lowered.removeprefix(prefix)
    return lowered.removeprefix("www.").partition("?")[0] if "@" in lowered else lowered
