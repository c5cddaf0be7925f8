"""Run the bench: `python -m tests.bench [--messages N] [--long]`.

Every figure that matters is a ratio within one run: this machine may be busy with other things.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, fields
from email.message import EmailMessage
from pathlib import Path
from statistics import median
from typing import Any

from replies.caps import Caps
from tests.bench.floor import run_floor
from tests.bench.latency import measure_latency, print_latency
from tests.bench.mailbox import GROUP_ADDRESS, make_messages
from tests.bench.stages import stage_costs
from tests.services.dovecot import DovecotServer, start_dovecot
from tests.services.fast_smtp_sink import sink_process
from tests.services.postgres import start_postgres

ROUNDS = 3
BIG_ATTACHMENT = 25 * 1024 * 1024

CAPS_OUT_OF_REACH = {
    f"KITH_LIMITS__{each.name.upper()}": "1000000"
    for each in fields(Caps)
    if each.name != "shared_domains"
}
"""So high that none is hit, and all are counted."""


@dataclass(frozen=True)
class Bench:
    """The servers of one bench, and where its files are."""

    dovecot: DovecotServer
    smtp_port: int
    directory: Path

    def floor(self, user: str, name: str) -> float:
        """Return the floor's messages per second."""
        imap = (self.dovecot.host, self.dovecot.port, user, self.dovecot.password)
        count, seconds = run_floor(
            imap, ("127.0.0.1", self.smtp_port), self.directory / f"{name}.sqlite3"
        )
        return count / seconds

    def journey(self, user: str, name: str, database_url: str = "") -> dict[str, Any]:
        """Run Kith over the mailbox in a process of its own; return its figures."""
        environ = {
            **{k: v for k, v in os.environ.items() if not k.startswith("KITH_")},
            "KITH_MODE": "live",
            "KITH_DATA_DIR": str(self.directory / name),
            "KITH_GROUP__ADDRESS": GROUP_ADDRESS,
            "KITH_MAILBOX__HOST": self.dovecot.host,
            "KITH_MAILBOX__PORT": str(self.dovecot.port),
            "KITH_MAILBOX__SECURITY": "none",
            "KITH_MAILBOX__USERNAME": user,
            "KITH_MAILBOX__PASSWORD": self.dovecot.password,
            "KITH_SMTP__HOST": "127.0.0.1",
            "KITH_SMTP__PORT": str(self.smtp_port),
            "KITH_SMTP__SECURITY": "none",
            "KITH_DATABASE__URL": database_url,
            **CAPS_OUT_OF_REACH,
        }
        (self.directory / name).mkdir()
        command = [sys.executable, "-m", "tests.bench.journey"]
        done = subprocess.run(command, env=environ, check=True, stdout=subprocess.PIPE)
        figures: dict[str, Any] = json.loads(done.stdout)
        return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--messages", type=int, default=1000)
    parser.add_argument("--long", action="store_true", help="also 10,000 messages")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kith-bench-") as name:
        directory = Path(name)
        os.chmod(directory, 0o755)
        dovecot = start_dovecot(directory)
        try:
            with sink_process() as sink:
                bench = Bench(dovecot, sink.port, directory)
                compare(bench, arguments.messages)
                big_attachment(bench)
                latency(bench)
                if arguments.long:
                    long_run(bench)
        finally:
            dovecot.stop()


def compare(bench: Bench, count: int) -> None:
    """Floor and Kith in turn, so that a busy minute of the machine hits both."""
    raws = make_messages(count)
    bench.dovecot.fill("bench", raws)
    postgres = start_postgres(bench.directory, durable=True)
    try:
        rounds = [_round(bench, n, postgres.create_database()) for n in range(ROUNDS)]
    finally:
        postgres.stop()
    print(f"{count} messages, {ROUNDS} rounds, medians")
    print(f"{'':12}{'messages/s':>12}{'of floor':>10}{'peak MB':>10}")
    floor = median(floor for floor, _, _ in rounds)
    print(f"{'floor':12}{floor:12.0f}{1:10.2f}")
    for place, database in ((1, "SQLite"), (2, "PostgreSQL")):
        rate = median(r[place]["mails"] / r[place]["seconds"] for r in rounds)  # type: ignore
        ratio = median(r[place]["mails"] / r[place]["seconds"] / r[0] for r in rounds)  # type: ignore
        peak = max(r[place]["peak_mb"] for r in rounds)  # type: ignore
        print(f"{database:12}{rate:12.0f}{ratio:10.2f}{peak:10.0f}")
    print_cpu(rounds[0][1], rounds[0][2])
    print_stages(raws)


def _round(
    bench: Bench, number: int, postgres_url: str
) -> tuple[float, dict[str, Any], dict[str, Any]]:
    before = bench.floor("bench", f"floor-{number}a")
    sqlite = bench.journey("bench", f"sqlite-{number}")
    postgres = bench.journey("bench", f"postgres-{number}", postgres_url)
    after = bench.floor("bench", f"floor-{number}b")
    return (before + after) / 2, sqlite, postgres


def print_cpu(sqlite: dict[str, Any], postgres: dict[str, Any]) -> None:
    """Print the CPU time of Kith's own process by job."""
    print("\nCPU ms per message by job    SQLite  PostgreSQL")
    for stage in sqlite["cpu_ms"]:
        print(f"  {stage:24}{sqlite['cpu_ms'][stage]:9.2f}{postgres['cpu_ms'][stage]:12.2f}")


def print_stages(raws: list[bytes]) -> None:
    """Print the CPU time of the pure stages inside `process`."""
    print("\nCPU ms per message by stage (within process)")
    for stage, cost in stage_costs(raws).items():
        print(f"  {stage:24}{cost:9.2f}")


def big_attachment(bench: Bench) -> None:
    """One mail with an attachment of 25 MB."""
    bench.dovecot.fill("big", [_with_attachment(BIG_ATTACHMENT)])
    figures = bench.journey("big", "big")
    print(f"\none mail with a 25 MB attachment: peak {figures['peak_mb']:.0f} MB")


def _with_attachment(size: int) -> bytes:
    email = EmailMessage()
    email["From"] = "Pat <pat@example.org>"
    email["To"] = GROUP_ADDRESS
    email["Subject"] = "The papers"
    email.set_content("Here are the papers for Thursday.")
    email.add_attachment(
        os.urandom(size), maintype="application", subtype="pdf", filename="papers.pdf"
    )
    return email.as_bytes()


def latency(bench: Bench) -> None:
    """How quickly a mail is answered, and what an idle service costs."""
    directory = bench.directory / "latency"
    directory.mkdir()
    print_latency(measure_latency(bench.dovecot, directory))


def long_run(bench: Bench, count: int = 10_000) -> None:
    """Ten thousand messages: does it get slower, does it grow?"""
    bench.dovecot.fill("long", make_messages(count, seed=7))
    figures = bench.journey("long", "long")
    fifths = figures["rate_by_fifth"]
    print(f"\n{count} messages: peak {figures['peak_mb']:.0f} MB")
    print("messages/s by fifth: " + ", ".join(f"{rate:.0f}" for rate in fifths))
    print(f"last fifth to first: {fifths[-1] / fifths[0]:.2f}")


if __name__ == "__main__":
    main()
