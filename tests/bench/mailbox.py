"""A seeded mailbox of realistic messages: headers, HTML, attachments and robots in life's measure.

The words are those of the project's own training messages; every sender is somebody else.
"""

import json
import random
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cache
from pathlib import Path

DATA = Path(__file__).parents[2] / "intake" / "classification" / "data"
GROUP_ADDRESS = "hello@kith.example.org"


@cache
def _letters() -> tuple[tuple[str, str, str, str], ...]:
    """Return (name, subject, body, kind) of every training message."""
    lines = [
        json.loads(line)
        for path in sorted(DATA.glob("t*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    return tuple((x["from_name"], x["subject"], x["body"], x["kind"]) for x in lines)


def make_messages(count: int, seed: int = 2026) -> list[bytes]:
    """Return `count` mails: half plain, most others with an HTML part, some with attachments."""
    chance = random.Random(seed)
    return [_one(number, chance) for number in range(count)]


def _one(number: int, chance: random.Random) -> bytes:
    name, subject, body, kind = chance.choice(_letters())
    sender = f"writer{number}@{chance.choice(('example.org', 'example.com', 'example.net'))}"
    email = EmailMessage()
    at = datetime.now(UTC) - timedelta(minutes=chance.randrange(1, 2000))
    for header, value in _transport_headers(number, sender, at, chance):
        email[header] = value
    email["From"] = f'"{name.replace(chr(34), "").replace(chr(92), "")}" <{sender}>'
    email["To"] = GROUP_ADDRESS
    email["Subject"] = " ".join(subject.split())
    email["Date"] = format_datetime(at)
    email["Message-ID"] = f"<{number}.{chance.getrandbits(64):x}@mail.example.org>"
    if kind == "automated":
        email["Auto-Submitted"] = "auto-replied"
    email.set_content(body)
    dice = chance.random()
    if dice > 0.5:
        email.add_alternative(_html(body), subtype="html")
    if dice > 0.92:
        size = chance.randrange(20_000, 200_000)
        email.add_attachment(
            chance.randbytes(size), maintype="application", subtype="pdf", filename="review.pdf"
        )
    return email.as_bytes()


def _transport_headers(
    number: int, sender: str, at: datetime, chance: random.Random
) -> list[tuple[str, str]]:
    stamp = format_datetime(at)
    token = f"{chance.getrandbits(320):080x}"
    return [
        ("Return-Path", f"<{sender}>"),
        ("Delivered-To", GROUP_ADDRESS),
        *(
            ("Received", f"from m{hop}.example.net by mx{hop}.example.com id {token[:20]}; {stamp}")
            for hop in range(4)
        ),
        ("ARC-Seal", f"i=1; a=rsa-sha256; t={number}; cv=none; d=example.com; s=arc; b={token}"),
        (
            "ARC-Message-Signature",
            f"i=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; b={token}",
        ),
        ("ARC-Authentication-Results", "i=1; mx.example.com; dkim=pass; spf=pass; dmarc=pass"),
        ("Received-SPF", "pass (mx.example.com: domain designates 192.0.2.1 as permitted sender)"),
        ("Authentication-Results", "mx.example.com; dkim=pass; spf=pass; dmarc=pass"),
        ("DKIM-Signature", f"v=1; a=rsa-sha256; d=example.org; s=k1; h=from:to; b={token}{token}"),
        ("X-Received", f"by 2002:a05:6402:1111 with SMTP id {token[:24]}; {stamp}"),
        ("X-Google-DKIM-Signature", f"v=1; a=rsa-sha256; d=example.net; b={token}{token}"),
        ("X-Gm-Message-State", token),
        ("X-Google-Smtp-Source", token),
    ]


def _html(body: str) -> str:
    paragraphs = "".join(
        f'<div class="p" style="font-family:Arial">{_escaped(line) or "<br>"}</div>\n'
        for line in body.split("\n")
    )
    return f"<html><head><style>p {{margin:0}}</style></head><body>{paragraphs}</body></html>"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
