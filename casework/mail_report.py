"""`kith mail`: the ledger itself, so that what made no case can be found and read."""

import sys

import click
from sqlalchemy import select

from casework.environment import current_settings
from casework.models import Case, CaseMessage
from casework.schema import open_database
from config.database import readers
from config.errors import KithError
from intake.inbox import MailState, ReceivedMail, raw_of, take_up_again


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


@mail.command("list")
@click.option(
    "--state", type=click.Choice([state.value for state in MailState]), help="Only these."
)
def list_command(state: str | None) -> None:
    """List the ledger, oldest first: number, when it came, state, verdict, rule, reason."""
    statement = select(ReceivedMail).order_by(ReceivedMail.id)
    if state is not None:
        statement = statement.where(ReceivedMail.state == state)
    with readers(open_database(current_settings()))() as session:
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
