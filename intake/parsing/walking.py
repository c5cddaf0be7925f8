"""From the tree of parts to what a person reads, and what is attached.

Only text that the sender wrote goes into the body: attached and returned messages never do.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from intake.message import Attachment
from intake.parsing.attaching import BUDGET_SPENT, describe, describe_inline
from intake.parsing.charsets import clean, decode_text
from intake.parsing.html_text import PieceBudget
from intake.parsing.structure import Part, Structure
from intake.parsing.text_parts import LONGEST_ENCODED, part_source, readable, tidy
from intake.parsing.transfer import decode_body
from intake.parsing.uuencoded import MOST_FILES, TOO_MANY_FILES, take_inline_files

LONGEST_TEXT = 1_000_000
"""Characters of a body: a long novel."""
MOST_SOURCE = 2_000_000
"""Characters of all bodies together, and bytes of all text attachments, before conversion."""
SHORTENED = "the text is very long and was shortened"
SHOWN_RAW = "it could not be displayed as it was meant; the text is shown as it came"
_BODY_TYPES = {"text/plain", "text/html", "text/enriched", "text/richtext", "text/markdown"}
_REPORTS = {
    "message/delivery-status",
    "message/global-delivery-status",
    "message/disposition-notification",
    "message/feedback-report",
}
_NOTICE_WORDS = ("support", "reader", "viewer", "client", "browser", "display", "enable", "view")


@dataclass(frozen=True, slots=True)
class Body:
    """The readable text of a mail, its attachments, and what was wrong."""

    text: str
    attachments: tuple[Attachment, ...]
    defects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Rendering:
    """What one part says: text, and whether HTML is where it comes from."""

    text: str = ""
    is_html: bool = False


@dataclass(slots=True)
class _Walk:
    """One walk over one mail: collects attachments while it renders text."""

    raw: bytes
    elsewhere: Sequence[str]
    attachments: list[Attachment] = field(default_factory=list)
    attached_parts: list[Part] = field(default_factory=list)
    defects: dict[str, None] = field(default_factory=dict)
    source_left: int = MOST_SOURCE
    body_left: int = MOST_SOURCE
    pieces: PieceBudget = field(default_factory=PieceBudget)

    def render(self, part: Part) -> _Rendering:
        if part.children:
            return self._render_children(part)
        if part.type.startswith("multipart/"):
            return self._render_text(replace(part, type="text/plain", encoding=""))
        if _is_body(part):
            return self._render_text(part)
        if part.type not in _REPORTS:
            self.attach(part)
        return _Rendering()

    def attach(self, part: Part) -> None:
        made, is_cut = describe(self.raw, part, self.elsewhere, self.source_left, self.pieces)
        if is_cut or self.pieces.is_spent:
            self.defects[BUDGET_SPENT] = None
        if part.type.startswith("text/"):
            self.source_left = max(0, self.source_left - (part.end - part.start))
        self.attachments.append(made)
        self.attached_parts.append(part)

    def _render_children(self, part: Part) -> _Rendering:
        if part.type == "multipart/alternative":
            return self._render_alternative(part)
        if part.type == "message/rfc822":
            self.attach(replace(part, children=()))
        renderings: list[_Rendering] = []
        for child in part.children:
            said = any(each.text.strip() for each in renderings)
            if part.type == "multipart/report" and said and not child.children:
                if child.type not in _REPORTS:
                    self.attach(child)
            else:
                renderings.append(self.render(child))
        return _join(renderings)

    def _render_alternative(self, part: Part) -> _Rendering:
        plain, html = "", ""
        pending: Part | None = None
        for child in part.children:
            if child.type == "text/html" and _is_body(child):
                pending = child  # converted only if it is needed
                continue
            if child.type == "text/x-amp-html":
                continue
            rendering = self.render(child)
            if rendering.is_html:
                html = rendering.text or html
            else:
                plain = plain or rendering.text.strip("\n")
        if pending is not None:
            html = self._html_if_fuller(pending, plain) or html
        return _choose(plain, html)

    def _html_if_fuller(self, part: Part, plain: str) -> str:
        source = self._source(part)
        if plain.strip() and not _is_notice(plain) and _rough_length(source) <= len(plain) * 1.4:
            return ""
        return self._readable(part, source)

    def _render_text(self, part: Part) -> _Rendering:
        text = self._readable(part, self._source(part))
        return _Rendering(text, part.type == "text/html")

    def _source(self, part: Part) -> str:
        """Return the decoded source of a body, as much of it as the mail's budget allows."""
        limit = min(LONGEST_ENCODED, self.body_left * 4)
        source = part_source(self.raw, part, self.elsewhere, limit) if limit > 0 else ""
        encoded = min(part.end - part.start, limit)
        if part.end - part.start > limit or len(source) > self.body_left:
            self.defects[SHORTENED] = None
        source = source[: self.body_left]
        self.body_left -= max(len(source), encoded // 4)
        return source

    def _readable(self, part: Part, source: str) -> str:
        text = readable(part, source, self.pieces)
        if self.pieces.is_spent:
            self.defects[SHORTENED] = None
        return text


def read_body(raw: bytes, structure: Structure, elsewhere: Sequence[str] = ()) -> Body:
    """Return the readable text and the attachments of the mail."""
    walk = _Walk(raw, elsewhere)
    text, files = take_inline_files(_whole_text(walk, structure))
    if len(files) >= MOST_FILES:
        walk.defects[TOO_MANY_FILES] = None
    for offset, file in enumerate(files):
        walk.attachments.append(describe_inline(file, len(structure.parts) + offset))
    text = text.strip("\n")
    if len(text) > LONGEST_TEXT:
        walk.defects[SHORTENED] = None
        text = text[:LONGEST_TEXT].rstrip()
    return Body(text, tuple(walk.attachments), tuple(walk.defects))


def inline_bytes(raw: bytes, structure: Structure, elsewhere: Sequence[str], part: int) -> bytes:
    """Return the content of an inline uuencoded file, b"" if the text has no such file."""
    _, files = take_inline_files(_whole_text(_Walk(raw, elsewhere), structure))
    index = part - len(structure.parts)
    return files[index].data if 0 <= index < len(files) else b""


def _whole_text(walk: _Walk, structure: Structure) -> str:
    text = tidy(walk.render(structure.root).text) or _only_attached_text(walk)
    if text or walk.attachments:
        return text
    return _as_it_came(walk, structure.root)


def _is_body(part: Part) -> bool:
    if part.type not in _BODY_TYPES or part.disposition.value == "attachment":
        return False
    return not (part.disposition.raw("filename") or part.content.raw("name"))


def _join(renderings: list[_Rendering]) -> _Rendering:
    said = [rendering for rendering in renderings if rendering.text.strip()]
    text = "\n\n".join(rendering.text.strip("\n") for rendering in said)
    return _Rendering(text, any(rendering.is_html for rendering in said))


def _choose(plain: str, html: str) -> _Rendering:
    if not html.strip():
        return _Rendering(plain)
    if not plain.strip() or _is_notice(plain) or _is_excerpt(plain, html):
        return _Rendering(html, is_html=True)
    return _Rendering(plain)


def _is_notice(plain: str) -> bool:
    """Return whether `plain` only says that the reader cannot show HTML."""
    if len(plain) > 400:
        return False
    lowered = plain.lower()
    return "html" in lowered and any(word in lowered for word in _NOTICE_WORDS)


def _is_excerpt(plain: str, html: str) -> bool:
    """Return whether the HTML says much more than the plain text."""
    fewer, more = len(plain.split()), len(html.split())
    return more >= fewer * 1.5 + 15


def _rough_length(source: str) -> int:
    """Return how much text there is at most in HTML: what stands outside tags."""
    inside = 0
    for piece in source.split("<")[1:]:
        inside += piece.find(">") + 2
    return len(source) - inside


def _only_attached_text(walk: _Walk) -> str:
    """Return the text of the one attached text of a mail that has no other content."""
    parts = [part for part in walk.attached_parts if part.type in _BODY_TYPES]
    if len(parts) != 1:
        return ""
    budget = PieceBudget()
    source = part_source(walk.raw, parts[0], walk.elsewhere, LONGEST_ENCODED)
    text = tidy(readable(parts[0], source, budget))
    if budget.is_spent or parts[0].end - parts[0].start > LONGEST_ENCODED:
        walk.defects[SHORTENED] = None
    return text


def _as_it_came(walk: _Walk, root: Part) -> str:
    """Return the undigested body where no text and no attachment was found in it."""
    if root.children or root.type == "text/html" or root.type in _REPORTS:
        return ""  # the parts were read, and they are empty
    end = min(root.end, root.start + LONGEST_ENCODED)
    data = decode_body(walk.raw, root.start, end, "")
    text = tidy(clean(decode_text(data, None, walk.elsewhere)))
    if text.strip():
        walk.defects[SHOWN_RAW] = None
    return text
