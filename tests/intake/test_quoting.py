"""What is marked as quote, forward or signature, and what must never be."""

import sys
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.message import Message
from intake.quoting import find_marks, new_text


def kinds(text: str) -> list[str]:
    """Return the kinds of the marks in `text`."""
    return [mark.kind.value for mark in find_marks(text)]


@pytest.mark.parametrize(
    "quote",
    [
        "> old\n> words",
        "On Mon, 2 Mar 2026 at 18:40, Bo <bo@example.org> wrote:\n> old",
        "On Mon, 2 Mar 2026 at 18:40, Bo <\nbo@example.org> wrote:\n\n> old",
        "On Monday, 2 March 2026 at 18:40,\nBo <bo@example.org>\nwrote:\n\nold, without signs",
        "Ar 2 Mawrth 2026 18:40 ysgrifennodd Bo <bo@example.org>:\n> old",
        "Am Mo., 2. März 2026 um 18:40 Uhr schrieb Bo <bo@example.org>:\n> old",
        "Le lun. 2 mars 2026 à 18:40, Bo <bo@example.org> a écrit :\n> old",
        "El lun, 2 mar 2026 a las 18:40, Bo (<bo@example.org>) escribió:\n> old",
        "pon., 2 mar 2026 o 18:40 Bo <bo@example.org> napisał(a):\n> old",
        "2026-03-02 18:40 Bo <bo@example.org> sanoi:\n> in a language nobody here knows",
        "-----Original Message-----\nFrom: Bo\nSent: Monday\nTo: Ada\nSubject: Hi\n\nold",
        "-----Ursprüngliche Nachricht-----\nold",
        "From: Bo\nSent: Monday\nTo: Ada\nSubject: Hi\n\nold",
        "*From:* Bo\n*Sent:* Monday\n*To:* Ada\n*Subject:* Hi\n\nold",
        "Oddi wrth: Bo\nAnfonwyd: Llun\nAt: Ada\nPwnc: Hi\n\nold",
        "Von: Bo\nGesendet: Montag\nAn: Ada\nBetreff: Hi\n\nold",
        "________________________________\nFrom: Bo\nSent: Monday\nTo: Ada\nSubject: Hi\n\nold",
    ],
)
def test_a_quote_below_the_answer_is_marked(quote: str) -> None:
    assert new_text(f"Thank you, yes.\n\n{quote}") == "Thank you, yes."
    assert set(kinds(f"Thank you, yes.\n\n{quote}")) == {"quote"}


@pytest.mark.parametrize(
    "forward",
    [
        "---------- Forwarded message ---------\nFrom: Bo\nSubject: Hi\n\nold\n> older",
        "Begin forwarded message:\n\n> From: Bo\n>\n> old",
        "> ---------- Forwarded message ---------\n> From: Bo\n>\n> old",
        "-------- Weitergeleitete Nachricht --------\nold",
        "---------- Neges wedi'i hanfon ymlaen ----------\nold",
        "============ Forwarded message ============\nold",
    ],
)
def test_a_forward_is_somebody_elses_text(forward: str) -> None:
    assert new_text(f"Thoughts?\n\n{forward}") == "Thoughts?"
    assert new_text(forward) == ""
    assert kinds(forward) == ["forward"]


@pytest.mark.parametrize(
    "text",
    [
        "From: the bottom of my heart, thank you.\nTo: all of you.\nI mean it.",
        "Needs:\n- food\n-- urgent --\n- a cot",
        ">:( that is how I feel",
        "On Tuesday the judge wrote: she shall stay.\nWe were glad.",
        "On 2 March 2026 the social worker wrote:\n\nThe case is closed.\n\nCan they do that?",
        "Sent from my phone, please do not ring it",
        "Sent from my husband's account, he does not know",
        "one\n--\nThis is a whole sentence of the letter, and by no means a signature.",
        "---\nJust a line between two thoughts\n---\nand on it goes",
        "Date: Thursday\nPlace: the town hall",
        "PS",
        "",
    ],
)
def test_what_the_sender_wrote_is_never_marked(text: str) -> None:
    assert find_marks(text) == ()


