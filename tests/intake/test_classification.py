"""Sorting mail by kind: the decision, its reasons, its confidence and the model file."""

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.classification import (
    Classification,
    KindModel,
    ModelError,
    classify,
    load_model,
    shipped_model,
)
from intake.classification.calibration import (
    RIGHT_WHEN_SURE,
    Judged,
    calibrate_also,
    sure_threshold,
)
from intake.classification.counting import count_features
from intake.classification.features import (
    BREAK,
    READ_AT_EACH_END,
    character_runs,
    plain,
    read,
    shape,
    shape_of,
    stretches_read,
    tokens,
)
from intake.classification.model import MODEL_FILE, dump_model, softmax
from intake.classification.packing import (
    HIGHEST,
    KINDS,
    from_bytes,
    pack,
    to_bytes,
    unpack,
    weight_of,
)
from intake.classification.samples import SETS, Sample, load_samples
from intake.classification.scoring import score
from intake.message import Address, Mark, MarkKind, Message
from intake.taxonomy import Kind


@pytest.fixture(scope="module")
def model() -> KindModel:
    return shipped_model()


@pytest.fixture(scope="module")
def samples() -> tuple[Sample, ...]:
    return load_samples()


def mail(text: str, subject: str = "", marks: tuple[Mark, ...] = ()) -> Message:
    return Message(subject, Address("Ada Fenn", "ada@example.org"), text=text, marks=marks)


# What it decides


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Hello, could I join your group please? I have two adopted boys.", Kind.JOIN_REQUEST),
        (
            "I am a retired bookkeeper and would be happy to do your accounts free of charge.",
            Kind.SUPPORT_OFFER,
        ),
        (
            "The council says he must move on Friday. Nobody tells us anything. Can they do this?"
            " What are our rights? Please advise.",
            Kind.CASE_REPORT,
        ),
        (
            "We would like to invite your group to co-produce a research project with our"
            " university, and two of your members to sit on the steering group.",
            Kind.PARTNERSHIP,
        ),
        ("Please delete my details and everything you hold about me.", Kind.PRIVACY_REQUEST),
        ("My suggestion is that every review should start with the parents.", Kind.CONTRIBUTION),
        ("I am out of the office until Monday. This is an automatic reply.", Kind.AUTOMATED),
        ("We can rank your site on page 1 of Google. SEO audit 40% off, click here!", Kind.SPAM),
    ],
)
def test_a_plain_mail_of_each_kind_is_recognised(model: KindModel, text: str, kind: Kind) -> None:
    assert classify(mail(text), model).kind is kind


def test_the_model_has_learned_its_own_messages(
    model: KindModel, samples: tuple[Sample, ...]
) -> None:
    right = sum(classify(sample.message, model).kind is sample.kind for sample in samples)
    assert right / len(samples) > 0.95


def test_an_empty_mail_is_an_enquiry_of_no_confidence(model: KindModel) -> None:
    assert classify(mail(""), model) == Classification(Kind.ENQUIRY, 0.0, sure=False)


def test_a_mail_with_only_a_subject_is_judged_by_it(model: KindModel) -> None:
    result = classify(mail("", subject="Can I join your group please"), model)
    assert result.kind is Kind.JOIN_REQUEST
    assert [(found.start, found.end) for found in result.evidence] == [(-1, -1)]
    assert result.evidence[0].text == "Can I join your group please"


def test_what_is_quoted_does_not_decide(model: KindModel) -> None:
    new = "Please could I join your group? I would love to come to a meeting.\n\n"
    quoted = "> Please delete my details. I withdraw my consent. Remove me from the list. " * 5
    marks = (Mark(MarkKind.QUOTE, len(new), len(new + quoted)),)
    assert classify(mail(new + quoted, marks=marks), model).kind is Kind.JOIN_REQUEST
    assert classify(mail(new + quoted), model).kind is Kind.PRIVACY_REQUEST


