"""A proxy on 127.0.0.1 that makes trouble between Kith and a real IMAP or SMTP server.

What happens to a connection follows from a seed and the number of the connection, and where it
happens from a count of bytes, lines or letters, never from time; so a run can be repeated. What a
conversation does with the bytes is decided without sockets (`tests.services.trouble`).
"""

import select
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

from tests.services.places import LOOPBACK
from tests.services.trouble import (
    Close,
    Conversation,
    Fault,
    Plan,
    Protocol,
    Reset,
    Step,
    ToClient,
    ToServer,
    Wait,
    converse,
    no_trouble,
)

PIECE = 65_536
PATIENCE_SECONDS = 30
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, eq=False)
class _Link:
    """Two sockets and what is said between them."""

    client: socket.socket
    server: socket.socket
    said: Conversation


class FaultProxy:
    """A running proxy; use it in a `with` statement.

    `upstream` is the port of the real server. Until `follow` is called nothing goes wrong.
    """

    def __init__(self, upstream: int, protocol: Protocol, plan: Plan = no_trouble) -> None:
        self.upstream = upstream
        self.port = 0
        self.host = LOOPBACK
        self._protocol = protocol
        self._plan = plan
        self._number = 0
        self._counts: Counter[Fault] = Counter()
        self._links: dict[socket.socket, _Link] = {}
        self._lock = threading.Lock()
        self._listener = socket.socket()
        self._waker, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="fault-proxy", daemon=True)

    @property
    def counts(self) -> Counter[Fault]:
        """Return how often each fault has really happened since the last `follow`."""
        with self._lock:
            return Counter(self._counts)

    @property
    def connections(self) -> int:
        """Return how many connections were begun since the last `follow`."""
        with self._lock:
            return self._number

    def follow(self, plan: Plan) -> None:
        """Begin a new run: cut what is connected, count from nothing, make trouble as planned."""
        with self._lock:
            self._plan, self._number = plan, 0
            self._counts.clear()
            for link in set(self._links.values()):
                self._cut(link)

    def calm(self) -> None:
        """Let everything through from now on, open connections too; the counts stay."""
        with self._lock:
            self._plan = no_trouble
            for link in set(self._links.values()):
                self._cut(link)

    def __enter__(self) -> "FaultProxy":
        """Start listening on a port of its own."""
        self._listener.bind((LOOPBACK, 0))
        self._listener.listen(64)
        self.port = self._listener.getsockname()[1]
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop listening and cut what is connected."""
        self._waker.close()
        self._thread.join(timeout=10)
        with self._lock:
            for link in set(self._links.values()):
                self._cut(link)
        self._listener.close()
        self._woken.close()

    def _run(self) -> None:
        while True:
            with self._lock:
                watched = [self._listener, self._woken, *self._links]
            # A socket that was closed meanwhile by another thread ends the wait with an error.
            try:
                ready, _, _ = select.select(watched, [], [], 1)
            except (OSError, ValueError):
                continue
            if self._woken in ready:
                return
            with self._lock:
                for each in ready:
                    self._accept() if each is self._listener else self._pass_on(each)

    def _accept(self) -> None:
        with suppress(OSError):
            client, _ = self._listener.accept()
            trouble = self._plan(self._number)
            self._number += 1
            if trouble is not None and trouble.fault is Fault.REFUSED:
                self._counts[Fault.REFUSED] += 1
                _reset(client)
                return
            try:
                server = socket.create_connection((LOOPBACK, self.upstream), PATIENCE_SECONDS)
            except OSError:
                _reset(client)
                return
            link = _Link(client, server, converse(self._protocol, trouble))
            for each in (client, server):
                each.settimeout(PATIENCE_SECONDS)
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._links[each] = link

    def _pass_on(self, source: socket.socket) -> None:
        link = self._links.get(source)
        if link is None:
            return
        try:
            data = source.recv(PIECE)
            if not data:
                self._close(link)
                return
            from_client = source is link.client
            steps = link.said.from_client(data) if from_client else link.said.from_server(data)
            self._take(link, steps)
        except OSError:
            self._cut(link)
        self._counts.update(link.said.happened)
        link.said.happened.clear()

    def _take(self, link: _Link, steps: Iterable[Step]) -> None:
        for step in steps:
            match step:
                case ToClient(data):
                    link.client.sendall(data)
                case ToServer(data):
                    link.server.sendall(data)
                case Wait(seconds):
                    time.sleep(seconds)
                case Close():
                    self._close(link)
                case Reset():
                    self._cut(link)

    def _close(self, link: _Link) -> None:
        self._forget(link)
        link.client.close()
        link.server.close()

    def _cut(self, link: _Link) -> None:
        self._forget(link)
        _reset(link.client)
        _reset(link.server)

    def _forget(self, link: _Link) -> None:
        self._links.pop(link.client, None)
        self._links.pop(link.server, None)


def _reset(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    connection.close()
