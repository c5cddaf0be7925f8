"""Putting Kith together out of its settings: the one place that picks real adapters."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from casework.pipeline import Desk
from casework.processing import Worker
from casework.settled_judges import judges_of
from config.database import Sessions, make_engine, make_sessions
from config.errors import KithError
from config.files import read_text
from config.process_identity import is_gone, this_process
from config.settings import Mode, Settings
from intake.mailbox import ImapMailbox, ImapServer, Mailbox
from replies.acknowledgement import AcknowledgementTemplate, GroupVoice
from replies.signposting import load_signposts
from replies.smtp import SmtpServer, SmtpTransport, Transport
from replies.templates import ReplyTemplates


class NotSetUpError(KithError):
    """Settings without which there is nothing to do are missing."""

    def __init__(self, missing: tuple[str, ...]) -> None:
        super().__init__("\n".join((*missing, "`kith init` asks for all of it.")))


@dataclass(frozen=True, slots=True)
class Kith:
    """The assembled parts. Connections to the mail servers are made when first used."""

    settings: Settings
    engine: Engine
    sessions: Sessions
    desk: Desk
    mailbox: Mailbox
    transport: Transport | None
    now: Callable[[], datetime]

    @property
    def lease(self) -> timedelta:
        """Return for how long a claim holds."""
        return timedelta(seconds=self.settings.service.lease_seconds)

    def worker(self, should_stop: Callable[[], bool]) -> Worker:
        """Return this process as a worker on received mails."""
        return Worker(
            owner=this_process(),
            lease=self.lease,
            attempts=self.settings.limits.attempts,
            is_gone=is_gone,
            should_stop=should_stop,
            now=self.now,
        )


def assemble(settings: Settings, now: Callable[[], datetime]) -> Kith:
    """Return the parts; raises `NotSetUpError` when the settings are not enough to work with."""
    if missing := settings.missing_for_service():
        raise NotSetUpError(missing)
    engine = make_engine(settings.database_url)
    return Kith(
        settings=settings,
        engine=engine,
        sessions=make_sessions(engine),
        desk=make_desk(settings),
        mailbox=make_mailbox(settings),
        transport=make_transport(settings) if settings.mode is Mode.LIVE else None,
        now=now,
    )


def make_desk(settings: Settings) -> Desk:
    """Return what the pipeline needs, with the site's own files laid over the packaged ones.

    A letter, list or model of the site's own that cannot be used is refused here, not when the
    first mail comes.
    """
    group = settings.group
    templates = ReplyTemplates(settings.site_dir)
    templates.check(AcknowledgementTemplate)
    return Desk(
        judges=judges_of(settings),
        templates=templates,
        signposts=load_signposts(read_text("signposting.toml", settings.site_dir)),
        group=GroupVoice(
            name=group.name,
            address=group.address,
            reply_days=group.reply_days,
            privacy_url=group.privacy_url,
            help_url=group.help_url,
            regulator=group.regulator,
            regulator_url=group.regulator_url,
        ),
        acknowledgements_per_day=settings.limits.acknowledgements_per_address_per_day,
        is_live=settings.mode is Mode.LIVE,
    )


def make_mailbox(settings: Settings) -> ImapMailbox:
    """Return the inbox, not connected yet."""
    mailbox, limits = settings.mailbox, settings.limits
    return ImapMailbox(
        ImapServer(
            host=mailbox.host,
            port=mailbox.port,
            security=mailbox.security,
            username=mailbox.username,
            password=mailbox.password.get_secret_value() if mailbox.password else "",
            folder=mailbox.folder,
            connect_timeout=mailbox.connect_timeout,
            read_timeout=mailbox.read_timeout,
            message_bytes=limits.message_bytes,
            batch_messages=limits.batch_messages,
            batch_bytes=limits.batch_bytes,
        )
    )


def make_transport(settings: Settings) -> SmtpTransport:
    """Return the way out, not connected yet."""
    smtp = settings.smtp
    return SmtpTransport(
        SmtpServer(
            host=smtp.host,
            port=smtp.port,
            security=smtp.security,
            username=smtp.username,
            password=smtp.password.get_secret_value() if smtp.password else "",
            timeout=smtp.timeout,
            deadline=settings.service.lease_seconds / 2,
        )
    )
