"""What the sender did not write now: quotes, forwards and signatures, marked and never cut.

Line by line and in linear time. When in doubt a line stays unmarked: showing a quote twice is a
nuisance, hiding a sentence about a child is not.
"""

import re
from dataclasses import dataclass

from intake.message import Mark, MarkKind

_MOST_LINES = 50_000
_LONGEST_ATTRIBUTION = 4
_LONGEST_SIGNATURE = 10
_LONGEST_LINE = 300
_LEADS = ("on ", "ar ", "am ", "le ", "el ", "w dniu ", "dnia ", "il ", "op ", "em ", "den ")
_VERBS = (
    "wrote",
    "ysgrifennodd",
    "schrieb",
    "a écrit",
    "a ecrit",
    "escribió",
    "escribio",
    "napisał",
    "pisze",
    "ha scritto",
    "schreef",
    "escreveu",
    "skrev",
)
_ORIGINAL = (
    "original message",
    "original appointment",
    "neges wreiddiol",
    "ursprüngliche nachricht",
    "original-nachricht",
    "message d'origine",
    "message d’origine",
    "message original",
    "mensaje original",
    "oryginalna wiadomość",
    "wiadomość oryginalna",
    "messaggio originale",
    "oorspronkelijk bericht",
    "mensagem original",
)
_FORWARDED = (
    "forwarded message",
    "forwarded by",
    "neges wedi'i hanfon ymlaen",
    "neges a anfonwyd ymlaen",
    "neges wedi’i hanfon ymlaen",
    "weitergeleitete nachricht",
    "weitergeleitete mail",
    "message transféré",
    "message transfere",
    "mensaje reenviado",
    "wiadomość przekazana dalej",
    "przekazana wiadomość",
    "wiadomość przesłana dalej",
    "messaggio inoltrato",
    "doorgestuurd bericht",
    "mensagem encaminhada",
)
_FORWARD_BEGINNINGS = (
    "begin forwarded message",
    "dechrau neges",
    "anfang der weitergeleiteten nachricht",
    "début du message réexpédié",
    "début du message transféré",
    "inicio del mensaje reenviado",
    "początek przekazywanej wiadomości",
    "inizio messaggio inoltrato",
)
_FROM = ("from", "oddi wrth", "o", "von", "de", "od", "da", "van")
_BLOCK_NAMES = frozenset(
    (
        *_FROM,
        "sent",
        "date",
        "to",
        "cc",
        "bcc",
        "subject",
        "reply-to",
        "importance",
        "anfonwyd",
        "dyddiad",
        "at",
        "pwnc",
        "gesendet",
        "datum",
        "an",
        "betreff",
        "kopie",
        "envoyé",
        "date d'envoi",
        "à",
        "objet",
        "enviado",
        "enviado el",
        "fecha",
        "para",
        "asunto",
        "wysłano",
        "data",
        "do",
        "dw",
        "temat",
        "inviato",
        "a",
        "oggetto",
        "verzonden",
        "aan",
        "onderwerp",
        "attachments",
    )
)
_SUBJECTS = frozenset(
    ("subject", "pwnc", "betreff", "objet", "asunto", "temat", "oggetto", "onderwerp")
)
_SENT_FROM = (
    "sent from my",
    "sent from",
    "sent via",
    "get outlook for",
    "sent with",
    "anfonwyd o fy",
    "anfonwyd o'm",
    "anfonwyd o",
    "von meinem",
    "gesendet von",
    "envoyé de mon",
    "envoyé depuis mon",
    "enviado desde mi",
    "wysłane z",
    "inviato da",
    "verstuurd vanaf mijn",
)
_DEVICE_WORDS = frozenset(
    [
        "my",
        "iphone",
        "ipad",
        "ipod",
        "samsung",
        "galaxy",
        "android",
        "huawei",
        "honor",
        "xiaomi",
        "redmi",
        "pixel",
        "google",
        "motorola",
        "moto",
        "nokia",
        "oneplus",
        "oppo",
        "sony",
        "xperia",
        "htc",
        "lg",
        "blackberry",
        "mobile",
        "phone",
        "smartphone",
        "tablet",
        "device",
        "handheld",
        "outlook",
        "yahoo",
        "mail",
        "gmail",
        "aol",
        "hotmail",
        "proton",
        "protonmail",
        "windows",
        "bt",
        "sky",
        "ee",
        "o2",
        "three",
        "vodafone",
        "giffgaff",
        "for",
        "on",
        "ios",
        "with",
        "the",
        "app",
        "using",
        "via",
        "a",
        "an",
        "network",
        "plus",
        "pro",
        "max",
        "mini",
        "ultra",
        "edge",
        "note",
        "fold",
        "flip",
        "lite",
        "se",
        "air",
        "wireless",
        "secure",
        "email",
        "new",
        "inbox",
        "web",
        "apple",
        "kindle",
        "fire",
        "ffôn",
        "gesendet",
        "meinem",
        "mein",
        "mon",
        "téléphone",
        "móvil",
        "iphone'a",
        "iphonea",
        "ipada",
        "telefonu",
        "talktalk",
        "virgin",
        "media",
        "get",
        "4g",
        "5g",
    ]
)
_FIRM_DEVICES = frozenset(
    [
        "iphone",
        "ipad",
        "ipod",
        "samsung",
        "galaxy",
        "android",
        "huawei",
        "honor",
        "xiaomi",
        "redmi",
        "pixel",
        "motorola",
        "nokia",
        "oneplus",
        "oppo",
        "sony",
        "xperia",
        "htc",
        "lg",
        "blackberry",
        "mobile",
        "phone",
        "smartphone",
        "tablet",
        "device",
        "outlook",
        "yahoo",
        "mail",
        "gmail",
        "aol",
        "hotmail",
        "proton",
        "protonmail",
        "ffôn",
        "téléphone",
        "móvil",
        "iphone'a",
        "iphonea",
        "ipada",
        "telefonu",
        "kindle",
    ]
)
_TIME_OR_YEAR = re.compile(r"(?:19|20)\d\d(?!\d)|\d[:.]\d\d(?!\d)")


