"""`python -m tests.soak`: days of simulated mail, faults on, kills on; every mail accounted for.

The short form takes about three minutes. `--long` is a week of 50,000 mails. Exit code 1 when
anything is wrong; the seed that is printed repeats the mails, the trouble and the lives.
"""

import argparse
import logging
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services.postgres import PostgresServer, start_postgres
from tests.soak.campaign import Campaign, Findings, Order, seed_of

SHORT = 3_000
LONG = 50_000
DAYS = 7.0
PART_BY_IMAP = 0.08
"""The part of all mails that comes through a real IMAP server and the proxy before it."""


def main() -> int:
    """Run the campaigns and print what came of them."""
    arguments = _arguments()
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns of each connection that is cut
    seed = seed_of(arguments.seed)
    mails = arguments.mails or (LONG if arguments.long else SHORT)
    print(f"seed {seed}, {mails} mails", flush=True)
    print(HEAD, flush=True)
    all_well = True
    with tempfile.TemporaryDirectory(prefix="kith-soak-") as base, _servers(arguments) as servers:
        for order in _orders(arguments.database, mails, seed, servers, Path(base)):
            directory = Path(base) / order.name
            directory.mkdir()
            findings = Campaign(order, directory).run()
            print(row(findings), flush=True)
            all_well &= not findings.wrong
            for sentence in findings.wrong[:20]:
                print(f"    WRONG: {sentence}", flush=True)
    print("all is accounted for" if all_well else f"repeat with --seed {seed}")
    return 0 if all_well else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--mails", type=int, default=0)
    parser.add_argument("--seed", default="")
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--long", action="store_true", help=f"{LONG} mails")
    return parser.parse_args()


@contextmanager
def _servers(arguments: argparse.Namespace) -> Iterator[PostgresServer | None]:
    if arguments.database == "sqlite":
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="kith-soak-postgres-") as directory:
        server = start_postgres(Path(directory))
        try:
            yield server
        finally:
            server.stop()


def _orders(
    chosen: str, mails: int, seed: str, postgres: PostgresServer | None, base: Path
) -> Iterator[Order]:
    """Yield the campaigns: each database without caps, with caps, and by real IMAP."""
    databases = ["sqlite", "postgresql"] if chosen == "both" else [chosen]
    for database in databases:
        part = mails / len(databases)
        for kind, share in (("free", (1 - PART_BY_IMAP) / 2), ("capped", (1 - PART_BY_IMAP) / 2)):
            yield _order(database, kind, round(part * share), seed, postgres, base)
        yield _order(database, "by-imap", round(part * PART_BY_IMAP), seed, postgres, base)


def _order(
    database: str,
    kind: str,
    mails: int,
    seed: str,
    postgres: PostgresServer | None,
    base: Path,
) -> Order:
    name = f"{database}-{kind}"
    url = postgres.create_database() if postgres and database == "postgresql" else ""
    return Order(
        name=name,
        url=url or f"sqlite:///{base / name}.sqlite3",
        mails=mails,
        days=DAYS,
        seed=f"{seed}-{name}",
        caps=kind != "free",
        workers=2 if database == "postgresql" else 1,
        by_imap=kind == "by-imap",
    )


HEAD = (
    f"{'campaign':22}{'mails':>7}{'filed':>7}{'out':>7}{'aside':>6}{'robots':>7}"
    f"{'acks':>7}{'kills':>6}{'faults':>7}{'minutes':>8}{'/s':>6}  "
)


def row(findings: Findings) -> str:
    """Return one line of the table."""
    order, states = findings.order, findings.states
    return (
        f"{order.name:22}{order.mails:7}{states['filed']:7}{states['screened_out']:7}"
        f"{states['set_aside']:6}{findings.robots:7}{findings.acknowledgements:7}"
        f"{findings.kills:6}{sum(findings.faults.values()):7}"
        f"{findings.seconds / 60:8.1f}{order.mails / findings.seconds:6.0f}  "
        f"{'wrong' if findings.wrong else 'well'}"
    )


if __name__ == "__main__":
    sys.exit(main())
