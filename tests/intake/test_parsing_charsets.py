"""From bytes to text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.parsing.charsets import clean, codec_for, decode_text


@pytest.mark.parametrize(
    ("data", "label", "text"),
    [
        (b"plain", None, "plain"),
        ("Siân, tŷ".encode(), "iso-8859-1", "Siân, tŷ"),
        (b"Owed \xa3250, it\x92s late", "iso-8859-1", "Owed £250, it’s late"),
        (b"Owed \xa3250, it\x92s late", None, "Owed £250, it’s late"),
        (b"Owed \xa3250, it\x92s late", "utf-8", "Owed £250, it’s late"),
        (b"Owed \xa3250", "x-unknown", "Owed £250"),
        (b"C:\\new\\table", "utf-8", "C:\\new\\table"),
        ("镕".encode("gbk"), "gb2312", "镕"),
        ("Привет всем".encode("koi8-r"), "koi8-r", "Привет всем"),
        ("Привет всем".encode("koi8-r"), None, "Привет всем"),
        ("Привет всем".encode("cp1251"), None, "Привет всем"),
        ("日本語".encode("iso-2022-jp"), "iso-2022-jp", "日本語"),
        ("日本語".encode("iso-2022-jp"), None, "日本語"),
        (b"\x1b$B-!\x1b(B ok", "iso-2022-jp", "① ok"),
        (b"Hi Mom +AKM-5", "utf-7", "Hi Mom £5"),
        ("日本".encode("utf-16"), None, "日本"),
        ("hi".encode("utf-16-le"), "utf-16-le", "hi"),
        (b"\xef\xbb\xbfhello \xc3\xa9", "ascii", "hello é"),
        (b"caf\xe9", "undefined", "café"),
        (b"caf\xe9", "idna", "café"),
        (b"a\x81b", "cp1252", "a\ufffdb"),
    ],
)
def test_text_is_read_by_what_it_is_rather_than_by_its_label(
    data: bytes, label: str | None, text: str
) -> None:
    assert decode_text(data, label) == text


def test_a_charset_declared_elsewhere_in_the_mail_helps_where_there_is_no_label() -> None:
    data = "žluťoučký".encode("iso-8859-2")
    assert decode_text(data, None, ("iso-8859-2",)) == "žluťoučký"


def test_a_few_foreign_bytes_do_not_spoil_utf_8() -> None:
    data = "It’s the tŷ bach. ".encode() * 20 + b"\xa35"
    assert decode_text(data, "utf-8").endswith("tŷ bach. £5")


@pytest.mark.parametrize(
    "label", ["", "\x00", "zlib", "hex", "rot13", "../x", "x" * 500, "raw_unicode_escape"]
)
def test_a_label_that_names_no_charset_of_mail_names_nothing(label: str) -> None:
    assert codec_for(label) is None


@pytest.mark.parametrize("label", ['"UTF-8"', "utf-8;", " utf8 ", "'utf-8'"])
def test_a_label_may_be_written_carelessly(label: str) -> None:
    assert codec_for(label) == "utf-8"


@given(
    st.binary(max_size=300),
    st.sampled_from(["utf-8", "gb2312", "utf-7", "hz", "iso-2022-jp", "utf-16", "x"]),
)
def test_decoding_never_fails_and_cleaned_text_can_be_stored(data: bytes, label: str) -> None:
    text = clean(decode_text(data, label))
    text.encode("utf-8")
    assert "\x00" not in text
    assert "\r" not in text


def test_cleaning_keeps_tabs_lines_and_joiners_but_no_controls() -> None:
    assert clean("a\tb\r\nc\rd\x0ce\x07\x1b\u200df\ud800\ufeff") == "a\tb\nc\nd\ne\u200df\ufffd"