def test_the_whole_text_is_read_where_the_new_words_are_few() -> None:
    text = "Thoughts?\n\n> The panel has refused therapy."
    message = mail(text, marks=(Mark(MarkKind.FORWARD, 11, len(text)),))
    assert stretches_read(message) == ((0, len(text)),)


def test_a_language_not_learned_is_never_sure(model: KindModel) -> None:
    text = "Dzien dobry, chcialabym dolaczyc do waszej grupy wsparcia dla rodzicow adopcyjnych."
    assert not classify(mail(text), model).sure
    eager = replace(model, sure_from=0.0)
    assert not classify(mail(text), eager).sure
    assert classify(mail("Could I join your group please?"), eager).sure


def test_a_second_kind_is_named_when_it_is_likely_enough(model: KindModel) -> None:
    text = "Could I join your group please? I could also do your accounts free of charge."
    generous = replace(model, also=model.also._replace(at_least=0.0))
    named = [also.kind for also in classify(mail(text), generous).also]
    assert {Kind.JOIN_REQUEST, Kind.SUPPORT_OFFER} <= {classify(mail(text), model).kind, *named}
    assert not {Kind.SPAM, Kind.AUTOMATED} & set(named)
    assert classify(mail(text), replace(model, also=model.also._replace(at_least=1.0))).also == ()


# Its reasons


def test_the_deciding_words_are_shown_where_they_stand(model: KindModel) -> None:
    text = (
        "Good evening.\n\nThe weather has been dreadful here in Whitby.\n\n"
        "Please could I join your group? Best wishes to all."
    )
    first = classify(mail(text), model).evidence[0]
    assert "join" in first.text
    assert text[first.start : first.end] == first.text
    assert first.label == Kind.JOIN_REQUEST


def test_evidence_stands_outside_quoted_text(model: KindModel) -> None:
    quoted = "> Welcome to you. Could I join your group?\n"
    new = "I would like to offer you my help with the accounts, free of charge. Could I join too?"
    message = mail(quoted + new, marks=(Mark(MarkKind.QUOTE, 0, len(quoted)),))
    result = classify(message, model)
    assert result.evidence
    assert all(found.start >= len(quoted) for found in result.evidence)


MANY = st.text(
    alphabet=st.one_of(st.sampled_from("Iiwould join'’.?!\n\t £@#7İßﬁ"), st.characters()),
    max_size=400,
)


@st.composite
def messages(draw: st.DrawFn) -> Message:
    text = draw(MANY)
    ends = st.integers(0, len(text))
    spans = sorted(sorted((draw(ends), draw(ends))) for _ in range(draw(st.integers(0, 3))))
    marks = tuple(Mark(MarkKind.QUOTE, start, end) for start, end in spans)
    return mail(text, subject=draw(MANY), marks=marks)


@settings(max_examples=300, deadline=None)
@given(message=messages())
def test_any_text_is_classified_with_evidence_that_lies_in_it(message: Message) -> None:
    model = shipped()
    result = classify(message, model)
    assert result == classify(message, model)
    assert 0 <= result.confidence <= 1
    for found in result.evidence:
        if found.start == -1:
            assert found.text == message.subject
        else:
            assert found.text == message.text[found.start : found.end]
            assert found.text.strip()


_SHIPPED: list[KindModel] = []


def shipped() -> KindModel:
    """Return the shipped model, loaded once for the generated examples."""
    if not _SHIPPED:
        _SHIPPED.append(shipped_model())
    return _SHIPPED[0]


