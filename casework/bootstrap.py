"""Putting Kith together out of its settings: the one place that picks real adapters."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from casework.apart.side_room import SideRoom
from casework.inboxes import Rhythm, WatchedMailbox
from casework.oauth_client import token_source
from casework.pipeline import Desk
from casework.processing import Worker
from casework.providers import takes_plus_addresses
from casework.settled_judges import judges_of
from config.database import Sessions, make_engine, make_sessions
from config.errors import KithError
from config.files import read_text
from config.oauth import TokenSource
from config.process_identity import is_gone, this_process
from config.settings import (
    Auth,
    LimitSettings,
    MailboxSettings,
    Mode,
    ReplyAddress,
    Settings,
    Watch,
)
from intake.mailbox import ImapMailbox, ImapServer, Role
from replies.acknowledgement import AcknowledgementTemplate, GroupVoice
from replies.caps import Caps
from replies.signing_keys import ensure_key, load_signer
from replies.signposting import load_signposts
from replies.smtp import SmtpServer, SmtpTransport, Transport
from replies.templates import ReplyTemplates

LEASES_OF_A_POLL = 5
"""A poll's lease is renewed with each batch, and the largest mail may come by a slow line: were it
shorter, two processes would take the mailbox from each other before either had the mail."""


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
    mailboxes: tuple[WatchedMailbox, ...]
    transport: Transport | None
    now: Callable[[], datetime]

    @property
    def lease(self) -> timedelta:
        """Return for how long a claim holds."""
        return timedelta(seconds=self.settings.service.lease_seconds)

    @property
    def rhythm(self) -> Rhythm:
        """Return how the inboxes are visited."""
        service = self.settings.service
        hours = service.reconcile_hours
        lease = service.lease_seconds * LEASES_OF_A_POLL
        return Rhythm(lease, timedelta(hours=hours) if hours else None)

    def worker(self, should_stop: Callable[[], bool], side_room: SideRoom | None = None) -> Worker:
        """Return this process as a worker on received mails."""
        return Worker(
            owner=this_process(),
            lease=self.lease,
            attempts=self.settings.limits.attempts,
            is_gone=is_gone,
            should_stop=should_stop,
            now=self.now,
            judge_seconds=self.settings.limits.judge_seconds,
            side_room=side_room,
        )


def assemble(settings: Settings, now: Callable[[], datetime]) -> Kith:
    """Return the parts; raises `NotSetUpError` when the settings are not enough to work with."""
    if missing := settings.missing_for_service():
        raise NotSetUpError(missing)
    engine = make_engine(settings.database_url)
    tokens = token_source(settings)
    return Kith(
        settings=settings,
        engine=engine,
        sessions=make_sessions(engine),
        desk=make_desk(settings),
        mailboxes=make_mailboxes(settings, tokens),
        transport=make_transport(settings, tokens) if settings.mode is Mode.LIVE else None,
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
    judges = judges_of(settings)
    return Desk(
        judges=judges,
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
        is_live=settings.mode is Mode.LIVE,
        caps=_caps(settings.limits, judges.screening_rules.doubts.free_mail_domains),
        soft_failures_per_week=settings.limits.soft_failures_per_week,
        reopens_per_hour=settings.limits.reopens_per_case_per_hour,
        reply_address_is_signed=_signs_reply_addresses(settings),
    )


def with_keys(desk: Desk, session: Session, now: datetime) -> Desk:
    """Return the desk with the keys that sign our letters; a first key is made if there is none."""
    ensure_key(session, now)
    signer = load_signer(session)
    judges = replace(desk.judges, is_our_id=signer.is_ours)
    return replace(desk, signer=signer, judges=judges)


def _caps(limits: LimitSettings, shared_domains: frozenset[str]) -> Caps:
    names = [each.name for each in fields(Caps) if each.name != "shared_domains"]
    values = {name: getattr(limits, name) for name in names}
    return Caps(**values, shared_domains=shared_domains)


def _signs_reply_addresses(settings: Settings) -> bool:
    choice = settings.group.reply_address
    if choice is ReplyAddress.AUTO:
        return takes_plus_addresses(settings.mailbox.host)
    return choice is ReplyAddress.SIGNED


def make_mailboxes(settings: Settings, tokens: TokenSource | None) -> tuple[WatchedMailbox, ...]:
    """Return every folder that is read, the inboxes first; none is connected yet."""
    servers = [
        (mailbox, _server(mailbox, settings, tokens, is_first=section == "mailbox"))
        for section, mailbox in settings.all_mailboxes.items()
    ]
    inboxes = [WatchedMailbox(ImapMailbox(server), mailbox.start) for mailbox, server in servers]
    others = [
        each
        for mailbox, server in servers
        for each in (_all_mail(mailbox, server, settings.group.go_live), _spam(mailbox, server))
        if each is not None
    ]
    return (*inboxes, *others)


def _all_mail(
    mailbox: MailboxSettings, server: ImapServer, go_live: datetime | None
) -> WatchedMailbox | None:
    # It holds years of mail that people have dealt with: without a day to begin with, that would
    # all be filed, so then it must be asked for.
    start, watch = mailbox.start or go_live, mailbox.watch_all_mail
    if watch is Watch.NO or (watch is Watch.AUTO and start is None):
        return None
    return _beside(server, Role.ALL_MAIL, "\\All", start, watch)


def _spam(mailbox: MailboxSettings, server: ImapServer) -> WatchedMailbox | None:
    if mailbox.watch_spam is Watch.NO:
        return None
    return _beside(server, Role.SPAM, "\\Junk", mailbox.start, mailbox.watch_spam)


def _beside(
    server: ImapServer, role: Role, use: str, start: datetime | None, watch: Watch
) -> WatchedMailbox:
    account = server.name_as.rpartition("/")[0]
    there = replace(
        server, role=role, special_use=use, name_as=f"{account}/{use}" if account else ""
    )
    return WatchedMailbox(ImapMailbox(there), start, is_optional=watch is Watch.AUTO)


def _server(
    mailbox: MailboxSettings, settings: Settings, tokens: TokenSource | None, *, is_first: bool
) -> ImapServer:
    limits = settings.limits
    # The first inbox keeps the short name that ledgers have known it by.
    full_name = f"{mailbox.username}@{mailbox.host}/{mailbox.folder}"
    return ImapServer(
        host=mailbox.host,
        port=mailbox.port,
        security=mailbox.security,
        username=mailbox.username,
        password=mailbox.password.get_secret_value() if mailbox.password else "",
        token=tokens.access_token if tokens and mailbox.auth is Auth.OAUTH else None,
        folder=mailbox.folder,
        name_as="" if is_first else full_name,
        idle=mailbox.idle,
        connect_timeout=mailbox.connect_timeout,
        read_timeout=mailbox.read_timeout,
        message_bytes=limits.message_bytes,
        batch_messages=limits.batch_messages,
        batch_bytes=limits.batch_bytes,
    )


def make_transport(settings: Settings, tokens: TokenSource | None) -> SmtpTransport:
    """Return the way out, not connected yet."""
    smtp = settings.smtp
    return SmtpTransport(
        SmtpServer(
            host=smtp.host,
            port=smtp.port,
            security=smtp.security,
            username=smtp.username,
            password=smtp.password.get_secret_value() if smtp.password else "",
            token=tokens.access_token if tokens and smtp.auth is Auth.OAUTH else None,
            timeout=smtp.timeout,
            deadline=settings.service.lease_seconds / 2,
        )
    )