def test_answers_between_quoted_lines_stay() -> None:
    text = "On 2 March 2026 Bo wrote:\n> Who?\nMe.\n\n> When?\n\nNow.\n"
    assert new_text(text) == "Me.\n\nNow."


def test_an_answer_below_the_quote_stays() -> None:
    text = (
        "-----Original Message-----\nFrom: Bo\nTo: A\nSubject: x\n\n> Safe?\n\nNo. He reads this."
    )
    assert new_text(text) == "No. He reads this."


@pytest.mark.parametrize(
    "line", ["PS He hit me.", "P.S. He hit me.", "ps: he hit me", "PS - he hit me"]
)
def test_a_postscript_is_no_part_of_the_signature(line: str) -> None:
    assert new_text(f"Hello.\n-- \nAda\n01632 960233\n\n{line}") == f"Hello.\n\n{line}".replace(
        "\n\n", "\n"
    )


def test_a_signature_ends_where_prose_begins_again() -> None:
    more = "I forgot to say that he came back last night."
    assert new_text(f"Hello.\n--\nAda\n\n{more}") == f"Hello.\n{more}"


def test_a_signature_is_at_most_ten_lines() -> None:
    text = "Hello.\n--\n" + "\n".join(f"line {number}" for number in range(14))
    assert new_text(text) == "Hello.\nline 10\nline 11\nline 12\nline 13"


def test_words_below_dashes_and_nothing_else_are_the_letter() -> None:
    assert new_text("--\nhelp me") == "--\nhelp me"


@pytest.mark.parametrize(
    "line",
    [
        "Sent from my iPhone",
        "Sent from my Samsung Galaxy smartphone.",
        "Sent from Outlook for iOS",
        "Get Outlook for Android<https://example.org/x>",
        "Sent from Yahoo Mail on Android",
        "Von meinem iPhone gesendet",
        "Anfonwyd o fy iPhone",
        "Wysłane z iPhone'a",
    ],
)
def test_the_line_a_phone_adds_is_a_signature(line: str) -> None:
    assert new_text(f"See you.\n\n{line}") == "See you."
    assert kinds(f"See you.\n\n{line}") == ["signature"]


LINES = st.sampled_from(
    [
        "", " ", "hello", "> quoted", ">> deep", "--", "-- ", "Ada", "PS no", "Sent from my iPhone",
        "On 2 March 2026 at 18:40, Bo <bo@example.org> wrote:", "On 2", "wrote:", "From: Bo",
        "Sent: now", "To: Ada", "Subject: x", "-----Original Message-----", "________",
        "---------- Forwarded message ---------", "Begin forwarded message:", "\u2028", "\r",
    ]
)  # fmt: skip


@given(st.one_of(st.text(max_size=300), st.lists(LINES, max_size=40).map("\n".join)))
def test_marks_lie_in_the_text_in_order_and_lose_nothing(text: str) -> None:
    marks = find_marks(text)
    position = 0
    for mark in marks:
        assert position <= mark.start < mark.end <= len(text)
        assert mark.start == 0 or text[mark.start - 1] == "\n"
        assert mark.end == len(text) or text[mark.end - 1] == "\n"
        position = mark.end
    message = Message("", None, text=text, marks=marks)
    assert message.new_text == new_text(text)


@pytest.mark.parametrize(
    "line",
    [
        "On ", "On 2020", "On 2020 a@b wrote:", ">", "> x", "--", "-----", "From: x", "", "a:",
        "From: x\nTo: y\nSubject: z\n", "-----Original Message-----", "Sent from my", "Ada\n--",
    ],
)  # fmt: skip
def test_twice_the_lines_are_at_most_about_twice_the_work(line: str) -> None:
    assert steps(f"x\n{line}\n" * 1000) < 2.6 * steps(f"x\n{line}\n" * 500) + 1000
    assert steps(f"{line}\n" * 1000) < 2.6 * steps(f"{line}\n" * 500) + 1000


def steps(text: str) -> int:
    """Return how many lines of Python one marking takes."""
    count = 0

    def watch(_frame: FrameType, _event: str, _argument: object) -> Any:
        nonlocal count
        count += 1
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        find_marks(text)
    finally:
        sys.settrace(before)
    return count