@pytest.mark.parametrize("unit", ["a", "a ", "?", "\n", "\n \n", "'", "a'", "1", ". \t\r\n", "İ"])
def test_a_megabyte_of_anything_is_read_only_at_both_ends(model: KindModel, unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    result = classify(mail(text), model)
    assert isinstance(result.kind, Kind)
    assert len(read(mail(text)).body) <= 2 * READ_AT_EACH_END + 1


def test_of_a_long_text_the_beginning_and_the_end_are_read() -> None:
    text = "start " + "middle " * 20_000 + "finish"
    stretches = stretches_read(mail(text))
    assert stretches == ((0, READ_AT_EACH_END), (len(text) - READ_AT_EACH_END, len(text)))


def test_of_a_long_text_with_quotes_the_ends_of_the_new_text_are_read() -> None:
    text = "n" * 30_000 + "q" * 1_000 + "n" * 30_000
    stretches = stretches_read(
        mail("a b c d e " + text, marks=(Mark(MarkKind.QUOTE, 30_010, 31_010),))
    )
    assert stretches == ((0, 20_000), (41_010, 61_010))


# Features


def test_numbers_and_paragraph_breaks_are_each_alike() -> None:
    assert tokens("on 14 may\n \nring 01632") == ["on", "#", "may", BREAK, "ring", "#"]


def test_a_line_break_within_a_paragraph_counts_for_nothing() -> None:
    assert tokens("please\nadd me") == ["please", "add", "me"]


@given(MANY)
def test_plain_text_keeps_every_place(text: str) -> None:
    assert len(plain(text)) == len(text)


def test_capitals_and_curly_apostrophes_make_no_difference() -> None:
    assert plain("I’D LIKE") == "i'd like"


def test_letters_are_taken_in_runs_with_the_ends_marked() -> None:
    assert character_runs("ab") == ["<a", "ab", "b>", "<ab", "ab>", "<ab>"]
    assert character_runs("?") == []


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("i'd", ("WE", "WOULD")),
        ("don't", ("do", "not")),
        ("gladly", ("_",)),
        ("lend", ("GIVE",)),
        ("the", ("the",)),
        ("#", ("#",)),
    ],
)
def test_a_word_has_its_part_in_the_shape_of_a_sentence(word: str, parts: tuple[str, ...]) -> None:
    assert shape_of(word) == parts


def test_different_offers_have_the_same_shape() -> None:
    one, _ = shape(map(shape_of, tokens("we could lend you our hall")))
    other, owners = shape(map(shape_of, tokens("i would print you my old leaflets")))
    assert one == other == ["WE", "WOULD", "GIVE", "YOU", "OUR", "_"]
    assert owners == [0, 1, 2, 3, 4, 5]


# The model


def words_without_their_runs(model: KindModel) -> dict[str, dict[str, int]]:
    """Return the words as training weighs them: in the model their letter runs are added in."""
    return {
        table: {
            word: weights
            - sum(
                model.tables[table.replace("words", "runs")].get(run, 0)
                for run in character_runs(word)
            )
            for word, weights in model.tables[table].items()
        }
        for table in ("words", "subject_words")
    }


def test_the_service_scores_as_the_training_counts(
    model: KindModel, samples: tuple[Sample, ...]
) -> None:
    tables = {**model.tables, **words_without_their_runs(model)}
    for sample in samples[::40]:
        reading = read(sample.message)
        totals = list(model.bias)
        for table, counts in count_features(reading).items():
            for feature, count in counts.items():
                row = unpack(tables[table].get(feature, 0))
                totals = [
                    total + count * model.unit * weight
                    for total, weight in zip(totals, row, strict=True)
                ]
        assert score(reading, model).totals == pytest.approx(totals)


def test_the_word_memory_forgets_and_still_answers_alike(model: KindModel) -> None:
    fresh = load_model(dump_model(model))
    before = fresh.words["join"]
    for number in range(20_001):
        assert fresh.words[f"w{number}"] is not None
    assert len(fresh.words) <= 20_000
    assert fresh.words["join"] == before


def test_a_model_survives_being_written_and_read(model: KindModel) -> None:
    data = dump_model(model)
    assert load_model(data) == model
    assert dump_model(load_model(data)) == data


def broken_models() -> Iterator[bytes]:
    good = dump_model(shipped_model())
    plain_model = json.loads(gzip.decompress(good))
    yield b""
    yield b"not gzip at all"
    yield good[:-100]
    yield gzip.compress(b"not json")
    yield gzip.compress(b"[]")
    changes: tuple[dict[str, object], ...] = (
        {"format": 99},
        {"kinds": ["join_request"]},
        {"bias": [0.0]},
        {"tables": {}},
        {"unit": "much"},
        {"tables": {**plain_model["tables"], "words": {"features": "a\nb", "weights": "AAAA"}}},
    )
    for change in changes:
        yield gzip.compress(json.dumps({**plain_model, **change}).encode())


