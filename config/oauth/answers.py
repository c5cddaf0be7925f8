"""What a provider's answer means: a token, or which of the many ways to fail."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from config.oauth.client import CLIENT_CREDENTIALS, OAuthClient, provider_of
from config.oauth.errors import OAuthClientError, SignInAgainError, TokenServerUnreachableError
from config.oauth.web import WebAnswer

USUAL_LIFETIME_S = 3600.0
LONGEST_LIFETIME_S = 90 * 86400.0
LONGEST_TOKEN = 16 * 1024
SIGN_IN_AGAIN = frozenset(
    {"invalid_grant", "interaction_required", "login_required", "consent_required"}
)
SECRET_EXPIRED = "AADSTS7000222"  # noqa: S105 (the number of an error)
WITHOUT_ANSWER = "gave an answer that cannot be read"


@dataclass(frozen=True, slots=True)
class Grant:
    """Tokens as they came. `lifetime` in seconds; `refresh_lifetime` only if the provider said."""

    access_token: str = field(repr=False)
    lifetime: float
    refresh_token: str = field(default="", repr=False)
    refresh_lifetime: float | None = None
    id_token: str = field(default="", repr=False)


def grant_in(answer: WebAnswer, client: OAuthClient) -> Grant:
    """Return the tokens of an answer.

    Raises `SignInAgainError`, `OAuthClientError` or `TokenServerUnreachableError`.
    """
    fields = fields_in(answer)
    if answer.status != 200:
        raise failure(error_in(fields), fields, client)
    token = fields.get("access_token")
    if not is_token(token):
        raise TokenServerUnreachableError(WITHOUT_ANSWER)
    lifetime = _seconds(fields.get("expires_in"))
    return Grant(
        access_token=str(token),
        lifetime=USUAL_LIFETIME_S if lifetime is None else lifetime,
        refresh_token=_token_or_nothing(fields.get("refresh_token")),
        refresh_lifetime=_seconds(fields.get("refresh_token_expires_in")),
        id_token=_token_or_nothing(fields.get("id_token")),
    )


def fields_in(answer: WebAnswer) -> Mapping[str, Any]:
    """Return the JSON object of an answer that is worth reading.

    Raises `TokenServerUnreachableError` for a server in trouble, and for anything but an object.
    """
    if answer.status >= 500 or answer.status in (408, 425, 429):
        reason = "asks us to wait" if answer.status == 429 else "is in trouble"
        raise TokenServerUnreachableError(f"{reason} ({answer.status})", answer.retry_after)
    try:
        fields = json.loads(answer.body)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict) or not (200 <= answer.status < 500):
        raise TokenServerUnreachableError(WITHOUT_ANSWER)
    return fields


def error_in(fields: Mapping[str, Any]) -> str:
    """Return the code of an error (RFC 6749 5.2), empty for none that is one word."""
    code = fields.get("error")
    is_word = isinstance(code, str) and len(code) <= 60 and code.isascii() and code.isidentifier()
    return str(code) if is_word else ""


def failure(
    code: str, fields: Mapping[str, Any], client: OAuthClient
) -> SignInAgainError | OAuthClientError | TokenServerUnreachableError:
    """Return the error that `code` stands for. Of the server's own words only a number is told."""
    description = str(fields.get("error_description", ""))
    if SECRET_EXPIRED in description:
        return OAuthClientError(
            "The app's secret has expired. Make a new one at Microsoft and put it in place of the "
            "old: client_secret_file (or client_secret) in [oauth]."
        )
    if code in SIGN_IN_AGAIN and client.flow != CLIENT_CREDENTIALS:
        reason = f"{provider_of(client).title} no longer accepts our sign-in ({code})."
        return SignInAgainError(client.provider, reason)
    if code in ("temporarily_unavailable", "server_error"):
        return TokenServerUnreachableError(f"is in trouble ({code})")
    told = f"{code} {_number_in(description)}".strip()
    return OAuthClientError(_of_the_settings(code, client).format(told=told or "no reason given"))


def _of_the_settings(code: str, client: OAuthClient) -> str:
    title = provider_of(client).title
    if code in ("invalid_client", "unauthorized_client"):
        return (
            f"{title} does not know our app ({{told}}). Look at client_id and client_secret in "
            f"[oauth]{', and at tenant' if client.provider == 'microsoft' else ''}."
        )
    if code == "invalid_scope":
        return (
            f"{title} does not let our app use mail in this way ({{told}}). Look at the app's "
            "permissions there. Google lends no mail by --device: sign in without it."
        )
    return (
        f"{title} refused the request ({{told}}). Look at flow, tenant and client_id in [oauth], "
        "and at how the app is registered."
    )


def _number_in(description: str) -> str:
    """Return Microsoft's number of the error, by which its help pages are found."""
    number = description.partition("AADSTS")[2][:8].partition(":")[0]
    return f"AADSTS{number}" if number.isascii() and number.isdigit() else ""


def is_token(value: object) -> bool:
    """Return whether `value` can be carried as a token: plain characters, no spaces, not endless.

    Anything else could change the meaning of the sign-in that it is put into.
    """
    return (
        isinstance(value, str)
        and 0 < len(value) <= LONGEST_TOKEN
        and value.isascii()
        and value.isprintable()
        and " " not in value
    )


def _token_or_nothing(value: object) -> str:
    return str(value) if is_token(value) else ""


def _seconds(value: object) -> float | None:
    """Return a sensible number of seconds; some servers write it as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return float(min(max(value, 0), LONGEST_LIFETIME_S))
