"""Which cap leaves no room for one letter more, and what a volunteer reads of it."""

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings.limits import LimitSettings
from replies.caps import (
    Ask,
    Cap,
    Caps,
    Counts,
    first_exceeded,
    has_room_again,
    limit_of,
    words_for,
)

ASK = Ask("rowan@example.com", "join", "joining")
CAPS = Caps(shared_domains=frozenset({"gmail.com"}))
AT_THE_CAP = Counts(letter=1, address_day=3, address_week=5, domain=20, subject=5, hour=60, day=300)
ONE = {
    Cap.LETTER: Counts(letter=1),
    Cap.ADDRESS_DAY: Counts(address_day=3),
    Cap.ADDRESS_WEEK: Counts(address_week=5),
    Cap.DOMAIN: Counts(domain=20),
    Cap.SUBJECT: Counts(subject=5),
    Cap.HOUR: Counts(hour=60),
    Cap.DAY: Counts(day=300),
}


def limited(caps: Caps, cap: Cap, limit: int) -> Caps:
    changes: dict[str, Any] = {cap.value: limit}
    return replace(caps, **changes)


@pytest.mark.parametrize("cap", Cap)
def test_each_cap_is_hit_by_its_own_count(cap: Cap) -> None:
    assert first_exceeded(ONE[cap], CAPS, ASK) is cap


@pytest.mark.parametrize("cap", Cap)
def test_one_below_each_cap_there_is_room(cap: Cap) -> None:
    limit = limit_of(CAPS, cap)
    assert first_exceeded(ONE[cap], limited(CAPS, cap, limit + 1), ASK) is None


@pytest.mark.parametrize("cap", Cap)
def test_nought_is_no_cap(cap: Cap) -> None:
    assert first_exceeded(ONE[cap], limited(CAPS, cap, 0), ASK) is None


def test_the_caps_on_one_address_are_looked_at_first_and_those_on_all_last() -> None:
    caps, found = CAPS, []
    while (cap := first_exceeded(AT_THE_CAP, caps, ASK)) is not None:
        found.append(cap)
        caps = limited(caps, cap, 0)
    assert found == list(Cap)


def test_strangers_at_a_large_provider_are_not_counted_together() -> None:
    counts = ONE[Cap.DOMAIN]
    assert first_exceeded(counts, CAPS, Ask("a.b@GoogleMail.com", "join", "x")) is None
    assert first_exceeded(counts, CAPS, Ask("ab@mail.example.net", "join", "x")) is Cap.DOMAIN


@pytest.mark.parametrize("cap", Cap)
def test_the_reason_names_the_cap_and_is_one_sentence(cap: Cap) -> None:
    for limit in (1, 7):
        words = words_for(cap, limited(CAPS, cap, limit))
        assert str(limit) in words
        assert words.endswith(".")
        assert words[0].isupper()
        assert 20 < len(words) < 120


@pytest.mark.parametrize(("count", "again"), [(30, False), (29, True), (0, True)])
def test_a_stop_ends_when_the_count_is_under_half_the_cap(count: int, again: bool) -> None:
    assert has_room_again(Counts(hour=count), CAPS, Cap.HOUR) is again


def test_caps_and_their_defaults_are_those_of_the_settings() -> None:
    settings = LimitSettings()
    named = {each.name: each.default for each in fields(Caps) if each.name != "shared_domains"}
    assert named == {name: getattr(settings, name) for name in named}
    assert {cap.value for cap in Cap} <= set(named)


COUNTS = st.builds(Counts, *[st.integers(0, 400)] * 7)


@given(counts=COUNTS, caps=st.builds(Caps, *[st.integers(0, 400)] * 9, st.just(frozenset())))
def test_a_letter_more_never_makes_room(counts: Counts, caps: Caps) -> None:
    more = Counts(*(getattr(counts, each.name) + 1 for each in fields(Counts)))
    if first_exceeded(counts, caps, ASK) is not None:
        assert first_exceeded(more, caps, ASK) is not None
