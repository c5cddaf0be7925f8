"""The commands, gathered. Each lives beside what it commands and is imported only when called."""

import importlib
import logging
import sys
from collections.abc import Sequence

import click

from config.errors import KithError
from config.logs import configure_logging, log_uncaught_errors

COMMANDS = {
    "brake": "casework.brakes:brake",
    "case": "casework.case_report:case",
    "check": "casework.checks:check",
    "db": "casework.schema:db",
    "demo": "casework.demo.command:demo",
    "explain": "casework.explain:explain",
    "import": "casework.importing.command:import_command",
    "init": "casework.setup:init",
    "keys": "casework.brakes:keys",
    "login": "casework.login:login",
    "mail": "casework.mail_report:mail",
    "poll": "casework.service:poll_command",
    "replay": "casework.replaying.command:replay_command",
    "run": "casework.service:run_command",
    "shadow": "casework.shadow_report:shadow",
    "status": "casework.service:status_command",
}


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command, or None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="kith", message="%(prog)s %(version)s")
@click.option("--verbose", is_flag=True, help="Log every mail, not only what needs attention.")
def kith(verbose: bool) -> None:  # noqa: FBT001 (click passes it so)
    """Kith: the shared inbox and case desk of small support groups."""
    configure_logging(sys.stderr, logging.INFO if verbose else logging.WARNING)
    log_uncaught_errors()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; errors that a person can act on are one sentence and exit code 1."""
    try:
        result = kith.main(args=argv, prog_name="kith", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        click.echo("Stopped.", err=True)
        return 130
    except KithError as error:
        click.echo(str(error), err=True)
        return 1
    return result if isinstance(result, int) else 0
