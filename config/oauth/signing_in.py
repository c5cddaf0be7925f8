"""A person allows it, in a browser: what the page is called, and what becomes of its answer.

PKCE (RFC 7636) binds the answer to this very run, `state` (RFC 6749 10.12) the browser to it.
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

from config.errors import KithError
from config.oauth.answers import Grant, grant_in
from config.oauth.client import OAuthClient, endpoints_of, provider_of
from config.oauth.source import with_app
from config.oauth.web import left_of, post_form

LONGEST_QUERY = 16 * 1024
LONGEST_ACCOUNT = 254


class SignInFailedError(KithError):
    """The sign-in came to nothing; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sign-in under way: its secrets, and where the browser is sent in the end."""

    redirect_uri: str
    state: str = field(repr=False)
    verifier: str = field(repr=False)


def begin(client: OAuthClient, port: int) -> Attempt:
    """Return a new attempt that ends at `port` of this computer."""
    host = provider_of(client).loopback
    return Attempt(
        redirect_uri=f"http://{host}:{port}",
        state=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(64),
    )


def page_for(client: OAuthClient, attempt: Attempt, *, account: str = "") -> str:
    """Return the address of the page on which a person allows it; `account` is a suggestion."""
    provider = provider_of(client)
    digest = hashlib.sha256(attempt.verifier.encode("ascii")).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
    query = {
        "client_id": client.client_id,
        "response_type": "code",
        "redirect_uri": attempt.redirect_uri,
        "scope": provider.scopes,
        "state": attempt.state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        **dict(provider.sign_in_options),
    }
    if account:
        query["login_hint"] = account
    url = endpoints_of(client).authorize
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(query)}"


def answer_in(url: str) -> Mapping[str, str]:
    """Return the parameters of an address that the browser was sent to; empty for nonsense."""
    try:
        query = urlsplit(url.strip()).query
        return dict(parse_qsl(query[:LONGEST_QUERY], max_num_fields=50))
    except ValueError:
        return {}


def is_for(attempt: Attempt, answer: Mapping[str, str]) -> bool:
    """Return whether the answer belongs to this attempt; takes as long whatever is wrong."""
    state = answer.get("state", "").encode("utf-8", "surrogateescape")
    return hmac.compare_digest(state, attempt.state.encode("ascii"))


def exchange(client: OAuthClient, attempt: Attempt, answer: Mapping[str, str]) -> Grant:
    """Return the tokens for what the browser brought back.

    Raises `SignInFailedError` when it was not allowed, `OAuthError` as a `TokenSource` does.
    """
    if not is_for(attempt, answer):
        raise SignInFailedError("This answer belongs to another sign-in. Begin again: kith login")
    code = answer.get("code")
    if not code:
        raise SignInFailedError(_not_allowed(answer.get("error", "")))
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": attempt.redirect_uri,
        "code_verifier": attempt.verifier,
    }
    left = left_of(client.timeout)
    answer_of_server = post_form(endpoints_of(client).token, with_app(client, form), left=left)
    return lasting(grant_in(answer_of_server, client))


def lasting(grant: Grant) -> Grant:
    """Return `grant` if it can be renewed; raises `SignInFailedError` otherwise."""
    if not grant.refresh_token:
        raise SignInFailedError(
            "The provider gave a token for an hour only (no refresh token). Take Kith's access "
            "away in the account's security settings, then sign in again."
        )
    return grant


def _not_allowed(error: str) -> str:
    if error == "access_denied":
        return "It was not allowed on the page. Sign in again and allow Kith to use the mailbox."
    if error == "admin_policy_enforced":
        return "The organisation's administrator does not let Kith use mail; ask them to allow it."
    told = error if error.isascii() and error.isidentifier() and len(error) <= 60 else "no reason"
    return f"The provider did not let Kith in ({told}). docs/oauth.md says how to register it."


def account_in(grant: Grant) -> str:
    """Return the address that signed in, where the provider tells it, else nothing.

    The token came to us directly over TLS, so its signature need not be checked (OpenID Connect
    Core 3.1.3.7); nothing is decided by it.
    """
    try:
        payload = grant.id_token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        account = claims.get("email") or claims.get("preferred_username")
    except (IndexError, ValueError, binascii.Error, AttributeError, RecursionError):
        return ""
    is_sound = isinstance(account, str) and account.isprintable() and "@" in account
    return str(account) if is_sound and len(str(account)) <= LONGEST_ACCOUNT else ""
