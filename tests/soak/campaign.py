"""One campaign: so many mails over some simulated days, on one database, with or without caps."""

import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from casework.demo.mail_servers import DemoMail
from casework.models import OutboxEmail, ReceivedMail
from config.database import Base, make_engine
from replies.outbox import LetterState
from tests.services.fault_proxy import FaultProxy
from tests.services.smtp import SmtpSink
from tests.services.trouble import Fault, Protocol, seeded
from tests.simulation.conservation import World, violations
from tests.simulation.kiths import GROUP_ADDRESS, evening
from tests.simulation.letters import Letter, read_letter
from tests.simulation.traffic import COMMON, Traffic
from tests.simulation.truth import Sort, Truth
from tests.soak.shared import InboxFile, SharedClock
from tests.soak.worker import Plan

ROOT = Path(__file__).parents[2]
MEASURE = COMMON | {Sort.ROBOT: 25}
"""Every fifth mail is a robot's: ten thousand of fifty thousand."""
FEWEST_WAITING = 60
"""Mail does not come faster than it is worked on, so that it is alive while lives end."""
PATIENCE_SECONDS = 180
RATE = 0.9
"""The part of the connections that have trouble."""
WHILE_WAITING = timedelta(seconds=20)
PYMAPS_FIRST_UID = 101
UNSETTLED = (LetterState.QUEUED, LetterState.CLAIMED, LetterState.SENDING)


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done."""

    name: str
    url: str
    mails: int
    days: float
    seed: str
    caps: bool
    workers: int = 1
    by_imap: bool = False


@dataclass(slots=True)
class Findings:
    """What came of it; `wrong` in sentences."""

    order: Order
    states: Counter[str] = field(default_factory=Counter)
    letters: int = 0
    acknowledgements: int = 0
    robots: int = 0
    kills: int = 0
    faults: Counter[Fault] = field(default_factory=Counter)
    seconds: float = 0
    wrong: list[str] = field(default_factory=list)


class Campaign:
    """Lets mail come in, lets workers work and die, and looks at what is left."""

    def __init__(self, order: Order, directory: Path) -> None:
        self._order = order
        self._directory = directory
        self._truths: dict[int, Truth] = {}
        self._letters: list[Letter] = []
        self._traffic = Traffic(order.seed, GROUP_ADDRESS, MEASURE)
        self._engine: Engine = make_engine(order.url)
        self._clock = SharedClock(directory / "clock")
        self._workers: list[subprocess.Popen[str]] = []

    def run(self) -> Findings:
        """Run it to its end."""
        began = time.monotonic()
        Base.metadata.create_all(self._engine)
        self._clock.set(evening())
        findings = Findings(self._order)
        with ExitStack() as stack:
            self._open_doors(stack)
            self._workers = [self._worker(number) for number in range(self._order.workers)]
            try:
                for worker in self._workers:
                    _await_begin(worker)
                self._let_mail_come()
                self._let_all_settle()
            except TimeoutError as error:
                findings.wrong.append(str(error))
            (self._directory / "end").touch()
            for worker in self._workers:
                findings.kills += _killed(worker)
            self._read_letters()
            findings.faults = self._smtp.counts + (self._imap.counts if self._imap else Counter())
        self._look(findings)
        self._engine.dispose()
        findings.seconds = time.monotonic() - began
        return findings

    def _open_doors(self, stack: ExitStack) -> None:
        self._sink = stack.enter_context(SmtpSink())
        self._smtp = stack.enter_context(FaultProxy(self._sink.port, Protocol.SMTP))
        self._smtp.follow(seeded(Protocol.SMTP, self._order.seed, RATE))
        self._imap: FaultProxy | None = None
        if not self._order.by_imap:
            self._inbox = InboxFile(self._directory)
            stack.callback(self._inbox.close)
            Plan(self._order.url, self._smtp.port, self._order.caps).write(self._directory)
            return
        self._mail = DemoMail(GROUP_ADDRESS)
        self._mail.start()
        stack.callback(self._mail.stop)
        self._imap = stack.enter_context(FaultProxy(self._mail.imap_port, Protocol.IMAP))
        self._imap.follow(seeded(Protocol.IMAP, self._order.seed, RATE))
        Plan(
            self._order.url,
            self._smtp.port,
            self._order.caps,
            self._imap.port,
            self._mail.username,
            self._mail.password,
        ).write(self._directory)

    def _worker(self, number: int) -> "subprocess.Popen[str]":
        seed = f"{self._order.seed}/{number}"
        command = [sys.executable, "-m", "tests.soak.worker", str(self._directory), seed]
        # What those who are killed leave half said on the standard error is of no interest.
        with (self._directory / f"errors-{number}.log").open("w") as errors:
            return subprocess.Popen(
                command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True
            )

    def _let_mail_come(self) -> None:
        between = timedelta(days=self._order.days) / self._order.mails
        first = PYMAPS_FIRST_UID if self._order.by_imap else 1
        most = max(FEWEST_WAITING, self._order.mails // 40)
        for number in range(self._order.mails):
            if number % (most // 3) == 0:
                self._read_letters()
                self._wait_for(lambda: self._waiting() < most, "the workers to keep up")
            at = self._pass_by(between)
            truth = self._traffic.next(at, self._letters)
            self._truths[first + number] = truth
            if self._order.by_imap:
                self._mail.deliver(GROUP_ADDRESS, truth.raw, at)
            else:
                self._inbox.add(truth.raw, at)

    def _let_all_settle(self) -> None:
        """Let nobody be killed and nothing go wrong any more, and time go by until all is done."""
        (self._directory / "calm").touch()
        self._smtp.calm()
        if self._imap is not None:
            self._imap.calm()
        self._wait_for(lambda: self._waiting() == 0, "every mail to be settled")
        for _ in range(12):
            if self._unsettled_letters() == 0:
                return
            self._pass_by(timedelta(hours=25))
            time.sleep(1)
        self._wait_for(lambda: self._unsettled_letters() == 0, "every letter to be settled")

    def _waiting(self) -> int:
        """Return how many mails are not settled yet, the unknown ones included."""
        settled = select(func.count()).select_from(ReceivedMail)
        settled = settled.where(ReceivedMail.state != "received")
        with Session(self._engine) as session:
            return len(self._truths) - session.execute(settled).scalar_one()

    def _unsettled_letters(self) -> int:
        unsettled = select(func.count()).select_from(OutboxEmail)
        with Session(self._engine) as session:
            return session.execute(unsettled.where(OutboxEmail.state.in_(UNSETTLED))).scalar_one()

    def _wait_for(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if any(worker.poll() is not None for worker in self._workers):
                raise TimeoutError(f"A worker has ended; nobody is left for {what}.")
            if time.monotonic() > deadline:
                raise TimeoutError(f"Waited {PATIENCE_SECONDS} seconds in vain for {what}.")
            # Time must not stand still: whoever was refused waits before asking again.
            self._pass_by(WHILE_WAITING)
            time.sleep(0.05)

    def _pass_by(self, much: timedelta) -> datetime:
        moment = self._clock() + much
        self._clock.set(moment)
        return moment

    def _read_letters(self) -> None:
        for letter in self._sink.letters[len(self._letters) :]:
            self._letters.append(read_letter(letter.recipients[0], letter.raw))

    def _look(self, findings: Findings) -> None:
        with Session(self._engine) as session:
            findings.wrong += violations(session, World(self._truths, self._letters))
            rows = session.execute(
                select(ReceivedMail.state, func.count()).group_by(ReceivedMail.state)
            )
            findings.states = Counter({row[0]: row[1] for row in rows})
        findings.letters = len(self._letters)
        findings.acknowledgements = sum(letter.is_automatic for letter in self._letters)
        findings.robots = sum(truth.sort is Sort.ROBOT for truth in self._truths.values())


def _await_begin(worker: "subprocess.Popen[str]") -> None:
    assert worker.stdout is not None
    if worker.stdout.readline() != "ready\n":
        raise TimeoutError("A worker did not begin.")


def _killed(worker: "subprocess.Popen[str]") -> int:
    said, _ = worker.communicate(timeout=PATIENCE_SECONDS)
    killed: int = json.loads(said)["killed"] if said else 0
    return killed


def seed_of(text: str) -> str:
    """Return the seed to use: the one given, or one drawn now."""
    return text or f"{random.SystemRandom().getrandbits(32):08x}"
