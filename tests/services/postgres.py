"""A private PostgreSQL cluster on 127.0.0.1, made from Debian's programs for one test run.

`KITH_TEST_PG_URL` (a server where the user may create databases) is used instead when it is set.
"""

import os
import secrets
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from tests.services.places import (
    LOOPBACK,
    RunAs,
    ServiceBrokenError,
    ServiceMissingError,
    cleaned_up,
    dies_with_us,
    free_port,
    give_to,
    make_directory,
    remove_directory,
    run_as,
    tail,
    wait_for,
)

ATTEMPTS = 3
INSTALLED_BELOW = Path("/usr/lib/postgresql")

# Tests need no crash safety of the server itself; what they test is ours.
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "timezone": "UTC",
}
# For measurements: as a site runs it.
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


@dataclass(frozen=True)
class PostgresServer:
    """A PostgreSQL server that databases can be made on."""

    url: str
    """The maintenance database; `postgresql://...`, which SQLAlchemy 2.1 gives to psycopg 3."""
    directory: Path | None = None
    process: subprocess.Popen[bytes] | None = None
    _numbers: "count[int]" = field(default_factory=count)

    def create_database(self, template: str | None = None) -> str:
        """Make an empty database, or a copy of the one at the URL `template`; return its URL.

        Nobody may be connected to the template.
        """
        name = f"kith_{os.getpid()}_{secrets.token_hex(3)}_{next(self._numbers)}"
        source = (template and make_url(template).database) or "template0"
        self._run(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8'").format(
                sql.Identifier(name), sql.Identifier(source)
            )
        )
        return make_url(self.url).set(database=name).render_as_string(hide_password=False)

    def drop_database(self, url: str) -> None:
        """Drop a database made here, whoever is still connected to it."""
        name = make_url(url).database or ""
        self._run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def disconnect_all(self, url: str) -> None:
        """End every connection to a database: a test that forgot one must not block the next."""
        name = make_url(url).database or ""
        self._run(
            sql.SQL(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}"
            ).format(sql.Literal(name))
        )

    def stop(self) -> None:
        """Stop the server if it is ours, wait for it, and remove its files."""
        if self.process is not None:
            _stop(self.process)
        if self.directory is not None:
            remove_directory(self.directory)

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)


def start_postgres(tmp: Path, *, durable: bool = False) -> PostgresServer:
    """Start a private cluster with its files below `tmp` (below /tmp when we are root).

    `durable` keeps fsync and the like on, for measurements. Raises `ServiceMissingError` when
    PostgreSQL is not installed, `ServiceBrokenError` with the end of its log when it fails.
    """
    if given := os.environ.get("KITH_TEST_PG_URL"):
        return PostgresServer(given)
    programs = _programs()
    owner = run_as("postgres")
    directory = make_directory(tmp, "postgres", owner)
    with cleaned_up(directory):
        password = _make_cluster(programs, directory, owner)
        for _ in range(ATTEMPTS):  # somebody else may take the port between looking and listening
            port = free_port()
            process = _start(programs, directory, owner, port, durable=durable)
            url = f"postgresql://kith:{password}@{LOOPBACK}:{port}/postgres"
            if _is_up(process, url):
                return PostgresServer(url, directory, process)
            _stop(process)
        log = tail(directory / "postgres.log")
        raise ServiceBrokenError(f"PostgreSQL did not start. The end of its log:\n{log}")


def _programs() -> Path:
    def version(path: Path) -> float:
        with suppress(ValueError):
            return float(path.parent.parent.name)
        return 0.0

    found = sorted(INSTALLED_BELOW.glob("*/bin/initdb"), key=version)
    if found:
        return found[-1].parent
    if on_path := shutil.which("initdb"):
        return Path(on_path).resolve().parent
    raise ServiceMissingError("PostgreSQL is not installed; run .ci/services to install it.")


def _make_cluster(programs: Path, directory: Path, owner: RunAs) -> str:
    password = secrets.token_hex(12)
    password_file = directory / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    give_to(password_file, owner)
    command = [str(programs / "initdb"), "--no-sync", "-U", "kith", "-E", "UTF8"]
    options = ["--locale=C.UTF-8", "-A", "scram-sha-256", f"--pwfile={password_file}"]
    made = subprocess.run(
        [*command, *options, "-D", str(directory / "data")],
        capture_output=True,
        text=True,
        cwd=directory,
        user=owner.switch_uid,
        group=owner.switch_gid,
        extra_groups=owner.switch_groups,
    )
    password_file.unlink()
    if made.returncode != 0:
        raise ServiceBrokenError(f"PostgreSQL's initdb failed:\n{made.stdout}{made.stderr}")
    return password


def _start(
    programs: Path, directory: Path, owner: RunAs, port: int, *, durable: bool
) -> subprocess.Popen[bytes]:
    settings = SETTINGS | (DURABLE if durable else {}) | {"port": str(port)}
    options = [f"--{name}={value}" for name, value in settings.items()]
    command = [*dies_with_us("INT"), str(programs / "postgres"), "-D", str(directory / "data")]
    with (directory / "postgres.log").open("ab") as log:
        return subprocess.Popen(
            [*command, *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=directory,
            user=owner.switch_uid,
            group=owner.switch_gid,
            extra_groups=owner.switch_groups,
        )


def _is_up(process: subprocess.Popen[bytes], url: str) -> bool:
    def answers() -> bool:
        with suppress(psycopg.OperationalError):
            psycopg.connect(url, connect_timeout=5).close()
            return True
        return False

    wait_for(lambda: process.poll() is not None or answers(), seconds=30)
    return process.poll() is None and answers()


def _stop(process: subprocess.Popen[bytes]) -> None:
    # SIGINT is PostgreSQL's "fast shutdown": it ends the sessions and writes a clean state.
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=5)
