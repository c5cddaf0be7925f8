"""The demo's post office: IMAP and SMTP on 127.0.0.1, in memory, in one thread of this process.

Every address has a mailbox, made when it is first needed, and all share one password, which is new
at each start; so this is for the demo and for tests, and listens nowhere but on 127.0.0.1. Nothing
survives `stop()`. Only this file knows pymap and aiosmtpd.

pymap is used without its own server (`pymap.imap.IMAPService`): that one forgets the task which
reads a connection, so that Python 3.13 may collect it in mid-session, and from 3.12 on it waits for
ever at its end while a client is connected. Here each task is kept, and cancelled at the end.
"""

import asyncio
import logging
import secrets
import threading
from argparse import Namespace
from asyncio import StreamReader, StreamWriter
from collections import defaultdict
from datetime import UTC, datetime

from aiosmtpd.smtp import SMTP, Envelope, Session
from proxyprotocol.result import ProxyResultUnknown
from proxyprotocol.sock import SocketInfo
from pymap.backend.dict import Config, Identity, Login
from pymap.backend.dict.filter import FilterSet
from pymap.backend.dict.mailbox import MailboxSet
from pymap.concurrent import Subsystem
from pymap.imap import IMAPServer
from pymap.parsing.message import AppendMessage
from pymap.user import UserMetadata
from pysasl.creds.server import ServerCredentials
from pysasl.hashing import Cleartext

from config.errors import KithError

HOST = "127.0.0.1"
HOST_NAME = "demo.kith.example.org"
MAX_LETTER_BYTES = 30 * 1024 * 1024
PATIENCE_SECONDS = 10


class DemoMailError(KithError):
    """The demo's mail servers did not start or did not answer."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The demo's mail servers {what}. Stop the demo and start it again.")


class DemoMail:
    """The pretend post office; `start()` it before anything else, and `stop()` it in the end.

    `username` and `password` sign in to the group's mailbox over IMAP (port `imap_port`, no TLS).
    SMTP (port `smtp_port`, no TLS, no login) takes letters for every address.
    """

    def __init__(self, group_address: str) -> None:
        self.host = HOST
        self.username = mailbox_name(group_address)
        self.password = secrets.token_hex(8)
        self.imap_port = 0
        self.smtp_port = 0
        self._offices = _PostOffice(self.password)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="demo-mail", daemon=True)
        self._started = threading.Event()
        self._failure: BaseException | None = None

    def start(self) -> None:
        """Listen on two free ports; raises `DemoMailError` when that is not possible."""
        # At DEBUG pymap writes passwords and whole mails to the log, aiosmtpd every command.
        for name in ("pymap", "mail.log"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._thread.start()
        if not self._started.wait(PATIENCE_SECONDS) or self._failure is not None:
            raise DemoMailError("did not start") from self._failure

    def stop(self) -> None:
        """Close the ports, cut who is connected, end the thread. A second call does nothing."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(PATIENCE_SECONDS)

    def deliver(self, address: str, raw: bytes, when: datetime | None = None) -> None:
        """Put `raw` into the mailbox of `address`, arrived at `when` (now without one).

        Raises `DemoMailError` when the servers are not running.
        """
        if not self._thread.is_alive():
            raise DemoMailError("are not running")
        putting = self._offices.put(address, raw, when or datetime.now(UTC))
        try:
            asyncio.run_coroutine_threadsafe(putting, self._loop).result(PATIENCE_SECONDS)
        except TimeoutError as error:
            raise DemoMailError("do not answer") from error

    def letters_to(self, address: str) -> list[bytes]:
        """Return every letter that has arrived at `address`, the oldest first."""
        return list(self._offices.arrived.get(mailbox_name(address), ()))

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self.imap_port, self.smtp_port = self._loop.run_until_complete(
                self._offices.open_doors()
            )
        except OSError as error:
            self._failure = error
        self._started.set()
        if self._failure is None:
            self._loop.run_forever()
        self._loop.run_until_complete(self._offices.close_doors())
        self._loop.close()


def mailbox_name(address: str) -> str:
    """Return the mailbox for an address: lower-cased, `name+anything@` is `name@`, as at Gmail."""
    local, _, domain = address.strip().lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


