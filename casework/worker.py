"""The schedule: poll, process, deliver, over and over, until told to stop.

One thread waits for the mail servers and stores what comes; the other files and answers it. What
the first stores it tells the second at once, so that nobody waits for the next look.

Every job is wrapped: an exception is logged and counted and never stops the others (a job that
raises would otherwise stay first in line for ever). A stop is honoured between mails. If the power
fails here, nothing is lost: each job's own room says why.
"""

import gc
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import schedule

from casework.apart.side_room import SideRoom
from casework.bootstrap import Kith, with_keys
from casework.inboxes import Round, Rounds
from casework.letters import settle_letters_of_the_dead, tell_fates
from casework.looking import what_is_due
from casework.pipeline import Desk
from casework.processing import Processed, process_received
from casework.pulses import Heart
from casework.recess import Recess
from casework.watchman import Watchman
from config.database import readers
from config.process_identity import this_process
from intake.mailbox import Doorbell
from replies.delivery import DeliveryReport, SendingPause, deliver_due

log = logging.getLogger(__name__)

COLLECT_AFTER = (50_000, 20, 50)
"""Objects made before the garbage collector looks for circles; most are freed without it."""
BETWEEN_LOOKS = 1
"""Seconds between two looks into the ledger and the outbox for work of other processes."""
BETWEEN_ROUNDS = 60
"""Seconds after which all jobs run, whether a look found something for them or not."""
BETWEEN_WATCHES = 60
"""Seconds between two looks at how everything is."""
BETWEEN_KEYS = timedelta(minutes=1)
BETWEEN_BREATHS = 0.5
"""Seconds after which a stop is noticed at the latest."""
FAREWELL_SECONDS = 7
"""How long a stop waits for the servers that are just being asked; the ledger is safe either way.
"""