@dataclass(frozen=True, slots=True)
class _Line:
    """One line: where it stands, and what is left of it without quote signs and stars."""

    start: int
    end: int
    text: str
    quoted: bool

    @property
    def blank(self) -> bool:
        return not self.text


def find_marks(text: str) -> tuple[Mark, ...]:
    """Return the stretches of `text` that are quotes, forwards or a signature.

    They are in order and do not overlap; each covers whole lines and the blank lines after it.
    The cost is linear in the length of `text`.
    """
    if not text:
        return ()
    lines = _read_lines(text)
    marks = _Marker(lines).mark()
    return _unless_nothing_else(text, marks)


def new_text(text: str) -> str:
    """Return `text` without its marked stretches."""
    kept: list[str] = []
    position = 0
    for mark in find_marks(text):
        kept.append(text[position : mark.start])
        position = mark.end
    return "".join([*kept, text[position:]]).strip()


def _read_lines(text: str) -> list[_Line]:
    lines: list[_Line] = []
    start = 0
    for written in text.split("\n", _MOST_LINES)[:_MOST_LINES]:
        end = min(start + len(written) + 1, len(text))
        content = written[:_LONGEST_LINE].strip()
        quoted = content.startswith(">") and not content.startswith((">:", ">_", ">.<", ">;"))
        lines.append(_Line(start, end, content.lstrip("> ") if quoted else content, quoted))
        start = end
    return lines


