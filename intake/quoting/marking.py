"""Which lines of a text the sender did not write now."""

import re

from intake.message import Mark, MarkKind
from intake.quoting.lines import (
    Lines,
    begins_forward,
    begins_original,
    header_name,
    is_postscript,
    is_prose,
    is_rule,
    names_a_device,
    read_lines,
)
from intake.quoting.words import (
    BLOCK_NAMES,
    FORWARD_BEGINNINGS,
    FROM_NAMES,
    LEADS,
    SENT_FROM,
    SUBJECT_NAMES,
    VERBS,
)

_LONGEST_ATTRIBUTION = 4
_LONGEST_SIGNATURE = 10
_TIME_OR_YEAR = re.compile(r"(?:19|20)\d\d(?!\d)|\d[:.]\d\d(?!\d)")
_OPENINGS = ("--", "==", "__", *LEADS, *FORWARD_BEGINNINGS, *SENT_FROM, *BLOCK_NAMES)
_FIRST_TWO = frozenset(opening[:2] for opening in _OPENINGS)
_FIRST_TWO_WITHOUT_COLON = frozenset(opening[:2] for opening in ("--", "==", "__", *SENT_FROM))
"""Most lines of most mails begin otherwise, and need no closer look."""


def find_marks(text: str) -> tuple[Mark, ...]:
    """Return the stretches of `text` that are quotes, forwards or a signature.

    They are in order and do not overlap; each covers whole lines and the blank lines after it.
    When in doubt nothing is marked. The cost is linear in the length of `text`.
    """
    if not text:
        return ()
    marks = _Marker(text).mark()
    if all(mark.kind is MarkKind.SIGNATURE for mark in marks) and not _without(text, marks):
        # Words below "--" and nothing else: then they are the letter.
        return tuple(mark for mark in marks if not text.startswith("--", mark.start))
    return marks


def new_text(text: str) -> str:
    """Return what the sender wrote now: `text` without its marked stretches."""
    return _without(text, find_marks(text))


def _without(text: str, marks: tuple[Mark, ...]) -> str:
    kept: list[str] = []
    position = 0
    for mark in marks:
        kept.append(text[position : mark.start])
        position = mark.end
    return "".join([*kept, text[position:]]).strip()


def _has_verb(lowered: str) -> bool:
    return any(verb in lowered for verb in VERBS)


def _may_begin(text: str) -> bool:
    """Return whether the line is worth a closer look: may it be the first of something?"""
    opening = text[:2].lower()
    if opening in _FIRST_TWO_WITHOUT_COLON:
        return True
    return ":" in text and (opening in _FIRST_TWO or text[:1] == "*")


