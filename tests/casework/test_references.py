"""References: random, hard to mistype, never a word."""

from hypothesis import given
from hypothesis import strategies as st

from casework.references import (
    ALPHABET,
    check_character,
    find_references,
    is_reference,
    new_reference,
)

drawn = st.text(ALPHABET, min_size=5, max_size=5)


def whole(random_part: str) -> str:
    characters = random_part + check_character(random_part)
    return f"{characters[:4]}-{characters[4:]}"


def test_new_references_are_valid_and_differ() -> None:
    made = {new_reference() for _ in range(500)}
    assert len(made) > 495
    assert all(is_reference(reference) for reference in made)


def test_no_vowel_can_spell_a_word_and_nothing_looks_like_something_else() -> None:
    assert not set("AEIOU01") & set(ALPHABET)
    assert len(ALPHABET) == 29


@given(drawn, st.integers(0, 5), st.sampled_from(ALPHABET))
def test_one_mistyped_character_is_noticed(part: str, place: int, other: str) -> None:
    good = whole(part).replace("-", "")
    wrong = good[:place] + other + good[place + 1 :]
    assert is_reference(f"{wrong[:4]}-{wrong[4:]}") == (wrong == good)


@given(drawn, st.integers(0, 3))
def test_two_neighbours_swapped_are_noticed(part: str, place: int) -> None:
    good = whole(part).replace("-", "")
    wrong = good[:place] + good[place + 1] + good[place] + good[place + 2 :]
    assert is_reference(f"{wrong[:4]}-{wrong[4:]}") == (wrong == good)


def test_a_reference_is_found_in_a_subject_however_it_is_written() -> None:
    reference = whole("K7F32")
    for subject in (
        f"Re: Thank you for your email (ref {reference})",
        f"RE: FW: [KITH {reference.lower()}] hello",
        f"{reference}",
    ):
        assert find_references(subject) == (reference,)


def test_what_only_looks_like_a_reference_is_not_one() -> None:
    reference = whole("K7F32")
    last = ALPHABET[(ALPHABET.index(reference[-1]) + 1) % len(ALPHABET)]
    assert find_references(reference[:-1] + last) == ()
    assert find_references(f"x{reference}") == ()
    assert find_references("call 0161-22 on 2026-11") == ()


@given(st.text(max_size=300))
def test_any_subject_can_be_looked_through(subject: str) -> None:
    assert all(is_reference(found) for found in find_references(subject))
