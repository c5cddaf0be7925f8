"""How the two mail servers are reached: the inbox (IMAP) and the way out (SMTP)."""

from datetime import date
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationInfo, field_validator

from config.settings.section import Section
from config.settings.values import (
    Auth,
    HostName,
    Line,
    Moment,
    OptionalPath,
    OptionalSecret,
    Port,
    Seconds,
    Security,
    Switch,
    Text,
    Watch,
    is_loopback,
)

MAILBOX_PORTS = {Security.TLS: 993, Security.STARTTLS: 143, Security.NONE: 143}
SMTP_PORTS = {Security.TLS: 465, Security.STARTTLS: 587, Security.NONE: 25}

IN_THIS_FILE = (
    "The password, for Gmail an app password. Better kept out of this file: use password_file."
)
IN_ANOTHER_FILE = (
    "A file that holds the password and nothing else. Give this or password, not both. "
    "Without either, the systemd credential {credential} is used if there is one."
)
PROTECTION = (
    "How the connection is protected: tls, starttls, or none. none is refused unless the server "
    "is this computer."
)


SIGN_IN = (
    "How Kith signs in: password (for Gmail an app password), or oauth, which Microsoft 365 "
    "requires. oauth needs the section [oauth] and, once, kith login."
)


class ServerSettings(Section):
    """What the two mail servers have in common: how to reach one and sign in."""

    host: HostName = ""
    security: Security = Security.TLS
    auth: Auth = Auth.PASSWORD
    username: Text = ""
    password: OptionalSecret = None
    password_file: OptionalPath = None

    @field_validator("security")
    @classmethod
    def _refuse_to_send_a_password_in_the_clear(
        cls, value: Security, info: ValidationInfo
    ) -> Security:
        host = info.data.get("host", "")
        if value is Security.NONE and host and not is_loopback(host):
            raise ValueError(
                "may be none only when the server is this computer; "
                "anywhere else it would send the password unprotected"
            )
        return value

    @field_validator("password_file")
    @classmethod
    def _refuse_two_passwords(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is not None and info.data.get("password") is not None:
            raise ValueError("and password are both given; keep one of them")
        return value


def _mailbox_port(validated: dict[str, Any]) -> int:
    return MAILBOX_PORTS[validated.get("security", Security.TLS)]


def _smtp_port(validated: dict[str, Any]) -> int:
    return SMTP_PORTS[validated.get("security", Security.TLS)]


class MailboxSettings(ServerSettings):
    """The shared inbox (IMAP), which Kith only reads."""

    host: HostName = Field("", description="The server of the inbox.", examples=["imap.gmail.com"])
    security: Security = Field(Security.TLS, description=PROTECTION, examples=["tls"])
    port: Port = Field(
        default_factory=_mailbox_port,
        description="The server's port. If not given: 993 for tls, 143 otherwise.",
        examples=[993],
    )
    auth: Auth = Field(Auth.PASSWORD, description=SIGN_IN, examples=["password"])
    username: Text = Field(
        "",
        description="The name to sign in with, mostly the address itself.",
        examples=["help@ourgroup.example.org"],
    )
    password: OptionalSecret = Field(None, description=IN_THIS_FILE, examples=["your app password"])
    password_file: OptionalPath = Field(
        None,
        description=IN_ANOTHER_FILE.format(credential="mailbox_password"),
        examples=["mailbox-password"],
    )
    folder: Line = Field(
        "INBOX", description="The folder that is read, as the server calls it.", examples=["INBOX"]
    )
    watch_all_mail: Watch = Field(
        Watch.AUTO,
        description=(
            "Also look for new mail in the server's folder of all mail, where a filter may have "
            "put it past the inbox. auto: where the server has one, as Gmail does, and start or "
            "go_live says from which day on."
        ),
        examples=["auto"],
    )
    watch_spam: Watch = Field(
        Watch.AUTO,
        description=(
            "Also list what the provider took for spam, for a person to look through; it is never "
            "answered. auto: where the server says which folder that is."
        ),
        examples=["auto"],
    )
    start: Moment = Field(
        None,
        description=(
            "Mail that arrived before this date is only noted, not read or filed; kith import "
            "takes it in later. Empty: all mail is filed, older mail silently (see go_live)."
        ),
        examples=[date(2026, 12, 1)],
    )
    idle: Switch = Field(
        default=True,
        description=(
            "Let the server tell of new mail at once (IDLE) where it can; the regular looks go on."
        ),
        examples=[True],
    )
    connect_timeout: Seconds = Field(
        15, description="Seconds to wait for the server to pick up.", examples=[15]
    )
    read_timeout: Seconds = Field(
        60, description="Seconds to wait for an answer from the server.", examples=[60]
    )


class SmtpSettings(ServerSettings):
    """The server that letters leave by."""

    host: HostName = Field(
        "", description="The server that takes our letters.", examples=["smtp.gmail.com"]
    )
    security: Security = Field(Security.TLS, description=PROTECTION, examples=["starttls"])
    port: Port = Field(
        default_factory=_smtp_port,
        description="The server's port. If not given: 465 for tls, 587 for starttls, 25 for none.",
        examples=[465],
    )
    auth: Auth = Field(Auth.PASSWORD, description=SIGN_IN, examples=["password"])
    username: Text = Field(
        "",
        description="The name to sign in with. Empty means the server asks for none.",
        examples=["help@ourgroup.example.org"],
    )
    password: OptionalSecret = Field(None, description=IN_THIS_FILE, examples=["your app password"])
    password_file: OptionalPath = Field(
        None,
        description=IN_ANOTHER_FILE.format(credential="smtp_password"),
        examples=["mailbox-password"],
    )
    timeout: Seconds = Field(
        60,
        description=(
            "Seconds to wait for the server at each step. All steps of one letter together take no "
            "longer than half of lease_seconds."
        ),
        examples=[60],
    )
