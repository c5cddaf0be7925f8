"""The settings in [oauth], as what config.oauth wants to know."""

from pathlib import Path

from config.oauth import OAuthClient, TokenSource
from config.settings import Settings

TOKENS_DIRECTORY = "oauth"


def oauth_client(settings: Settings, *, provider: str = "") -> OAuthClient:
    """Return who we are to the provider of the settings, or to `provider` where they name none."""
    given = settings.oauth
    name = given.provider.value or provider
    return OAuthClient(
        provider=name,
        client_id=given.client_id,
        client_secret=given.client_secret.get_secret_value() if given.client_secret else "",
        tenant=given.tenant,
        flow=given.flow.value,
        token_file=token_file(settings, name),
        authorize_url=given.authorize_url,
        device_url=given.device_url,
        token_url=given.token_url,
        client_secret_expires=given.client_secret_expires,
    )


def token_file(settings: Settings, provider: str) -> Path:
    """Return where the tokens of a provider are kept: in a private directory of the data."""
    return settings.data_dir / TOKENS_DIRECTORY / f"{provider or 'none'}.json"


def token_source(settings: Settings) -> TokenSource | None:
    """Return the source of tokens, one for the whole process; None if no server wants any.

    Raises `OAuthClientError` for settings that cannot work.
    """
    return TokenSource(oauth_client(settings)) if settings.uses_oauth else None
