"""Subjects are compared without what mail programs put before them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.threading.subjects import MOST_CHARACTERS, is_forward_by_subject, subject_stem
from casework.threading.thanks import is_only_thanks


@pytest.mark.parametrize(
    "subject",
    [
        "Contact in half-term",
        "Re: Contact in half-term",
        "RE[2]: Contact in half-term",
        "re(3) : contact in half-term",
        "Fw: FWD: Re: Contact in half-term",
        "AW: WG: Antw: Contact in half-term",
        "Sv: Vs: Tr: Rif: R: I: Enc: Res: Odp: Ynt: Contact in half-term",
        "ATB: YML: Contact in half-term",
        "Re： Contact in half-term",
        "[External] Re: [EXT] Contact in half-term",
        "***SPAM*** Re: Contact in half-term",
        "[parents-list] Re: [parents-list] Contact   in\thalf-term ",
        "Re: Contact in half-term [K7F3-2Q]",
        "Re: [k7f3-2q] Contact in half-term",
        "Re: Contact in half-term (ref K7F3-2Q)",
        "Ｒｅ: Ｃontact in half-term",
        "EXTERNAL: Contact in half-term",
    ],
)
def test_prefixes_tags_and_references_do_not_count(subject: str) -> None:
    assert subject_stem(subject) == "contact in half-term"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Contact", "Contract"),
        ("Review on Thursday", "Review on Friday"),
        ("Reply needed", "needed"),
        ("Residence order", "idence order"),
        ("Fwd to the guardian", "to the guardian"),
    ],
)
def test_other_subjects_stay_others(one: str, other: str) -> None:
    assert subject_stem(one) != subject_stem(other)


@pytest.mark.parametrize("subject", ["", "Re:", "Fwd: Re:", "[K7F3-2Q]", "Re: [External]", "  "])
def test_where_nothing_is_left_the_stem_is_empty(subject: str) -> None:
    assert subject_stem(subject) == ""


@given(st.text(max_size=80))
def test_an_answer_has_the_stem_of_what_it_answers(subject: str) -> None:
    stem = subject_stem(subject)
    assert subject_stem(f"Re: {subject}") == stem
    assert subject_stem(f"Fwd: [External] {subject}") == stem


@pytest.mark.parametrize("hostile", ["re:", "[", "*", " ", "re [", "re: [a]", "\u3000"])
def test_only_the_beginning_of_a_hostile_subject_is_looked_at(hostile: str) -> None:
    subject = hostile * 100_000
    assert subject_stem(subject) == subject_stem(subject[:MOST_CHARACTERS])
    assert len(subject_stem(subject)) <= 3 * MOST_CHARACTERS


@pytest.mark.parametrize("subject", ["Fwd: Minutes", "Re: FW: Minutes", "WG: Minutes", "YML: Hi"])
def test_a_forward_is_known_by_its_prefix(subject: str) -> None:
    assert is_forward_by_subject(subject)


@pytest.mark.parametrize("subject", ["Re: Minutes", "Forward planning", "Minutes: fwd:", ""])
def test_what_is_no_forward_is_none(subject: str) -> None:
    assert not is_forward_by_subject(subject)


@pytest.mark.parametrize(
    "text",
    ["Thank you so much!", "Thanks, that was kind.\n\nMarion", "Diolch yn fawr", "Many thanks x"],
)
def test_a_thank_you_is_only_that(text: str) -> None:
    assert is_only_thanks(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello",
        "Thank you. Could you ring me?",
        "Thanks, but it is worse again.",
        "Thank you. He has not come home.",
        "Thanks " * 40,
        "Thank you for nothing, I need help",
    ],
)
def test_whatever_says_more_than_thanks_is_not_only_that(text: str) -> None:
    assert not is_only_thanks(text)
