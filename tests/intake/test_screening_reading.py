"""How screening reads headers, addresses and Authentication-Results."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.address_text import addresses_in, fold_address
from intake.screening.authentication import trusted_results
from intake.screening.reading import MOST_CHARACTERS, plain_subject, strip_comments, values_of
from tests.factories import make_message

TRUSTED = frozenset({"mx.google.com"})


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("no (a person (really) wrote)", "no "),
        ("auto-replied (x", "auto-replied "),
        ("a) b", "a) b"),
        ('"not (a) comment" x', '"not (a) comment" x'),
        (r"(a \) still b) c", " c"),
        ('(a " b) c', " c"),
        ("(a)(b)c", "c"),
        ("\\", "\\"),
        ("", ""),
    ],
)
def test_comments_go_and_quoted_strings_stay(value: str, kept: str) -> None:
    assert strip_comments(value) == kept


@given(st.text(alphabet='ab()\\"'))
def test_removing_comments_twice_is_removing_them_once(value: str) -> None:
    once = strip_comments(value)
    assert len(once) <= len(value)
    if "\\" not in value and '"' not in value:
        assert strip_comments(once) == once


def test_a_hostile_header_is_read_only_so_far() -> None:
    assert strip_comments("(" * 5_000_000) == ""
    assert len(strip_comments("x" * 5_000_000)) == MOST_CHARACTERS


def test_all_occurrences_of_a_header_are_read_lower_cased_and_trimmed() -> None:
    message = make_message(headers=[("precedence", " Bulk (x) "), ("precedence", "LIST")])
    assert values_of(message, "precedence") == ("bulk", "list")


@pytest.mark.parametrize(
    ("value", "results"),
    [
        ("mx.google.com; dmarc=fail", (("dmarc", "fail"),)),
        (
            "MX.Google.com 1; dkim/1=pass (ok) header.i=@a; dmarc = Fail x",
            (("dkim", "pass"), ("dmarc", "fail")),
        ),
        ('"mx.google.com"; spf=none', (("spf", "none"),)),
        ("i=1; mx.google.com; dmarc=pass", (("dmarc", "pass"),)),
        ("mx.google.com; none", ()),
        ("mx.google.com;;;", ()),
        ("mx.google.com (; dmarc=fail)", ()),
        ("spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=a; dmarc=fail", ()),
        ("mx.google.com.evil.example; dmarc=fail", ()),
        ("", ()),
        ("i=1", ()),
    ],
)
def test_authentication_results_are_read_as_servers_write_them(
    value: str, results: tuple[tuple[str, str], ...]
) -> None:
    message = make_message(headers=[("authentication-results", value)])
    assert trusted_results(message, TRUSTED) == results


def test_only_the_topmost_trusted_header_counts() -> None:
    message = make_message(
        headers=[
            ("authentication-results", "relay.example; dmarc=fail"),
            ("authentication-results", "mx.google.com; dmarc=pass"),
            ("authentication-results", "mx.google.com; dmarc=fail"),
        ]
    )
    assert trusted_results(message, TRUSTED) == (("dmarc", "pass"),)
    assert trusted_results(message, frozenset()) == ()


@given(st.text())
def test_any_authentication_results_can_be_read(value: str) -> None:
    message = make_message(headers=[("authentication-results", value)])
    for method, result in trusted_results(message, TRUSTED):
        assert method == method.lower()
        assert result == result.lower()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Jo <Jo@Example.org>, sam@example.net.", ("jo@example.org", "sam@example.net")),
        ("write to 'jo@example.org'", ("jo@example.org",)),
        ("jo @ example.org", ()),
        ("jo@localhost @example.org jo@", ()),
        ("no address", ()),
    ],
)
def test_addresses_are_found_in_free_text(text: str, found: tuple[str, ...]) -> None:
    assert addresses_in(text) == found


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Kith.Group+x@GoogleMail.com", "kithgroup@gmail.com"),
        ("hello+K7F3@Kith.example.org ", "hello@kith.example.org"),
        ("hello@\uff4bith.example.org", "hello@kith.example.org"),
        ("hello@kith.example\u3002org", "hello@kith.example.org"),
        ("hello@ki\u00adth.example.org", "hello@kith.example.org"),
        ("jo@\uff47mail.com", "jo@gmail.com"),
        ("jo@B\u00fccher.example.org", "jo@xn--bcher-kva.example.org"),
    ],
)
def test_spellings_of_one_mailbox_fold_together(one: str, other: str) -> None:
    assert fold_address(one) == fold_address(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("he.llo@kith.example.org", "hello@kith.example.org"),
        ("jo@gmail.com", "jo@gmail.example.com"),
        ("jo@\u2100.example.org", "jo@a/c.example.org"),
        ("jo@" + "\uff4b" * 300, "jo@" + "k" * 300),
    ],
)
def test_different_mailboxes_stay_apart(one: str, other: str) -> None:
    assert fold_address(one) != fold_address(other)


@given(st.text())
def test_folding_twice_is_folding_once(email: str) -> None:
    assert fold_address(fold_address(email)) == fold_address(email)


@pytest.mark.parametrize(
    ("subject", "plain"),
    [
        ("[EXTERNAL] [carers]  Automatic Reply: Hi", "automatic reply: hi"),
        ("Réponse automatique\u00a0: x", "réponse automatique: x"),
        ("自动回复：会议", "自动回复:会议"),
        ("[unfinished", "[unfinished"),
    ],
)
def test_a_subject_is_compared_in_its_plain_form(subject: str, plain: str) -> None:
    assert plain_subject(make_message(subject=subject)) == plain
