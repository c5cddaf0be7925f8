"""`kith mail`: the ledger itself, so that what made no case can be found and read."""

import sys
from collections.abc import Iterator

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from casework.environment import clock, current_settings
from casework.models import Case, CaseMessage
from casework.refiling import judge_apart, refile
from casework.schema import open_database
from casework.settled_judges import judges_of
from casework.shelves import Shelf, shelved
from config.database import readers
from config.errors import KithError
from intake.inbox import MailState, ReceivedMail, raw_of, take_up_again
from intake.inbox.ledger import SPAM_FOLDER


class NoSuchMailError(KithError):
    """The ledger has no mail of this number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"There is no received mail {number}. `kith mail list` shows them.")


class NotSetAsideError(KithError):
    """Only a mail that was set aside can be tried again."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"Received mail {number} is not set aside. `kith mail list --state set_aside` shows "
            "those that are."
        )


def line_of(mail: ReceivedMail) -> str:
    """Return a line of the ledger; nothing in it was written by a correspondent."""
    came = f"{mail.internal_date:%Y-%m-%d %H:%M}"
    parts = [str(mail.id), came, mail.state, mail.verdict or "", mail.rule or "", mail.reason or ""]
    return "  ".join(part for part in parts if part)


@click.group()
def mail() -> None:
    """Look at received mails, also those that made no case."""


def spam_lines(session: Session) -> Iterator[str]:
    """Yield what a person needs to go through the spam folder: number, when, sender's domain."""
    before: int | None = None
    while page := shelved(session, Shelf.SPAM_FOLDER, before=before):
        for each in page:
            yield f"{each.id}  {each.came_at:%Y-%m-%d %H:%M}  {each.domain or '(no domain)'}"
        before = page[-1].id


@mail.command("list")
@click.option(
    "--state", type=click.Choice([state.value for state in MailState]), help="Only these."
)
@click.option("--rule", help="Only those that this rule decided, such as spam-folder.")
def list_command(state: str | None, rule: str | None) -> None:
    """List the ledger, oldest first: number, when it came, state, verdict, rule, reason.

    Of the spam folder: number, when it came and the sender's domain, the newest first.
    """
    statement = select(ReceivedMail).order_by(ReceivedMail.id)
    if state is not None:
        statement = statement.where(ReceivedMail.state == state)
    if rule is not None:
        statement = statement.where(ReceivedMail.rule == rule)
    with readers(open_database(current_settings()))() as session:
        if rule == SPAM_FOLDER:
            for line in spam_lines(session):
                click.echo(line)
            return
        for received in session.execute(statement).scalars():
            click.echo(line_of(received))


@mail.command("show")
@click.argument("number", type=int)
@click.option("--raw", is_flag=True, help="Write the mail itself, byte for byte.")
def show_command(*, number: int, raw: bool) -> None:
    """Show one received mail: where it is, why, and which case it is in."""
    with readers(open_database(current_settings()))() as session:
        received = session.get(ReceivedMail, number)
        if received is None:
            raise NoSuchMailError(number)
        if raw:
            sys.stdout.buffer.write(raw_of(session, number))
            return
        statement = select(Case.reference).join(CaseMessage, CaseMessage.case_id == Case.id)
        reference = session.execute(
            statement.where(CaseMessage.received_id == number)
        ).scalar_one_or_none()
    click.echo(line_of(received))
    click.echo(f"mailbox {received.mailbox}, UIDVALIDITY {received.uid_validity}")
    click.echo(f"UID {received.uid}, {received.size} bytes, SHA-256 {received.sha256}")
    click.echo(f"case {reference}" if reference else "in no case")


@mail.command("retry")
@click.argument("number", type=int)
def retry_command(*, number: int) -> None:
    """Let Kith try a mail again that was set aside."""
    with open_database(current_settings()).begin() as session:
        if not take_up_again(session, number):
            raise NotSetAsideError(number)
    click.echo(f"Received mail {number} will be tried again.")


@mail.command("refile")
@click.argument("number", type=int)
@click.option("--by", default="whoever runs Kith", show_default=True, help="Who files it.")
def refile_command(*, number: int, by: str) -> None:
    """File a mail as a case that was screened out or set aside; its sender gets no reply."""
    settings = current_settings()
    sessions = open_database(settings)
    judge = judge_apart(judges_of(settings), clock, seconds=settings.limits.judge_seconds)
    reference = refile(sessions, number, judge=judge, by=by, now=clock())
    click.echo(f"Received mail {number} is filed as {reference}, to be sorted by a person.")
