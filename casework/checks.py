"""`kith check`: is every setting valid, can we reach inbox, SMTP server and database?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import click

from casework.bootstrap import make_desk, make_mailboxes, make_transport
from casework.environment import clock, current_settings
from casework.inboxes import WatchedMailbox
from casework.oauth_client import oauth_client, token_source
from casework.schema import check_schema, exposed_files
from config.database import make_engine
from config.errors import KithError
from config.oauth import token_status
from config.settings import Mode, Settings
from intake.mailbox import FolderMissingError, Role
from replies.letter_check import check_letters
from replies.smtp import DeliveryError


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: its name, whether it is well, and what was found, in plain words."""

    subject: str
    is_well: bool
    words: str


def findings(settings: Settings) -> Iterator[Finding]:
    """Yield what is found, the cheap and local things first."""
    missing = settings.missing_for_service()
    yield Finding("Settings", not missing, "\n".join(missing) or "Nothing is missing.")
    yield _tried("Letters and rules", lambda: _letters(settings))
    yield _tried("Database", lambda: _database(settings))
    if settings.uses_oauth:
        yield _permission(settings)
    if settings.mailbox.host:
        yield from _inboxes(settings)
    if settings.smtp.host:
        yield _tried("Sending", lambda: _sending(settings))
    if settings.mode is Mode.SHADOW:
        yield Finding("Mode", is_well=True, words="Shadow: mails are filed, nothing is sent.")
    else:
        yield Finding("Mode", is_well=True, words="Live: acknowledgements are sent.")


def _tried(subject: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(subject, is_well=True, words=look())
    except KithError as error:
        return Finding(subject, is_well=False, words=str(error))


def _letters(settings: Settings) -> str:
    desk = make_desk(settings)
    now = clock()
    faults = check_letters(desk.group, desk.templates, desk.signposts, now)
    if faults:
        raise KithError("\n".join(f"{fault.template}: {fault.fault}" for fault in faults))
    stale = ", ".join(each.name for each in desk.signposts.to_review(now.date()))
    words = "All letters, rules and the model can be read and are as they should be."
    return f"{words}\nTo verify before you go live (signposting.toml): {stale}." if stale else words


def _database(settings: Settings) -> str:
    engine = make_engine(settings.database_url)
    try:
        check_schema(engine)
    finally:
        engine.dispose()
    exposed = exposed_files(settings)
    if exposed:
        names = ", ".join(map(str, exposed))
        raise KithError(
            f"Other users of this computer can read: {names}. Take that away with chmod go-rwx."
        )
    return f"Reached ({engine.dialect.name}), up to date, and nobody else can read it."


def _permission(settings: Settings) -> Finding:
    try:
        status = token_status(oauth_client(settings), clock())
    except KithError as error:
        return Finding("Permission", is_well=False, words=str(error))
    words = status.warning or "Kith may sign in at the provider."
    return Finding("Permission", is_well=not status.needs_sign_in, words=words)


def _inboxes(settings: Settings) -> Iterator[Finding]:
    try:
        mailboxes = make_mailboxes(settings, token_source(settings))
    except KithError as error:
        yield Finding("Inbox", is_well=False, words=str(error))
        return
    for watched in mailboxes:
        try:
            yield Finding(_TITLES[watched.mailbox.role], is_well=True, words=_inbox(watched))
        except FolderMissingError as error:
            if not watched.is_optional:
                yield Finding(_TITLES[watched.mailbox.role], is_well=False, words=str(error))
        except KithError as error:
            yield Finding(_TITLES[watched.mailbox.role], is_well=False, words=str(error))


def _inbox(watched: WatchedMailbox) -> str:
    mailbox = watched.mailbox
    try:
        mailbox.open()
        count = mailbox.count()
    finally:
        mailbox.close()
    return f"Signed in; {mailbox.name.partition('/')[2]} holds {count} mails. Nothing was changed."


def _sending(settings: Settings) -> str:
    transport = make_transport(settings, token_source(settings))
    try:
        transport.connect()
    except DeliveryError as error:
        raise KithError(f"Letters cannot be sent: {error}") from error
    finally:
        transport.close()
    return "Signed in at the sending server. No letter was sent."


_TITLES = {Role.INBOX: "Inbox", Role.ALL_MAIL: "All mail", Role.SPAM: "Spam folder"}


@click.command("check")
def check() -> int:
    """Say in plain words whether everything is set up and can be reached."""
    failed = False
    for finding in findings(current_settings()):
        mark = "ok  " if finding.is_well else "FAIL"
        first, *others = finding.words.splitlines()
        click.echo(f"{mark}  {finding.subject}: {first}")
        for line in others:
            click.echo(f"      {line}")
        failed |= not finding.is_well
    return 1 if failed else 0
