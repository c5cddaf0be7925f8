"""One letter as a value, and as the mail it becomes."""

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from enum import StrEnum
from string import ascii_letters, digits

from config.errors import KithError
from config.scrubbing import scrub
from intake.address_text import fold_address
from replies.headers import (
    LETTER_POLICY,
    MAX_LINE,
    ReadyHeader,
    message_ids,
    ready,
    sender_header,
    subject_header,
)

LOOP_HEADER = "X-Kith-Loop"
"""Repeats the letter's own Message-ID, which is signed: a relay may have changed that."""
LONGEST_LOCAL_PART = 64
"""Octets before the @ that mail servers must take (RFC 5321 4.5.3.1.1)."""
MAX_REFERENCES = 10
MAX_DOMAIN = 200
_MAX_ID = 250
_ID_SIGNS = frozenset(ascii_letters + digits + "!#$%&'*+-/=?^_`{|}~.@[]:")
_ATOM = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~."
)
_HOST = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")

_LANGUAGE = ready("Content-Language", "en-GB")
_PLAIN_BODY = (
    ready("MIME-Version", "1.0"),
    ready("Content-Type", 'text/plain; charset="utf-8"'),
    ready("Content-Transfer-Encoding", "7bit"),
)
_NO_ANSWERS = ready("X-Auto-Response-Suppress", "All")
_AUTOMATIC_MARKS = (ready("Auto-Submitted", "auto-replied"), _NO_ANSWERS)
_NOTICE_MARKS = (
    ready("Auto-Submitted", "auto-generated"),
    _NO_ANSWERS,
    ready("Precedence", "bulk"),
)


class Purpose(StrEnum):
    """Why a letter leaves."""

    ACKNOWLEDGEMENT = "acknowledgement"
    REPLY = "reply"
    NOTICE = "notice"
    CANARY = "canary"


class UnsendableError(KithError):
    """A letter has an address that cannot be written to; the address itself is not shown."""

    def __init__(self) -> None:
        super().__init__(
            "An address of this letter cannot be used to send mail: it must look like "
            "name@example.org, in plain letters without accents. Correct it, or find another way."
        )


@dataclass(frozen=True, slots=True)
class OutgoingEmail:
    """A letter to one person. `references` is the conversation so far, oldest first.

    `reply_to` is where answers go; "" means to `from_address`.
    """

    purpose: Purpose
    from_name: str
    from_address: str
    to_address: str
    subject: str
    body: str
    message_id: str
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    automatic: bool = True
    reply_to: str = ""


def new_message_id(domain: str) -> str:
    """Return a Message-ID that nobody can guess (128 random bits); see also `Signer.message_id`."""
    return f"<k.{secrets.token_hex(16)}@{domain_for_ids(domain)}>"


def domain_for_ids(domain: str) -> str:
    """Return the domain as it may stand in a Message-ID, or one that is nobody's."""
    name = _ascii_domain(domain) if len(domain) <= MAX_DOMAIN else ""
    return name or "kith.invalid"


def address_key(address: str) -> str:
    """Return the form under which letters to one mailbox are counted, however it is spelt.

    Tags behind a plus, the dots of Gmail and full-width letters make no other person.
    """
    return fold_address(address)


def is_sendable(address: str) -> bool:
    """Return whether mail can be sent there as far as its form tells (RFC 5321, dot-atom only)."""
    local, at, domain = address.rpartition("@")
    if (
        not at
        or len(local) > LONGEST_LOCAL_PART
        or len(address) > 254
        or not _ATOM.issuperset(local)
    ):
        return False
    return bool(_ascii_domain(domain)) and all(local.split("."))


def ascii_address(address: str) -> str:
    """Return the address as mail servers take it. Raises `UnsendableError`."""
    if not is_sendable(address):
        raise UnsendableError
    local, _, domain = address.rpartition("@")
    return f"{local}@{_ascii_domain(domain)}"


