"""One run of Kith over a mailbox, in a process of its own so that its memory is its own.

Prints JSON: mails, seconds in all and per stage, the rate by fifths, peak memory.
"""

import json
import sys
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from casework.bootstrap import Kith
from casework.environment import current_settings
from casework.schema import upgrade
from casework.service import open_service
from config.database import make_engine

Stamp = tuple[float, float]


def moment() -> Stamp:
    """Return wall and CPU seconds of this process."""
    return time.perf_counter(), time.process_time()


def peak_mb() -> float:
    """Return the most memory that this process has had so far, in megabytes.

    Not `ru_maxrss`: Linux hands down the figure of the process that started us.
    """
    status = Path("/proc/self/status").read_text()
    line = next(each for each in status.splitlines() if each.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6


class Stopwatch:
    """Notes a moment per mail in each stage, so that the run can be cut into fifths."""

    def __init__(self) -> None:
        self.marks: dict[str, list[Stamp]] = {}

    def run(self, stage: str, job: Callable[[], object]) -> None:
        """Run a stage between two marks."""
        self.mark(stage)
        job()
        self.mark(stage)

    def mark(self, stage: str) -> None:
        """Note that one more mail has come through the stage."""
        self.marks.setdefault(stage, []).append(moment())

    def seconds(self, stage: str, which: int) -> float:
        """Return the wall (0) or CPU (1) seconds of a stage."""
        marks = self.marks[stage]
        return marks[-1][which] - marks[0][which]

    def fifths(self, stage: str) -> list[float]:
        """Return the wall seconds that each fifth of the mails spent in the stage."""
        marks = self.marks[stage]
        cuts = [marks[round(fifth * (len(marks) - 1) / 5)][0] for fifth in range(6)]
        return [end - begin for begin, end in pairwise(cuts)]


def main() -> None:
    """Run the journey of the mailbox that the environment names and print the figures."""
    upgrade(make_engine(current_settings().database_url))
    watch = Stopwatch()
    service = open_service(threading.Event())
    service.tell = lambda _: watch.mark("process")
    kith = service.kith
    baseline = peak_mb()
    _mark_each_batch(kith, watch)
    watch.run("poll", service.poll)
    watch.run("process", service.process)
    _mark_each_letter(kith, watch)
    watch.run("deliver", service.deliver)
    service.close()
    stages = ("poll", "process", "deliver")
    mails = len(watch.marks["process"]) - 2
    fifths = [sum(times) for times in zip(*(watch.fifths(s) for s in stages), strict=True)]
    json.dump(
        {
            "mails": mails,
            "letters": len(watch.marks["deliver"]) - 2,
            "seconds": sum(watch.seconds(stage, 0) for stage in stages),
            "cpu_ms": {s: watch.seconds(s, 1) * 1000 / mails for s in stages},
            "rate_by_fifth": [mails / 5 / seconds for seconds in fifths if seconds],
            "baseline_mb": baseline,
            "peak_mb": peak_mb(),
        },
        sys.stdout,
    )


def _mark_each_batch(kith: Kith, watch: Stopwatch) -> None:
    fetch = kith.mailboxes[0].mailbox.fetch

    def marked(uids: list[int]) -> object:
        for batch in fetch(uids):
            yield batch
            for _ in batch:
                watch.mark("poll")

    kith.mailboxes[0].mailbox.fetch = marked  # type: ignore[method-assign, assignment]


def _mark_each_letter(kith: Kith, watch: Stopwatch) -> None:
    assert kith.transport is not None
    send = kith.transport.send

    def marked(*, sender: str, recipient: str, content: bytes) -> str:
        reply = send(sender=sender, recipient=recipient, content=content)
        watch.mark("deliver")
        return reply

    kith.transport.send = marked  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
