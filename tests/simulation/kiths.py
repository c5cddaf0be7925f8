"""A whole Kith in this process, put together as the program does, on doors and a clock of ours."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from casework.bootstrap import Kith, assemble, make_mailboxes, make_transport
from casework.inboxes import WatchedMailbox
from casework.worker import Service
from config.database import make_sessions
from config.settings import (
    DatabaseSettings,
    GroupSettings,
    LimitSettings,
    MailboxSettings,
    Mode,
    ScreeningSettings,
    Security,
    Settings,
    SmtpSettings,
    Watch,
)
from intake.mailbox import Mailbox
from replies.smtp import Transport
from tests.services.places import LOOPBACK
from tests.simulation.traffic import TRUSTED

GROUP_ADDRESS = "hello@kith.example.org"
CAPS = tuple(
    name
    for name in LimitSettings.model_fields
    if name.startswith("acknowledgements_per_")
    or name.endswith(("_per_hour", "_per_10_minutes", "_per_week"))
)
NO_CAPS = LimitSettings(**dict.fromkeys(CAPS, 0))
NO_CAPS_IN_ENVIRON = {f"KITH_LIMITS__{name.upper()}": "0" for name in CAPS}
"""The same for a Kith in a process of its own."""


class Clock:
    """A clock that goes only when it is told to."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def __call__(self) -> datetime:
        """Return the moment."""
        return self._now

    def pass_by(self, **much: float) -> datetime:
        """Let time pass, in the words of `timedelta`, and return the moment."""
        self._now += timedelta(**much)
        return self._now


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the mail servers of a Kith listen on 127.0.0.1, and how to sign in."""

    imap: int
    smtp: int
    username: str = GROUP_ADDRESS
    password: str = "unused"


def settings_for(
    url: str,
    directory: Path,
    ports: Ports,
    *,
    address: str = GROUP_ADDRESS,
    limits: LimitSettings = NO_CAPS,
) -> Settings:
    """Return the settings of a live Kith; without caps unless `limits` says otherwise."""
    return Settings(
        mode=Mode.LIVE,
        data_dir=directory,
        database=DatabaseSettings(url=url),
        mailbox=MailboxSettings(
            host=LOOPBACK,
            port=ports.imap,
            security=Security.NONE,
            username=ports.username,
            password=ports.password,
            connect_timeout=5,
            read_timeout=5,
            watch_all_mail=Watch.NO,
            watch_spam=Watch.NO,
        ),
        smtp=SmtpSettings(host=LOOPBACK, port=ports.smtp, security=Security.NONE, timeout=5),
        group=GroupSettings(address=address),
        screening=ScreeningSettings(trusted_authserv_ids=[TRUSTED]),
        limits=limits,
    )


def service_of(
    settings: Settings,
    clock: Callable[[], datetime],
    *,
    mailbox: Mailbox | None = None,
    transport: Transport | None = None,
) -> Service:
    """Return a service on these settings; doors that are given stand in for the real ones."""
    kith = assemble(settings, clock)
    kith = replace(
        kith,
        mailboxes=(WatchedMailbox(mailbox, None),) if mailbox else kith.mailboxes,
        transport=transport or kith.transport,
    )
    return Service(kith, threading.Event())


def service_like(
    model: Kith, settings: Settings, clock: Callable[[], datetime], engine: Engine
) -> Service:
    """Return a service on `engine` with the desk of another, whose making takes most of the time.

    An engine that is used again need not compile its statements anew.
    """
    kith = replace(
        model,
        settings=settings,
        engine=engine,
        sessions=make_sessions(engine),
        mailboxes=make_mailboxes(settings, None),
        transport=make_transport(settings, None),
        now=clock,
    )
    return Service(kith, threading.Event())


def evening() -> datetime:
    """Return the moment at which simulations begin: late on a Tuesday."""
    return datetime(2026, 11, 24, 23, 41, tzinfo=UTC)
