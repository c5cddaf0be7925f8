"""What an acknowledgement may not be: rules AK-1 to AK-8 as one pure function over its words.

Plain, short, neutral at first sight, the same in danger as without, and honest about time. Used by
the tests on every letter Kith ships, and on a letter that a group wants to save.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from replies.signposting import LETTER_NUMBERS

FIRST_SIGHT = 110
"""What a locked phone shows of a letter, in characters."""
MAX_OWN_WORDS = 100
MAX_WORDS = 220
MAX_SENTENCE = 20
MAX_GRADE = 6.0
MAX_LINE = 76

SUBJECT = "Thank you for your email (ref {reference})"


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_FORBIDDEN = _set(
    "unfortunately urgent urgently case cases disclose disclosed disclosure allegation "
    "allegations diagnosis safeguarding referral refer referred investigate investigation "
    "suicide abuse confidential confidentially sorry"
)
_FORBIDDEN_PHRASES = (
    "we understand",
    "i understand",
    "we know how you feel",
    "rest assured",
    "don't worry",
    "do not worry",
    "we promise",
    "guarantee",
    "as soon as possible",
    "get back to you",
    "bear with us",
    "touch base",
    "reach out",
    "in the meantime",
    "at the end of the day",
    "have read your",
    "has read your",
    "you must",
    "you have to",
    "log in",
    "sign in",
    "donate",
)
_NOT_NEUTRAL = _set(
    "adopt adoption adopted adopter adopters child children care carer carers court danger "
    "emergency family families help join member offer partner police privacy request risk safe "
    "social support worker report 999"
)
_LEFTOVERS = ("{", "}", "None", "undefined", "TODO", "[", "]")
_WORD = re.compile(r"[A-Za-z]+(?:['’-][A-Za-z]+)*")
_VOWELS = re.compile(r"[aeiouy]+")
_DAYS = re.compile(r"\d+ (?:working )?(?:day|hour|week)s?\b")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a letter: the rule it breaks, and what to change."""

    rule: str
    problem: str


def lint_letter(
    subject: str,
    body: str,
    *,
    reference: str,
    numbers: Mapping[str, str],
    blocks: tuple[str, ...] = (),
    reply_time: str = "",
    private_words: tuple[str, ...] = (),
) -> tuple[Fault, ...]:
    """Return everything that is wrong with an acknowledgement; empty when it may go out.

    `blocks` are the safety and privacy paragraphs, whose words are not its own; `private_words` are
    what the sender wrote or is called, none of which may stand in it.
    """
    faults = (
        *_subject(subject, reference),
        *_first_sight(body),
        *_privacy(body, reference, private_words),
        *_length(body, blocks),
        *_plainness(body),
        *_tone(body),
        *_time(body, reply_time),
        *_form(body),
        *_safety(body, numbers),
    )
    return tuple(Fault(rule, problem) for rule, problem in faults)


def reading_grade(text: str) -> float:
    """Return the Flesch-Kincaid grade of `text`, syllables counted by rule; 0 without words."""
    sentences = [words for sentence in sentences_of(text) if (words := _WORD.findall(sentence))]
    words = [word for sentence in sentences for word in sentence]
    if not words:
        return 0.0
    syllables = sum(_syllables(word) for word in words)
    return 0.39 * len(words) / len(sentences) + 11.8 * syllables / len(words) - 15.59


def sentences_of(text: str) -> tuple[str, ...]:
    """Return the sentences of a plain text; a paragraph ends one too, and URLs do not count."""
    found: list[str] = []
    for paragraph in text.split("\n\n"):
        words: list[str] = []
        for word in paragraph.split():
            if not word.startswith(("http://", "https://")):
                words.append(word)
            if word.endswith((".", "!", "?")):
                found.append(" ".join(words))
                words = []
        found.append(" ".join(words))
    return tuple(sentence for sentence in found if sentence)


Found = Iterator[tuple[str, str]]


def _subject(subject: str, reference: str) -> Found:
    if subject != SUBJECT.format(reference=reference):
        yield "AK-1", "the subject must be the one fixed line, for every kind"


