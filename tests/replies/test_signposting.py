from datetime import date

import pytest

from config.files import read_text
from replies.signposting import LETTER_NUMBERS, SignpostError, load_signposts

TODAY = date(2026, 11, 24)
CORE = "\n".join(
    f'[{name}]\nname = "{name}"\nnumber = "0{index}"\nlevel = "core"\n'
    for index, name in enumerate(LETTER_NUMBERS)
)


def test_the_shipped_list_loads_and_names_every_number_that_letters_need() -> None:
    numbers = load_signposts(read_text("signposting.toml")).numbers_for_letters(TODAY)
    assert numbers["emergency"] == "999"
    assert numbers["samaritans"] == "116 123"
    assert numbers["childline"] == "0800 1111"
    assert numbers["nspcc"] == "0808 800 5000"


def test_every_shipped_entry_says_where_to_check_it_and_until_when() -> None:
    for entry in load_signposts(read_text("signposting.toml")):
        assert entry.url.startswith("https://")
        assert entry.nation
        assert entry.audience
        assert (entry.verified_on is None) == (entry.review_by is None)


def test_a_service_that_nobody_has_checked_stays_out_of_letters() -> None:
    posts = load_signposts(CORE + '[other]\nname = "O"\nnumber = "1"\nlevel = "other"\n')
    assert "other" not in posts.numbers_for_letters(TODAY)
    assert posts.get("other") is not None


def test_an_overdue_check_drops_others_but_keeps_core_numbers_with_an_alarm() -> None:
    checked = 'verified_on = 2026-01-01\nverified_by = "us"\nreview_by = 2026-06-30\n'
    text = CORE + checked + f'[other]\nname = "O"\nnumber = "1"\nlevel = "other"\n{checked}'
    posts = load_signposts(text)
    before, after = date(2026, 6, 30), date(2026, 7, 1)
    assert "other" in posts.numbers_for_letters(before)
    assert "other" not in posts.numbers_for_letters(after)
    assert "nspcc" in posts.numbers_for_letters(after)
    last = LETTER_NUMBERS[-1]
    assert last not in [entry.id for entry in posts.to_review(before)]
    assert last in [entry.id for entry in posts.to_review(after)]


def test_core_numbers_that_nobody_has_checked_are_listed_before_going_live() -> None:
    assert [post.id for post in load_signposts(CORE).to_review(TODAY)] == list(LETTER_NUMBERS)


def test_an_unknown_service_is_none() -> None:
    assert load_signposts(CORE).get("nobody") is None


@pytest.mark.parametrize(
    ("text", "entry", "key"),
    [
        ('[x]\nname = "X"\nnumber = "1"\nlevel = "core"\nphone = "2"\n', "[x]", "'phone'"),
        ('[x]\nnumber = "1"\nlevel = "core"\n', "[x]", "'name'"),
        ('[x]\nname = "X"\nlevel = "core"\n', "[x]", "'number'"),
        ('[x]\nname = "X"\nnumber = 116\nlevel = "core"\n', "[x]", "'number'"),
        ('[x]\nname = "X"\nnumber = "1\\n2"\nlevel = "core"\n', "[x]", "'number'"),
        ('[x]\nname = "X"\nnumber = "1"\nlevel = "main"\n', "[x]", "'level'"),
        ('[x]\nname = "X"\nnumber = "1"\n', "[x]", "'level'"),
        ('[x]\nname = "X"\ntext = "t"\nlevel = "core"\nid = "y"\n', "[x]", "'id'"),
        (
            '[x]\nname = "X"\nnumber = "1"\nlevel = "core"\nverified_on = "today"\n',
            "[x]",
            "'verified_on'",
        ),
        (
            '[x]\nname = "X"\nnumber = "1"\nlevel = "core"\nverified_on = 2026-11-22\n',
            "[x]",
            "'verified_by'",
        ),
        ('x = "a number"\n', "[x]", "table"),
        ("[x\n", "file", "TOML"),
    ],
)
def test_a_mistake_is_told_with_its_entry_and_key(text: str, entry: str, key: str) -> None:
    with pytest.raises(SignpostError) as caught:
        load_signposts(text)
    assert entry in str(caught.value)
    assert key in str(caught.value)


@pytest.mark.parametrize("service", LETTER_NUMBERS)
def test_a_list_without_a_number_that_every_letter_names_is_refused(service: str) -> None:
    with pytest.raises(SignpostError, match=service):
        load_signposts(CORE.replace(f"[{service}]", "[somebody]"))
