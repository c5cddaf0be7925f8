"""An SMTP server for tests that keeps what it is given, and fails on demand."""

import asyncio
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult

from tests.services.places import LOOPBACK

MAX_LETTER_BYTES = 64 * 1024 * 1024


class Stage(StrEnum):
    """Where in the conversation the server may refuse or hang up."""

    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"


@dataclass(frozen=True)
class SunkLetter:
    """One accepted letter: the envelope and the bytes as they came."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes


@dataclass
class _Handler:
    """What aiosmtpd asks at each stage."""

    letters: list[SunkLetter] = field(default_factory=list)
    refusals: dict[Stage, str] = field(default_factory=dict)
    refused_recipients: dict[str, str] = field(default_factory=dict)
    hang_up: bool = False

    async def handle_MAIL(  # noqa: N802  (the name is aiosmtpd's)
        self, _server: Any, _session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if refusal := self.refusals.get(Stage.MAIL):
            return refusal
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        refusal = self.refused_recipients.get(address) or self.refusals.get(Stage.RCPT)
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: Any, _session: Any, envelope: Any
    ) -> str:
        if refusal := self.refusals.get(Stage.DATA):
            return refusal
        raw = bytes(envelope.content)
        recipients = tuple(envelope.rcpt_tos)
        self.letters.append(SunkLetter(envelope.mail_from or "", recipients, raw))
        if self.hang_up:
            server.transport.abort()
        return "250 OK"


class SmtpSink:
    """A running sink on 127.0.0.1; use it in a `with` statement.

    With `tls` it offers STARTTLS, with `implicit_tls` it speaks TLS from the first byte; with
    `password` it wants a login (any user name) before it takes a letter.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        password: str | None = None,
    ) -> None:
        self.host = LOOPBACK
        self.port = 0
        self._handler = _Handler()
        self._tls = tls
        self._implicit_tls = implicit_tls
        self._password = password
        self._loop = asyncio.new_event_loop()
        self._connections: set[SMTP] = set()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._run, name="smtp-sink", daemon=True)
        self._ready = threading.Event()

    @property
    def letters(self) -> list[SunkLetter]:
        """Return the letters accepted so far, in order."""
        return list(self._handler.letters)

    def clear(self) -> None:
        """Forget the letters accepted so far."""
        self._handler.letters.clear()

    def refuse_at(self, stage: Stage, reply: str) -> None:
        """Answer every command of this stage with `reply`, such as "451 4.3.0 try later"."""
        self._handler.refusals[stage] = reply

    def refuse_recipient(self, address: str, reply: str) -> None:
        """Answer RCPT for this one address with `reply`."""
        self._handler.refused_recipients[address] = reply

    def hang_up_after_data(self) -> None:
        """From now on take each letter but drop the connection instead of saying so."""
        self._handler.hang_up = True

    def behave(self) -> None:
        """Accept everything again."""
        self._handler.refusals.clear()
        self._handler.refused_recipients.clear()
        self._handler.hang_up = False

    def drop_connections(self) -> None:
        """Cut every open connection, as a server does that restarts."""
        asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(timeout=10)

    def __enter__(self) -> "SmtpSink":
        """Start listening."""
        self._thread.start()
        if not self._ready.wait(timeout=10):
            raise TimeoutError("the SMTP sink did not start")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop listening, cut what is connected, end the thread."""
        asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())
        self._ready.set()
        self._loop.run_forever()
        self._loop.close()

    async def _listen(self) -> None:
        # Not aiosmtpd's own Controller: given port 0 it probes port 0 itself and fails.
        wrapped = self._tls if self._implicit_tls else None
        self._server = await self._loop.create_server(self._protocol, self.host, 0, ssl=wrapped)
        self.port = self._server.sockets[0].getsockname()[1]

    def _protocol(self) -> SMTP:
        protocol = SMTP(
            self._handler,
            hostname="sink.example.org",
            data_size_limit=MAX_LETTER_BYTES,
            enable_SMTPUTF8=True,
            loop=self._loop,
            tls_context=None if self._implicit_tls else self._tls,
            auth_required=self._password is not None,
            auth_require_tls=self._tls is not None and not self._implicit_tls,
            authenticator=self._check_password if self._password is not None else None,
        )
        self._connections.add(protocol)
        return protocol

    def _check_password(
        self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, login: Any
    ) -> AuthResult:
        # handled=False: the answer to a wrong password is still to be given.
        right = login.password == (self._password or "").encode()
        return AuthResult(success=right, handled=False)

    async def _cut(self) -> None:
        for protocol in self._connections:
            if isinstance(protocol.transport, asyncio.WriteTransport):
                # Python 3.11.2 forgets the TLS layer of a connection that the client has left.
                with suppress(AttributeError):
                    protocol.transport.abort()
        self._connections.clear()
        await asyncio.sleep(0)

    async def _shut(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._cut()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
