"""The front door: reading a mailbox over IMAP, and leaving it exactly as it was.

The folder is opened with EXAMINE and mails are read with BODY.PEEK[] (RFC 9051 6.3.3, 6.4.5), so
that no flag is set, cleared or even forgotten as "recent". Nothing is moved or deleted.
"""

import imaplib
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol, TypeVar

import imapclient
from imapclient.exceptions import IMAPClientError

from config.errors import KithError

SIZES_AT_A_TIME = 500
BEGINNING_BYTES = 262_144
"""How much is read of a mail that is larger than the limit."""

Result = TypeVar("Result")


class MailboxError(KithError):
    """The mailbox could not be read; the sentence says what to look at. Trying again may help."""


@dataclass(frozen=True, slots=True)
class FetchedMail:
    """One mail as the server gave it; of an outsized one only the beginning (`is_whole` false).

    `size` is the server's figure in bytes, which some servers only estimate.
    """

    uid: int
    raw: bytes
    size: int
    internal_date: datetime
    is_whole: bool


class Mailbox(Protocol):
    """What the poller needs of a mailbox. Every method raises `MailboxError` and nothing else."""

    @property
    def name(self) -> str:
        """Return the name under which the ledger keeps this mailbox."""

    def open(self) -> int:
        """Connect, open the folder read-only and return its UIDVALIDITY."""

    def uids_from(self, first: int) -> list[int]:
        """Return the UIDs present, at or above `first`, ascending."""

    def fetch(self, uids: Sequence[int]) -> Iterator[list[FetchedMail]]:
        """Yield the mails in batches of bounded count and size; a vanished UID is left out."""

    def close(self) -> None:
        """Say goodbye; never raises."""


@dataclass(frozen=True, slots=True)
class ImapServer:
    """Where and how to read; seconds for the time limits, bytes for the sizes (0: no limit)."""

    host: str
    port: int
    security: str
    username: str
    password: str
    folder: str = "INBOX"
    connect_timeout: float = 15
    read_timeout: float = 60
    message_bytes: int = 50_000_000
    batch_messages: int = 50
    batch_bytes: int = 8_000_000


class ImapMailbox:
    """A folder on an IMAP server; one connection, not to be shared between threads."""

    def __init__(self, server: ImapServer) -> None:
        self._server = server
        self._client: Any = None

    @property
    def name(self) -> str:
        """Return `user@host/folder`: stable across restarts, one per folder read."""
        user = self._server.username.partition("@")[0]
        return f"{user}@{self._server.host}/{self._server.folder}"

    def open(self) -> int:
        """Connect if need be, EXAMINE the folder, return UIDVALIDITY (RFC 9051 2.3.1.1)."""
        return self._told(self._open)

    def uids_from(self, first: int) -> list[int]:
        """Return UIDs at or above `first`; the server's echo of an older last one is left out."""
        found = self._told(lambda: self._client.search(["UID", f"{first}:*"]))
        return sorted(uid for uid in found if uid >= first)

    def fetch(self, uids: Sequence[int]) -> Iterator[list[FetchedMail]]:
        """Yield batches; sizes are asked for first, so that no batch outgrows the memory."""
        for start in range(0, len(uids), SIZES_AT_A_TIME):
            sizes = self._sizes(uids[start : start + SIZES_AT_A_TIME])
            for batch in bounded_batches(sizes, self._server):
                yield self._told(partial(self._fetch_batch, batch))

    def close(self) -> None:
        """Log out if the connection still stands; a broken one is dropped."""
        client, self._client = self._client, None
        if client is None:
            return
        try:
            client.logout()
        except (IMAPClientError, imaplib.IMAP4.error, OSError):
            _cut(client)

    def _open(self) -> int:
        if self._client is None:
            self._client = connect(self._server)
        selected = self._client.select_folder(self._server.folder, readonly=True)
        validity = selected.get(b"UIDVALIDITY")
        if not validity:
            raise MailboxError(
                f"The mail server gives no UIDVALIDITY for {self._server.folder!r}; without it "
                "mails cannot be told apart, so nothing was read. Ask the mail provider."
            )
        return int(validity)

    def _sizes(self, uids: Sequence[int]) -> list[tuple[int, int]]:
        answer = self._told(lambda: self._client.fetch(uids, ["RFC822.SIZE"]))
        return [(uid, int(answer[uid][b"RFC822.SIZE"])) for uid in uids if uid in answer]

    def _fetch_batch(self, batch: Sequence[tuple[int, int]]) -> list[FetchedMail]:
        outsized = _is_outsized(self._server, batch[0][1])
        item = f"BODY.PEEK[]<0.{BEGINNING_BYTES}>" if outsized else "BODY.PEEK[]"
        answer = self._client.fetch([uid for uid, _ in batch], [item, "INTERNALDATE"])
        key = b"BODY[]<0>" if outsized else b"BODY[]"
        return [
            FetchedMail(
                uid=uid,
                raw=answer[uid][key] or b"",
                size=size,
                internal_date=_utc(answer[uid][b"INTERNALDATE"]),
                is_whole=not outsized,
            )
            for uid, size in batch
            if uid in answer and key in answer[uid]
        ]

    def _told(self, act: Callable[[], Result]) -> Result:
        """Run `act`; after any failure the connection is dropped, since its state is unknown."""
        try:
            return act()
        except MailboxError:
            self._drop()
            raise
        except (IMAPClientError, imaplib.IMAP4.error, OSError, EOFError) as error:
            self._drop()
            raise MailboxError(explain_failure(error, self._server)) from error

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            _cut(client)


