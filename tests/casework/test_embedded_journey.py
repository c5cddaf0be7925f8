"""The journey against the embedded servers, on both databases; and two Kiths facing each other."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from casework.bootstrap import assemble
from casework.demo.mail_servers import DemoMail
from casework.demo.sample_inbox import sample_inbox
from casework.environment import clock
from casework.schema import upgrade
from casework.service import one_pass
from casework.worker import Service
from config.settings import (
    DatabaseSettings,
    GroupSettings,
    MailboxSettings,
    Mode,
    Security,
    Settings,
    SmtpSettings,
)
from tests.casework.desks import a_mail

OURS = "hello@kith.example.org"
THEIRS = "help@other-kith.example.net"


@pytest.fixture
def mail() -> Iterator[DemoMail]:
    """Give a post office where every address has a mailbox."""
    servers = DemoMail(OURS)
    servers.start()
    yield servers
    servers.stop()


def service_at(mail: DemoMail, address: str, directory: Path, database_url: str) -> Service:
    """Return a whole Kith that reads and answers the mail of `address`."""
    settings = Settings(
        mode=Mode.LIVE,
        data_dir=directory,
        database=DatabaseSettings(url=database_url),
        mailbox=MailboxSettings(
            host=mail.host,
            security=Security.NONE,
            port=mail.imap_port,
            username=address,
            password=mail.password,
        ),
        smtp=SmtpSettings(host=mail.host, security=Security.NONE, port=mail.smtp_port),
        group=GroupSettings(address=address),
    )
    directory.mkdir(exist_ok=True)
    kith = assemble(settings, clock)
    upgrade(kith.engine)
    return Service(kith, threading.Event())


def test_the_sample_inbox_is_worked_by_the_embedded_servers(
    mail: DemoMail, empty_database_url: str, tmp_path: Path
) -> None:
    samples = sample_inbox(OURS, datetime.now(UTC))
    for sample in samples:
        mail.deliver(OURS, sample.raw, sample.internal_date)
    service = service_at(mail, OURS, tmp_path, empty_database_url)
    report = one_pass(service)
    service.close()
    assert report.stored == len(samples)
    assert report.set_aside == report.failed == 0
    assert report.sent == report.acknowledged > 20


def test_two_kiths_facing_each_other_fall_silent_after_one_letter_each(
    mail: DemoMail, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    to_them = a_mail(now, sender=OURS).replace(b"To: " + OURS.encode(), b"To: " + THEIRS.encode())
    mail.deliver(THEIRS, to_them)
    mail.deliver(OURS, a_mail(now, sender=THEIRS))
    services = [
        service_at(mail, OURS, tmp_path / "a", f"sqlite:///{tmp_path / 'a.sqlite3'}"),
        service_at(mail, THEIRS, tmp_path / "b", f"sqlite:///{tmp_path / 'b.sqlite3'}"),
    ]
    sent = [0, 0]
    for _ in range(6):
        sent = [
            so_far + one_pass(service).sent for so_far, service in zip(sent, services, strict=True)
        ]
    for service in services:
        service.close()
    assert sent == [1, 1]
    assert len(mail.letters_to(OURS)) == len(mail.letters_to(THEIRS)) == 2