class _PostOffice:
    """The mailboxes and the two doors; everything here happens on the thread's own loop."""

    def __init__(self, password: str) -> None:
        self.arrived: dict[str, list[bytes]] = defaultdict(list)
        self._config = Config(
            Namespace(passlib_cfg=None, proxy_protocol=None),
            host=HOST,
            port=0,
            tls_enabled=False,
            demo_data=False,
            demo_user="",
            demo_password="",
            # One shared password needs no slow hash, and so no pool of threads to compute it.
            hash_context=Cleartext(),
            cpu_subsystem=Subsystem.for_asyncio(),
            invalid_user_sleep=0,
        )
        self._login = _AnyAddress(self._config, password)
        self._imap = IMAPServer(self._login, self._config)
        self._conversations: set[asyncio.Task[None]] = set()
        self._deliveries: set[SMTP] = set()
        self._servers: list[asyncio.Server] = []

    async def put(self, address: str, raw: bytes, when: datetime) -> None:
        """Append a mail to the INBOX of `address`; clients in IDLE hear of it at once."""
        name = mailbox_name(address)
        inbox = await self._login.mailboxes_of(name).get_mailbox("INBOX")
        await inbox.append(AppendMessage(raw, when), recent=True)
        self.arrived[name].append(raw)

    async def open_doors(self) -> tuple[int, int]:
        """Listen, and return the ports of IMAP and SMTP."""
        loop = asyncio.get_running_loop()
        self._config.apply_context()
        self._servers.append(await asyncio.start_server(self._converse, HOST, 0))
        # Not aiosmtpd's own Controller: given port 0 it probes port 0 itself and fails.
        self._servers.append(await loop.create_server(self._deliver_by_smtp, HOST, 0))
        imap, smtp = (server.sockets[0].getsockname()[1] for server in self._servers)
        return imap, smtp

    async def close_doors(self) -> None:
        """Stop listening and end every conversation."""
        for server in self._servers:
            server.close()  # without wait_closed(), which waits for the clients to leave
        for delivery in self._deliveries:
            if isinstance(delivery.transport, asyncio.WriteTransport):
                delivery.transport.abort()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=PATIENCE_SECONDS / 2) if tasks else None

    async def handle_DATA(  # noqa: N802  (aiosmtpd calls it by this name)
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Deliver one letter as the last server on its way does (RFC 5321 4.4)."""
        content = envelope.content or b""
        raw = content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape")
        for recipient in envelope.rcpt_tos:
            head = f"Return-Path: <{envelope.mail_from or ''}>\r\nDelivered-To: {recipient}\r\n"
            await self.put(recipient, head.encode() + raw, datetime.now(UTC))
        return "250 2.0.0 Delivered"

    async def _converse(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._conversations.add(task)
        task.add_done_callback(self._conversations.discard)
        self._config.apply_context()
        await self._imap(reader, writer, SocketInfo.get(writer, ProxyResultUnknown()))

    def _deliver_by_smtp(self) -> SMTP:
        delivery = SMTP(
            self,
            hostname=HOST_NAME,
            ident="Kith demo",
            data_size_limit=MAX_LETTER_BYTES,
            enable_SMTPUTF8=True,
            loop=asyncio.get_running_loop(),
        )
        self._deliveries.add(delivery)
        return delivery


class _AnyAddress(Login):
    """pymap's list of users, where every address is one."""

    def __init__(self, config: Config, password: str) -> None:
        super().__init__(config)
        self._password = password

    async def authenticate(self, credentials: ServerCredentials) -> Identity:
        """Sign in; the mailbox need not have existed before."""
        self.mailboxes_of(credentials.authcid)
        return await super().authenticate(credentials)

    def mailboxes_of(self, name: str) -> MailboxSet:
        """Return the mailboxes of `name`, made now if there are none yet."""
        if name not in self.config.set_cache:
            self.users_dict[name] = UserMetadata(self.config, name, password=self._password)
            self.config.set_cache[name] = (MailboxSet(), FilterSet())
        return self.config.set_cache[name][0]
