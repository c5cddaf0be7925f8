"""A private Dovecot on 127.0.0.1: any user name, one password, Maildir, plain and TLS.

It works as root (the mail then belongs to nobody, since Dovecot refuses mail of root's) and as an
ordinary user (rootless), with Dovecot 2.3 (Debian 12) and 2.4 (Debian 13).
"""

import imaplib
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.services import dovecot_config
from tests.services.certificates import Certificate, make_certificate
from tests.services.places import (
    LOOPBACK,
    RunAs,
    ServiceBrokenError,
    ServiceMissingError,
    cleaned_up,
    dies_with_us,
    free_port,
    give_to,
    is_listening,
    make_directory,
    remove_directory,
    run_as,
    tail,
    wait_for,
)

PASSWORD = "correct-horse"
ATTEMPTS = 3


@dataclass(frozen=True)
class DovecotServer:
    """A running Dovecot: where it listens, and what the tests may do behind its back."""

    port: int
    tls_port: int
    directory: Path
    certificate: Certificate
    process: subprocess.Popen[bytes]
    owner: RunAs
    host: str = LOOPBACK
    password: str = PASSWORD

    @property
    def log(self) -> Path:
        """Return the file that Dovecot logs to."""
        return self.directory / "dovecot.log"

    def connect(self, user: str) -> imaplib.IMAP4:
        """Return a signed-in connection, made with the standard library alone."""
        client = imaplib.IMAP4(self.host, self.port, timeout=30)
        client.login(user, self.password)
        return client

    def deliver(
        self,
        user: str,
        raw: bytes,
        internal_date: datetime | None = None,
        flags: Sequence[str] = (),
    ) -> None:
        """Put one mail into the user's INBOX by IMAP APPEND."""
        when = internal_date or datetime.now(UTC)
        with self.connect(user) as client:
            answer, data = client.append("INBOX", " ".join(flags), when, raw)
        if answer != "OK":
            raise ServiceBrokenError(f"Dovecot did not take the mail: {data!r}")

    def fill(self, user: str, raws: Sequence[bytes], start: datetime | None = None) -> None:
        """Write mails straight into the user's Maildir, dated a second apart, the last one now.

        Far faster than `deliver`; the mails carry no flags and get their UIDs in the given order.
        `start` dates the first mail instead.
        """
        maildir = self._maildir(user)
        first = int(start.timestamp() if start else datetime.now(UTC).timestamp() - len(raws))
        before = sum(1 for _ in (maildir / "cur").iterdir())
        for number, raw in enumerate(raws):
            # Dovecot numbers by the name and dates by the file.
            name = f"{1_000_000_000 + before + number}.M0P1.kith,S={len(raw)}:2,"
            path = maildir / "cur" / name
            path.write_bytes(raw)
            os.utime(path, (first + number, first + number))
            give_to(path, self.owner)

    def flags(self, user: str) -> dict[int, tuple[str, ...]]:
        """Return the flags of every mail in the user's INBOX by UID, looked at read-only."""
        with self.connect(user) as client:
            client.select("INBOX", readonly=True)
            _, lines = client.uid("FETCH", "1:*", "(FLAGS)")
        return dict(_read_flags(line) for line in lines if isinstance(line, bytes))

    def stop(self) -> None:
        """Stop it, wait until all of it has gone, and remove its files."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(timeout=5)
        wait_for(lambda: not is_listening(self.port), seconds=5)
        remove_directory(self.directory)

    def _maildir(self, user: str) -> Path:
        maildir = self.directory / "mail" / user
        for folder in (maildir, *(maildir / name for name in ("cur", "new", "tmp"))):
            if not folder.exists():
                folder.mkdir(parents=True)
                give_to(folder, self.owner)
        return maildir


def start_dovecot(tmp: Path) -> DovecotServer:
    """Start a private Dovecot with its files below `tmp` (below /tmp when we are root).

    Raises `ServiceMissingError` when Dovecot is not installed, `ServiceBrokenError` with the end
    of its log when it does not come up.
    """
    program = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        raise ServiceMissingError("Dovecot is not installed; run .ci/services to install it.")
    owner = run_as("nobody")
    directory = make_directory(tmp, "dovecot", owner)
    with cleaned_up(directory):
        certificate = make_certificate(directory)
        (directory / "mail").mkdir()
        give_to(directory / "mail", owner)
        for _ in range(ATTEMPTS):  # somebody else may take the port between looking and listening
            server = _start(program, directory, certificate, owner)
            if _is_up(server):
                return server
            server.process.kill()
            server.process.wait(timeout=5)
        raise ServiceBrokenError(f"Dovecot did not start. The end of its log:\n{tail(server.log)}")


def _start(program: str, directory: Path, certificate: Certificate, owner: RunAs) -> DovecotServer:
    port, tls_port = free_port(), free_port()
    config = directory / "dovecot.conf"
    config.write_text(
        dovecot_config.render(
            version=_version(program),
            directory=directory,
            ports=(port, tls_port),
            certificate=certificate,
            owner=owner,
            password=PASSWORD,
        )
    )
    output = (directory / "output.log").open("wb")
    with output:
        process = subprocess.Popen(
            [*dies_with_us("TERM"), program, "-F", "-c", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    return DovecotServer(port, tls_port, directory, certificate, process, owner)


def _is_up(server: DovecotServer) -> bool:
    def settled() -> bool:
        return server.process.poll() is not None or is_listening(server.port)

    wait_for(settled, seconds=20)
    return server.process.poll() is None and is_listening(server.port)


def _version(program: str) -> tuple[int, int]:
    answer = subprocess.run([program, "--version"], check=True, capture_output=True, text=True)
    major, minor = answer.stdout.split(".")[:2]
    return int(major), int(minor)


def _read_flags(line: bytes) -> tuple[int, tuple[str, ...]]:
    # b'1 (UID 7 FLAGS (\\Seen \\Recent))'
    words = line.decode("ascii").replace("(", " ").replace(")", " ").split()
    uid = int(words[words.index("UID") + 1])
    return uid, tuple(sorted(word for word in words if word.startswith(("\\", "$"))))
