"""From bytes to text: which charset is it really? (The label is a hint, not a fact.)"""

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

_LABEL = re.compile(r"[a-z0-9][a-z0-9._:+-]{0,39}")
_ALIASES = {"utf8mb4": "utf-8", "unicode-1-1-utf-7": "utf-7", "iso-8859-8-i": "iso-8859-8"}
# Mail labelled with the smaller charset is full of characters of the larger one.
_SUPERSETS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
}
# Not charsets of mail, though Python calls them text; two of them run away on hostile input.
_FORBIDDEN = {"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "mbcs"}
_MANY_BYTES = ("utf", "gb", "big5", "cp932", "cp949", "euc", "iso2022", "hz", "johab", "shift")
_STATEFUL = ("iso2022", "utf-7", "hz")
_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\ufffe\uffff]+")
_SURROGATES = re.compile("[\ud800-\udfff]")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FEWEST_TO_GUESS = 6
_MOST_RUNS = 50_000


@dataclass(frozen=True, slots=True)
class _Script:
    """A charset often left unsaid: its letters, and how many of the others must be such."""

    codec: str
    first: str
    last: str
    share: float


_SCRIPTS = (
    _Script("cp1251", "\u0400", "\u04ff", 0.8),
    _Script("koi8_r", "\u0400", "\u04ff", 0.8),
    _Script("cp932", "\u3040", "\u30ff", 0.3),
    _Script("cp949", "\uac00", "\ud7a3", 0.8),
    _Script("gb18030", "\u4e00", "\u9fff", 0.6),
)
_REST_AS_CP1252 = "kith-rest-as-cp1252"


def _as_cp1252(error: UnicodeError) -> tuple[str, int]:
    """Read what is not UTF-8 in a text that mostly is (two programs wrote it) as Windows-1252."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(_REST_AS_CP1252, _as_cp1252)


@lru_cache(maxsize=256)
def codec_for(label: str) -> str | None:
    """Return the Python codec to read text labelled `label` with, or None if there is none."""
    cleaned = label.strip("\"' \t;,").lower()
    if not _LABEL.fullmatch(cleaned):
        return None
    try:
        info = codecs.lookup(_ALIASES.get(cleaned, cleaned))
    except (LookupError, ValueError, UnicodeError):
        return None
    if not getattr(info, "_is_text_encoding", True) or info.name.replace("-", "_") in _FORBIDDEN:
        return None
    return _SUPERSETS.get(info.name, info.name)


def decode_text(data: bytes, label: str | None = None, elsewhere: Sequence[str] = ()) -> str:
    """Return `data` as text; never fails. `elsewhere`: charsets declared in the rest of the mail.

    Bytes that are valid UTF-8 are UTF-8 unless the label names another multi-byte charset;
    then the label counts, read as its superset; then what the mail declares elsewhere; then a
    guess by script; then Windows-1252.
    """
    codec = codec_for(label) if label else None
    if data.isascii() and b"\x00" not in data:
        return _decode_ascii(data, codec)
    return _strict(data, _bom(data)) or _decode_high(data, codec, elsewhere)


def clean(text: str) -> str:
    """Return `text` with line ends as \\n and without control characters and lone surrogates."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.replace("\n", "").replace("\t", "").isprintable():
        return text
    if "\x0b" in text or "\x0c" in text or "\x85" in text:
        text = text.replace("\x0b", "\n").replace("\x0c", "\n").replace("\x85", "\n")
    return _UNWANTED.sub("", _SURROGATES.sub("\ufffd", text))


def _bom(data: bytes) -> str | None:
    return next((codec for mark, codec in _BOMS if data.startswith(mark)), None)


def _strict(data: bytes, codec: str | None) -> str | None:
    if codec is None:
        return None
    try:
        return data.decode(codec)
    except (UnicodeError, ValueError, LookupError):
        return None


def _decode_ascii(data: bytes, codec: str | None) -> str:
    # ISO-2022, UTF-7 and HZ hide other scripts in seven bits.
    if codec is not None and codec.startswith(_STATEFUL):
        return _strict(data, codec) or _vendor_japanese(data, codec)
    if b"\x1b$" in data or b"\x1b(" in data:
        return _strict(data, "iso2022_jp") or _vendor_japanese(data, "iso2022_jp")
    return data.decode("ascii")


def _vendor_japanese(data: bytes, codec: str) -> str:
    """Read ISO-2022-JP with the vendors' rows, which Python's codec refuses."""
    if not codec.startswith("iso2022_jp"):
        return data.decode(codec, "replace")
    first, *runs = data.split(b"\x1b", _MOST_RUNS)
    return first.decode("ascii", "replace") + "".join(map(_japanese_run, runs))


def _japanese_run(run: bytes) -> str:
    if run[:2] in (b"$B", b"$@"):
        return bytes(byte | 0x80 for byte in run[2:]).decode("euc_jis_2004", "replace")
    return run[2:].decode("ascii", "replace")


def _decode_high(data: bytes, codec: str | None, elsewhere: Sequence[str]) -> str:
    if (codec is None or not codec.startswith(_MANY_BYTES)) and (text := _strict(data, "utf-8")):
        return text
    if (text := _strict(data, codec) or _strict(data, "utf-8")) is not None:
        return text
    if (text := _mostly(data, codec or "utf-8")) is not None:
        return text
    for other in elsewhere:
        if (text := _strict(data, codec_for(other))) is not None:
            return text
    return _guess_by_script(data) or data.decode("cp1252", "replace")


def _mostly(data: bytes, codec: str) -> str | None:
    """Return `data` read as `codec` if less than 2 % of it has to be replaced."""
    text = data.decode(codec, "replace")
    bad = text.count("\ufffd")
    # A few pound signs in long English text would pass as "2 % broken UTF-8": where nothing but
    # ASCII and breakage is left, the label is simply wrong.
    label_is_wrong = codec == "utf-8" and text.replace("\ufffd", "").isascii()
    if bad * 50 >= len(text) or label_is_wrong:
        return None
    return data.decode("utf-8", _REST_AS_CP1252) if codec == "utf-8" else text


def _guess_by_script(data: bytes) -> str | None:
    sample = data[:4000]
    high = sum(byte > 0x7F for byte in sample)
    if high < _FEWEST_TO_GUESS or high * 3 < len(sample):
        return None
    for script in _SCRIPTS:
        if _share_of_script(sample, script) >= script.share:
            return data.decode(script.codec, "replace")
    return None


def _share_of_script(sample: bytes, script: _Script) -> float:
    letters = [char for char in sample.decode(script.codec, "replace") if not char.isascii()]
    fitting = [char for char in letters if script.first <= char <= script.last]
    # KOI8-R and Windows-1251 read each other's small letters as capitals.
    capitals = sum(char.isupper() for char in fitting)
    return (len(fitting) - 0.5 * capitals) / max(len(letters), 1)
