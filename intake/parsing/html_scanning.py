"""HTML cut into text and tags by a forward-only scanner: linear whatever is sent.

Why not a real HTML parser: nested or misnested tags make them quadratic in time or memory
(200,000 open `<div>` took selectolax seven minutes, 70 KB of `<b>` 1.8 GB), and a message needs
no tree.
"""

import html
import re
from collections.abc import Iterator
from typing import NamedTuple

_NAME = re.compile(r"/?([a-zA-Z][a-zA-Z0-9:-]{0,40})")
# The usual case in one step. Possessive, so that a tag without end costs its length once.
_TEXT_AND_TAG = re.compile(r"([^<]*+)<(/?)([a-zA-Z][a-zA-Z0-9:-]{0,40}+)([^<>]*+)>")
_POSSIBLE_TAG = re.compile(r"<(?:/?[a-zA-Z]|[!?])")
_ATTRIBUTE = re.compile(
    r"""([^\s=>"'/]{1,100})(?:[ \t\r\n]{0,20}=[ \t\r\n]{0,20}("[^"]*"|'[^']*'|[^\s>"']*))?"""
)
_TAG_WITH_QUOTES = re.compile(r"""(?:[^>"']|"[^"]*"|'[^']*')*>""")
_LONGEST_TAG = 8_000
_SLOW_TAGS = 500
RAW_TEXT = {"script", "style", "title", "xmp", "iframe", "noembed", "noframes", "template"}
_CLOSING = {name: re.compile(f"</{name}", re.IGNORECASE) for name in RAW_TEXT}


class Tag(NamedTuple):
    """A tag: its name lower-cased, whether it closes, and its attributes as they were written."""

    name: str
    closing: bool
    written: str

    def attribute(self, name: str) -> str | None:
        """Return the value of an attribute, "" for one without value, None if it is not there."""
        if name not in self.written.lower():
            return None
        for found in _ATTRIBUTE.finditer(self.written):
            if found[1].lower() == name:
                return unescape((found[2] or "").strip("\"'"))
        return None


def unescape(text: str) -> str:
    """Return `text` with character references replaced."""
    if "&" not in text:
        return text
    try:
        return html.unescape(text)
    except ValueError:  # a number of more digits than Python converts
        return text


def _is_address(tag: Tag) -> bool:
    """Return whether it is an address in brackets, not a tag: `<anna@example.org>`."""
    return "@" in tag.written.split(None, 1)[0] and tag.written[0] in "@._+-0123456789"


class Scanner:
    """One pass over a document."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._missing: set[str] = set()
        self._slow_left = _SLOW_TAGS

    def __iter__(self) -> Iterator[str | Tag]:
        """Yield text (character references replaced) and tags in order."""
        source, position = self._source, 0
        while position < len(source):
            found = _TEXT_AND_TAG.match(source, position)
            if found is None or found[4].count('"') % 2 or found[4].count("'") % 2:
                text, tag, position = self._slow_step(position)
            else:
                text, position = found[1], found.end()
                tag = Tag(found[3].lower(), found[2] == "/", found[4])
            if text:
                yield unescape(text)
            if tag is None:
                continue
            if "@" in tag.written and _is_address(tag):
                yield source[source.rfind("<", 0, position) : position]
                continue
            yield tag
            if tag.name in RAW_TEXT and not tag.closing:
                position = self._after_raw_text(tag.name, position)

    def _slow_step(self, position: int) -> tuple[str, Tag | None, int]:
        """Return the next text, the tag after it if it is one, and where to go on."""
        start = self._source.find("<", position)
        if start < 0:
            return self._source[position:], None, len(self._source)
        if start > position:
            return self._source[position:start], None, start
        name = _NAME.match(self._source, start + 1)
        if name is None:
            text, after = self._no_tag(start)
            return text, None, after
        tag, after = self._tag(start, name)
        return "", tag, after

    def _no_tag(self, start: int) -> tuple[str, int]:
        """Skip a comment or declaration; any other `<` is text."""
        source = self._source
        if source.startswith("<!--", start):
            # A comment that never ends would swallow the rest: skip its beginning only.
            end = self._find("-->", start + 2)
            return "", end + 3 if end >= 0 else start + 4
        if source[start + 1 : start + 2] in {"!", "?"}:
            end = self._find(">", start)
            return "", end + 1 if end >= 0 else start + 2
        following = _POSSIBLE_TAG.search(source, start + 1)
        end = following.start() if following else len(source)
        return source[start:end], end

    def _tag(self, start: int, name: re.Match[str]) -> tuple[Tag, int]:
        source = self._source
        end = self._find(">", name.end())
        if end < 0:
            end = min(len(source), name.end() + _LONGEST_TAG)
            end = end if source.find("<", name.end(), end) < 0 else source.find("<", name.end())
            return Tag(name[1].lower(), source[start + 1] == "/", source[name.end() : end]), end
        written = source[name.end() : end]
        if (written.count('"') % 2 or written.count("'") % 2) and self._slow_left:
            self._slow_left -= 1
            quoted = _TAG_WITH_QUOTES.match(source, name.end(), name.end() + _LONGEST_TAG)
            if quoted is not None:
                end = quoted.end() - 1
                written = source[name.end() : end]
        return Tag(name[1].lower(), source[start + 1] == "/", written), end + 1

    def _after_raw_text(self, name: str, position: int) -> int:
        """Return where the element's closing tag begins; `position` if it is never closed."""
        if name in self._missing:
            return position
        found = _CLOSING[name].search(self._source, position)
        if found is None:
            self._missing.add(name)
            return position
        return found.start()

    def _find(self, needle: str, position: int) -> int:
        """Return where `needle` stands, remembering what will not come any more."""
        if needle in self._missing:
            return -1
        found = self._source.find(needle, position)
        if found < 0:
            self._missing.add(needle)
        return found
