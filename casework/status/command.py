"""`kith status`: is any mail missing, does anything wait too long, does anything need a person?"""

import json
from collections.abc import Callable, Sequence
from datetime import timedelta

import click

from casework.environment import clock, current_settings
from casework.schema import open_database
from casework.status.model import Token, Watching
from casework.status.reading import ROLE_WORDS, read_status
from casework.status.report import as_json, in_lines
from config.database import Sessions, readers
from config.oauth import TokenStatus
from config.settings import Mode, Settings
from intake.mailbox import FolderMissingError, Mailbox, MailboxError
from intake.reconciling import reconcile

Tokens = Callable[[Settings], tuple[Token, ...]]
"""Returns our permissions to sign in; there are none where passwords are used."""
OpenMailboxes = Callable[[Settings], Sequence[Mailbox]]
"""Returns every mailbox that is read, not connected yet."""


def watching_of(
    settings: Settings, mailboxes: Sequence[Mailbox], tokens: tuple[Token, ...] = ()
) -> Watching:
    """Return what is watched, out of the settings and the mailboxes that are read by them."""
    alarms, hours = settings.alarms, settings.service.reconcile_hours
    is_live = settings.mode is Mode.LIVE
    return Watching(
        is_live=is_live,
        go_live=settings.group.go_live,
        silence=timedelta(minutes=alarms.silence_minutes) if alarms.silence_minutes else None,
        canary_every=timedelta(hours=alarms.canary_hours)
        if alarms.canary_hours and is_live
        else None,
        compare_every=timedelta(hours=hours) if hours else None,
        mailboxes={mailbox.name: ROLE_WORDS[mailbox.role] for mailbox in mailboxes},
        tokens=tokens,
    )


def token_of(sign_in: TokenStatus) -> Token:
    """Return what the status tells of a sign-in: not whose it is."""
    ends = [end for end in (sign_in.refresh_ends, sign_in.secret_ends) if end is not None]
    return Token(
        sign_in.provider,
        min(ends, default=None),
        needs_sign_in=sign_in.needs_sign_in,
        warning=sign_in.warning,
    )


def compare(mailboxes: Sequence[Mailbox], sessions: Sessions) -> list[str]:
    """Compare each mailbox with the ledger; return a sentence for each that cannot be reached.

    What is found stands in the status afterwards.
    """
    problems: list[str] = []
    for mailbox in mailboxes:
        try:
            reconcile(mailbox, sessions, now=clock)
        except FolderMissingError:
            continue  # only folders beside the inbox may be missing; the inbox's pulse tells
        except MailboxError as error:
            problems.append(str(error))
        finally:
            mailbox.close()
    return problems


def make_command(open_mailboxes: OpenMailboxes, tokens: Tokens = lambda _: ()) -> click.Command:
    """Return the command; the mailboxes are connected only when --compare is given."""

    @click.command("status")
    @click.option("--json", "as_object", is_flag=True, help="Print JSON.")
    @click.option("--compare", "wants_comparison", is_flag=True, help="Look at the server first.")
    def status(*, as_object: bool, wants_comparison: bool) -> int:
        """Say how everything is; the exit code is 1 when something needs a person."""
        settings = current_settings()
        sessions = open_database(settings)
        mailboxes = open_mailboxes(settings)
        problems = compare(mailboxes, sessions) if wants_comparison else []
        for problem in problems:
            click.echo(f"Not compared: {problem}", err=True)
        with readers(sessions)() as session:
            watching = watching_of(settings, mailboxes, tokens(settings))
            found = read_status(session, watching, clock())
        lines = [json.dumps(as_json(found), indent=2)] if as_object else in_lines(found)
        for line in lines:
            click.echo(line)
        return 0 if found.is_well and not problems else 1

    return status
