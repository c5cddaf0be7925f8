"""Who we are to a provider of sign-ins, and what we ask it for."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from config.oauth.errors import OAuthClientError
from config.settings.values import is_loopback

REFRESH_TOKEN = "refresh_token"  # noqa: S105 (the name of a flow)
CLIENT_CREDENTIALS = "client_credentials"


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """The app as registered at the provider, `gmail` or `microsoft`, and where tokens are kept.

    `flow`: refresh_token (a person allowed it once; needs `token_file`) or client_credentials (the
    app signs in by itself). The three URLs take the place of the provider's own where given.
    `timeout`: seconds that getting a token may take in all, the name service apart.
    """

    provider: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    tenant: str = "common"
    flow: str = REFRESH_TOKEN
    token_file: Path | None = None
    authorize_url: str = ""
    device_url: str = ""
    token_url: str = ""
    client_secret_expires: datetime | None = None
    timeout: float = 10.0


@dataclass(frozen=True, slots=True)
class Provider:
    """What is known of a provider. `{tenant}` in a URL stands for the directory.

    `scopes` are asked for when a person signs in, `refresh_scopes` with a refresh token (none:
    the same again), `app_scopes` when the app signs in by itself (empty: it cannot).
    `loopback`: the name of this computer that its registration takes, whatever the port.
    """

    name: str
    title: str
    authorize_url: str
    device_url: str
    token_url: str
    scopes: str
    refresh_scopes: str
    app_scopes: str
    loopback: str
    sign_in_options: tuple[tuple[str, str], ...]
    ends_unused_after_days: int


GMAIL = Provider(
    name="gmail",
    title="Google",
    authorize_url="https://accounts.google.com/o/oauth2/v2/auth",
    device_url="https://oauth2.googleapis.com/device/code",
    token_url="https://oauth2.googleapis.com/token",  # noqa: S106 (an address)
    scopes="https://mail.google.com/ openid email",
    refresh_scopes="",
    app_scopes="",
    loopback="127.0.0.1",
    # Without these Google leaves the refresh token out when a person signs in a second time.
    sign_in_options=(("access_type", "offline"), ("prompt", "consent")),
    ends_unused_after_days=180,
)
_MICROSOFT_MAIL = (
    "https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send"
)
MICROSOFT = Provider(
    name="microsoft",
    title="Microsoft",
    authorize_url="https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize",
    device_url="https://login.microsoftonline.com/{tenant}/oauth2/v2.0/devicecode",
    token_url="https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",  # noqa: S106
    scopes=f"{_MICROSOFT_MAIL} offline_access openid profile email",
    refresh_scopes=f"{_MICROSOFT_MAIL} offline_access",
    app_scopes="https://outlook.office365.com/.default",
    loopback="localhost",
    sign_in_options=(("prompt", "select_account"),),
    ends_unused_after_days=90,
)
PROVIDERS = {provider.name: provider for provider in (GMAIL, MICROSOFT)}


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the provider is asked."""

    authorize: str
    device: str
    token: str


def provider_of(client: OAuthClient) -> Provider:
    """Return what is known of the client's provider; raises `OAuthClientError` if nothing is."""
    provider = PROVIDERS.get(client.provider)
    if provider is None:
        raise OAuthClientError("The setting provider in [oauth] must be gmail or microsoft.")
    return provider


def endpoints_of(client: OAuthClient) -> Endpoints:
    """Return where to ask. Raises `OAuthClientError` for settings that cannot work."""
    provider = provider_of(client)
    _check(client, provider)
    tenant = client.tenant
    return Endpoints(
        _safe(client.authorize_url or provider.authorize_url.format(tenant=tenant), "authorize"),
        _safe(client.device_url or provider.device_url.format(tenant=tenant), "device"),
        _safe(client.token_url or provider.token_url.format(tenant=tenant), "token"),
    )


def _check(client: OAuthClient, provider: Provider) -> None:
    if not client.client_id:
        raise OAuthClientError(
            f"Missing: the app's client id. Set client_id in [oauth] as {provider.title} shows it."
        )
    if not client.tenant.replace("-", "").replace(".", "").isalnum():
        raise OAuthClientError(
            "The setting tenant in [oauth] must be the directory's id or name, or common."
        )
    if client.flow == CLIENT_CREDENTIALS:
        _check_app_alone(client, provider)


def _check_app_alone(client: OAuthClient, provider: Provider) -> None:
    if not provider.app_scopes:
        raise OAuthClientError(
            f"With {provider.title} a person must sign in: set flow in [oauth] to refresh_token."
        )
    if client.tenant in ("common", "organizations", "consumers"):
        raise OAuthClientError(
            "With flow = client_credentials, tenant in [oauth] must be your own directory's id."
        )
    if not client.client_secret:
        raise OAuthClientError(
            "With flow = client_credentials the app needs its secret: set client_secret_file in "
            "[oauth]."
        )


def _safe(url: str, name: str) -> str:
    """Return the URL if what is sent there stays secret: https, or this very computer."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
        is_whole = bool(host) and parts.port != 0 and url.isascii() and url.isprintable()
    except ValueError:
        is_safe = is_whole = False
    if not (is_safe and is_whole):
        raise OAuthClientError(f"The setting {name}_url in [oauth] must begin with https://.")
    return url
