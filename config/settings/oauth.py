"""Signing in at the mail servers without a password."""

from datetime import date

from pydantic import Field

from config.settings.section import Section
from config.settings.values import (
    Endpoint,
    Moment,
    OAuthFlow,
    OAuthProvider,
    OptionalPath,
    OptionalSecret,
    Text,
)

ENDPOINT = "Only for tests: another address of {}."


class OAuthSettings(Section):
    """Signing in without a password (OAuth2), for servers that have auth = "oauth"."""

    provider: OAuthProvider = Field(
        OAuthProvider.NONE, description="gmail or microsoft.", examples=["microsoft"]
    )
    client_id: Text = Field(
        "",
        description="The app's client id, as the provider shows it.",
        examples=["0a1b2c3d-0000-4000-8000-000000000000"],
    )
    client_secret: OptionalSecret = Field(
        None,
        description=(
            "The app's secret, where it has one. Better kept out of this file: use "
            "client_secret_file."
        ),
        examples=["the app's secret"],
    )
    client_secret_file: OptionalPath = Field(
        None,
        description=(
            "A file that holds the secret and nothing else. Without either, the systemd credential "
            "oauth_client_secret is used if there is one."
        ),
        examples=["client-secret"],
    )
    client_secret_expires: Moment = Field(
        None,
        description="When the app's secret ends, so that Kith can warn in time.",
        examples=[date(2027, 12, 1)],
    )
    tenant: Text = Field(
        "common", description="For Microsoft: the directory (tenant).", examples=["common"]
    )
    flow: OAuthFlow = Field(
        OAuthFlow.REFRESH_TOKEN,
        description=(
            "refresh_token: a person allows it once with kith login. client_credentials "
            "(Microsoft): the app signs in by itself, as an administrator set it up."
        ),
        examples=["refresh_token"],
    )
    authorize_url: Endpoint = Field(
        "",
        description=ENDPOINT.format("the page that asks for permission"),
        examples=["https://login.example.org/authorize"],
    )
    device_url: Endpoint = Field(
        "",
        description=ENDPOINT.format("the service that gives device codes"),
        examples=["https://login.example.org/devicecode"],
    )
    token_url: Endpoint = Field(
        "",
        description=ENDPOINT.format("the service that gives tokens"),
        examples=["https://login.example.org/token"],
    )
