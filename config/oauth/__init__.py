"""Signing in at mail servers without a password (OAuth2), with Google and Microsoft.

A person allows it once (`kith login`), or the app signs in by itself. From then on `TokenSource`
gives access tokens, and tells "sign in again" from "try later".
"""

from config.oauth.client import (
    CLIENT_CREDENTIALS,
    PROVIDERS,
    REFRESH_TOKEN,
    OAuthClient,
    Provider,
    provider_of,
)
from config.oauth.errors import (
    OAuthClientError,
    OAuthError,
    SignInAgainError,
    TokenFileError,
    TokenServerUnreachableError,
)
from config.oauth.sasl import refusal_in, xoauth2_response
from config.oauth.source import TokenSource
from config.oauth.status import TokenStatus, token_status

__all__ = [
    "CLIENT_CREDENTIALS",
    "PROVIDERS",
    "REFRESH_TOKEN",
    "OAuthClient",
    "OAuthClientError",
    "OAuthError",
    "Provider",
    "SignInAgainError",
    "TokenFileError",
    "TokenServerUnreachableError",
    "TokenSource",
    "TokenStatus",
    "provider_of",
    "refusal_in",
    "token_status",
    "xoauth2_response",
]
