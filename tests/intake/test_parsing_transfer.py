"""Transfer encodings, inline files and flowed text."""

import base64
import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.parsing.flowed import unflow
from intake.parsing.transfer import (
    body_size,
    decode_base64,
    decode_base64_text,
    decode_body,
    decode_quoted_printable,
)
from intake.parsing.uuencoded import take_inline_files


@given(st.binary(max_size=400))
def test_sound_base64_gives_its_bytes_back(data: bytes) -> None:
    assert decode_base64(base64.encodebytes(data)) == data


@pytest.mark.parametrize(
    ("encoded", "data"),
    [
        (b"aGVsbG8=", b"hello"),
        (b"aGVsbG8", b"hello"),
        (b"aGVsbG8=\r\naGVsbG8=", b"hellohello"),
        (b"aGVs\x00bG8=" + b"\n" * 30, b"hello"),
        (b"aGVsbG8gdGhlcmUa", b"hello there\x1a"),
        (b"aGVsbG8gdGhlcmUab", b"hello there\x1a"),
        (b"this, surely, is no base64!", b"this, surely, is no base64!"),
        (b"", b""),
    ],
)
def test_damaged_base64_gives_what_is_left_of_it(encoded: bytes, data: bytes) -> None:
    assert decode_base64(encoded) == data


def test_plain_lines_that_a_list_put_below_base64_are_kept() -> None:
    encoded = (
        base64.encodebytes(b"Hello, all of you.\n") + b"-- \nThe list: https://x.example.org/\n"
    )
    assert (
        decode_base64_text(encoded)
        == b"Hello, all of you.\n-- \nThe list: https://x.example.org/\n"
    )


@given(
    st.binary(max_size=3000),
    st.sampled_from(["base64", "quoted-printable", "x-uuencode", "", "8bit", "nonsense"]),
)
def test_the_size_is_what_the_decoded_bytes_are_long(data: bytes, encoding: str) -> None:
    assert body_size(data, 3, len(data), encoding) == len(decode_body(data, 3, len(data), encoding))


def test_base64_is_decoded_alike_across_the_pieces_it_is_read_in() -> None:
    data = bytes(range(256)) * 12_000
    encoded = base64.encodebytes(data)
    assert decode_body(b"xx" + encoded, 2, len(encoded) + 2, "base64") == data


@pytest.mark.parametrize(
    ("encoded", "data"),
    [
        (b"caf=C3=A9", b"caf\xc3\xa9"),
        (b"caf=c3=a9", b"caf\xc3\xa9"),
        (b"one =\r\nline", b"one line"),
        (b"one =  \r\nline", b"one line"),
        (b"one =\rline", b"one line"),
        (b"50=XY =", b"50=XY "),
    ],
)
def test_quoted_printable_is_read_leniently(encoded: bytes, data: bytes) -> None:
    assert decode_quoted_printable(encoded) == data


def uuencoded(name: str, data: bytes) -> str:
    """Return `data` as old programs put it into a text."""
    lines = [binascii.b2a_uu(data[at : at + 45]).decode() for at in range(0, len(data), 45)]
    return f"begin 644 {name}\n" + "".join(lines) + "`\nend\n"


@given(st.binary(min_size=1, max_size=300))
def test_an_inline_file_is_taken_out_whole(data: bytes) -> None:
    text, files = take_inline_files("Before.\n" + uuencoded("a b.doc", data) + "After.")
    assert text == "Before.\nAfter."
    assert [(file.name, file.data) for file in files] == [("a b.doc", data)]


@pytest.mark.parametrize(
    "text",
    [
        "begin 644 x\nthis is prose, and more of it\nend",
        "begin 100 people\nend",
        "begin 644 x\n#86)C\nno end",
    ],
)
def test_prose_is_no_inline_file(text: str) -> None:
    assert take_inline_files(text) == (text, ())


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("one \ntwo\nthree", "one two\nthree"),
        ("> one \n> two\nmine", "> one two\nmine"),
        ("> one \nmine", "> one \nmine"),
        ("-- \nAda", "-- \nAda"),
        (" >not a quote", ">not a quote"),
        (">> deep \n>> er", ">> deep er"),
    ],
)
def test_flowed_lines_are_joined(written: str, shown: str) -> None:
    assert unflow(written) == shown


def test_delsp_takes_the_space_at_the_join_away() -> None:
    assert unflow("日 \n本", delete_space=True) == "日本"


def test_a_file_after_a_beginning_that_fails_is_found() -> None:
    text = "begin 644 a\nno file\n" + uuencoded("b.doc", b"content") + "After."
    left, files = take_inline_files(text)
    assert left == "begin 644 a\nno file\nAfter."
    assert [(file.name, file.data) for file in files] == [("b.doc", b"content")]


def test_beginnings_without_an_end_are_text() -> None:
    text = "begin 644 a\n" * 5000 + "\xe9\nend"
    assert take_inline_files(text) == (text, ())
