"""Mails damaged at random: as transport, list software, truncation and malice do it."""

from collections.abc import Callable, Sequence
from random import Random

LARGEST = 300_000
TOKENS = (
    b"\r\n", b"\n", b"\r", b"\x00", b"--", b"--b\r\n", b"--b--\r\n", b"\r\n\r\n", b"=?utf-8?q?",
    b"?=", b"Content-Type: multipart/mixed; boundary=b\r\n", b"Content-Type: message/rfc822\r\n",
    b"Content-Transfer-Encoding: base64\r\n", b"Content-Type: text/html\r\n", b"\xff\xfe",
    b"\x1b$B", b"\xef\xbb\xbf", b"From ", b">", b"> ", b"<", b"<!--", b"&#", b'"', b"\\", b"(",
    b";", b"=", b"=\r\n", b"begin 644 x\r\n", b"end\r\n", b"`\r\n", b"@", b"<a@example.org>",
    b" " * 80, b"a" * 1_000, b"\t ", b"On 2 March 2026 a@example.org wrote:\r\n",
    b"charset=utf-16", b"*0*=", b"%00", b"~{", b"+ADw-", "\u0661".encode(), "\u00b2".encode(),
    "\u0130".encode(), "\u1e9e".encode(), "\u2028".encode(),
)  # fmt: skip

Mutation = Callable[[bytes, Random, Sequence[bytes]], bytes]


def mutate(raw: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    """Return `raw` with some damage; `others` are mails that it may be spliced with."""
    for _ in range(chance.choice((0, 1, 1, 2, 3, 5, 8))):
        raw = chance.choice(MUTATIONS)(raw, chance, others)[:LARGEST]
    return raw


def _place(raw: bytes, chance: Random) -> int:
    return chance.randrange(len(raw) + 1)


def _flip(raw: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    changed = bytearray(raw)
    for _ in range(chance.choice((1, 2, 8)) if raw else 0):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def _delete(raw: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    at = _place(raw, chance)
    return raw[:at] + raw[at + chance.choice((1, 2, 10, 200)) :]


def _insert(raw: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    at = _place(raw, chance)
    return raw[:at] + chance.choice(TOKENS) + raw[at:]


def _insert_many(raw: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    at = _place(raw, chance)
    return raw[:at] + chance.choice(TOKENS) * chance.choice((3, 50, 2_000)) + raw[at:]


def _repeat(raw: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    at = _place(raw, chance)
    piece = raw[at : at + chance.choice((1, 5, 40, 500))]
    return raw[:at] + piece * chance.choice((2, 20, 500)) + raw[at:]


def _cut(raw: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    return raw[: _place(raw, chance)]


def _swap_lines(raw: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    lines = raw.split(b"\n")
    one, two = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[one], lines[two] = lines[two], lines[one]
    return b"\n".join(lines)


def _splice(raw: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    other = chance.choice(others)
    return raw[: _place(raw, chance)] + other[_place(other, chance) :]


def _enclose(raw: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    kind = chance.choice((b"message/rfc822", b"text/html", b"multipart/mixed; boundary=z"))
    return b"From: a@example.org\r\nContent-Type: " + kind + b"\r\n\r\n" + raw


def _attach(raw: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    head = b"From: a@example.org\r\nContent-Type: multipart/mixed; boundary=zz\r\n\r\n"
    return head + b"--zz\r\n\r\nhello\r\n--zz\r\n" + raw + b"\r\n--zz--\r\n"


def _other_ends(raw: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    plain = raw.replace(b"\r\n", b"\n")
    return plain.replace(b"\n", chance.choice((b"\r\n", b"\n", b"\r", b"\r\r\n")))


def _set_high_bits(raw: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    at = _place(raw, chance)
    piece = bytes(byte | 0x80 for byte in raw[at : at + 50])
    return raw[:at] + piece + raw[at + 50 :]


MUTATIONS: tuple[Mutation, ...] = (
    _flip, _delete, _insert, _insert, _insert_many, _repeat, _cut, _swap_lines, _splice, _enclose,
    _attach, _other_ends, _set_high_bits,
)  # fmt: skip
