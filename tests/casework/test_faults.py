"""Hundreds of seeded runs of the journey, with trouble on the way in and on the way out.

In each a small inbox is worked in several passes while a proxy before either mail server cuts,
corrupts, delays and refuses; then all is calm, and what must hold is looked at.
"""

import shutil
import ssl
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from casework.bootstrap import Kith
from casework.demo.mail_servers import DemoMail
from casework.models import OutboxEmail
from casework.service import one_pass
from casework.worker import Service
from config.database import Base, make_engine
from intake.inbox import ReceivedMail
from replies.outbox import LetterState
from tests.services.fault_proxy import FaultProxy
from tests.services.smtp import SmtpSink
from tests.services.trouble import Fault, Protocol, seeded
from tests.simulation.conservation import World, violations
from tests.simulation.kiths import (
    GROUP_ADDRESS,
    Clock,
    Ports,
    evening,
    service_like,
    service_of,
    settings_for,
)
from tests.simulation.letters import Letter, read_letter
from tests.simulation.traffic import Traffic
from tests.simulation.truth import Truth

RUNS = 190
RUNS_ON_EACH = 5
TROUBLED_PASSES = 3
CALM_PASSES = 8
RATE = 0.9
PYMAPS_FIRST_UID = 101


@dataclass
class Rig:
    """The mail servers, a proxy before each, and a Kith whose desk all runs share."""

    mail: DemoMail
    sink: SmtpSink
    imap: FaultProxy
    smtp: FaultProxy
    model: Kith
    file: Path
    tables: Path

    def empty_sqlite(self) -> Engine:
        """Return the engine of the one SQLite file, which has all tables and no rows again."""
        self.model.engine.dispose()
        for suffix in ("-wal", "-shm"):
            self.file.with_name(self.file.name + suffix).unlink(missing_ok=True)
        shutil.copyfile(self.tables, self.file)
        return self.model.engine


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """Give the servers and proxies that all runs share."""
    directory = tmp_path_factory.mktemp("faults")
    tables = directory / "tables.sqlite3"
    engine = make_engine(f"sqlite:///{tables}")
    Base.metadata.create_all(engine)
    engine.dispose()
    mail = DemoMail(GROUP_ADDRESS)
    mail.start()
    with (
        SmtpSink() as sink,
        FaultProxy(mail.imap_port, Protocol.IMAP) as imap,
        FaultProxy(sink.port, Protocol.SMTP) as smtp,
    ):
        file = directory / "kith.sqlite3"
        settings = settings_for(f"sqlite:///{file}", directory, Ports(imap.port, smtp.port))
        model = service_of(settings, Clock(evening())).kith
        # Nothing here speaks TLS, and to read all certificates for every connection is most of it.
        context = ssl.create_default_context()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ssl, "create_default_context", lambda: context)
            yield Rig(mail, sink, imap, smtp, model, file, tables)
        model.engine.dispose()
    mail.stop()


def letters_of(sink: SmtpSink) -> list[Letter]:
    return [read_letter(each.recipients[0], each.raw) for each in sink.letters]


class Run:
    """One seeded run: the inbox that fills, and the Kith that works it."""

    def __init__(self, rig: Rig, service: Service, clock: Clock, seed: str, first_uid: int) -> None:
        self.rig = rig
        self.service = service
        self.clock = clock
        self.traffic = Traffic(seed, GROUP_ADDRESS)
        self.inbox: dict[int, Truth] = {}
        self.first_uid = first_uid

    def mails(self, count: int) -> list[Truth]:
        """Return the next mails of the inbox."""
        come = []
        for _ in range(count):
            self.clock.pass_by(minutes=7)
            truth = self.traffic.next(self.clock(), letters_of(self.rig.sink))
            self.inbox[self.first_uid + len(self.inbox)] = truth
            come.append(truth)
        return come

    def work(self) -> None:
        """Work once round, as the schedule does: a job that raises stops no other."""
        self.service.guarded("pass", lambda: one_pass(self.service))

    def is_quiet(self) -> bool:
        """Return whether nothing is left to do."""
        with self.service.kith.sessions() as session:
            left = select(OutboxEmail.id).where(
                OutboxEmail.state.in_(
                    (LetterState.QUEUED, LetterState.CLAIMED, LetterState.SENDING)
                )
            )
            known = len(session.execute(select(ReceivedMail.id)).all())
            waiting = select(ReceivedMail.id).where(ReceivedMail.state == "received")
            return (
                known >= len(self.inbox)
                and session.execute(left).first() is None
                and session.execute(waiting).first() is None
            )

    def settle(self) -> None:
        """Let all be calm, and work until all is quiet."""
        self.rig.imap.calm()
        self.rig.smtp.calm()
        for _ in range(CALM_PASSES):
            self.work()
            if self.is_quiet():
                break
            self.clock.pass_by(hours=25)

    def check(self) -> None:
        """Raise unless all holds that must hold."""
        with self.service.kith.sessions() as session:
            wrong = violations(session, World(self.inbox, letters_of(self.rig.sink)))
        assert not wrong, "\n".join(wrong[:10])


def begin(rig: Rig, seed: str) -> None:
    """Begin a run with new trouble and no letters."""
    rig.sink.clear()
    rig.imap.follow(seeded(Protocol.IMAP, seed, RATE))
    rig.smtp.follow(seeded(Protocol.SMTP, seed, RATE))


@pytest.fixture(scope="module")
def happened() -> Iterator[Counter[Fault]]:
    """Count what really happened; in the end there must have been trouble of every kind."""
    counts: Counter[Fault] = Counter()
    yield counts
    if sum(counts.values()) > 100:
        assert set(counts) == set(Fault)


@pytest.mark.parametrize("tens", range(RUNS // 10))
def test_whatever_goes_wrong_on_the_way_nothing_is_lost_and_nobody_answered_twice(
    rig: Rig, tmp_path: Path, tens: int, happened: Counter[Fault]
) -> None:
    for seed in range(tens * 10, tens * 10 + 10):
        happened.update(one_run(rig, rig.empty_sqlite(), tmp_path, f"run{seed}"))


@pytest.mark.parametrize("seed", range(RUNS_ON_EACH))
def test_nor_on_either_database(rig: Rig, engine: Engine, tmp_path: Path, seed: int) -> None:
    one_run(rig, engine, tmp_path, f"{engine.dialect.name}{seed}")


def one_run(rig: Rig, engine: Engine, directory: Path, seed: str) -> Counter[Fault]:
    """Work an inbox of its own through trouble, look at all, and return what went wrong."""
    begin(rig, seed)
    name = f"{seed}@kith.example.org"
    clock = Clock(evening())
    ports = Ports(rig.imap.port, rig.smtp.port, name, rig.mail.password)
    settings = settings_for(rig.model.settings.database.url, directory, ports)
    service = service_like(rig.model, settings, clock, engine)
    run = Run(rig, service, clock, seed, PYMAPS_FIRST_UID)
    for _ in range(TROUBLED_PASSES):
        for truth in run.mails(2):
            rig.mail.deliver(name, truth.raw, truth.at)
        run.work()
        clock.pass_by(minutes=20)
    run.settle()
    run.check()
    service.close()
    return rig.imap.counts + rig.smtp.counts
