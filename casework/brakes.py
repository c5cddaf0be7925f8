"""`kith brake` and `kith keys`: what holds automatic letters back, and who lets it go again.

Addresses are shown here, since whoever lifts a brake must know whose it is; nowhere else.
"""

import click

from casework.breakers import breaker_of_address, close_breaker, open_breakers
from casework.environment import clock, current_settings
from casework.schema import open_database
from config.database import readers
from config.errors import KithError
from replies.outgoing import address_key
from replies.signing_keys import rotate
from replies.suspension import lift_suspension, suspended_addresses


class NoSuchBrakeError(KithError):
    """Nothing of this name holds letters back."""

    def __init__(self) -> None:
        super().__init__("Nothing of that name holds letters back: `kith brake list` lists all.")


@click.group("brake")
def brake() -> None:
    """Look at what holds automatic letters back, and let go of it."""


@brake.command("list")
def list_command() -> None:
    """List the open breakers and the suspended addresses, with their reasons."""
    with readers(open_database(current_settings()))() as session:
        breakers = open_breakers(session, clock())
        suspended = suspended_addresses(session)
    for each in breakers:
        until = (
            f"until {each.ends_at:%Y-%m-%d %H:%M} UTC" if each.ends_at else "until there is room"
        )
        click.echo(f"{each.key or each.name}  {until}  {each.reason}")
    for address in suspended:
        click.echo(f"{address.key}  since {address.since:%Y-%m-%d}  {address.reason}")
    if not breakers and not suspended:
        click.echo("Nothing holds letters back.")


@brake.command("lift")
@click.argument("what")
@click.option("--by", required=True, help="Your name; it is kept.")
def lift_command(*, what: str, by: str) -> None:
    """Let letters go again: WHAT is an address, or the name of a breaker such as all:hour."""
    key, now = address_key(what), clock()
    with open_database(current_settings()).begin() as session:
        lifted = lift_suspension(session, key, by=by, now=now) if "@" in what else False
        names = (what, breaker_of_address(key)) if "@" in what else (what,)
        closed = [close_breaker(session, name, by=by, now=now) for name in names]
    if not (lifted or any(closed)):
        raise NoSuchBrakeError
    click.echo("Let go: automatic letters may leave again.")


@click.group("keys")
def keys() -> None:
    """Look after the keys that sign our letters."""


@keys.command("rotate")
def rotate_command() -> None:
    """Sign with a new key from now on; what older keys signed stays good.

    A service that is running takes the new key within a minute.
    """
    with open_database(current_settings()).begin() as session:
        rotate(session, clock())
    click.echo("Letters are signed with a new key from now on.")
