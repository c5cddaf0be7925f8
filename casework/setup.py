"""`kith init`: a few plain questions, and a `kith.toml` with the answers in it.

If the power fails here, at worst the password's file is left without a `kith.toml`: asked again,
`kith init` keeps that file and says so.
"""

import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import click

from casework.providers import PROVIDERS, Provider
from config.errors import KithError
from config.settings import Auth, Security, new_settings_text, value_problem

SETTINGS_FILE = "kith.toml"
PASSWORD_FILE = "mailbox-password"  # noqa: S105 (a file's name)
IMAP_PORT = 993
SUBMISSION_PORT = 587
OWNER_ONLY = 0o600

NEXT_STEPS = """
Next:
  kith db upgrade    Make the database.
  kith check         Is every setting right? Can the servers be reached?
  kith run           Start the service.

Kith begins in shadow mode: it files mail and drafts letters, but sends nothing. Read its drafts
(`kith case list`, `kith case show REFERENCE`) for two weeks. When they are right, write
mode = "live" in kith.toml.
"""


class SetupError(KithError):
    """`kith init` cannot write its files; the sentence says which and what to do."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What was answered; whatever is in force in the new `kith.toml` comes from here."""

    provider: Provider
    address: str
    username: str
    imap_host: str
    smtp_host: str
    group_name: str
    reply_days: int
    go_live: date
    client_id: str = ""


@dataclass(frozen=True, slots=True)
class Questions:
    """Asks for what was not given as an option, unless nobody is there to answer."""

    given: Mapping[str, str | None]
    silent: bool

    def ask(self, option: str, question: str, key: tuple[str, ...], usual: str = "") -> str:
        """Return a valid answer for the setting at `key`; a wrong one is asked for again.

        Raises `click.UsageError` when an option is wrong, or missing with nobody to ask.
        """
        given = self.given.get(option)
        if given is None and not self.silent:
            return str(
                click.prompt(question, default=usual or None, value_proc=lambda it: _valid(key, it))
            )
        answer = usual if given is None else given
        if not answer:
            raise click.UsageError(f"--{option.replace('_', '-')} is needed: {question}.")
        return _valid(key, answer)


def _valid(key: tuple[str, ...], answer: str) -> str:
    answer = answer.strip()
    problem = value_problem(key, answer) if answer else "must not be empty"
    if problem:
        raise click.BadParameter(f"{' '.join(key).replace('_', ' ')} {problem}.")
    return answer


@click.command("init")
@click.option(
    "--directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="Where kith.toml is written; without it, here.",
)
@click.option("--provider", type=click.Choice(list(PROVIDERS)), help="Whose inbox it is.")
@click.option("--address", help="The address people write to.")
@click.option("--username", help="The name to sign in with; without it, the address.")
@click.option("--imap-host", help="The server for reading mail.")
@click.option("--smtp-host", help="The server for sending mail.")
@click.option("--group-name", help="The group's name, as letters give it.")
@click.option("--reply-days", help="Days people should allow for a reply.")
@click.option("--go-live", help="Mail that arrived before this date is not acknowledged.")
@click.option("--client-id", help="For Microsoft 365: the client id of the app registration.")
@click.option("--password-stdin", is_flag=True, help="Read the app password from standard input.")
@click.option("--non-interactive", is_flag=True, help="Ask nothing: take options and defaults.")
def init(
    *, directory: Path, password_stdin: bool, non_interactive: bool, **given: str | None
) -> None:
    """Write a kith.toml by asking a few plain questions."""
    settings_file, password_file = directory / SETTINGS_FILE, directory / PASSWORD_FILE
    if os.path.lexists(settings_file):
        raise SetupError(f"{settings_file} is there already. Edit it, or move it away first.")
    questions = Questions(given, silent=non_interactive)
    provider = _choose_provider(questions)
    answers = _ask_all(questions, provider)
    if provider.oauth_provider:
        write_private(settings_file, settings_text(answers))
        _tell_the_rest(settings_file, None)
        click.echo(f"Still to do: `kith login {provider.oauth_provider}`, once.")
        return
    if _has_content(password_file):
        click.echo(f"{password_file} is there already and is kept.")
    else:
        password = _ask_password(provider, from_stdin=password_stdin, silent=non_interactive)
        _tell_doubt(provider, password)
        password_file.unlink(missing_ok=True)
        write_private(password_file, f"{password}\n" if password else "")
    write_private(settings_file, settings_text(answers))
    _tell_the_rest(settings_file, password_file)


def _choose_provider(questions: Questions) -> Provider:
    name = questions.given.get("provider")
    if name is None:
        if questions.silent:
            raise click.UsageError(f"--provider is needed: one of {', '.join(PROVIDERS)}.")
        for key, provider in PROVIDERS.items():
            click.echo(f"  {key:<14} {provider.title}")
        name = click.prompt("Whose inbox is it?", type=click.Choice(list(PROVIDERS)))
    provider = PROVIDERS[name]
    click.echo(provider.advice)
    return provider