def connect(server: ImapServer) -> Any:
    """Return a logged-in client; TLS is verified, and every wait has an end.

    Raises `MailboxError` for a refused sign-in; the library's and the socket's errors otherwise.
    """
    if not (server.username.isascii() and server.password.isascii()):
        raise MailboxError(
            "The mailbox's user name or password has letters outside A to Z and common signs, "
            "which IMAP sign-in cannot carry. Choose a password without accents."
        )
    context = ssl.create_default_context()
    client = imapclient.IMAPClient(
        server.host,
        server.port,
        ssl=server.security == "tls",
        ssl_context=context if server.security == "tls" else None,
        timeout=imapclient.SocketTimeout(server.connect_timeout, server.read_timeout),
    )
    client._imap.debug = 0  # imapclient formats every line for a log nobody reads: 6 times slower
    client.normalise_times = False
    try:
        if server.security == "starttls":
            client.starttls(context)
        client.login(server.username, server.password)
    except BaseException:
        _cut(client)
        raise
    return client


def _cut(client: Any) -> None:
    """Close the socket; it may be closed or broken already, which is as good."""
    with suppress(IMAPClientError, imaplib.IMAP4.error, OSError):
        client.shutdown()


def bounded_batches(
    sizes: Sequence[tuple[int, int]], server: ImapServer
) -> Iterator[list[tuple[int, int]]]:
    """Yield (uid, size) in batches within the limits; a mail larger than any comes alone."""
    batch: list[tuple[int, int]] = []
    total = 0
    for uid, size in sizes:
        crowded = len(batch) >= server.batch_messages or total + size > server.batch_bytes
        if batch and (crowded or _is_outsized(server, size) or _is_outsized(server, batch[-1][1])):
            yield batch
            batch, total = [], 0
        batch.append((uid, size))
        total += size
    if batch:
        yield batch


def _is_outsized(server: ImapServer, size: int) -> bool:
    return 0 < server.message_bytes < size


def explain_failure(error: Exception, server: ImapServer) -> str:
    """Return a sentence in plain words: what happened at which host, and what to look at."""
    where = f"{server.host}:{server.port}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"The mail server {where} showed a certificate that cannot be trusted "
            f"({error.verify_message}). Check the host name; do not go on without it."
        )
    if isinstance(error, ssl.SSLError):
        return f"No secure connection to {where}: check port and security (tls or starttls)."
    if isinstance(error, socket.gaierror):
        return f"The mail server {server.host!r} was not found: check its name and the network."
    if isinstance(error, TimeoutError):
        return f"The mail server {where} did not answer in time. Kith will try again."
    if isinstance(error, ConnectionRefusedError):
        return f"The mail server {where} refused the connection: check host and port."
    if isinstance(error, imapclient.exceptions.LoginError):
        return (
            f"{where} refused the user name or password for the mailbox. With Gmail, make a new "
            "app password and put it in place of the old one."
        )
    if isinstance(error, IMAPClientError | imaplib.IMAP4.error):
        return f"The mail server {where} broke off or did not understand ({type(error).__name__})."
    return f"The connection to {where} failed ({type(error).__name__}). Kith will try again."


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
