"""Values for tests: a personal mail, with only what a test is about changed."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from intake.message import Address, Header, Message

GROUP_ADDRESS = "hello@kith.example.org"
WRITTEN_AT = datetime(2026, 11, 24, 21, 5, tzinfo=UTC)


def make_message(*, headers: Iterable[tuple[str, str]] = (), **overrides: Any) -> Message:
    """Return a personal mail to the group; `overrides` are fields of `Message`.

    Its header lines follow from its fields, as a mail server would have written them. `headers` are
    further lines; a name given there (lower-case) replaces the ordinary line of that name.
    """
    fields: dict[str, Any] = {
        "subject": "A meeting about our son",
        "sender": Address("Marion Ashworth", "marion.ashworth@example.org"),
        "to": (Address("", GROUP_ADDRESS),),
        "date": WRITTEN_AT,
        "message_id": "<m1.20261124@mail.example.org>",
        "text": "Hello,\n\nour son is back in care since June. Could somebody ring us?\n\nMarion",
    } | overrides
    return Message(headers=_header_lines(Message(**fields), tuple(headers)), **fields)


def _header_lines(message: Message, extra: tuple[tuple[str, str], ...]) -> tuple[Header, ...]:
    sender = _shown(message.sender) if message.sender else None
    ordinary = {
        "return-path": f"<{message.sender.email}>" if message.sender else "<someone@example.net>",
        "received": "from mail.example.org by mx.example.net; Tue, 24 Nov 2026 21:05:00 +0000",
        "from": sender,
        "to": ", ".join(map(_shown, message.to)) or None,
        "cc": ", ".join(map(_shown, message.cc)) or None,
        "reply-to": ", ".join(map(_shown, message.reply_to)) or None,
        "subject": message.subject,
        "date": f"{message.date:%a, %d %b %Y %H:%M:%S %z}" if message.date else None,
        "message-id": message.message_id,
        "mime-version": "1.0",
        "content-type": message.content_types[0],
    }
    replaced = {name for name, _ in extra}
    lines = [(name, value) for name, value in ordinary.items() if name not in replaced]
    return tuple(Header(name, value) for name, value in (*lines, *extra) if value is not None)


def _shown(address: Address) -> str:
    return f"{address.name} <{address.email}>" if address.name else address.email