def test_a_broken_model_is_refused_with_the_command_that_cures_it() -> None:
    for data in broken_models():
        with pytest.raises(ModelError, match="make train"):
            load_model(data)


def test_the_shipped_model_is_small(model: KindModel) -> None:
    assert len(dump_model(model)) < 3_000_000


def test_a_site_may_have_its_own_model(tmp_path: Path, model: KindModel) -> None:
    own = replace(model, sure_from=0.5)
    (tmp_path / MODEL_FILE).write_bytes(dump_model(own))
    assert shipped_model(tmp_path) == own


def test_the_service_needs_no_scikit_learn() -> None:
    code = (
        "import sys; from intake.classification import shipped_model; shipped_model();"
        "print(sorted({'sklearn', 'numpy', 'scipy'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


WEIGHTS = st.lists(st.integers(-HIGHEST, HIGHEST), min_size=len(KINDS), max_size=len(KINDS))


@given(st.lists(WEIGHTS, max_size=20))
def test_packed_weights_add_up_kind_by_kind(rows: list[list[int]]) -> None:
    packed = [pack(row) for row in rows]
    columns = tuple(sum(row[at] for row in rows) for at in range(len(KINDS)))
    assert unpack(sum(packed)) == columns
    assert tuple(weight_of(sum(packed), at) for at in range(len(KINDS))) == columns
    assert list(from_bytes(to_bytes(packed))) == packed


def test_a_weight_too_large_to_add_up_safely_is_not_written() -> None:
    with pytest.raises(ValueError, match="beyond"):
        to_bytes([pack([HIGHEST + 1])])


@pytest.mark.parametrize("table", ["phrases", "shapes", "subject_phrases"])
def test_the_model_holds_the_pair_that_begins_each_triple(model: KindModel, table: str) -> None:
    known = model.tables[table]
    assert all(feature.rpartition(" ")[0] in known for feature in known if feature.count(" ") == 2)


# The labelled messages and the thresholds


def test_every_set_is_there_with_all_its_messages(samples: tuple[Sample, ...]) -> None:
    assert {sample.source for sample in samples} == set(SETS)
    assert len(samples) == len({sample.name for sample in samples}) == 1140


def test_confidences_add_up_to_one() -> None:
    assert sum(softmax([-1.0, 0.5, 3.0], 4.0)) == pytest.approx(1)
    assert softmax([1e6, -1e6], 5.0) == [1.0, 0.0]


def judged(right: bool, lead: float) -> Judged:
    scores = (lead, *[0.0] * (len(KINDS) - 1))
    return Judged(KINDS[0] if right else KINDS[1], (), KINDS, scores)


def test_sure_begins_where_enough_are_right() -> None:
    safe = [judged(right=True, lead=2.0) for _ in range(50)]
    unsafe = [judged(right=at % 2 == 0, lead=1.0) for at in range(50)]
    threshold = sure_threshold(safe + unsafe, sharpness=1.0)
    assert threshold == max(softmax(safe[0].scores, 1.0))
    assert RIGHT_WHEN_SURE >= 0.97


def test_nothing_is_sure_where_too_few_are_right() -> None:
    assert sure_threshold([judged(right=False, lead=3.0)] * 10, sharpness=1.0) > 1


def test_a_second_kind_is_named_from_where_that_is_mostly_right() -> None:
    rest = [-1.0] * (len(KINDS) - 2)
    both = Judged(KINDS[0], (KINDS[1],), KINDS, (1.0, 0.4, *rest))
    lucky = Judged(KINDS[0], (), KINDS, (1.0, 0.1, *rest))
    also = calibrate_also([both] * 20 + [lucky] * 20 + [replace(both, also=())])
    named = [also.confidence(score) >= also.at_least for score in (0.4, 0.1, -1.0)]
    assert named == [True, False, False]
