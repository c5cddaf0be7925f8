import pytest

from replies.linting import Fault, lint_letter, reading_grade, sentences_of
from replies.templates import ReplyTemplates, TemplateContext
from tests.replies.letters import NOW, REFERENCE, SIGNPOSTS

NUMBERS = SIGNPOSTS.numbers_for_letters(NOW.date())
SUBJECT = f"Thank you for your email (ref {REFERENCE})"
BLOCKS = ReplyTemplates().render("generic", TemplateContext(reference=REFERENCE, numbers=NUMBERS))


def good_body() -> str:
    return BLOCKS.body


def faults(body: str, *, subject: str = SUBJECT, **more: object) -> tuple[Fault, ...]:
    return lint_letter(
        subject,
        body,
        reference=REFERENCE,
        numbers=NUMBERS,
        blocks=(BLOCKS.safety, BLOCKS.privacy),
        reply_time=str(more.get("reply_time", "")),
        private_words=more.get("private_words", ()),  # type: ignore[arg-type]
    )


def test_the_sample_body_has_no_fault() -> None:
    assert faults(good_body()) == ()


@pytest.mark.parametrize(
    ("addition", "rule", "words"),
    [
        ("> you wrote this", "AK-3", "quotes"),
        (f"Again: {REFERENCE}.", "AK-4", "once"),
        ("We can help. " * 40, "AK-5", "own text"),
        ("We can help. " * 60, "AK-5", "whole mail"),
        ("We can help you " + "and you " * 12 + "too.", "AK-5", "a sentence"),
        ("Thank you!", "AK-5", "exclamation"),
        ("Thank you \U0001f49b.", "AK-5", "picture"),
        ("This is urgent.", "AK-5", "'urgent'"),
        ("Unfortunately, we are away.", "AK-5", "'unfortunately'"),
        ("Your case is new.", "AK-5", "'case'"),
        ("Tell us of the allegation.", "AK-5", "'allegation'"),
        ("Please disclose it.", "AK-5", "'disclose'"),
        ("We understand how this feels.", "AK-6", "'we understand'"),
        ("Someone has read your mail.", "AK-6", "'has read your'"),
        ("Please log in to see it.", "AK-6", "'log in'"),
        ("How are you?", "AK-6", "question"),
        ("This is is new.", "AK-6", "doubled"),
        ("We will write in 3 working days.", "AK-7", "'3 working days'"),
        ("We will write in 24 hours.", "AK-7", "'24 hours'"),
        ("Hello {{ name }}.", "AK-8", "variable"),
        ("Hello None.", "AK-8", "variable"),
        ("<b>Hello</b>.", "AK-8", "HTML"),
        ("word " * 17 + "end.", "AK-8", "line"),
    ],
)
def test_each_fault_is_found(addition: str, rule: str, words: str) -> None:
    found = faults(good_body() + "\n" + addition + "\n")
    assert any(fault.rule == rule and words in fault.problem for fault in found), found


@pytest.mark.parametrize("number", ["999", "116 123", "0800 1111", "0808 800 5000"])
def test_a_letter_without_one_of_the_numbers_is_at_fault(number: str) -> None:
    assert [fault.rule for fault in faults(good_body().replace(number, "there"))] == ["safety"]


def test_a_number_broken_over_two_lines_is_at_fault() -> None:
    assert "safety" in {f.rule for f in faults(good_body().replace("116 123", "116\n123"))}


@pytest.mark.parametrize("wanted", ["not an emergency", "children's services", "automatic"])
def test_a_letter_must_say_what_we_are(wanted: str) -> None:
    flat = " ".join(good_body().split())
    assert wanted in flat
    assert faults(flat.replace(wanted, "some")) != faults(flat)


@pytest.mark.parametrize(
    "subject", [f"Re: our review (ref {REFERENCE})", "Thank you for your email", "Case K7F3-2Q"]
)
def test_any_other_subject_is_at_fault(subject: str) -> None:
    assert [fault.rule for fault in faults(good_body(), subject=subject)] == ["AK-1"]


def test_a_first_line_that_tells_a_reader_what_it_is_about_is_at_fault() -> None:
    found = faults("About your adoption.\n\n" + good_body())
    assert "AK-2" in {fault.rule for fault in found}


def test_a_word_of_the_sender_is_at_fault() -> None:
    body = good_body() + "\nDear Rowan, hello.\n"
    assert {f.rule for f in faults(body, private_words=("Rowan",))} == {"AK-3"}


def test_the_promised_time_must_be_the_one_of_the_settings() -> None:
    body = good_body() + "\nWe write within 5 working days.\n"
    assert faults(body, reply_time="5 working days") == ()
    assert {f.rule for f in faults(body, reply_time="6 working days")} == {"AK-7"}


def test_long_words_make_a_letter_too_hard_to_read() -> None:
    hard = "Professional collaboration necessitates considerable organisational consideration. " * 8
    assert any("grade" in fault.problem for fault in faults(good_body() + "\n" + hard))


def test_the_reading_grade_rises_with_longer_words_and_sentences() -> None:
    easy = reading_grade("The cat sat. The dog ran.")
    longer = reading_grade("The cat sat and the dog ran and the hen hid.")
    harder = reading_grade("Institutional considerations predominate.")
    assert easy < longer < harder
    assert reading_grade("") == 0.0


def test_sentences_end_at_full_stops_and_paragraphs_and_urls_are_left_out() -> None:
    text = "Call us. More is here: https://example.org/help\n\nThe end"
    assert sentences_of(text) == ("Call us.", "More is here:", "The end")