class _Marker:
    """One pass over the lines."""

    def __init__(self, lines: list[_Line]) -> None:
        self._lines = lines
        self._marks: list[Mark] = []

    def mark(self) -> list[Mark]:
        position = 0
        while position < len(self._lines):
            position = self._step(position)
        return self._marks

    def _step(self, at: int) -> int:
        """Look at the line `at`; return the line to look at next."""
        line = self._lines[at]
        if line.blank:
            return at + 1
        if line.quoted:
            kind = MarkKind.FORWARD if _begins_forward(line.text) else MarkKind.QUOTE
            return self._add(kind, at, self._end_of_quote(at))
        if _begins_forward(line.text):
            return self._add(MarkKind.FORWARD, at, self._end_of_enclosed(at + 1))
        if (after := self._after_original(at)) is not None:
            return self._add(MarkKind.QUOTE, at, self._end_of_enclosed(after))
        if (after := self._after_attribution(at)) is not None:
            return self._add(MarkKind.QUOTE, at, self._end_of_attributed(after))
        if line.text == "--":
            end = self._end_of_signature(at)
            return self._add(MarkKind.SIGNATURE, at, end) if end else at + 1
        if _names_a_device(line.text):
            return self._add(MarkKind.SIGNATURE, at, at + 1)
        return at + 1

    def _add(self, kind: MarkKind, first: int, after: int) -> int:
        after = self._next_content(after)
        end = self._lines[after - 1].end
        self._marks.append(Mark(kind, self._lines[first].start, end))
        return after

    def _next_content(self, at: int) -> int:
        while at < len(self._lines) and self._lines[at].blank and not self._lines[at].quoted:
            at += 1
        return at

    def _end_of_quote(self, at: int) -> int:
        """Return the line after a run of quoted lines with blank ones between."""
        end = at
        while at < len(self._lines):
            if self._lines[at].quoted:
                end = at + 1
            elif not self._lines[at].blank:
                break
            at += 1
        return end

    def _end_of_enclosed(self, at: int) -> int:
        """Return where a message enclosed below a marker ends: with its quote signs, or never."""
        body = self._next_content(self._after_block(self._next_content(at)))
        if body < len(self._lines) and self._lines[body].quoted:
            return self._end_of_quote(body)
        return len(self._lines)

    def _end_of_attributed(self, after: int) -> int:
        body = self._next_content(after)
        quoted = body < len(self._lines) and self._lines[body].quoted
        return self._end_of_quote(body) if quoted else len(self._lines)

    def _after_original(self, at: int) -> int | None:
        """Return the line after "-----Original Message-----" or above Outlook's header block."""
        text = self._lines[at].text
        if text.startswith(("--", "==", "__")):
            if text.strip("-_=* ").lower() in _ORIGINAL:
                return at + 1
            if text.strip("-_= "):
                return None
            at = self._next_content(at + 1)
        return at if self._after_block(at) > at else None

    def _after_block(self, at: int) -> int:
        """Return the line after a block of From, Sent, To, Subject; `at` if there is none."""
        names: set[str] = set()
        end = at
        for position in range(at, min(at + 12, len(self._lines))):
            name = _header_name(self._lines[position].text)
            if not name and (position == at or self._lines[position].blank):
                break
            if name:
                names.add(name)
                end = position + 1
        complete = len(names) >= 3 and names & _SUBJECTS and names & set(_FROM)
        return end if complete else at

    def _after_attribution(self, at: int) -> int | None:
        """Return the line after "On … wrote:", which may run over several lines."""
        first = self._lines[at].text.lower()
        has_lead = first.startswith(_LEADS)
        if not has_lead and not _TIME_OR_YEAR.search(first):
            return None
        joined = ""
        for position in range(at, min(at + _LONGEST_ATTRIBUTION, len(self._lines))):
            line = self._lines[position]
            text = line.text.lower()
            if line.blank or line.quoted or (position > at and text.startswith(_LEADS)):
                return None
            joined = f"{joined} {text}"
            if text.endswith(":"):
                return position + 1 if self._is_attribution(joined, position + 1) else None
        return None

    def _is_attribution(self, joined: str, after: int) -> bool:
        has_verb = any(verb in joined for verb in _VERBS)
        body = self._next_content(after)
        if body < len(self._lines) and self._lines[body].quoted:
            return "@" in joined or (has_verb and any(char.isdigit() for char in joined))
        # Without quote signs all that follows would be taken for the quote: be sure.
        return has_verb and "@" in joined and bool(_TIME_OR_YEAR.search(joined))

    def _end_of_signature(self, at: int) -> int | None:
        """Return the line after a signature; None if it reads like a letter."""
        first = self._next_content(at + 1)
        if first >= len(self._lines) or _is_prose(self._lines[first].text, 9):
            return None
        for position in range(at + 1, min(at + 1 + _LONGEST_SIGNATURE, len(self._lines))):
            line = self._lines[position]
            after_gap = self._lines[position - 1].blank and position - 1 > at
            if self._ends_signature(position) or _is_prose(line.text, 8 if after_gap else 14):
                return position
        return min(at + 1 + _LONGEST_SIGNATURE, len(self._lines))

    def _ends_signature(self, at: int) -> bool:
        line = self._lines[at]
        if line.quoted or _is_postscript(line.text) or _begins_forward(line.text):
            return True
        return self._after_original(at) is not None or self._after_attribution(at) is not None


def _begins_forward(text: str) -> bool:
    core = text.strip("-=_* ").lower()
    if text.startswith(("--", "==")):
        return core.startswith(_FORWARDED)
    return text.endswith(":") and core.startswith(_FORWARD_BEGINNINGS)


def _header_name(text: str) -> str:
    """Return the name if the line reads like `Name: value` in a header block, else ""."""
    name, colon, _ = text[:60].partition(":")
    lowered = name.strip("* \xa0").lower()
    return lowered if colon and lowered in _BLOCK_NAMES else ""


def _is_prose(text: str, words: int) -> bool:
    return text.count(" ") + 1 >= words


def _is_postscript(text: str) -> bool:
    letters = text[:6].lower().replace(".", "").replace(" ", "")
    return letters.startswith("ps") and not text[2:3].isalpha()


def _names_a_device(text: str) -> bool:
    """Return whether the line is a phone's own: "Sent from my iPhone", and nothing more.

    "Sent from my phone, please do not ring it" is the sender's.
    """
    if len(text) > 120:
        return False
    lowered = text.lower().replace("’", "'")
    prefix = next((each for each in _SENT_FROM if lowered.startswith(each)), None)
    if prefix is None:
        return False
    rest = lowered[len(prefix) :].partition("<")[0].partition("http")[0]
    words = [word.strip(".,;:!()[]-") for word in rest.split()]
    kept = [word for word in words if word]
    known = all(word in _DEVICE_WORDS or any(map(str.isdigit, word)) for word in kept)
    return known and len(kept) <= 9 and any(word in _FIRM_DEVICES for word in kept)


def _unless_nothing_else(text: str, marks: list[Mark]) -> tuple[Mark, ...]:
    """Return the marks; without signatures where a signature would be all there is."""
    if all(mark.kind is MarkKind.SIGNATURE for mark in marks) and not _left(text, marks):
        return ()
    return tuple(marks)


def _left(text: str, marks: list[Mark]) -> bool:
    position = 0
    for mark in marks:
        if text[position : mark.start].strip():
            return True
        position = mark.end
    return bool(text[position:].strip())