class _Marker:
    """One pass over the lines."""

    def __init__(self, text: str) -> None:
        self._lines: Lines = read_lines(text)
        self._texts, self._quoted = self._lines.texts, self._lines.quoted
        self._count = len(self._texts)
        self._marks: list[Mark] = []
        # Without a colon, and a verb or a quote sign, nothing can be an attribution.
        self._may_attribute = any(line[-1:] == ":" for line in self._texts) and (
            any(self._quoted) or _has_verb(text.lower())
        )

    def mark(self) -> tuple[Mark, ...]:
        position = 0
        while position < self._count:
            position = self._step(position)
        return tuple(self._marks)

    def _step(self, at: int) -> int:
        """Look at the line `at`; return the line to look at next."""
        text = self._texts[at]
        if self._quoted[at]:
            kind = MarkKind.FORWARD if begins_forward(text) else MarkKind.QUOTE
            return self._add(kind, at, self._end_of_quote(at))
        if _may_begin(text) and (after := self._marked_at(at, text)):
            return after
        if self._may_attribute and text and (after := self._after_attribution(at)):
            return self._add(MarkKind.QUOTE, at, self._end_of_attributed(after))
        return at + 1

    def _marked_at(self, at: int, text: str) -> int:
        """Return the line after what begins at `at`, 0 if nothing does."""
        if begins_forward(text):
            return self._add(MarkKind.FORWARD, at, self._end_of_enclosed(at + 1))
        if after := self._after_original(at):
            return self._add(MarkKind.QUOTE, at, self._end_of_enclosed(after))
        if text == "--":
            end = self._end_of_signature(at)
            return self._add(MarkKind.SIGNATURE, at, end) if end else 0
        if names_a_device(text):
            return self._add(MarkKind.SIGNATURE, at, at + 1)
        return 0

    def _add(self, kind: MarkKind, first: int, after: int) -> int:
        after = self._next_content(after)
        starts = self._lines.starts
        self._marks.append(Mark(kind, starts[first], starts[after]))
        return after

    def _next_content(self, at: int) -> int:
        while at < self._count and not self._texts[at] and not self._quoted[at]:
            at += 1
        return at

    def _is_quoted(self, at: int) -> bool:
        return at < self._count and self._quoted[at]

    def _end_of_quote(self, at: int) -> int:
        """Return the line after a run of quoted lines with blank ones between."""
        end = at
        while at < self._count:
            if self._quoted[at]:
                end = at + 1
            elif self._texts[at]:
                break
            at += 1
        return end

    def _end_of_enclosed(self, at: int) -> int:
        """Return where a message enclosed below a marker ends: with its quote signs, or never."""
        block = self._next_content(at)
        body = self._next_content(self._after_block(block))
        return self._end_of_quote(body) if self._is_quoted(body) else self._count

    def _end_of_attributed(self, after: int) -> int:
        body = self._next_content(after)
        return self._end_of_quote(body) if self._is_quoted(body) else self._count

    def _after_original(self, at: int) -> int:
        """Return where "-----Original Message-----" or Outlook's rule leads to, 0 if neither."""
        text = self._texts[at]
        if begins_original(text):
            return at + 1
        block = self._next_content(at + 1) if is_rule(text) else at
        return block if self._after_block(block) > block else 0

    def _after_block(self, at: int) -> int:
        """Return the line after a block of From, Sent, To, Subject; `at` if there is none."""
        names: set[str] = set()
        end = at
        for position in range(at, min(at + 12, self._count)):
            name = header_name(self._texts[position])
            if not name and (position == at or not self._texts[position]):
                break
            if name:
                names.add(name)
                end = position + 1
        complete = len(names) >= 3 and names & SUBJECT_NAMES and names & FROM_NAMES
        return end if complete else at

    def _after_attribution(self, at: int) -> int:
        """Return the line after "On … wrote:", which may run over several lines; 0 if none."""
        first = self._texts[at].lower()
        if not first.startswith(LEADS) and not _TIME_OR_YEAR.search(first):
            return 0
        joined = ""
        for position in range(at, min(at + _LONGEST_ATTRIBUTION, self._count)):
            text = self._texts[position].lower()
            if not text or self._quoted[position] or (position > at and text.startswith(LEADS)):
                return 0
            joined = f"{joined} {text}"
            if text[-1] == ":":
                return position + 1 if self._is_attribution(joined, position + 1) else 0
        return 0

    def _is_attribution(self, joined: str, after: int) -> bool:
        has_verb = _has_verb(joined)
        if self._is_quoted(self._next_content(after)):
            return "@" in joined or (has_verb and any(map(str.isdigit, joined)))
        # Without quote signs all that follows would be taken for the quote: be sure.
        return has_verb and "@" in joined and bool(_TIME_OR_YEAR.search(joined))

    def _end_of_signature(self, at: int) -> int:
        """Return the line after a signature; 0 if it reads like a letter."""
        first = self._next_content(at + 1)
        if first >= self._count or is_prose(self._texts[first], 9):
            return 0
        last = min(at + 1 + _LONGEST_SIGNATURE, self._count)
        for position in range(first, last):
            gap = position > first and not self._texts[position - 1]
            if self._ends_signature(position) or is_prose(self._texts[position], 8 if gap else 14):
                return position
        return last

    def _ends_signature(self, at: int) -> bool:
        text = self._texts[at]
        if self._quoted[at] or is_postscript(text) or begins_forward(text):
            return True
        return bool(text and (self._after_original(at) or self._after_attribution(at)))
