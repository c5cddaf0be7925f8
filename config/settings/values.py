"""The kinds of value a setting may have, each with the sentence said when it is wrong."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

LONGEST_WAIT = 24 * 60 * 60
"""No time limit or interval is longer than a day: more is a slip of the keyboard."""


class _Choice(StrEnum):
    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        """Accept capitals: people copy TLS and STARTTLS from their provider's page."""
        wanted = str(value).strip().lower()
        return next((choice for choice in cls if choice.value == wanted), None)


class Mode(_Choice):
    """Does Kith send anything?"""

    SHADOW = "shadow"
    LIVE = "live"


class Security(_Choice):
    """How a connection to a mail server is protected."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


class Auth(_Choice):
    """How Kith signs in at a mail server."""

    PASSWORD = "password"  # noqa: S105 (a way to sign in)
    OAUTH = "oauth"


class Watch(_Choice):
    """Is a folder beside the inbox looked at? `auto`: where the server says that it has one."""

    AUTO = "auto"
    YES = "yes"
    NO = "no"


class ReplyAddress(_Choice):
    """Do answers to our letters come to an address that is signed for their case?"""

    AUTO = "auto"
    SIGNED = "signed"
    PLAIN = "plain"


class OAuthProvider(_Choice):
    """Whose sign-in is used."""

    NONE = ""
    GMAIL = "gmail"
    MICROSOFT = "microsoft"


class OAuthFlow(_Choice):
    """In whose name Kith signs in: a person who allowed it once, or the app itself."""

    REFRESH_TOKEN = "refresh_token"  # noqa: S105 (the name of a flow)
    CLIENT_CREDENTIALS = "client_credentials"


def is_loopback(host: str) -> bool:
    """Return whether `host` is this computer itself: localhost, 127.0.0.0/8 or ::1."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_mail_address(text: str) -> bool:
    """Return whether `text` is a bare address that can be used on every mail server."""
    local, at, domain = text.rpartition("@")
    plain = text.isascii() and text.isprintable() and not set(text) & set(' <>(),;:"[]\\')
    return bool(plain and at and local and "@" not in local and _is_domain(domain))


def _is_domain(domain: str) -> bool:
    labels = domain.split(".")
    return len(labels) > 1 and all(
        label and label.replace("-", "").isalnum() and label[0] != "-" != label[-1]
        for label in labels
    )


def _checked(passes: Callable[[str], bool], problem: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if text and not passes(text):
            raise ValueError(problem)
        return text

    return check


def _is_host(text: str) -> bool:
    return text.isprintable() and not set(text) & set(' /@"') and (":" not in text or _is_ip(text))


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_web_address(text: str) -> bool:
    host = text.removeprefix("https://") if text.startswith("https://") else text[7:]
    return (
        text.startswith(("https://", "http://"))
        and host[:1].isalnum()
        and text.isprintable()
        and " " not in text
    )


def _is_endpoint(text: str) -> bool:
    host = text.removeprefix("http://").partition("/")[0].partition(":")[0]
    return text.startswith("https://") or (text.startswith("http://") and is_loopback(host))


def _stripped(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


def _words(value: object) -> object:
    """Take a list in a variable apart at its commas."""
    if isinstance(value, str):
        return tuple(word for part in value.split(",") if (word := part.strip()))
    return value


def _empty_is_unset(value: object) -> object:
    return None if value == "" else value


def _not_empty(value: object) -> object:
    if value == "":
        raise ValueError("must name a directory")
    return value


def _moment(value: object) -> object:
    """Return a date or time in UTC; a date means its first moment, no time zone means UTC."""
    if isinstance(value, str):
        value = _moment_from_text(value.strip())
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time.min)
    if value is None:
        return None
    if not isinstance(value, datetime):
        raise ValueError("must be a date")
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _moment_from_text(text: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("must be a date, year first") from None


def _one_plain_line(text: str) -> str:
    if not text or not text.isprintable():
        raise ValueError("must be one line of plain text")
    return text


def _switch(value: object) -> object:
    """Take true and false as TOML and as a variable write them."""
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    known = words.get(value.strip().lower()) if isinstance(value, str) else value
    if not isinstance(known, bool):
        raise ValueError("must be true or false")
    return known


def _never_a_switch(value: object) -> object:
    """Refuse true and false where a number is wanted: Python would take them for 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("must be a number")
    return value


def _this_computer_only(host: str) -> str:
    if not is_loopback(host):
        raise ValueError(
            "must be this computer's own address: the page is not yet fit for a network"
        )
    return host


_Strip = BeforeValidator(_stripped)
_Number = BeforeValidator(_never_a_switch)

Text = Annotated[
    str, _Strip, AfterValidator(_checked(str.isprintable, "must be one line of plain text"))
]
Line = Annotated[str, _Strip, Field(max_length=100), AfterValidator(_one_plain_line)]
MailAddress = Annotated[
    str, _Strip, AfterValidator(_checked(is_mail_address, "must be one e-mail address and no more"))
]
MailAddresses = Annotated[tuple[MailAddress, ...], BeforeValidator(_words)]
Words = Annotated[tuple[Text, ...], BeforeValidator(_words)]
HostName = Annotated[
    str,
    _Strip,
    AfterValidator(_checked(_is_host, "must be the name of a server by itself, without a port")),
]
LoopbackHost = Annotated[HostName, AfterValidator(_this_computer_only)]
WebAddress = Annotated[
    str, _Strip, AfterValidator(_checked(_is_web_address, "must begin with https:// or http://"))
]
Endpoint = Annotated[
    str,
    _Strip,
    AfterValidator(
        _checked(_is_endpoint, "must begin with https:// (http:// only on this computer)")
    ),
]
Switch = Annotated[bool, BeforeValidator(_switch)]
Moment = Annotated[datetime | None, BeforeValidator(_moment)]
Port = Annotated[int, _Number, Field(ge=1, le=65535)]
Seconds = Annotated[float, _Number, Field(gt=0, le=LONGEST_WAIT, allow_inf_nan=False)]
Count = Annotated[int, _Number, Field(ge=1)]
Cap = Annotated[int, _Number, Field(ge=0)]
OptionalPath = Annotated[Path | None, BeforeValidator(_empty_is_unset)]
OptionalSecret = Annotated[SecretStr | None, BeforeValidator(_empty_is_unset)]
Directory = Annotated[Path, BeforeValidator(_not_empty)]
