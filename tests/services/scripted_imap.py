"""A small IMAP server in memory that does what it is told, faults included; on loopback only.

    with ScriptedImap(capabilities=("IDLE", "X-GM-EXT-1")) as server:
        uid = server.add(b"Subject: Hello\\r\\n\\r\\nHello.\\r\\n", gmail_id=17)
        server.spoil("FETCH", Hangs(), uid=uid)          # once; times=None: always
        ...
        server.add(raw)                                  # whoever is in IDLE is told at once
        server.remake(uid_validity=2)                    # the folder is made anew
        assert server.commands.count("IDLE") == 1

It is read-only for its clients, and knows what imapclient sends: CAPABILITY, ID, LOGIN,
AUTHENTICATE (PLAIN, XOAUTH2), NAMESPACE, LIST, SELECT, EXAMINE, STATUS, UID SEARCH, UID FETCH,
NOOP, IDLE, LOGOUT. The protocol is in `scripted_session`, the faults in `scripted_faults`.
"""

import socket
import ssl
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

from tests.services.certificates import Certificate
from tests.services.places import LOOPBACK
from tests.services.scripted_faults import Fault, Spoiler
from tests.services.scripted_session import Exchange, Session

PASSWORD = "correct-horse"
ARRIVED = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)


@dataclass
class ScriptedMail:
    """One mail in a folder, with what Gmail and RFC 8474 servers tell of it."""

    uid: int
    raw: bytes
    internal_date: datetime
    gmail_id: int | None
    gmail_thread: int | None
    labels: tuple[str, ...]
    email_id: str | None
    thread_id: str | None


@dataclass
class ScriptedFolder:
    """A folder; without a `uid_validity` the server tells none."""

    name: str
    uses: tuple[str, ...] = ()
    uid_validity: int | None = 1
    mails: list[ScriptedMail] = field(default_factory=list)
    next_uid: int = 1


class ScriptedImap:
    """The server; `with` starts and stops it. All lists may be looked at at any time."""

    def __init__(
        self,
        *,
        capabilities: Sequence[str] = ("IDLE", "SPECIAL-USE", "ID", "NAMESPACE"),
        username: str = "hello@kith.example.org",
        password: str = PASSWORD,
        tokens: Sequence[str] = (),
        certificate: Certificate | None = None,
        host: str = LOOPBACK,
    ) -> None:
        self.capabilities = tuple(capabilities)
        self.username = username
        self.password = password
        self.tokens = set(tokens)
        self.folders: dict[str, ScriptedFolder] = {"INBOX": ScriptedFolder("INBOX")}
        self.commands: list[str] = []
        self.lines: list[str] = []
        self.exchanges: list[Exchange] = []
        self.connections = 0
        self.exists_in_pieces = False
        """Send the news during IDLE in two packets, cut within the line."""
        self.exists_ahead = False
        """Send the news that is there when IDLE begins before the go-ahead, not after it."""
        self.host = host
        self.port = 0
        self.lock = threading.RLock()
        self.stopping = threading.Event()
        self._certificate = certificate
        self._spoilers: list[Spoiler] = []
        self._sessions: list[Session] = []
        self._listener: socket.socket | None = None

    def add(
        self,
        raw: bytes,
        *,
        folder: str = "INBOX",
        uid: int | None = None,
        internal_date: datetime = ARRIVED,
        gmail_id: int | None = None,
        gmail_thread: int | None = None,
        labels: tuple[str, ...] = (),
        email_id: str | None = None,
        thread_id: str | None = None,
    ) -> int:
        """Let a mail arrive and tell those in IDLE; return its UID."""
        with self.lock:
            place = self.folders[folder]
            number = uid or place.next_uid
            place.next_uid = max(place.next_uid, number + 1)
            place.mails.append(
                ScriptedMail(
                    number,
                    raw,
                    internal_date,
                    gmail_id,
                    gmail_thread,
                    labels,
                    email_id,
                    thread_id,
                )
            )
            for session in list(self._sessions):
                session.tell_of_news(place)
        return number

    def expunge(self, uid: int, *, folder: str = "INBOX") -> ScriptedMail:
        """Take a mail away; return it."""
        with self.lock:
            place = self.folders[folder]
            (gone,) = [mail for mail in place.mails if mail.uid == uid]
            place.mails.remove(gone)
            return gone

    def add_folder(self, name: str, *uses: str, uid_validity: int | None = 1) -> ScriptedFolder:
        """Make a folder, with special uses such as `\\\\All` (RFC 6154)."""
        self.folders[name] = ScriptedFolder(name, tuple(uses), uid_validity)
        return self.folders[name]

    def remake(self, *, uid_validity: int | None, folder: str = "INBOX") -> None:
        """Make the folder anew: the same mails, numbered from 1 again."""
        with self.lock:
            place = self.folders[folder]
            place.uid_validity = uid_validity
            for number, mail in enumerate(place.mails, start=1):
                mail.uid = number
            place.next_uid = len(place.mails) + 1

    def spoil(
        self,
        command: str,
        fault: Fault,
        *,
        times: int | None = 1,
        uid: int | None = None,
        containing: str = "",
    ) -> None:
        """Let a fault play at the next `times` (None: all) commands of this name.

        `uid`: only when a FETCH asks for that mail; `containing`: only when the line has that
        text. GREETING and DONE count as commands.
        """
        with self.lock:
            self._spoilers.append(Spoiler(command, fault, times, uid, containing))

    def heal(self) -> None:
        """Forget all faults that have not played yet."""
        with self.lock:
            self._spoilers.clear()

    def fault_for(self, command: str, line: str, uids: frozenset[int]) -> Fault | None:
        """Return the fault whose turn it is, counting it (for the sessions)."""
        with self.lock:
            for spoiler in self._spoilers:
                if spoiler.matches(command, line, uids):
                    if spoiler.times is not None:
                        spoiler.times -= 1
                    return spoiler.fault
        return None

    def idle_sessions(self) -> int:
        """Return how many connections are in IDLE now."""
        with self.lock:
            return sum(session.is_idle for session in self._sessions)

    def cut_all(self) -> None:
        """Close every connection, without a word."""
        with self.lock:
            for session in list(self._sessions):
                session.hang_up()

    def say_to_all(self, line: str) -> None:
        """Send an untagged line to every connection: `say_to_all("BYE Shutting down")`."""
        with self.lock:
            for session in list(self._sessions):
                session.send(f"* {line}\r\n".encode())

    def start(self) -> Self:
        """Listen on a free port of the loopback address."""
        self._listener = socket.create_server((self.host, 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def stop(self) -> None:
        """Close everything."""
        self.stopping.set()
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        self.cut_all()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def forget(self, session: Session) -> None:
        """Take a session off the list (for the sessions)."""
        with self.lock, suppress(ValueError):
            self._sessions.remove(session)

    def _accept(self) -> None:
        assert self._listener is not None
        while not self.stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            session = Session(self, self._secured(sock))
        except OSError:
            sock.close()
            return
        with self.lock:
            self.connections += 1
            self._sessions.append(session)
        session.run()

    def _secured(self, sock: socket.socket) -> socket.socket:
        if self._certificate is None:
            return sock
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate.certificate, self._certificate.key)
        return context.wrap_socket(sock, server_side=True)