def settle_memory() -> None:
    """Tell the garbage collector that what is loaded by now stays: models, rules, modules.

    Otherwise it looks through all of it again and again, which costs a fifth of the time per mail.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


@dataclass
class Tally:
    """How often each job ran and failed since the start."""

    runs: dict[str, int] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)


class Service:
    """The jobs of one process. Polling has a thread of its own, since it waits for servers."""

    def __init__(
        self,
        kith: Kith,
        stop: threading.Event,
        tell: Callable[[Processed], None] = lambda _: None,
    ) -> None:
        self.kith = kith
        self.stop = stop
        self.tell = tell
        self.tally = Tally()
        self._rounds = Rounds(kith.mailboxes, kith.sessions, kith.rhythm, kith.now)
        self._doorbell = Doorbell()
        self._recess = Recess()
        self._reading = readers(kith.sessions)
        self._news = threading.Event()
        self._pause = SendingPause()
        self._heart = Heart(kith.sessions)
        self._side_room = SideRoom(seconds=kith.settings.limits.judge_seconds)
        self._desk = kith.desk
        self._keys_read_at: datetime | None = None

    def poll(self) -> Round:
        """Store what is new in the inboxes; compare all of each now and then."""
        return self._rounds.poll(self.stop.is_set, self._news.set)

    def process(self) -> int:
        """Take all received mails through the pipeline, telling of each."""
        worker = self.kith.worker(self.stop.is_set, self._side_room)
        return process_received(self.kith.sessions, self._with_keys(), worker, self.tell)

    def deliver(self) -> DeliveryReport:
        """Send all letters that are due; in shadow mode there is no way out, so none are."""
        settle_letters_of_the_dead(self.kith.sessions, self.kith.now())
        if self.kith.transport is None:
            return DeliveryReport()
        report = deliver_due(
            self.kith.sessions,
            self.kith.transport,
            now=self.kith.now,
            owner=this_process(),
            lease=self.kith.lease,
            should_stop=self.stop.is_set,
            pause=self._pause,
        )
        tell_fates(self.kith.sessions, self.kith.desk.soft_failures_per_week)
        now = self.kith.now()
        problem = report.problem or self._pause.problem(now)
        self._heart.beat("deliver", now, problem=problem or None)
        return report

    def run(self, parts: frozenset[str]) -> None:
        """Run the chosen jobs on their schedule until the stop is set."""
        jobs: dict[str, Callable[[], object]] = {"process": self.process, "deliver": self.deliver}
        chosen = {name: job for name, job in jobs.items() if name in parts}
        plan = schedule.Scheduler()
        plan.every(BETWEEN_LOOKS).seconds.do(self._look, chosen)
        plan.every(BETWEEN_ROUNDS).seconds.do(self._run_all, chosen)
        threads = [threading.Thread(target=self._watch, name="kith-watch", daemon=True)]
        if "poll" in parts:
            threads.append(threading.Thread(target=self._listen, name="kith-poll", daemon=True))
        for thread in threads:
            thread.start()
        self._run_all(chosen)
        while not self.stop.is_set():
            if self._news.wait(BETWEEN_BREATHS):
                self._news.clear()
                self._look(chosen)
            plan.run_pending()
        self._say_goodbye(threads)

    def guarded(self, name: str, job: Callable[[], object]) -> bool:
        """Run a job and return whether it went well; whatever it raises is logged and counted.

        One that fails again and again rests between, up to a minute; then nothing is done.
        """
        if self.stop.is_set() or self._recess.left(name):
            return False
        self.tally.runs[name] = self.tally.runs.get(name, 0) + 1
        try:
            job()
        except Exception:
            self.tally.failures[name] = self.tally.failures.get(name, 0) + 1
            self._recess.failed(name)
            log.exception("job=%s failures=%d", name, self.tally.failures[name])
            return False
        self._recess.went_well(name)
        return True

    def close(self, *, inboxes: bool = True) -> None:
        """Let go of the connections, those to the inboxes unless another thread has them."""
        if inboxes:
            self._rounds.close()
        self._side_room.close()
        if self.kith.transport is not None:
            self.kith.transport.close()
        self.kith.engine.dispose()

    def _with_keys(self) -> Desk:
        """Return the desk with the keys in force; another process may have changed them."""
        now = self.kith.now()
        if self._keys_read_at is None or abs(now - self._keys_read_at) >= BETWEEN_KEYS:
            with self.kith.sessions.begin() as session:
                desk = with_keys(self.kith.desk, session, now)
            if desk.signer != self._desk.signer:
                self._desk = desk
            self._keys_read_at = now
        return self._desk

    def _run_all(self, jobs: Mapping[str, Callable[[], object]]) -> None:
        for name, job in jobs.items():
            self.guarded(name, job)

    def _look(self, jobs: Mapping[str, Callable[[], object]]) -> None:
        """Run those of the jobs that have something to do; what is filed may be answered."""
        self.guarded("look", lambda: self._run_due(jobs))

    def _run_due(self, jobs: Mapping[str, Callable[[], object]]) -> None:
        self._side_room.tidy()
        with self._reading() as session:
            due = what_is_due(session, self.kith.now())
        if due.process and "process" in jobs:
            self.guarded("process", jobs["process"])
        if (due.process or due.deliver) and "deliver" in jobs:
            self.guarded("deliver", jobs["deliver"])

    def _watch(self) -> None:
        """Look how everything is, once a minute; the first time when there was time to begin."""
        watchman = Watchman(self.kith)
        while not self.stop.wait(BETWEEN_WATCHES):
            self.guarded("watch", watchman.look)
        watchman.close()

    def _listen(self) -> None:
        """Poll, say so, and wait until a server tells of new mail or it is time again.

        A bell that rings for what could not be stored would ring on, so after a failure we rest.
        """
        while not self.stop.is_set():
            went_well = self.guarded("poll", self.poll)
            self._news.set()
            if not (went_well and self.guarded("listen", self._await_mail)):
                self.stop.wait(self._recess.left("poll", "listen"))

    def _await_mail(self) -> None:
        seconds = self._rounds.seconds_to_next_try(self.kith.settings.service.poll_seconds)
        self._doorbell.wait(self._rounds.reachable, seconds=seconds, should_stop=self.stop.is_set)

    def _say_goodbye(self, threads: Sequence[threading.Thread]) -> None:
        """Wait for the threads, but not for ever, and let go of the connections.

        One that still waits for a server keeps its connections: they are not for two threads, and
        end with the process.
        """
        until = time.monotonic() + FAREWELL_SECONDS
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        busy = [thread.name for thread in threads if thread.is_alive()]
        if busy:
            log.warning("stop=not-awaited threads=%s", ",".join(busy))
        self.close(inboxes="kith-poll" not in busy)