def _ask_all(questions: Questions, provider: Provider) -> Answers:
    ask = questions.ask
    address = ask("address", "The address people write to", ("group", "address"))
    domain = address.rpartition("@")[2]
    return Answers(
        provider=provider,
        address=address,
        username=_valid(("mailbox", "username"), questions.given.get("username") or address),
        imap_host=_ask_host(questions, "imap", provider.imap_host, domain),
        smtp_host=_ask_host(questions, "smtp", provider.smtp_host, domain),
        group_name=ask("group_name", "The group's name", ("group", "name"), "our group"),
        reply_days=int(
            ask("reply_days", "Days people should allow for a reply", ("group", "reply_days"), "5")
        ),
        go_live=_ask_go_live(questions),
        client_id=ask("client_id", "The app's client id", ("oauth", "client_id"))
        if provider.oauth_provider
        else "",
    )


def _ask_host(questions: Questions, protocol: str, known: str, domain: str) -> str:
    option = f"{protocol}_host"
    section = "mailbox" if protocol == "imap" else "smtp"
    if known and questions.given.get(option) is None:
        return known
    question = f"The {protocol.upper()} server"
    return questions.ask(option, question, (section, "host"), f"{protocol}.{domain}")


def _ask_go_live(questions: Questions) -> date:
    today = datetime.now(UTC).date()
    given = questions.given.get("go_live")
    if given is not None or questions.silent:
        return _date(given or today.isoformat())
    chosen: date = click.prompt(
        "Go-live date (mail that arrived before it gets no acknowledgement)",
        default=today.strftime("%d/%m/%Y"),
        value_proc=_date,
    )
    return chosen


def _date(text: str) -> date:
    for form in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            return datetime.strptime(text.strip(), form).replace(tzinfo=UTC).date()
        except ValueError:
            continue
    raise click.BadParameter("go-live must be a date such as 01/12/2026 or 2026-12-01.")


def _ask_password(provider: Provider, *, from_stdin: bool, silent: bool) -> str:
    if from_stdin:
        typed = sys.stdin.readline().rstrip("\r\n")
    elif silent:
        typed = ""
    else:
        typed = click.prompt(
            "App password (not shown while you type; leave it empty to add it later)",
            default="",
            show_default=False,
            hide_input=True,
        )
    return "".join(typed.split()) if provider.app_password_letters else typed


def _tell_doubt(provider: Provider, password: str) -> None:
    letters = provider.app_password_letters
    if password and letters and not (len(password) == letters and password.isalpha()):
        click.echo(
            f"Please note: an app password has {letters} letters and nothing else. What you gave "
            "looks different. If kith check cannot sign in, make a new app password.",
            err=True,
        )


def _has_content(file: Path) -> bool:
    try:
        return file.stat().st_size > 0
    except OSError:
        return False


def settings_text(answers: Answers) -> str:
    """Return the whole of the new `kith.toml`."""
    provider = answers.provider
    sign_in: dict[str, object] = {"username": answers.username}
    if provider.oauth_provider:
        sign_in["auth"] = Auth.OAUTH
    else:
        sign_in["password_file"] = PASSWORD_FILE
    sections: dict[str, dict[str, object]] = {
        "mailbox": {
            **sign_in,
            "host": answers.imap_host,
            "security": Security.TLS,
            "port": IMAP_PORT,
        },
        "smtp": {
            **sign_in,
            "host": answers.smtp_host,
            "security": Security.STARTTLS,
            "port": SUBMISSION_PORT,
        },
        "group": {
            "name": answers.group_name,
            "address": answers.address,
            "go_live": answers.go_live,
            "reply_days": answers.reply_days,
        },
        "screening": {"trusted_authserv_ids": provider.trusted_authserv_ids},
    }
    if provider.oauth_provider:
        sections["oauth"] = {"provider": provider.oauth_provider, "client_id": answers.client_id}
    return new_settings_text(
        {
            (section, name): value
            for section, settings in sections.items()
            for name, value in settings.items()
        }
    )


def write_private(file: Path, text: str) -> None:
    """Write a new file that only its owner can read, and see it safely to the disk.

    Raises `SetupError` when the file exists already or cannot be written.
    """
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
        with open(descriptor, "w", encoding="utf-8", newline="\n") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
    except FileExistsError:
        raise SetupError(f"{file} is there already. Edit it, or move it away first.") from None
    except OSError as error:
        raise SetupError(
            f"{file} cannot be written: {error.strerror}. Choose another --directory."
        ) from None


def _tell_the_rest(settings_file: Path, password_file: Path | None) -> None:
    click.echo(f"\nWritten: {settings_file}, for your eyes only.")
    if password_file is not None and not _has_content(password_file):
        click.echo(f"Still to do: put the app password into {password_file}.")
    if settings_file.parent.resolve() != Path.cwd():
        click.echo(
            "Tell Kith where it is: export KITH_CONFIG="
            + shlex.quote(str(settings_file.absolute()))
        )
    click.echo(NEXT_STEPS)
