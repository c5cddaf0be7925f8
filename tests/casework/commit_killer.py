"""Lives that end right before or right after a certain commit, in a process that can fork.

Reads lines of JSON: `inbox` (a file of pickled mails), `letters` (a file to
which each letter is written that leaves), and `boundary`: before the how-manieth commit (even
numbers) or after it (odd ones) the child kills itself; -1 for never. Answers with one line of JSON:
`killed_in`, the job that was at work (empty when it came to its end), and the `boundaries` that
there were.

The first life of all has no boundary and takes place in this process itself: it warms up what all
later ones are born with, since to compile the statements anew would be most of every life.
"""

import base64
import json
import logging
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from casework.bootstrap import Kith
from casework.inboxes import WatchedMailbox
from casework.worker import Service, settle_memory
from tests.simulation.doors import MemoryMailbox, MemoryTransport
from tests.simulation.kiths import Clock, Ports, evening, service_of, settings_for
from tests.simulation.truth import Truth


class Boundary:
    """Counts what happens around commits, and ends this process at the chosen place."""

    def __init__(self, chosen: int, tell: Callable[[str], None]) -> None:
        self.passed = 0
        self.job = ""
        self._chosen = chosen
        self._tell = tell

    def reach(self) -> None:
        """One more place at which the power may fail."""
        if self.passed == self._chosen:
            self._tell(json.dumps({"killed_in": self.job}))
            os.kill(os.getpid(), signal.SIGKILL)
        self.passed += 1

    def around(self, commit: Callable[[Any], None]) -> Callable[[Any], None]:
        """Return the same commit with a boundary before and after it."""

        def watched(connection: Any) -> None:
            self.reach()
            commit(connection)
            self.reach()

        return watched


def live(warm: Kith, order: dict[str, Any], tell: Callable[[str], None]) -> None:
    """Work once round and tell how many boundaries there were."""
    inbox = MemoryMailbox("inbox")
    mails: list[Truth] = pickle.loads(Path(order["inbox"]).read_bytes())
    for truth in mails:
        inbox.add(truth.raw, truth.at)
    boundary = Boundary(order["boundary"], tell)
    dialect: Any = warm.engine.dialect
    dialect.do_commit = boundary.around(dialect.do_commit)
    kith = replace(
        warm,
        mailboxes=(WatchedMailbox(inbox, None),),
        transport=MemoryTransport(_writing_to(Path(order["letters"]))),
    )
    service = Service(kith, threading.Event())
    jobs: dict[str, Callable[[], object]] = {
        "poll": service.poll,
        "process": service.process,
        "deliver": service.deliver,
    }
    for boundary.job, job in jobs.items():
        job()
    tell(json.dumps({"killed_in": "", "boundaries": boundary.passed}))


def _writing_to(file: Path) -> Callable[[str, str, bytes], None]:
    def take(_sender: str, recipient: str, content: bytes) -> None:
        line = json.dumps([recipient, base64.b64encode(content).decode()]) + "\n"
        with file.open("a") as opened:
            opened.write(line)

    return take


def one_life(warm: Kith, order: dict[str, Any]) -> str:
    """Let a child live and return what it tells."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            live(warm, order, lambda said: void(os.write(writing, said.encode())))
        except BaseException as error:  # the parent must hear of it, whatever it is
            os.write(writing, json.dumps({"killed_in": f"error: {error!r}"}).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said


def void(_: object) -> None:
    """Throw a value away."""


def main() -> None:
    """Read orders until there are no more."""
    logging.disable()  # that letters are of unknown fate is what is to be seen here
    directory = Path(sys.argv[1])
    settings = settings_for(sys.argv[2], directory, Ports(1, 1))
    warm = service_of(settings, Clock(evening())).kith
    first = json.loads(sys.stdin.readline())
    print(in_this_process(warm, first), flush=True)
    settle_memory()
    for line in sys.stdin:
        print(one_life(warm, json.loads(line)), flush=True)


def in_this_process(warm: Kith, order: dict[str, Any]) -> str:
    """Live one life to its end here, let go of the database, and return what is told."""
    told: list[str] = []
    dialect: Any = warm.engine.dialect
    commit = dialect.do_commit
    live(warm, order, told.append)
    dialect.do_commit = commit
    warm.engine.dispose()
    return told[0]


if __name__ == "__main__":
    main()
