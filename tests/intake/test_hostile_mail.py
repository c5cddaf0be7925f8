"""Whatever the bytes are: a message or the one error, in bounded time and memory."""

import tracemalloc
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from casework.judging import Judges, load_judges
from config.time_budget import time_budget
from intake.parsing import parse_message
from intake.quoting import find_marks
from tests.fuzz.__main__ import MAILS
from tests.fuzz.checking import check
from tests.fuzz.generating import a_mail
from tests.fuzz.giants import GIANTS
from tests.fuzz.mutating import TOKENS, mutate

HUGE_MARGIN = 120
"""Seconds for what takes a tenth of one: linear work ends in time on any machine."""
MEMORY_PER_BYTE = 40
"""Of a mail of some ten kilobytes; parts, lines and tags are objects of some fifty bytes each."""
MEMORY_AT_LEAST = 1_000_000
GREEDY = (
    "quoted-printable of lone CR", "Message-IDs", "nested deep and long", "encoded words",
    "signatures", "folds", "flowed lines", "CR CR LF", "almost borders", "inline uuencode",
    "base64 of short runs", "base64 of padding", "iso-2022-jp of shifts", "empty parts",
    "uuencode of tiny lines", "uuencode, every line broken", "quoted lines", "From of words",
)  # fmt: skip


@pytest.fixture(scope="module")
def judges() -> Judges:
    return load_judges(own_addresses=frozenset({"hello@kith.example.org"}))


@pytest.fixture(scope="module")
def corpus() -> list[bytes]:
    return [path.read_bytes() for path in sorted(MAILS.glob("*.eml"))]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(st.binary(max_size=60), st.sampled_from(TOKENS)), max_size=30))
def test_any_bytes_are_read_and_judged_as_promised(judges: Judges, pieces: list[bytes]) -> None:
    check(b"".join(pieces), judges)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32))
def test_any_mail_is_read_and_judged_as_promised(
    judges: Judges, corpus: list[bytes], seed: int
) -> None:
    chance = Random(seed)
    raw = a_mail(chance)

    check(raw, judges)
    check(mutate(raw, chance, corpus)[:50_000], judges)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), st.integers(0, 2**32))
def test_any_damage_to_an_odd_mail_is_borne(
    judges: Judges, corpus: list[bytes], data: st.DataObject, seed: int
) -> None:
    raw = data.draw(st.sampled_from(corpus))

    check(mutate(raw, Random(seed), corpus)[:50_000], judges)


@pytest.mark.parametrize("name", GIANTS)
def test_no_giant_takes_long_to_read(name: str) -> None:
    raw = GIANTS[name](30_000)

    with time_budget(HUGE_MARGIN):
        message = parse_message(raw)
        find_marks(message.text)


@pytest.mark.parametrize("name", GREEDY)
def test_reading_a_giant_takes_a_small_multiple_of_its_size(name: str) -> None:
    raw = GIANTS[name](30_000)

    tracemalloc.start()
    parse_message(raw)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak <= MEMORY_PER_BYTE * len(raw) + MEMORY_AT_LEAST


@pytest.mark.parametrize(
    "name", ["flowed lines", "base64 of short runs", "one line", "HTML of '<' 0"]
)
def test_a_mail_twice_as_large_takes_at_most_about_twice_the_memory(name: str) -> None:
    def peak(size: int) -> int:
        raw = GIANTS[name](size)
        tracemalloc.start()
        parse_message(raw)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(80_000) <= 2.5 * peak(40_000) + MEMORY_AT_LEAST


@pytest.mark.parametrize("size", [200_000, 800_000])
def test_a_large_attachment_is_not_held_many_times(size: int) -> None:
    raw = GIANTS["base64 with junk"](size * 10)

    tracemalloc.start()
    [attachment] = parse_message(raw).attachments
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert attachment.size > size
    assert peak < 4 * len(raw) + MEMORY_AT_LEAST
