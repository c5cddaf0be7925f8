"""Content-Transfer-Encodings undone (RFC 2045 section 6), leniently and in bounded memory."""

import binascii
import io
import re
from collections.abc import Iterator

_NOT_BASE64 = bytes(
    set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
)
MOST_BROKEN_LINES = 1_000
"""Of a uuencoded file: each costs as much as many good ones; so many are no damage any more."""
_CHUNK = 1 << 20
_SAMPLE = 100_000
_SOFT_BREAK_WITH_SPACES = re.compile(rb"=[ \t]+(?=\r?\n)")
_UU_NAMES = {"uuencode", "x-uuencode", "x-uue", "uue"}


def decode_body(raw: bytes, start: int, end: int, encoding: str) -> bytes:
    """Return the bytes `start` to `end` of `raw` with the transfer encoding undone."""
    return b"".join(iter_body(raw, start, end, encoding))


def body_size(raw: bytes, start: int, end: int, encoding: str) -> int:
    """Return `len(decode_body(…))` without holding the decoded bytes of a base64 part."""
    if _is_plain(encoding):
        return max(0, end - start)
    if encoding == "base64" and _looks_like_base64(raw[start : min(end, start + _SAMPLE)]):
        return _base64_size(raw, start, end)
    return sum(map(len, iter_body(raw, start, end, encoding)))


def iter_body(raw: bytes, start: int, end: int, encoding: str) -> Iterator[bytes]:
    """Yield the decoded bytes `start` to `end` of `raw`, base64 piece by piece."""
    if encoding == "base64" and _looks_like_base64(raw[start : min(end, start + _SAMPLE)]):
        yield from _iter_base64(raw, start, end)
    elif encoding == "quoted-printable":
        yield decode_quoted_printable(raw[start:end])
    elif encoding in _UU_NAMES:
        yield decode_uuencode(raw[start:end])
    else:
        yield raw[start:end]


def decode_base64(data: bytes) -> bytes:
    """Return `data` out of base64: foreign bytes dropped, each padded run read on its own.

    What is for the most part no base64 at all comes back as it is.
    """
    if not _looks_like_base64(data):
        return data
    return b"".join(_iter_base64(data, 0, len(data)))


def decode_base64_text(data: bytes) -> bytes:
    """Return `data` out of base64; plain lines that a mailing list put below it are kept."""
    lines = data.split(b"\n")
    at = next((at for at, line in enumerate(lines) if _is_foreign_line(line)), None)
    if not at:
        return decode_base64(data)
    ended = lines[at - 1].rstrip()
    if not ended.endswith(b"=") and len(ended) >= len(lines[0].rstrip()):
        return decode_base64(data)  # in the middle of a run: damage, not a footer
    text = decode_base64(b"\n".join(lines[:at]))
    joint = b"" if text.endswith(b"\n") else b"\n"
    return text + joint + b"\n".join(lines[at:])


def decode_quoted_printable(data: bytes) -> bytes:
    """Return `data` out of quoted-printable; escapes that are broken stay as they are."""
    if b"= " in data or b"=\t" in data:
        data = _SOFT_BREAK_WITH_SPACES.sub(b"=", data)
    if b"\r" in data:
        data = data.replace(b"=\r\n", b"=\n").replace(b"=\r", b"=\n")
    return binascii.a2b_qp(data)


def decode_uuencode(data: bytes) -> bytes:
    """Return the content of the first uuencoded file in `data`.

    Without one, or where thousands of its lines are broken, `data` comes back as it is.
    """
    plain = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data
    lines = io.BytesIO(plain)  # line by line: a list of them would take ten times the memory
    if not any(line.startswith(b"begin ") for line in lines):
        return data
    decoded = bytearray()
    broken = 0
    for line in lines:
        if line.isspace():
            continue
        if line.startswith((b"end", b"`")) and line.rstrip() in (b"end", b"`"):
            break
        piece = decode_uu_line(line)
        decoded += piece
        if not piece:
            broken += 1
            if broken > MOST_BROKEN_LINES:
                return data
    return bytes(decoded)


def decode_uu_line(line: bytes) -> bytes:
    """Return one uuencoded line decoded, b"" if it cannot be."""
    if not line:
        return b""  # Python would make 32 zeros of it
    try:
        return binascii.a2b_uu(line)
    except binascii.Error:
        pass
    # Encoders in the wild leave stray characters after the length that the line declares.
    wanted = (((line[0] - 32) & 63) * 4 + 5) // 3
    if wanted >= len(line):
        return b""
    try:
        return binascii.a2b_uu(line[:wanted])
    except binascii.Error:
        return b""


def _is_plain(encoding: str) -> bool:
    return encoding not in {"base64", "quoted-printable"} | _UU_NAMES


def _looks_like_base64(sample: bytes) -> bool:
    """Return whether at most 5 % of the sample (white space aside) is foreign to base64."""
    others = len(sample) - len(sample.translate(None, _NOT_BASE64))
    if others * 20 <= len(sample):
        return True
    spaces = sum(sample.count(space) for space in (b"\n", b"\r", b" ", b"\t"))
    return (others - spaces) * 20 <= len(sample)


def _base64_size(raw: bytes, start: int, end: int) -> int:
    """Return how many bytes `_iter_base64` yields: six bits a letter, each run for itself."""
    size = letters = 0
    for position in range(start, end, _CHUNK):
        chunk = raw[position : min(position + _CHUNK, end)].translate(None, _NOT_BASE64)
        first, *runs = _padded_runs(chunk)
        letters += len(first)
        for run in (*filter(None, runs[:-1]), *runs[-1:]):
            size += letters * 3 // 4
            letters = len(run)
    return size + letters * 3 // 4


def _iter_base64(raw: bytes, start: int, end: int) -> Iterator[bytes]:
    rest = b""
    for position in range(start, end, _CHUNK):
        chunk = raw[position : min(position + _CHUNK, end)].translate(None, _NOT_BASE64)
        *runs, rest = _padded_runs(rest + chunk)
        yield from [_decode_run(run) for run in runs if run]
        whole = len(rest) - len(rest) % 4
        yield _decode_run(rest[:whole])
        rest = rest[whole:]
    yield _decode_run(rest)


def _is_foreign_line(line: bytes) -> bool:
    """Return whether there is something on the line that is not base64 but reads like text."""
    stripped = line.strip()
    return len(stripped.translate(None, _NOT_BASE64)) < len(stripped)


def _padded_runs(data: bytes) -> list[bytes]:
    """Split after padding: concatenated encoders each end their own run."""
    if b"=" not in data:
        return [data]
    return data.split(b"=")


def _decode_run(run: bytes) -> bytes:
    if len(run) % 4 == 1:  # a lone sextet cannot make a byte
        run = run[:-1]
    if not run:
        return b""
    return binascii.a2b_base64(run + b"=" * (-len(run) % 4))
