"""Mails made at random by somebody who knows how mails are made, and how they go wrong."""

import base64
import binascii
import quopri
from random import Random

WORDS = (
    "hello", "please", "hearing", "tomorrow", "she took tablets", "STOP", "3 May 2026", "£10",
    "On 2 March 2026 at 18:40, Bo <bo@example.org> wrote:", "> quoted", ">", "--", "-- ", "",
    "-----Original Message-----", "From: Bo", "Sent: Monday", "To: Ada", "Subject: Re: [K7F3-2Q]",
    "Sent from my iPhone", "begin 644 x.txt", "#86)C", "end", "Grüße", "助けて", "\U0001f600",
    "e\u0301", "\u202egnp.exe", "out of office", "undeliverable", "http://a.example/?a=b", "<b>",
    "&amp;", "a" * 400, " ", "\t", "\x0c", "\x85", "\u2028", "\ufeff", "\x00", "I want to die",
    "don't",
)  # fmt: skip
CHARSETS = (
    "utf-8", "us-ascii", "iso-8859-1", "windows-1252", "gb2312", "big5", "shift_jis", "iso-2022-jp",
    "utf-7", "hz", "utf-16", "koi8-r", "euc-kr", "x-unknown", "", "unicode_escape", "idna", "\x00",
    "utf-8'", "cp65001", "iso-2022-kr", "tis-620", "utf-32", "base64", "rot13",
)  # fmt: skip
ENCODINGS = (
    "7bit", "8bit", "binary", "base64", "quoted-printable", "x-uuencode", "BASE64 ", "none",
    "quoted-printable;", "",
)  # fmt: skip
BOUNDARIES = (
    "b", "=_b", "--b", "b b", "b'", "x" * 70, "x" * 300, "ö", "b--", "", "b.b+b(b)?", "--",
)  # fmt: skip
KINDS = ("mixed", "alternative", "related", "report", "signed", "digest", "encrypted", "x")
LEAVES = (
    "text/plain", "text/html", "text/calendar; method=REQUEST", "text/enriched", "application/pdf",
    "image/png", "message/delivery-status", "message/disposition-notification", "text",
    "application/ms-tnef", "text/rfc822-headers", "application/pkcs7-mime; smime-type=x", "a/b/c",
    "text/plain; format=flowed", "text/plain; format=flowed; delsp=yes", "",
)  # fmt: skip
TAGS = (
    "<p>", "</p>", "<div hidden>", "</div>", "<blockquote>", "</blockquote>", "<br>", "<!-- ",
    "-->", "<a href='http://a.example'>", "</a>", "<style>", "</style>", "<script>",
    "<table><tr><td>", "<", "<pre>", "</pre>", "<ul><li>", "&nbsp;", "&#0;", "&#xd800;",
    "&#99999999999;", "<p style=\"x", "<div class=gmail_quote>", "<head><title>", "<body>",
    "<img alt='\U0001f600'>", "<![CDATA[", "<x:y/>",
)  # fmt: skip
NAMES = (
    "a.pdf", "=?utf-8?q?=E2=82=AC.pdf?=", "../../etc/passwd", "a" * 300, "\u202ecod.exe", "", ".",
    "C:\\x\\y.doc", "a\x00b", 'a"b', "ü.txt",
)  # fmt: skip
ADDRESSES = (
    "Ada <ada@example.org>", "ada@example.org", '"Finch, Ada" <ada@example.org>', "", "<>",
    "a@b@c", "=?utf-8?b?w6k=?= <e@example.org>", "MAILER-DAEMON",
    "group: a@example.org, b@example.org;", "(comment (nested) ada@example.org",
    '"unclosed <a@example.org>', "a@example.org.", "ü@ö.example", "hello@kith.example.org",
    "no-reply@example.org", "a@[127.0.0.1]", '"a\\"b"@example.org', "a b c",
)  # fmt: skip
DATES = (
    "Tue, 3 Mar 2026 09:05:00 +0000", "3 Mar 26 9:5 PST", "2026-03-03T09:05:00Z", "", "99",
    "x" * 300, "Tue, 31 Feb 2026 25:61:61 +9999", "1 Jan 0001 00:00:00 +2359",
    "31 Dec 9999 23:59:59 -2359",
)  # fmt: skip
IDS = (
    "<a@example.org>",
    "a@example.org",
    "<<a@b>",
    "<a b@c>",
    "",
    "<" * 50,
    "<" + "a" * 2000 + ">",
)


def a_mail(chance: Random) -> bytes:
    """Return a mail, most often one that nearly could be true."""
    lines = _headers(chance)
    raw = b"".join(line + b"\r\n" for line in lines) + _entity(chance, 0)
    ending = chance.choice((b"\r\n",) * 6 + (b"\n",) * 4 + (b"\r", b"\r\r\n", b"\n\r"))
    if ending != b"\r\n":
        raw = raw.replace(b"\r\n", ending)
    if chance.random() < 0.1:
        raw = raw[: chance.randrange(len(raw))]
    return raw


