"""`kith login`: a person allows Kith to use the group's mailbox, once.

If the power fails here, nothing is on file, or all of it: then the command is run again.
"""

import os
import select
import sys
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

import click

from casework.environment import clock, current_settings
from casework.oauth_client import oauth_client
from config.oauth import (
    CLIENT_CREDENTIALS,
    PROVIDERS,
    OAuthClient,
    OAuthClientError,
    TokenSource,
    provider_of,
)
from config.oauth.answers import Grant
from config.oauth.device import ask_for_code, wait_until_allowed
from config.oauth.redirect import Redirect, waiting_for
from config.oauth.signing_in import SignInFailedError, account_in, exchange, page_for
from config.oauth.tokens import only_one, save, stored
from config.oauth.web import left_of
from config.settings import Settings

PATIENCE_S = 900.0
"""How long a person may take on the page."""
LOOK_S = 0.2
LONGEST_TYPED = 32 * 1024

APP_ALONE = (
    "{title} gives Kith tokens: the app signs in by itself (flow = client_credentials), and nobody "
    "needs to allow anything here. kith check tries the servers."
)
OPEN_THIS = """Open this page in a browser, sign in to the group's account and allow Kith to use it:

{page}
"""
PASTE = """
Is the browser on another computer? Then it ends on a page that it cannot show. Copy the address of
that page, which begins with {beginning}, and paste it here:"""
TYPE_THIS = """On any device open   {page}
and type this code   {code}
Sign in to the group's account and allow Kith to use it. Waiting ..."""
NOT_WHOLE = "That is not the whole address, or that of another sign-in. Paste it again:"
OTHER_ACCOUNT = (
    "Note: this is not the account in kith.toml ({sections}). If that was not meant, run this "
    "again and choose the right one."
)
OTHER_OWNER = """But {directory} belongs to another user of this computer, as whom Kith probably
runs. Give them the tokens: chown -R --reference={directory} {tokens}"""
NEXT = 'Next: write auth = "oauth" in [mailbox] and in [smtp] of kith.toml, then run kith check.'


@click.command("login")
@click.argument("provider", type=click.Choice(list(PROVIDERS)))
@click.option("--device", is_flag=True, help="Type a code on another device (Microsoft only).")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Wait on this port.")
@click.option("--no-browser", is_flag=True, help="Only show the page's address.")
def login(*, provider: str, device: bool, port: int, no_browser: bool) -> None:
    """Allow Kith to use a mailbox without a password."""
    settings = current_settings()
    client = oauth_client(settings, provider=provider)
    if client.provider != provider:
        raise SignInFailedError(
            f"The setting provider in [oauth] is {client.provider}, not {provider}. Change it "
            "there first, or sign in with the other."
        )
    if client.flow == CLIENT_CREDENTIALS:
        TokenSource(client).access_token()
        click.echo(APP_ALONE.format(title=provider_of(client).title))
        return
    grant = (
        _by_device(client)
        if device
        else _by_browser(client, settings, port=port, opens_browser=not no_browser)
    )
    _keep(client, grant, settings)


def _by_device(client: OAuthClient) -> Grant:
    code = ask_for_code(client)
    click.echo(TYPE_THIS.format(page=code.page, code=code.user_code))
    return wait_until_allowed(client, code)


def _by_browser(
    client: OAuthClient, settings: Settings, *, port: int, opens_browser: bool
) -> Grant:
    with waiting_for(client, port) as redirect:
        page = page_for(client, redirect.attempt, account=settings.mailbox.username)
        click.echo(OPEN_THIS.format(page=page))
        if opens_browser:
            open_page(page)
        answer = wait_for_answer(redirect, sys.stdin, seconds=PATIENCE_S)
    return exchange(client, redirect.attempt, answer)


def open_page(page: str) -> None:
    """Open the page in a browser with windows; one inside the terminal would hide our words."""
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return
    if type(browser) is not webbrowser.GenericBrowser:
        browser.open(page)


def wait_for_answer(redirect: Redirect, typed: TextIO, *, seconds: float) -> Mapping[str, str]:
    """Return the browser's answer, which comes by itself or is pasted into `typed`.

    Raises `SignInFailedError` when neither happens in time.
    """
    source = typed if _can_be_watched(typed) else None
    if source is not None:
        click.echo(PASTE.format(beginning=redirect.attempt.redirect_uri))
    left = left_of(seconds)
    try:
        while (answer := redirect.wait(0 if source else min(LOOK_S, left()))) is None:
            if source is not None and _is_ready(source, min(LOOK_S, left())):
                source = _take_pasted(redirect, source)
    except TimeoutError:
        raise SignInFailedError("Nobody came back in time. Begin again: kith login") from None
    return answer


def _can_be_watched(typed: TextIO) -> bool:
    try:
        return typed.fileno() >= 0
    except (OSError, ValueError):  # closed, or a test's
        return False


def _is_ready(source: TextIO, seconds: float) -> bool:
    # Not a thread that reads: it would be left hanging on the terminal when the page was faster.
    return bool(select.select([source], [], [], seconds)[0])


def _take_pasted(redirect: Redirect, source: TextIO) -> TextIO | None:
    """Offer what was typed; return where more may come from, None at the end of input."""
    # Past Python's own buffer, into which a second line would vanish from `select`.
    typed = os.read(source.fileno(), LONGEST_TYPED)
    if not typed:
        return None
    lines = [line for line in typed.decode("utf-8", "replace").splitlines() if line.strip()]
    if lines and not any(redirect.offer(line) for line in lines):
        click.echo(NOT_WHOLE)
    return source


def _keep(client: OAuthClient, grant: Grant, settings: Settings) -> None:
    account = account_in(grant)
    _write(client, grant, account)
    title = provider_of(client).title
    click.echo(f"Signed in at {title}{f' as {account}' if account else ''}.")
    if others := _sections_of_others(account, settings):
        click.echo(OTHER_ACCOUNT.format(sections=others))
    click.echo(f"The tokens are in {client.token_file}, which only you can read.")
    if client.token_file is not None and not _owns(settings.data_dir):
        directory, tokens = settings.data_dir, client.token_file.parent
        click.echo(OTHER_OWNER.format(directory=directory, tokens=tokens))
    if not settings.uses_oauth:
        click.echo(NEXT)


def _owns(directory: Path) -> bool:
    """Return whether `directory` is of the user that we run as, who is often root by mistake."""
    return directory.stat().st_uid == os.geteuid()


def _write(client: OAuthClient, grant: Grant, account: str) -> None:
    if client.token_file is None:
        raise OAuthClientError("There is no file to keep tokens in.")
    tokens = stored(
        grant, clock(), provider=client.provider, client_id=client.client_id, account=account
    )
    with only_one(client.token_file, left_of(client.timeout)):
        save(client.token_file, tokens)


def _sections_of_others(account: str, settings: Settings) -> str:
    """Return the sections whose user name is not the account, where both are known."""
    servers = {**settings.all_mailboxes, "smtp": settings.smtp}
    return ", ".join(
        f"username in [{section}]"
        for section, server in servers.items()
        if account and server.username and server.username.lower() != account.lower()
    )