def to_mime(email: OutgoingEmail, now: datetime) -> EmailMessage:
    """Return the letter as a mail dated `now`: plain text, one recipient, safe for 7-bit lines.

    Automatic letters carry the marks that stop other machines from answering (RFC 3834);
    what a person wrote carries none. Raises `UnsendableError`.
    """
    mime = EmailMessage(policy=LETTER_POLICY)
    headers = [
        sender_header(one_line(email.from_name), ascii_address(email.from_address)),
        ready("To", ascii_address(email.to_address)),
        *_reply_to(email),
        subject_header(one_line(email.subject)),
        ready("Date", format_datetime(now.astimezone(UTC))),
        message_ids("Message-ID", _clean_ids((email.message_id,))),
        *_thread(email),
        *_marks(email),
    ]
    for header in headers:
        mime[header.name] = header
    _set_body(mime, scrub(email.body))
    return mime


def conversation(answered: str | None, earlier: Iterable[str]) -> tuple[str, ...]:
    """Return the ids of a conversation fit for References: its root and the last ten.

    The answered mail comes last; what cannot stand in a header is left out.
    """
    before = dict.fromkeys(name for name in earlier if name != answered)
    ids = _clean_ids((*before, answered) if answered else before)
    return ids if len(ids) <= MAX_REFERENCES + 1 else (ids[0], *ids[-MAX_REFERENCES:])


def clean_id(name: str | None) -> str | None:
    """Return a Message-ID fit for a header, in its brackets; None for what cannot stand in one."""
    return next(iter(_clean_ids((name or "",))), None)


def one_line(text: str) -> str:
    """Return `text` fit for a header: one line, no control characters, no double spaces.

    "=?" is broken up, since the standard library would decode it, line ends included.
    """
    if not text.isprintable():
        text = "".join(sign if sign.isprintable() else " " for sign in text)
    return " ".join(text.split()).replace("=?", "= ?")


def _marks(email: OutgoingEmail) -> tuple[ReadyHeader, ...]:
    if not email.automatic:
        return ()
    is_bulk = email.purpose in {Purpose.NOTICE, Purpose.CANARY}
    loop = message_ids(LOOP_HEADER, _clean_ids((email.message_id,)))
    return (*(_NOTICE_MARKS if is_bulk else _AUTOMATIC_MARKS), loop)


def _reply_to(email: OutgoingEmail) -> tuple[ReadyHeader, ...]:
    return (ready("Reply-To", ascii_address(email.reply_to)),) if email.reply_to else ()


def _thread(email: OutgoingEmail) -> Iterator[ReadyHeader]:
    if answered := clean_id(email.in_reply_to):
        yield message_ids("In-Reply-To", (answered,))
    if chain := conversation(email.in_reply_to, email.references):
        yield message_ids("References", chain)


def _set_body(mime: EmailMessage, body: str) -> None:
    if body.isascii() and all(len(line) <= MAX_LINE for line in body.split("\n")):
        for header in _PLAIN_BODY:
            mime[header.name] = header
        mime.set_payload(body)
    else:
        mime.set_content(body, charset="utf-8", cte="quoted-printable")
    mime["Content-Language"] = _LANGUAGE  # last: set_content drops every Content- header


def _clean_ids(ids: Iterable[str]) -> tuple[str, ...]:
    """Return the ids that can stand in a header; what a stranger's mail gave is not trusted."""
    bare = (name.strip().strip("<>") for name in ids)
    return tuple(f"<{name}>" for name in bare if _is_id(name))


def _is_id(name: str) -> bool:
    # The signs of RFC 5322 3.6.4 and what some servers add; an encoded word would carry a
    # stranger's words into our headers.
    return 0 < len(name) <= _MAX_ID and _ID_SIGNS.issuperset(name) and "=?" not in name


def _ascii_domain(domain: str) -> str:
    """Return the domain as servers know it, or "" if it is none."""
    try:
        plain = domain if domain.isascii() else domain.encode("idna").decode("ascii")
        if plain != domain and plain.encode().decode("idna") != domain.lower():
            return ""  # "faß.example" would become "fass.example", which is somebody else's
    except UnicodeError:
        return ""
    return plain if _HOST.issuperset(plain) and all(plain.split(".")) else ""