def _first_sight(body: str) -> Found:
    seen = set(_words(body[:FIRST_SIGHT]))
    if told := sorted(seen & _NOT_NEUTRAL):
        yield (
            "AK-2",
            f"the first {FIRST_SIGHT} characters, shown on a locked phone, say {told[0]!r}",
        )


def _privacy(body: str, reference: str, private_words: Iterable[str]) -> Found:
    if any(line.startswith(">") for line in body.splitlines()):
        yield "AK-3", "it quotes a mail"
    present = set(_words(body))
    if any(word.lower() in present for word in private_words):
        yield "AK-3", "it repeats a word of the mail or a name"
    if body.count(reference) != 1:
        yield "AK-4", "the reference must stand in it once"


def _length(body: str, blocks: Iterable[str]) -> Found:
    total = len(body.split())
    own = total - sum(len(block.split()) for block in blocks)
    if own > MAX_OWN_WORDS:
        yield "AK-5", f"its own text has {own} words; {MAX_OWN_WORDS} are allowed"
    if total > MAX_WORDS:
        yield "AK-5", f"the whole mail has {total} words; {MAX_WORDS} are allowed"
    for sentence in sentences_of(body):
        if len(sentence.split()) > MAX_SENTENCE:
            yield "AK-5", f"a sentence has more than {MAX_SENTENCE} words: {sentence!r}"


def _plainness(body: str) -> Found:
    grade = reading_grade(body)
    if grade > MAX_GRADE:
        yield "AK-5", f"its reading grade is {grade:.1f}; {MAX_GRADE:.0f} is allowed"
    if "!" in body:
        yield "AK-5", "it has an exclamation mark"
    if any(ord(sign) >= 0x2600 for sign in body):
        yield "AK-5", "it has a picture sign"


def _tone(body: str) -> Found:
    words = _words(body)
    for word in sorted(_FORBIDDEN.intersection(words)):
        yield "AK-5", f"it uses the word {word!r}"
    joined = " ".join(body.lower().replace("’", "'").split())
    for phrase in _FORBIDDEN_PHRASES:
        if phrase in joined:
            yield "AK-6", f"it says {phrase!r}"
    if "?" in _without_urls(body):
        yield "AK-6", "it asks a question, which calls for an answer"
    if any(one == two for one, two in pairwise(words)):
        yield "AK-6", "a word is doubled"


def _time(body: str, reply_time: str) -> Found:
    joined = " ".join(body.split())
    for found in _DAYS.findall(joined):
        if found != reply_time:
            yield "AK-7", f"it promises {found!r}, which the settings do not"


def _form(body: str) -> Found:
    if "automatic" not in _words(body):
        yield "AK-8", "it must say that it is automatic"
    if any(mark in _without_urls(body) for mark in _LEFTOVERS) or "  " in body:
        yield "AK-8", "a variable is not filled in"
    if "<" in body or "&" in _without_urls(body):
        yield "AK-8", "it has HTML in it"
    if any(len(line) > MAX_LINE and " " in line for line in body.splitlines()):
        yield "AK-8", f"a line is longer than {MAX_LINE} characters"


def _safety(body: str, numbers: Mapping[str, str]) -> Found:
    for service in LETTER_NUMBERS:
        number = numbers.get(service, "")
        if not number or number not in body:
            yield "safety", f"the number of {service!r} is missing, or broken over two lines"
    joined = " ".join(body.lower().split())
    if "not an emergency service" not in joined:
        yield "safety", "it must say that we are not an emergency service"
    if "children's services" not in joined:
        yield "safety", "it must name the council's children's services"


def _words(text: str) -> list[str]:
    return [word.strip(".,:;()!?'\"").lower() for word in text.split()]


def _without_urls(text: str) -> str:
    return " ".join(word for word in text.split() if "://" not in word)


def _syllables(word: str) -> int:
    """Count groups of vowels, less a silent e: right for nine words in ten."""
    lowered = word.lower()
    count = len(_VOWELS.findall(lowered))
    is_silent = lowered.endswith("e") and not lowered.endswith(("le", "ee"))
    return max(1, count - (1 if is_silent else 0))
