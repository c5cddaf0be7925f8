"""Mails that repeat one thing without end, each a way to make a careless reader slow or large."""

import base64
from collections.abc import Callable

HEAD = (
    b"From: ada@example.org\r\nTo: hello@kith.example.org\r\nSubject: Giant\r\n"
    b"Date: Tue, 3 Mar 2026 09:05:00 +0000\r\nMIME-Version: 1.0\r\n"
)
MIXED = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
HTML = HEAD + b"Content-Type: text/html\r\n\r\n"

Giant = Callable[[int], bytes]
"""Returns a mail of about so many bytes."""


def _again(thing: bytes, size: int) -> bytes:
    return (thing * (size // len(thing) + 1))[:size]


def _body(thing: bytes, headers: bytes = b"", after: bytes = b"") -> Giant:
    return lambda size: HEAD + headers + b"\r\n" + _again(thing, size) + after


def _encoded(encoding: bytes, thing: bytes, kind: bytes = b"application/pdf") -> Giant:
    return _body(
        thing, b"Content-Type: " + kind + b"\r\nContent-Transfer-Encoding: " + encoding + b"\r\n"
    )


def _charset(name: bytes, thing: bytes) -> Giant:
    return _body(thing, b"Content-Type: text/plain; charset=" + name + b"\r\n")


def _header(name: bytes, thing: bytes) -> Giant:
    return lambda size: name + b": " + _again(thing, size) + b"\r\n" + HEAD + b"\r\nhello"


def _headers(line: bytes) -> Giant:
    return lambda size: line * (size // len(line) + 1) + HEAD + b"\r\nhello"


def _parts(part: bytes) -> Giant:
    return lambda size: MIXED + _again(b"--b\r\n" + part + b"\r\n", size)


def _after_border(thing: bytes) -> Giant:
    return lambda size: MIXED + _again(thing, size)


def _html(thing: bytes) -> Giant:
    return lambda size: HTML + _again(thing, size)


def _nested(
    size: int, *, kind: bytes = b"mixed", most: int = 1_000_000, inside: bytes = b""
) -> bytes:
    each = b"Content-Type: multipart/%s; boundary=b%d\r\n\r\n--b%d\r\n"
    depth = min(size // 60, most)
    borders = b"".join(each % (kind, n, n) for n in range(depth))
    return HEAD + borders + (_again(inside, size) if inside else b"\r\nhello")


def _nested_without_borders(size: int) -> bytes:
    each = b"Content-Type: multipart/mixed\r\n\r\n--b%d\r\n"
    return HEAD + b"".join(each % n for n in range(size // 45)) + b"\r\nhello"


ENCODINGS: dict[str, Giant] = {
    "uuencode, every line broken": _encoded(
        b"x-uue", b"begin 644 x\r\n" + b"M\x80\x80zz\r\n" * 400
    ),
    "uuencode of text, broken": _encoded(
        b"x-uue", b"begin 644 x\r\nM\x80\x80zz\r\n", b"text/plain"
    ),
    "uuencode of tiny lines": _encoded(b"x-uue", b"begin 644 x\r\n" + b"#86)C\r\n" * 9_999),
    "uuencode with stray characters": _encoded(
        b"x-uue", b"begin 644 x\r\n" + b"#86)Czzzz\r\n" * 999
    ),
    "inline uuencode": _body(b"#86)C\r\n", b"\r\nbegin 644 x", b"end\r\n"),
    "beginnings of uuencode": _body(b"begin 644 x\r\n#86)C\r\n", after=b"end\r\n"),
    "base64 of padding": _encoded(b"base64", b"="),
    "base64 of short runs": _encoded(b"base64", b"QQ=="),
    "base64 text of short runs": _encoded(b"base64", b"QQ==", b"text/plain"),
    "base64 a letter a line": _encoded(b"base64", b"Q\n", b"text/plain"),
    "base64 with junk": _encoded(b"base64", b"A" * 30 + b"!", b"image/png"),
    "quoted-printable of soft ends": _encoded(b"quoted-printable", b"=\r\n", b"text/plain"),
    "quoted-printable of blanks": _encoded(b"quoted-printable", b"=   ", b"text/plain"),
    "quoted-printable, one soft end": _encoded(b"quoted-printable", b"=" + b" " * 5_000),
    "quoted-printable of lone CR": _encoded(b"quoted-printable", b"=\r"),
    "quoted-printable of escapes": _encoded(b"quoted-printable", b"=3D"),
}

_SHIFTS = b"+AGEAYg-\x1b$B~~{\x1b(B"
CHARSETS: dict[str, Giant] = {
    f"{name} {which}": _charset(name.encode(), thing)
    for name in ("utf-7", "iso-2022-jp", "hz", "gb18030", "utf-16", "utf-8", "x-unknown")
    for which, thing in (
        ("of shifts", _SHIFTS),
        ("of high bytes", bytes(range(128, 256)) + b"ab\x1b$B"),
    )
}

TEXTS: dict[str, Giant] = {
    "NUL": _body(b"\x00"),
    "lone CR": lambda size: _again(b"a: b\r", size),
    "CR CR LF": lambda size: (
        HEAD.replace(b"\r\n", b"\r\r\n") + b"\r\r\n" + _again(b"abc\r\r\n", size)
    ),
    "one line": _body(b"abc def "),
    "one word": _body(b"a"),
    "blank lines": _body(b"\r\n"),
    "blanks": _body(b" "),
    "quote signs": _body(b"> "),
    "quoted lines": _body(b">>> a\r\n"),
    "attributions": _body(b"On 3 March 2026 a@b wrote:\r\nx\r\n"),
    "halves of attributions": _body(b"On 3 March 2026 a@b wrote\r\n"),
    "header blocks": _body(b"From: a\r\nSent: b\r\nTo: c\r\n\r\n"),
    "signatures": _body(b"-- \r\nabc\r\n"),
    "rules": _body(b"-----\r\n"),
    "flowed lines": _body(b"abc \r\n> x \r\n", b"Content-Type: text/plain; format=flowed\r\n"),
    "flowed quotes": _body(b">", b"Content-Type: text/plain; format=flowed\r\n"),
    "enriched": _body(b"<param>x<<b>", b"Content-Type: text/enriched\r\n"),
    "dates": _body(b"on 3 March 2026 at 10:30 hearing tomorrow "),
    "digits": _body(b"1"),
    "danger": _body(b"she took all her tablets and wants to die "),
    "dots": _body(b"a."),
    "at signs": _body(b"a@"),
    "links": _body(b"http://a.example/b "),
    "combining accents": _charset(b"utf-8", "\u0301".encode()),
    "emoji": _charset(b"utf-8", "\U0001f600".encode()),
    "Japanese": _charset(b"utf-8", "助けて".encode()),
    "calendar": _body(b"METHOD     :      \r\n", b"Content-Type: text/calendar\r\n"),
}

HEADERS: dict[str, Giant] = {
    "headers": _headers(b"X-A: b\r\n"),
    "junk among headers": _headers(b"junk\r\nReceived: x\r\n"),
    "long Received": _headers(b"Received: " + b"x " * 40_000 + b"\r\n"),
    "many To": _headers(b"To: " + b"a@b.example, " * 1_500 + b"\r\n"),
    "long header": _header(b"X-Long", b"a b "),
    "folds": _header(b"X-Long", b"a\r\n "),
    "encoded words": _header(b"Subject", b"=?utf-8?q?a?= "),
    "broken encoded words": _header(b"Subject", b"=?utf-8?q?a"),
    "beginnings of encoded words": _header(b"Subject", b"=?"),
    "base64 words": _headers(b"Subject: " + b"=?utf-8?b?QQ==?= " * 5_000 + b"\r\n"),
    "From of comments": _header(b"From", b"("),
    "From of addresses": _header(b"From", b"a@b.example, "),
    "From of brackets": _header(b"From", b"<"),
    "From of quotes": _header(b"From", b'"\\'),
    "From of words": _header(b"From", b"a "),
    "From of groups": _header(b"From", b"a:;"),
    "Message-IDs": _header(b"References", b"<a@b> "),
    "brackets for Message-IDs": _header(b"References", b"<"),
    "parameters": _header(b"Content-Type", b"text/plain; a=b; "),
    "continued parameters": _header(b"Content-Type", b"text/plain; a*0*=%41; "),
    "backslashes in a parameter": _header(b"Content-Type", b'text/plain; a="\\\\'),
    "Authentication-Results": _header(b"Authentication-Results", b"x; dkim=pass (a) "),
    "dates in Date": _header(b"Date", b"3 Mar 2026 "),
}

PARTS: dict[str, Giant] = {
    "empty parts": _parts(b""),
    "HTML parts": _parts(b"Content-Type: text/html\r\n\r\n<p>hi<b>there"),
    "almost borders": _after_border(b"--bx\r\n"),
    "borders in a line": _after_border(b"--b  "),
    "padded borders": _after_border(b"--b" + b" " * 300),
    "parts of headers": _parts(b"X: y\r\n" * 400 + b"\r\nhi"),
    "parts of parameters": _parts(b"Content-Type: text/plain; " + b"a=b;" * 2_000 + b"\r\n\r\nhi"),
    "parts of names": _parts(
        b'Content-Type: application/pdf; name="' + b"=?utf-8?q?a?= " * 100 + b'"\r\n\r\nhi'
    ),
    "text files": _parts(b"Content-Disposition: attachment\r\n\r\n" + b"hello world " * 3_000),
    "HTML files": _parts(
        b"Content-Type: text/html\r\nContent-Disposition: attachment\r\n\r\n" + b"<p>a<b>b" * 4_000
    ),
    "attached mails": _parts(
        b"Content-Type: message/rfc822\r\n\r\n" + b"To: a@b.example\r\n" * 400
    ),
    "encoded mails": _parts(
        b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(b"To: a@b.example\r\n" * 400)
    ),
    "nested parts": _nested,
    "nested alternatives": lambda size: _nested(
        size, kind=b"alternative", most=48, inside=b"Content-Type: text/html\r\n\r\n<p>a"
    ),
    "nested deep and long": lambda size: _nested(size, most=50, inside=b"x\n--b\n"),
    "nested without borders": _nested_without_borders,
    "nested mails": _body(
        b"Content-Type: message/rfc822\r\n\r\n", b"Content-Type: message/rfc822\r\n"
    ),
    "delivery status": _after_border(
        b"--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        + b"Final-Recipient: rfc822; a@b.example\r\nStatus: 5.1.1\r\nAction: failed\r\n\r\n" * 500
    ),
}

_HTML_THINGS = (
    "<", "<a", '<a b="', "<div>", "<blockquote>", "<!--", "<!", "&", "&#x41;", "&nbsp;",
    "<table><tr><td>", "<p hidden>a", "<style>", "</style", "<title>", "<pre>\n", "<ul><li>",
    "<a href='http://a.example/'>x</a>", "<p a='\">", "<p style='display:none'>",
    "<select>a</select>", "<p a=b c='d'>x</p>", "<img alt='\U0001f600'>", "&#" + "9" * 2_000 + ";",
    "<p " + "a=b " * 1_000 + ">", "<a@example.org>", "<p hidden" + " a='b'" * 200 + ">",
)  # fmt: skip
WEB: dict[str, Giant] = {
    f"HTML of {thing[:12]!r} {number}": _html(thing.encode())
    for number, thing in enumerate(_HTML_THINGS)
}

GIANTS: dict[str, Giant] = {**ENCODINGS, **CHARSETS, **TEXTS, **HEADERS, **PARTS, **WEB}
