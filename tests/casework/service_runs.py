"""Running the real service in a process of its own, on servers and databases of the tests."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.database import make_engine
from tests.services.dovecot import DovecotServer

GROUP_ADDRESS = "hello@kith.example.org"
KITH = (sys.executable, "-m", "casework.start")


@dataclass(frozen=True)
class Site:
    """An installation: its variables, and how to run commands in it."""

    environ: dict[str, str]
    directory: Path

    def kith(self, *arguments: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
        """Run a command to its end."""
        return subprocess.run(
            [*KITH, *arguments],
            env=self.environ,
            input=stdin,
            capture_output=True,
            check=False,
            cwd=self.directory,
        )

    def json(self, *arguments: str) -> Any:
        """Run a command that must succeed and print JSON."""
        done = self.kith(*arguments)
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start a command and go on."""
        return subprocess.Popen(
            [*KITH, *arguments],
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.directory,
        )


def make_site(
    directory: Path,
    dovecot: DovecotServer,
    user: str,
    smtp_port: int,
    database_url: str,
    **more: str,
) -> Site:
    """Return a site in live mode on these servers."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("KITH_")}
    own = {
        "KITH_MODE": "live",
        "KITH_DATA_DIR": str(directory / "data"),
        "KITH_DATABASE__URL": database_url,
        "KITH_GROUP__ADDRESS": GROUP_ADDRESS,
        "KITH_MAILBOX__HOST": dovecot.host,
        "KITH_MAILBOX__PORT": str(dovecot.port),
        "KITH_MAILBOX__SECURITY": "none",
        "KITH_MAILBOX__USERNAME": user,
        "KITH_MAILBOX__PASSWORD": dovecot.password,
        "KITH_SMTP__HOST": "127.0.0.1",
        "KITH_SMTP__PORT": str(smtp_port),
        "KITH_SMTP__SECURITY": "none",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    return Site({**inherited, **own, **more}, directory)


def dispose(url: str) -> None:
    """Close what this process holds open of a database."""
    make_engine(url).dispose()
