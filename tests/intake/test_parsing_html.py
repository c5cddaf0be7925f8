"""HTML as text."""

import sys
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.parsing.html_text import html_to_text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("one<br>two<br><br><br>three", "one\ntwo\n\nthree"),
        ("<div>one</div><div>&nbsp;</div><div>two</div>", "one\n\ntwo"),
        ("  one \n two&nbsp; three ", "one two three"),
        ("<h1>Title</h1>text", "Title\n\ntext"),
        ("<ul><li>a<li><p>b</p></ul>c", "- a\n- b\n\nc"),
        ("<ul><li>a<ul><li>b</ul><li>c</ul>", "- a\n- b\n- c"),
        ("<table><tr><td>a<td>b<tr><td>c<td>d</table>", "a\tb\nc\td"),
        ("<pre>a  b\n  c</pre>d", "a  b\n  c\n\nd"),
        ("3 < 4 &amp; 5 > 4 <3", "3 < 4 & 5 > 4 <3"),
        ("&pound;5 &#8211; &#x20AC;6 &nosuch;", "£5 – €6 &nosuch;"),
        ("<b>bo</b>ld", "bold"),
        ("<a href='https://example.org/x'>here</a>", "here (https://example.org/x)"),
        ("<a href='https://example.org/'>example.org</a>", "example.org"),
        ("<a href='mailto:a@example.org?subject=x'>a@example.org</a>", "a@example.org"),
        ("<a href='javascript:x()'>click</a>", "click"),
        ("<a href='https://example.org'><img src=x></a>", ""),
        (
            "<a href=https://example.org/a>one<a href=https://example.org/b>two",
            "one (https://example.org/a)two (https://example.org/b)",
        ),
        ("<img alt='😀' src=x> <img alt='logo of the council' src=y>", "😀"),
        ("write to <ada@example.org> now", "write to <ada@example.org> now"),
        ("<p title='a > b'>x</p>", "x"),
        ("<textarea>x</textarea>", "x"),
        ("", ""),
    ],
)
def test_html_is_read_as_it_looks(source: str, text: str) -> None:
    assert html_to_text(source) == text


@pytest.mark.parametrize(
    "hidden",
    [
        "<script>var a = '<p>x</p>';</script>",
        "<STYLE>p { x }</STYLE>",
        "<head><title>x</title></head>",
        "<!-- x > y -->",
        "<!--[if mso]><p>x</p><![endif]-->",
        "<div style='color:red; Display : none'>x<div>y</div>z</div>",
        "<span hidden>x</span>",
        "<p style='visibility:hidden'>x</p>",
        "<?xml x?>",
    ],
)
def test_what_a_reader_would_not_see_is_left_out(hidden: str) -> None:
    assert html_to_text(f"<p>before</p>{hidden}<p>after</p>") == "before\n\nafter"


def test_a_hidden_element_that_is_never_closed_does_not_hide_the_letter() -> None:
    assert html_to_text("<div style='display:none'>x<p>the letter") == "x\n\nthe letter"


def test_a_class_that_is_called_hidden_hides_nothing() -> None:
    assert html_to_text("<p class='hidden hidden-xs'>shown</p>") == "shown"


@pytest.mark.parametrize(
    "element",
    [
        ("<blockquote>", "</blockquote>"),
        ("<div class='gmail_quote'>", "</div>"),
        ("<div class='yahoo_quoted' id=x>", "</div>"),
        ("<div class='protonmail_quote'>", "</div>"),
        ("<div class='moz-cite-prefix'>", "</div>"),
    ],
)
def test_the_lines_of_a_quoting_element_carry_a_quote_sign(element: tuple[str, str]) -> None:
    opening, closing = element
    source = f"<div>mine{opening}<div>old</div><p>older</p>{closing}below</div>"
    assert html_to_text(source) == "mine\n\n> old\n>\n> older\n\nbelow"


def test_all_that_follows_the_header_block_of_outlook_is_quoted() -> None:
    source = "mine<div id='divRplyFwdMsg'><b>From:</b> Bo</div><div>old</div><p>older"
    assert html_to_text(source) == "mine\n\n> From: Bo\n> old\n>\n> older"


def test_quotes_in_quotes_carry_as_many_signs() -> None:
    assert html_to_text("<blockquote>a<blockquote>b</blockquote></blockquote>") == "> a\n>\n> > b"


@given(st.text(alphabet="<>/!-ap dbiv='\"&;#xhref\n", max_size=200))
def test_any_html_gives_text(source: str) -> None:
    html_to_text(source).encode()


def test_the_words_of_a_deep_nest_are_all_there() -> None:
    assert html_to_text("<div>" * 50_000 + "deep" + "</div>" * 50_000 + "<p>end") == "deep\n\nend"


@pytest.mark.parametrize(
    "unit",
    ["<div>x", "<b a=1>x<p>", "<a ", "<!--", "<blockquote>x", "<p hidden>x", "&#9", "<style>"],
)
def test_twice_the_html_is_at_most_about_twice_the_work(unit: str) -> None:
    assert steps(unit * 4000) < 2.6 * steps(unit * 2000) + 2000


def steps(source: str) -> int:
    """Return how many calls and lines of Python one conversion takes."""
    count = 0

    def watch(_frame: FrameType, _event: str, _argument: object) -> Any:
        nonlocal count
        count += 1
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        html_to_text(source)
    finally:
        sys.settrace(before)
    return count