def _headers(chance: Random) -> list[bytes]:
    written = [
        b"From: " + _some(chance, ADDRESSES),
        b"To: " + b", ".join(_some(chance, ADDRESSES) for _ in range(chance.randrange(4))),
        b"Subject: " + _header_text(chance),
        b"Date: " + _some(chance, DATES),
        b"Message-ID: " + _some(chance, IDS),
        b"In-Reply-To: " + _some(chance, IDS),
        b"References: " + b" ".join(_some(chance, IDS) for _ in range(chance.randrange(5))),
        b"Received: from a by b; " + _some(chance, DATES),
        b"Reply-To: " + _some(chance, ADDRESSES),
        b"Return-Path: " + chance.choice((b"<>", b"", b"<a@example.org>")),
        b"Auto-Submitted: " + chance.choice((b"no", b"auto-replied", b"", b"x" * 200)),
        b"Precedence: bulk",
        b"List-Id: <a.example>",
        b"Authentication-Results: mx; dkim=pass header.d=example.org; dmarc=fail (p=none)",
        b"X-Long: " + _header_text(chance) * chance.choice((1, 1, 30, 400)),
        b"no header at all",
        b">From somebody",
        b"X-8bit: \xe9\xff\x00\x1b$B",
        b"Subject: twice",
        b"MIME-Version: 1.0",
    ]
    kept = [line for line in written if chance.random() < 0.6]
    if chance.random() < 0.2:
        chance.shuffle(kept)
    return kept


def _header_text(chance: Random) -> bytes:
    pieces: list[bytes] = []
    for _ in range(chance.randrange(4)):
        text = _text(chance, 3)
        charset = _some(chance, CHARSETS)
        if chance.random() < 0.3:
            pieces.append(text)
        elif chance.random() < 0.5:
            pieces.append(b"=?" + charset + b"?B?" + base64.b64encode(text) + b"?=")
        else:
            quoted = quopri.encodestring(text, header=True).replace(b"=\n", b"")
            pieces.append(b"=?" + charset + b"?q?" + quoted + b"?=")
    return chance.choice((b" ", b"", b"\r\n ", b"\r\n\t")).join(pieces)


def _entity(chance: Random, depth: int) -> bytes:
    """Return the headers of content, a blank line and the content."""
    roll = chance.random()
    if depth < 6 and roll < 0.45:
        return _multipart(chance, depth)
    if depth < 6 and roll < 0.52:
        inner = b"\r\n".join((*_headers(chance), b"")) + _entity(chance, depth + 1)
        return b"Content-Type: message/rfc822\r\n\r\n" + inner
    return _leaf(chance)


def _multipart(chance: Random, depth: int) -> bytes:
    boundary = _some(chance, BOUNDARIES)
    used = boundary if chance.random() < 0.9 else _some(chance, BOUNDARIES)
    quote = chance.choice((b'"', b'"', b"", b"'"))
    head = b"Content-Type: multipart/" + _some(chance, KINDS)
    head += b"; boundary=" + quote + boundary + quote + b"\r\n\r\n"
    body = _text(chance, 2) + b"\r\n"
    for _ in range(chance.choice((0, 1, 2, 2, 3, 5))):
        body += b"--" + used + chance.choice((b"", b"", b" ", b"--")) + b"\r\n"
        body += _entity(chance, depth + 1) + b"\r\n"
    return head + body + chance.choice((b"--" + used + b"--\r\n", b"", b"--" + used))


def _leaf(chance: Random) -> bytes:
    kind = _some(chance, LEAVES)
    encoding = _some(chance, ENCODINGS)
    head = b"Content-Type: " + kind
    if chance.random() < 0.7:
        head += b"; charset=" + chance.choice((b"", b'"')) + _some(chance, CHARSETS)
    if chance.random() < 0.3:
        head += b'; name="' + _some(chance, NAMES) + b'"'
    head += b"\r\nContent-Transfer-Encoding: " + encoding + b"\r\n"
    if chance.random() < 0.3:
        way = chance.choice((b"attachment", b"inline", b"", b"x"))
        name = chance.choice((b'filename="%s"', b"filename*=utf-8''%s", b"filename*0*=%s"))
        head += b"Content-Disposition: " + way + b"; " + name % _some(chance, NAMES) + b"\r\n"
    text = _html(chance) if b"html" in kind else _text(chance, 30)
    return head + b"\r\n" + _encode(chance, text, encoding.strip(b" ;").lower())


def _encode(chance: Random, text: bytes, encoding: bytes) -> bytes:
    if chance.random() < 0.1:
        return text  # it only says that it is encoded
    if encoding == b"base64":
        return base64.encodebytes(text)
    if encoding == b"quoted-printable":
        return quopri.encodestring(text)
    if encoding == b"x-uuencode":
        lines = (binascii.b2a_uu(text[at : at + 45]) for at in range(0, len(text), 45))
        return b"begin 644 x\r\n" + b"".join(lines) + b"end\r\n"
    return text


def _text(chance: Random, most: int) -> bytes:
    words = [chance.choice(WORDS) for _ in range(chance.randrange(most + 1))]
    written = "".join(word + chance.choice((" ", " ", "\r\n", "\r\n\r\n")) for word in words)
    codec = chance.choice(("utf-8",) * 6 + ("cp1252", "utf-16", "iso2022_jp", "gb18030", "utf-7"))
    return written.encode(codec, "replace")


def _html(chance: Random) -> bytes:
    pieces: list[str] = []
    for _ in range(chance.randrange(40)):
        pieces.append(chance.choice(TAGS) if chance.random() < 0.6 else chance.choice(WORDS))
    return chance.choice(("", "\r\n", " ")).join(pieces).encode("utf-8", "replace")


def _some(chance: Random, things: tuple[str, ...]) -> bytes:
    return chance.choice(things).encode("utf-8", "replace")
