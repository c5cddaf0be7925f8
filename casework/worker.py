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
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import schedule

from casework.apart.side_room import SideRoom
from casework.bootstrap import Kith, with_keys
from casework.inboxes import Round, Rounds
from casework.letters import settle_letters_of_the_dead, tell_fates
from casework.pipeline import Desk
from casework.processing import Processed, process_received
from casework.pulses import Heart
from casework.watchman import Watchman
from config.process_identity import this_process
from intake.mailbox import Doorbell
from replies.delivery import DeliveryReport, SendingPause, deliver_due

log = logging.getLogger(__name__)

COLLECT_AFTER = (50_000, 20, 50)
"""Objects made before the garbage collector looks for circles; most are freed without it."""
BETWEEN_LOOKS = 1
"""Seconds between two looks into the ledger and the outbox for work of other processes."""
BETWEEN_WATCHES = 60
"""Seconds between two looks at how everything is."""
BETWEEN_KEYS = timedelta(minutes=1)
BETWEEN_BREATHS = 0.2
"""Seconds after which a stop is noticed at the latest."""
FAREWELL_SECONDS = 10
"""How long a stop waits for a server that is just being asked; the ledger is safe either way."""


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
        self._news = threading.Event()
        self._pause = SendingPause()
        self._heart = Heart(kith.sessions)
        self._side_room = SideRoom(seconds=kith.settings.limits.judge_seconds)
        self._desk = kith.desk
        self._keys_read_at: datetime | None = None

    def poll(self) -> Round:
        """Store what is new in the inboxes; compare all of each now and then."""
        return self._rounds.poll(self.stop.is_set)

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
        self._heart.beat("deliver", self.kith.now(), problem=report.problem or None)
        return report

    def run(self, parts: frozenset[str]) -> None:
        """Run the chosen jobs on their schedule until the stop is set."""
        plan = schedule.Scheduler()
        jobs: dict[str, Callable[[], object]] = {"process": self.process, "deliver": self.deliver}
        chosen = {name: job for name, job in jobs.items() if name in parts}
        for name, job in chosen.items():
            plan.every(BETWEEN_LOOKS).seconds.do(self.guarded, name, job)
        threads = [threading.Thread(target=self._watch, name="kith-watch", daemon=True)]
        if "poll" in parts:
            threads.append(threading.Thread(target=self._listen, name="kith-poll", daemon=True))
        for thread in threads:
            thread.start()
        plan.run_all()
        while not self.stop.is_set():
            if self._news.wait(BETWEEN_BREATHS):
                self._news.clear()
                for name, job in chosen.items():
                    self.guarded(name, job)
            plan.run_pending()
        for thread in threads:
            thread.join(FAREWELL_SECONDS)
        self.close()

    def guarded(self, name: str, job: Callable[[], object]) -> None:
        """Run a job; whatever it raises is logged and counted, and the schedule goes on."""
        if self.stop.is_set():
            return
        self.tally.runs[name] = self.tally.runs.get(name, 0) + 1
        try:
            job()
        except Exception:
            self.tally.failures[name] = self.tally.failures.get(name, 0) + 1
            log.exception("job=%s failures=%d", name, self.tally.failures[name])

    def close(self) -> None:
        """Let go of the connections."""
        self._rounds.close()
        self._side_room.close()
        if self.kith.transport is not None:
            self.kith.transport.close()
        self.kith.engine.dispose()

    def _with_keys(self) -> Desk:
        """Return the desk with the keys in force; another process may have changed them."""
        now = self.kith.now()
        if self._keys_read_at is None or now - self._keys_read_at >= BETWEEN_KEYS:
            with self.kith.sessions.begin() as session:
                desk = with_keys(self.kith.desk, session, now)
            if desk.signer != self._desk.signer:
                self._desk = desk
            self._keys_read_at = now
        return self._desk

    def _watch(self) -> None:
        """Look how everything is, once a minute; the first time when there was time to begin."""
        watchman = Watchman(self.kith)
        while not self.stop.wait(BETWEEN_WATCHES):
            self.guarded("watch", watchman.look)
        watchman.close()

    def _listen(self) -> None:
        """Poll, say so, and wait until a server tells of new mail or it is time again."""
        seconds = self.kith.settings.service.poll_seconds
        while not self.stop.is_set():
            self.guarded("poll", self.poll)
            self._news.set()
            self._doorbell.wait(
                self._rounds.reachable, seconds=seconds, should_stop=self.stop.is_set
            )
