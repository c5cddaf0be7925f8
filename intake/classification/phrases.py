"""Which words carried a decision: the stretches of the text where the winning kind gained most."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from intake.classification.features import SENTENCE_END, SENTENCE_ENDS, TOKEN, Reading, Stretch
from intake.classification.packing import weight_of
from intake.classification.scoring import Part, Scores
from intake.evidence import Evidence
from intake.message import Message

_MOST_PHRASES = 3
_WORTH_SHOWING = 0.4
"""Of the strongest sentence's gain."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """What a sentence added to the winning score, and its tokens `first` to before `after`."""

    gain: float
    number: int
    first: int
    after: int


def carrying_phrases(
    message: Message, reading: Reading, scores: Scores, column: int, label: str
) -> tuple[Evidence, ...]:
    """Return the stretches that spoke most for the kind in `column`, strongest first."""
    found: list[tuple[float, Evidence]] = []
    subject_gain = _gain(scores.subject, 0, len(reading.subject), column)
    if message.subject.strip() and subject_gain > 0:
        found.append((subject_gain, Evidence(label, message.subject, -1, -1)))
    sentences = strongest_sentences(reading.body, scores.body, column)
    places = _sentence_places(reading) if sentences else []
    enough = _WORTH_SHOWING * max([subject_gain, *(sentence.gain for sentence in sentences)])
    for sentence in sentences:
        if sentence.gain >= enough:
            start, end = _best_stretch(reading, scores, column, sentence, places[sentence.number])
            found.append((sentence.gain, Evidence(label, message.text[start:end], start, end)))
    found.sort(key=lambda pair: -pair[0])
    return tuple(evidence for gain, evidence in found[:_MOST_PHRASES] if gain >= enough)


def strongest_sentences(
    tokens: Sequence[str], parts: Sequence[Part], column: int
) -> list[Sentence]:
    """Return the few sentences that added most to the score in `column`, strongest first."""
    sentences = [
        Sentence(gain, number, first, after)
        for number, (first, after) in enumerate(_sentences(tokens))
        if first < after and (gain := _gain(parts, first, after, column)) > 0
    ]
    return sorted(sentences, key=lambda sentence: -sentence.gain)[:_MOST_PHRASES]


def _sentences(tokens: Sequence[str]) -> Iterator[tuple[int, int]]:
    first = 0
    for at, token in enumerate(tokens):
        if token in SENTENCE_ENDS:
            yield first, at
            first = at + 1
    yield first, len(tokens)


def _gain(parts: Sequence[Part], first: int, after: int, column: int) -> float:
    return sum(part.worth * weight_of(sum(part.weights[first:after]), column) for part in parts)


def _best_stretch(
    reading: Reading, scores: Scores, column: int, sentence: Sentence, place: tuple[int, Stretch]
) -> Stretch:
    """Return where in `message.text` the run of words stands that carried the sentence."""
    first, after = best_run(_gains(scores.body, sentence, column))
    stretch, (start, end) = place
    shift = reading.stretches[stretch][0]
    words = list(TOKEN.finditer(reading.plain_texts[stretch], start, end))
    return shift + words[first].start(), shift + words[after - 1].end()


def _gains(parts: Sequence[Part], sentence: Sentence, column: int) -> list[float]:
    """Return what each token of the sentence added: a feature's gain goes to its ends by halves."""
    count = sentence.after - sentence.first
    gains = [0.0] * (count + 1)
    for part in parts:
        half, step = part.worth / 2, part.span - 1
        for at, packed in enumerate(part.weights[sentence.first : sentence.after]):
            if packed:
                share = half * weight_of(packed, column)
                gains[at] += share
                gains[at + step] += share
    return gains[:count]


def best_run(gains: Sequence[float]) -> Stretch:
    """Return the run with the highest sum over the mean, in one pass; never empty."""
    usual = sum(gains) / len(gains) / 2
    best, best_sum = (0, len(gains)), 0.0
    first, total = 0, 0.0
    for at, gain in enumerate(gains):
        if total <= 0:
            first, total = at, 0.0
        total += gain - usual
        if total > best_sum:
            best, best_sum = (first, at + 1), total
    return best


def _sentence_places(reading: Reading) -> list[tuple[int, Stretch]]:
    """Return for each sentence the number of its stretch, and where it stands in its plain text."""
    places: list[tuple[int, Stretch]] = []
    for stretch, text in enumerate(reading.plain_texts):
        start = 0
        for end in SENTENCE_END.finditer(text):
            places.append((stretch, (start, end.start())))
            start = end.end()
        places.append((stretch, (start, len(text))))
    return places
