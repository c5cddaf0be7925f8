"""How quickly a mail is answered, and what a service costs that has nothing to do.

The service runs in a process of its own against Dovecot, and hears of new mail by IDLE. A mail's
time runs from the moment at which IMAP has taken it until SMTP has accepted its acknowledgement.
"""

import os
import random
import subprocess
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from statistics import median

from tests.bench.mailbox import GROUP_ADDRESS
from tests.casework.service_runs import make_site
from tests.services.dovecot import DovecotServer
from tests.services.places import ServiceBrokenError, free_port, wait_for
from tests.services.smtp import SmtpSink

MAILS = 15
IDLE_SECONDS = 60.0
SETTLE_SECONDS = 5.0
"""After its start the service may take its time; it is looked at when that is over."""
LONGEST_WAIT = 30.0
MB = 1024 * 1024


@dataclass(frozen=True)
class Latency:
    """The seconds that each mail took, and what the idle service used before any came."""

    seconds: tuple[float, ...]
    idle_share: float
    idle_mb: float
    busy_mb: float

    @property
    def median_ms(self) -> float:
        """Return the median in milliseconds."""
        return median(self.seconds) * 1000


def measure_latency(
    dovecot: DovecotServer,
    directory: Path,
    *,
    user: str = "latency",
    mails: int = MAILS,
    idle_seconds: float = IDLE_SECONDS,
) -> Latency:
    """Run the service, let it idle, then deliver mails one by one and wait for each answer."""
    with SmtpSink() as sink:
        dovecot.deliver(user, _mail(0))  # the mailbox is not empty, as in life
        site = make_site(directory, dovecot, user, sink.port, "", KITH_WEB__PORT=str(free_port()))
        done = site.kith("db", "upgrade")
        if done.returncode:
            raise ServiceBrokenError(done.stderr.decode())
        process = site.start("run")
        try:
            _await(sink, 1)
            time.sleep(SETTLE_SECONDS)
            share = _share_of_a_core(process.pid, idle_seconds)
            idle_mb = _resident_mb(process.pid)
            seconds = tuple(_one(dovecot, sink, user, number + 1) for number in range(mails))
            return Latency(seconds, share, idle_mb, _resident_mb(process.pid))
        finally:
            _stop(process)


def print_latency(latency: Latency) -> None:
    """Print the figures beside what they must be."""
    print(f"\narrival to SMTP acceptance, {len(latency.seconds)} mails, by IDLE")
    print(f"  median {latency.median_ms:.0f} ms (below 1000), worst {max(latency.seconds):.2f} s")
    print(f"  idle: {latency.idle_share * 100:.2f} % of a core (below 1), ", end="")
    print(f"{latency.idle_mb:.0f} MB (below 120); after the mails {latency.busy_mb:.0f} MB")


def _one(dovecot: DovecotServer, sink: SmtpSink, user: str, number: int) -> float:
    before = len(sink.letters)
    time.sleep(random.uniform(0.5, 2.0))  # at any moment of the service's rounds
    dovecot.deliver(user, _mail(number))
    began = time.monotonic()
    _await(sink, before + 1)
    return time.monotonic() - began


def _await(sink: SmtpSink, letters: int) -> None:
    if not wait_for(lambda: len(sink.letters) >= letters, seconds=LONGEST_WAIT):
        raise ServiceBrokenError("A mail was not answered in time.")


def _mail(number: int) -> bytes:
    email = EmailMessage()
    email["From"] = f"Pat <pat@writer{number}.example.org>"
    email["To"] = GROUP_ADDRESS
    email["Subject"] = f"May I join ({'abcdefghijklmnopqrstuvwxyz'[number % 26]})"
    email["Date"] = format_datetime(datetime.now(UTC))
    email["Message-ID"] = f"<{number}.{random.getrandbits(64):x}@mail.example.org>"
    email.set_content(f"Hello, I am a kinship carer and would like to join. We are {number + 2}.\n")
    return email.as_bytes()


def _share_of_a_core(pid: int, seconds: float) -> float:
    before, began = _cpu_seconds(pid), time.monotonic()
    time.sleep(seconds)
    return (_cpu_seconds(pid) - before) / (time.monotonic() - began)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MB


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
