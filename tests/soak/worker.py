"""A worker of the soak: life after life, each killed after a random while.

`python -m tests.soak.worker DIRECTORY SEED`. The directory holds `plan.json` (a `Plan`), the inbox
and the clock. Children are born here by fork, so that no life has to load the model anew. When the
file `calm` appears, nobody is killed any more; when `end` appears, the last life ends by itself.
Prints `ready` when it begins, and one line of JSON at the end: how many lives were killed.
"""

import json
import logging
import os
import random
import signal
import sys
import threading
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from casework.bootstrap import Kith, assemble
from casework.inboxes import WatchedMailbox
from casework.worker import Service, settle_memory
from config.settings import LimitSettings
from tests.simulation.kiths import GROUP_ADDRESS, NO_CAPS, Ports, settings_for
from tests.soak.shared import FileMailbox, SharedClock

MEAN_LIFE_SECONDS = 5.0
"""Most lives are shorter. What was in dead hands is judged apart, by a child that takes a second
or two to come into the world: if nobody lived so long, such mail would wait until all is calm.
"""
NAP = 0.02
HOURS_OF_A_LEASE = 6
"""Simulated hours go by within seconds here; only the dead are to lose what they hold."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a worker is told: where everything is. Without `imap_port` the inbox is the file."""

    url: str
    smtp_port: int
    caps: bool
    imap_port: int = 0
    username: str = GROUP_ADDRESS
    password: str = "unused"

    def write(self, directory: Path) -> None:
        """Leave the plan for the workers."""
        (directory / "plan.json").write_text(json.dumps(asdict(self)))


def assembled(directory: Path) -> Kith:
    """Return the Kith of this plan."""
    plan = Plan(**json.loads((directory / "plan.json").read_text()))
    ports = Ports(plan.imap_port or 1, plan.smtp_port, plan.username, plan.password)
    limits = LimitSettings() if plan.caps else NO_CAPS
    settings = settings_for(plan.url, directory, ports, limits=limits)
    service = settings.service.model_copy(update={"lease_seconds": HOURS_OF_A_LEASE * 3600})
    settings = settings.model_copy(update={"service": service})
    kith = assemble(settings, SharedClock(directory / "clock"))
    if plan.imap_port:
        return kith
    return replace(kith, mailboxes=(WatchedMailbox(FileMailbox(directory), None),))


def live(kith: Kith, directory: Path) -> None:
    """Work round and round until killed, or told that it is the end."""
    service = Service(kith, threading.Event())
    while not (directory / "end").exists():
        for name, job in (
            ("poll", service.poll),
            ("process", service.process),
            ("deliver", service.deliver),
        ):
            service.guarded(name, job)
        time.sleep(NAP)
    service.close()


def one_life(kith: Kith, directory: Path, seconds: float) -> bool:
    """Let a child live so long; return whether it was killed."""
    child = os.fork()
    if child == 0:
        try:
            live(kith, directory)
        finally:
            os._exit(0)
    ends = time.monotonic() + seconds
    while time.monotonic() < ends or (directory / "calm").exists():
        if os.waitpid(child, os.WNOHANG) != (0, 0):
            return False
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def main() -> None:
    """Let lives begin and end."""
    directory, chance = Path(sys.argv[1]), random.Random(sys.argv[2])
    logging.disable()
    kith = assembled(directory)
    kith.engine.dispose()
    settle_memory()
    print("ready", flush=True)
    killed = 0
    while not (directory / "end").exists():
        killed += one_life(kith, directory, chance.expovariate(1 / MEAN_LIFE_SECONDS))
    print(json.dumps({"killed": killed}), flush=True)


if __name__ == "__main__":
    main()
