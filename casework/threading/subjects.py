"""What a subject is about, without what answering, forwarding and mailing lists put before it."""

import re
import unicodedata

from casework.references import without_references

MOST_CHARACTERS = 500
"""Of a longer subject only the beginning is compared."""

_ANSWERS = "re|aw|antw|sv|vs|rif|r|res|odp|ynt|atb|回复|答复|回覆"
_FORWARDS = "fw|fwd|wg|tr|i|enc|yml|vb|vl|doorst|转发|轉寄"
# Each begins where the last one ended, and every part has a fixed greatest length: linear.
_COUNT = r" ?(?:[\[(]\d{1,3}[\])]|\d{1,2})?"
_IN_FRONT = re.compile(
    rf" ?(?:(?:{_ANSWERS}|{_FORWARDS}){_COUNT} ?:"
    r"|\[[^\[\]]{1,80}\]"  # [External], [list-name]
    r"|\*{2,5}[^*]{1,30}\*{2,5}"  # ***SPAM***
    r"|(?:external|ext|caution) ?:)"
)
_FORWARD = re.compile(rf" ?(?:{_FORWARDS}){_COUNT} ?:")


def subject_stem(subject: str) -> str:
    """Return the subject in one spelling and without prefixes, tags and our references; linear.

    "Re: [External] AW: Kontakt  (ref K7F3-2Q)" becomes "kontakt". "" where nothing else is left.
    """
    text = _folded(subject)
    start = _after_prefixes(text)
    return text[start:].strip(" -:")


def is_forward_by_subject(subject: str) -> bool:
    """Return whether the subject says, among its prefixes, that something is passed on."""
    text = _folded(subject)
    position = 0
    while (found := _IN_FRONT.match(text, position)) is not None:
        if _FORWARD.match(text, position) is not None:
            return True
        position = found.end()
    return False


def _folded(subject: str) -> str:
    # NFKC makes a full-width colon a plain one; once more, since folding may undo it.
    text = unicodedata.normalize("NFKC", subject[:MOST_CHARACTERS])[:MOST_CHARACTERS]
    return " ".join(without_references(text.casefold()).split())


def _after_prefixes(text: str) -> int:
    position = 0
    while (found := _IN_FRONT.match(text, position)) is not None:
        position = found.end()
    return position
