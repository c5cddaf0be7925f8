"""What is known of the sign-in, for the status page: how long it lasts, and what to do in time."""

import stat
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from config.oauth.client import CLIENT_CREDENTIALS, OAuthClient, provider_of
from config.oauth.errors import OAuthError
from config.oauth.tokens import StoredTokens, load

WARN_BEFORE_SECRET_ENDS = timedelta(days=30)
WARN_BEFORE_SIGN_IN_ENDS = timedelta(days=8)
"""More than the seven days of a Google project in Testing: there the warning stands at once."""
WARN_BEFORE_DISUSE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class TokenStatus:
    """What is known of one sign-in without asking the provider; all moments in UTC.

    `warning`: a sentence on what a person should do, empty when nothing. `needs_sign_in`: nothing
    works until it is done. `account` is an address: not for the log.
    """

    provider: str
    flow: str
    warning: str = ""
    needs_sign_in: bool = False
    account: str = ""
    access_ends: datetime | None = None
    signed_in: datetime | None = None
    refreshed: datetime | None = None
    refresh_ends: datetime | None = None
    secret_ends: datetime | None = None


def token_status(client: OAuthClient, now: datetime) -> TokenStatus:
    """Return what is known at `now`; raises nothing: a file that cannot be read is a warning."""
    if client.flow == CLIENT_CREDENTIALS or client.token_file is None:
        return _of_the_app(client, now)
    command = f"kith login {client.provider}"
    try:
        tokens = load(client.token_file)
    except OAuthError as error:
        return TokenStatus(client.provider, client.flow, str(error), needs_sign_in=True)
    if tokens is None:
        words = f"Nobody has signed in yet. Run: {command}"
        return TokenStatus(client.provider, client.flow, words, needs_sign_in=True)
    if (tokens.provider, tokens.client_id) != (client.provider, client.client_id):
        words = f"The sign-in on file was for another app. Run: {command}"
        return TokenStatus(client.provider, client.flow, words, needs_sign_in=True)
    return _of_a_person(client, tokens, now)


def _of_the_app(client: OAuthClient, now: datetime) -> TokenStatus:
    return TokenStatus(
        client.provider,
        client.flow,
        warning=_about_secret(client, now),
        needs_sign_in=_is_over(client.client_secret_expires, now),
        secret_ends=client.client_secret_expires,
    )


def _of_a_person(client: OAuthClient, tokens: StoredTokens, now: datetime) -> TokenStatus:
    is_over = (
        tokens.refused is not None
        or _is_over(tokens.refresh_ends, now)
        or _is_over(client.client_secret_expires, now)
    )
    return TokenStatus(
        client.provider,
        client.flow,
        warning=" ".join(filter(None, _warnings(client, tokens, now))),
        needs_sign_in=is_over,
        account=tokens.account,
        access_ends=tokens.access_ends,
        signed_in=tokens.signed_in,
        refreshed=tokens.refreshed,
        refresh_ends=tokens.refresh_ends,
        secret_ends=client.client_secret_expires,
    )


def _is_over(end: datetime | None, now: datetime) -> bool:
    return end is not None and end <= now


def _warnings(client: OAuthClient, tokens: StoredTokens, now: datetime) -> list[str]:
    return [
        _about_sign_in(client, tokens, now),
        _about_secret(client, now),
        _about_privacy(client.token_file),
    ]


def _about_sign_in(client: OAuthClient, tokens: StoredTokens, now: datetime) -> str:
    provider, command = provider_of(client), f"kith login {client.provider}"
    if tokens.refused is not None:
        day = f"{tokens.refused:%Y-%m-%d}"
        return f"{provider.title} has not accepted our sign-in since {day}. Run: {command}"
    ends = tokens.refresh_ends
    if ends is not None and ends <= now + WARN_BEFORE_SIGN_IN_ENDS:
        verb = "ended" if ends <= now else "ends"
        return f"The sign-in {verb} on {ends:%Y-%m-%d}. {_before_it_ends(client)} Run: {command}"
    unused_until = tokens.refreshed + timedelta(days=provider.ends_unused_after_days)
    if unused_until <= now + WARN_BEFORE_DISUSE:
        return (
            f"The sign-in was last used on {tokens.refreshed:%Y-%m-%d}; {provider.title} ends it "
            f"if it is not used by {unused_until:%Y-%m-%d}. Start the service, or run: {command}"
        )
    return ""


def _before_it_ends(client: OAuthClient) -> str:
    if client.provider != "gmail":
        return "Sign in again before."
    return "If the Google project is still in Testing, publish it, then sign in again."


def _about_secret(client: OAuthClient, now: datetime) -> str:
    ends = client.client_secret_expires
    if ends is None or ends > now + WARN_BEFORE_SECRET_ENDS:
        return ""
    title, day = provider_of(client).title, f"{ends:%Y-%m-%d}"
    verb = "ended" if ends <= now else "ends"
    return (
        f"The app's secret {verb} on {day}. Make a new one at {title} and put it in place of the "
        "old: client_secret_file in [oauth]; then set client_secret_expires anew."
    )


def _about_privacy(file: Path | None) -> str:
    try:
        mode = stat.S_IMODE(file.stat().st_mode) if file is not None else 0
    except OSError:
        return ""
    if not mode & 0o077:
        return ""
    return f"Other users of this computer can reach {file}. Run: chmod 600 {file}"
