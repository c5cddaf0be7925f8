"""A letter of Kith's as it arrived somewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail server was really given: the recipient of the envelope and the mail."""

    recipient: str
    message_id: str
    in_reply_to: str
    subject: str
    is_automatic: bool
    reply_to: str
    references: str


def read_letter(recipient: str, raw: bytes) -> Letter:
    """Return the letter that these bytes are."""
    head: Message = BytesHeaderParser().parsebytes(raw)

    def value(name: str) -> str:
        return " ".join(str(head.get(name, "")).split())

    return Letter(
        recipient=recipient,
        message_id=value("Message-ID"),
        in_reply_to=value("In-Reply-To"),
        subject=value("Subject"),
        is_automatic=value("Auto-Submitted") not in {"", "no"},
        reply_to=value("Reply-To"),
        references=value("References"),
    )


def read_letters(sunk: Sequence[tuple[str, bytes]]) -> list[Letter]:
    """Return the letters of (recipient, bytes)."""
    return [read_letter(recipient, raw) for recipient, raw in sunk]
