"""`python -m tests.fuzz --seconds 60 [--seed S] [--into DIRECTORY] [FILE …]`: see `make fuzz`.

Makes mails, damages them, and checks each. Ends with 1 and the path of the mail at the first that
breaks a promise or takes too long; given files, it checks only these.
"""

import argparse
import faulthandler
import logging
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from random import Random, SystemRandom

from casework.judging import Judges, load_judges
from config.time_budget import TimeIsUpError, time_budget
from tests.fuzz.checking import check
from tests.fuzz.generating import a_mail
from tests.fuzz.giants import GIANTS
from tests.fuzz.mutating import mutate

MAILS = Path(__file__).parent.parent / "mails"
SECONDS_A_MAIL = 60
"""Generous: the slowest that is known, a megabyte of dates, takes ten on a busy machine."""
SHRINKING_SECONDS = 60
LARGEST_GIANT = 1_000_000
ONE_GIANT_IN = 60


def main() -> int:
    """Run as told on the command line; return the exit code."""
    given = _arguments()
    logging.disable(logging.CRITICAL)
    judges = load_judges(own_addresses=frozenset({"hello@kith.example.org"}))
    if given.files:
        problems = [problem_with(path.read_bytes(), judges) for path in given.files]
        print("\n".join(problem or "sound" for problem in problems))
        return 1 if any(problems) else 0
    seed: int = SystemRandom().randrange(10**9) if given.seed is None else given.seed
    given.into.mkdir(parents=True, exist_ok=True)
    return fuzz(seed, given.seconds, given.into, judges)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int)
    default = Path(tempfile.gettempdir()) / "kith-fuzz"
    parser.add_argument("--into", type=Path, default=default, help="where a culprit is put")
    parser.add_argument("files", nargs="*", type=Path)
    return parser.parse_args()


def fuzz(seed: int, seconds: float, into: Path, judges: Judges) -> int:
    """Check mail after mail; return 1 at the first that is not read as promised, else 0."""
    until = time.monotonic() + seconds
    in_hand = into / f"in-hand-{seed}.eml"
    count = size = 0
    for raw in mails(seed):
        if time.monotonic() > until:
            break
        in_hand.write_bytes(raw)  # it is still there when the process dies or hangs for good
        _end_if_it_hangs()
        problem = problem_with(raw, judges)
        if problem:
            return _report(raw, problem, into / f"culprit-{seed}-{count}.eml", judges)
        count, size = count + 1, size + len(raw)
    faulthandler.cancel_dump_traceback_later()
    in_hand.unlink(missing_ok=True)
    print(f"{count} mails, {size / 1e6:.0f} MB, all read as promised (seed {seed})")
    return 0


def _end_if_it_hangs() -> None:
    """End this process with a traceback when one call of C, which no budget breaks off, hangs."""
    faulthandler.dump_traceback_later(2 * SECONDS_A_MAIL, exit=True, file=2)


def mails(seed: int) -> Iterator[bytes]:
    """Yield mails without end, the same for the same seed."""
    corpus = [path.read_bytes() for path in sorted(MAILS.glob("*.eml"))]
    yield from corpus
    giants = list(GIANTS.values())
    number = 0
    while True:
        chance = Random(f"{seed}/{number}")
        number += 1
        if number % ONE_GIANT_IN == 0:
            giant = giants[number // ONE_GIANT_IN % len(giants)]
            yield giant(int(10 ** chance.uniform(3, 6)))
        else:
            base = chance.choice(corpus) if chance.random() < 0.4 else a_mail(chance)
            yield mutate(base, chance, corpus)


def problem_with(raw: bytes, judges: Judges) -> str:
    """Return what is wrong with reading this mail, "" if nothing is."""
    try:
        with time_budget(SECONDS_A_MAIL):
            check(raw, judges)
    except TimeIsUpError:
        return f"it takes more than {SECONDS_A_MAIL} seconds\n{traceback.format_exc(limit=-8)}"
    except Exception:
        return traceback.format_exc(limit=-8)
    return ""


def _report(raw: bytes, problem: str, path: Path, judges: Judges) -> int:
    path.write_bytes(shrunk(raw, problem, judges))
    faulthandler.cancel_dump_traceback_later()
    print(f"{problem}\nThe mail is {path}; check it with: python -m tests.fuzz {path}")
    return 1


def shrunk(raw: bytes, problem: str, judges: Judges) -> bytes:
    """Return a smaller mail with the same problem, as small as can be found in a minute."""
    until = time.monotonic() + SHRINKING_SECONDS
    last = problem.strip().rpartition("\n")[2]
    length = len(raw) // 2
    while length and time.monotonic() < until:
        at = 0
        while at < len(raw) and time.monotonic() < until:
            _end_if_it_hangs()
            smaller = raw[:at] + raw[at + length :]
            if problem_with(smaller, judges).strip().rpartition("\n")[2] == last:
                raw = smaller
            else:
                at += length
        length //= 2
    return raw


if __name__ == "__main__":
    sys.exit(main())
