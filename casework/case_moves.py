"""`kith case move`, `split`, `merge` and `confirm`: a named person puts right what was filed."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click
from sqlalchemy.orm import Session

from casework.environment import current_settings
from casework.finding import find
from casework.history import KITH
from casework.moving import (
    Doing,
    MovingError,
    confirm_sender,
    merge_cases,
    move_message,
    split_message,
)
from casework.schema import open_database

Command = Callable[..., Any]


class NamelessError(MovingError):
    """Nobody says who does it."""

    def __init__(self) -> None:
        super().__init__("Say who does this: --by 'Your name'. The history of the case keeps it.")


def _signed(command: Command) -> Command:
    """Give a command the options that say who does it, and why."""
    named = click.option("--by", required=True, help="Your name, for the history.")
    reasoned = click.option("--why", default="", help="Why, for the history.")
    return named(reasoned(command))


def _doing(by: str, why: str) -> Doing:
    name = " ".join(by.split())
    if not name or name.casefold() == KITH.casefold():
        raise NamelessError
    return Doing(name, datetime.now(UTC), why.strip())


def _do(work: Callable[[Session], str]) -> None:
    with open_database(current_settings()).begin() as session:
        said = work(session)
    click.echo(said)


@click.command("move")
@click.argument("mail", type=int)
@click.argument("reference")
@_signed
def move_command(*, mail: int, reference: str, by: str, why: str) -> None:
    """Move MAIL, and all that answers it, into the case REFERENCE.

    `kith case show` gives the numbers of mails.
    """
    doing = _doing(by, why)

    def work(session: Session) -> str:
        target = find(session, reference)
        moved = move_message(session, mail, target.id, doing)
        return f"{moved} moved to {target.reference}."

    _do(work)


@click.command("split")
@click.argument("mail", type=int)
@_signed
def split_command(*, mail: int, by: str, why: str) -> None:
    """Make a case of its own of MAIL and all that answers it."""
    doing = _doing(by, why)
    _do(lambda session: f"It is {split_message(session, mail, doing)} now.")


@click.command("merge")
@click.argument("reference")
@click.argument("into")
@_signed
def merge_command(*, reference: str, into: str, by: str, why: str) -> None:
    """Merge the case REFERENCE into the case INTO."""
    doing = _doing(by, why)

    def work(session: Session) -> str:
        source, target = find(session, reference), find(session, into)
        merge_cases(session, source.id, target.id, doing)
        return f"{source.reference} is part of {target.reference} now."

    _do(work)


@click.command("confirm")
@click.argument("mail", type=int)
@click.option("--add-address", is_flag=True, help="Know this address as theirs from now on.")
@_signed
def confirm_command(*, mail: int, add_address: bool, by: str, why: str) -> None:
    """Confirm that MAIL comes from the case's own correspondent."""
    doing = _doing(by, why)

    def work(session: Session) -> str:
        confirm_sender(session, mail, doing, add_address=add_address)
        return "Confirmed."

    _do(work)


COMMANDS = (move_command, split_command, merge_command, confirm_command)
