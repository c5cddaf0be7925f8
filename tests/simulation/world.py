"""A world of correspondents around one Kith or several, in which time passes as we say.

Letters are delivered at once, as the last mail server on the way does it. Whoever lives at an
address answers or not; the world goes on until nobody has anything more to say.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from casework.service import one_pass
from casework.worker import Service
from config.database import Base, make_engine
from config.settings import LimitSettings
from tests.simulation.doors import MemoryMailbox, MemoryTransport
from tests.simulation.kiths import Clock, Ports, service_of, settings_for

ROUNDS = 12
BETWEEN_ROUNDS = timedelta(minutes=3)


class Correspondent(Protocol):
    """Somebody, or something, that lives at addresses."""

    def takes(self, address: str) -> bool:
        """Return whether mail to this address is delivered here."""

    def answers(self, letter: bytes, recipient: str, now: datetime) -> Iterable[bytes]:
        """Return the mails that follow from a letter; they go to the Kith that wrote it."""


class KithAt:
    """A whole Kith that lives at one address, with an inbox and a way out in memory."""

    def __init__(
        self,
        address: str,
        world: "World",
        directory: Path,
        now: Callable[[], datetime],
        limits: LimitSettings,
    ) -> None:
        self.address = address
        self.inbox = MemoryMailbox(address)
        self.sent: list[tuple[str, bytes]] = []
        self._world = world
        file = directory / f"{address}.sqlite3"
        shutil.copyfile(world.tables, file)
        self.service: Service = service_of(
            settings_for(
                f"sqlite:///{file}", directory, Ports(1, 1), address=address, limits=limits
            ),
            now,
            mailbox=self.inbox,
            transport=MemoryTransport(self._send),
        )

    def receive(self, raw: bytes, at: datetime) -> None:
        """Let a mail arrive."""
        self.inbox.add(raw, at)

    def work(self) -> bool:
        """Work once round; return whether there was anything to do."""
        report = one_pass(self.service)
        return bool(report.stored or report.sent or report.deferred)

    def _send(self, sender: str, recipient: str, content: bytes) -> None:
        self.sent.append((recipient, content))
        self._world.post(self, sender, recipient, content)


class World:
    """Everybody, and the post between them."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self.clock = clock
        self.tables = directory / "tables.sqlite3"
        engine = make_engine(f"sqlite:///{self.tables}")
        Base.metadata.create_all(engine)
        engine.dispose()
        self._directory = directory
        self._kiths: dict[str, KithAt] = {}
        self._others: list[Correspondent] = []
        self._on_the_way: list[tuple[KithAt, bytes]] = []

    def kith(
        self,
        address: str,
        limits: LimitSettings | None = None,
        now: Callable[[], datetime] | None = None,
    ) -> KithAt:
        """Let a Kith live at this address, with the caps as they are shipped."""
        made = KithAt(address, self, self._directory, now or self.clock, limits or LimitSettings())
        self._kiths[address] = made
        return made

    def add(self, somebody: Correspondent) -> None:
        """Let somebody live here."""
        self._others.append(somebody)

    def post(self, writer: KithAt, sender: str, recipient: str, letter: bytes) -> None:
        """Deliver a letter of a Kith's to whoever lives there."""
        head = f"Return-Path: <{sender}>\r\nDelivered-To: {recipient}\r\n".encode()
        if recipient in self._kiths:
            self._on_the_way.append((self._kiths[recipient], head + letter))
        for somebody in self._others:
            if somebody.takes(recipient):
                answers = somebody.answers(head + letter, recipient, self.clock())
                self._on_the_way += [(writer, raw) for raw in answers]

    def go_on(self, rounds: int = ROUNDS, between: timedelta = BETWEEN_ROUNDS) -> Counter[str]:
        """Let everybody work and the post go round; return how many letters each Kith sent.

        Ends before `rounds` when there was nothing to do any more.
        """
        for _ in range(rounds):
            had_work = [kith.work() for kith in self._kiths.values()]
            arriving, self._on_the_way = self._on_the_way, []
            if not any(had_work) and not arriving:
                break
            self.clock.pass_by(seconds=between.total_seconds())
            for kith, raw in arriving:
                kith.receive(raw, self.clock())
        return Counter({address: len(kith.sent) for address, kith in self._kiths.items()})

    @property
    def is_silent(self) -> bool:
        """Return whether nothing is on its way."""
        return not self._on_the_way

    def close(self) -> None:
        """Let go of all databases."""
        for kith in self._kiths.values():
            kith.service.close()
