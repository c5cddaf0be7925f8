"""Signing in where there is no browser: a code is typed in on another device (RFC 8628)."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from config.oauth.answers import (
    WITHOUT_ANSWER,
    Grant,
    error_in,
    failure,
    fields_in,
    grant_in,
    is_token,
)
from config.oauth.client import OAuthClient, endpoints_of, provider_of
from config.oauth.errors import TokenServerUnreachableError
from config.oauth.signing_in import SignInFailedError, lasting
from config.oauth.source import with_app
from config.oauth.web import left_of, post_form

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"
USUAL_INTERVAL_S = 5.0
LONGEST_INTERVAL_S = 60.0
LONGEST_LIFE_S = 1800.0
SLOWER_BY_S = 5.0
NOT_ALLOWED = frozenset({"access_denied", "authorization_declined"})


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """What the person is told (`page`, `user_code`), and what we ask with. Times in seconds."""

    page: str
    user_code: str
    device_code: str = field(repr=False)
    interval: float
    lifetime: float


def ask_for_code(client: OAuthClient) -> DeviceCode:
    """Return a code for a person to type in. Raises `OAuthError`."""
    form = with_app(client, {"scope": provider_of(client).scopes})
    left = left_of(client.timeout)
    answer = post_form(endpoints_of(client).device, form, left=left)
    fields = fields_in(answer)
    if answer.status != 200:
        raise failure(error_in(fields), fields, client)
    page = fields.get("verification_uri") or fields.get("verification_url")  # Google's spelling
    code, device_code = fields.get("user_code"), fields.get("device_code")
    if not (_is_plain(page) and _is_plain(code) and is_token(device_code)):
        raise TokenServerUnreachableError(WITHOUT_ANSWER)
    return DeviceCode(
        page=str(page),
        user_code=str(code),
        device_code=str(device_code),
        interval=_within(fields.get("interval"), USUAL_INTERVAL_S, 1, LONGEST_INTERVAL_S),
        lifetime=_within(fields.get("expires_in"), LONGEST_LIFE_S, 1, LONGEST_LIFE_S),
    )


def _is_plain(text: Any) -> bool:
    # It is shown in a terminal, which obeys what is not plain.
    return isinstance(text, str) and 0 < len(text) <= 200 and text.isascii() and text.isprintable()


def _within(value: Any, usual: float, least: float, most: float) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return min(max(float(value), least), most) if is_number and value == value else usual


def wait_until_allowed(
    client: OAuthClient,
    code: DeviceCode,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Grant:
    """Ask, no more often than we may, until the person has allowed it.

    Raises `SignInFailedError` when they refused or the code has run out, `OAuthError` otherwise.
    """
    ends_at = clock() + code.lifetime
    for interval in _intervals(client, code, ends_at, clock):
        if isinstance(interval, Grant):
            return lasting(interval)
        sleep(interval)
    raise SignInFailedError("The code has run out. Begin again: kith login")


def _intervals(
    client: OAuthClient, code: DeviceCode, ends_at: float, clock: Callable[[], float]
) -> Iterator[float | Grant]:
    """Yield how long to wait before the next question, and in the end the tokens."""
    interval = code.interval
    while clock() + interval < ends_at:
        yield interval
        try:
            found = _ask(client, code)
        except TokenServerUnreachableError as error:  # RFC 8628 3.5: wait longer
            interval = min(max(interval * 2, error.retry_after or 0), LONGEST_INTERVAL_S)
            continue
        if isinstance(found, Grant):
            yield found
        if found == "slow_down":
            interval = min(interval + SLOWER_BY_S, LONGEST_INTERVAL_S)


def _ask(client: OAuthClient, code: DeviceCode) -> Grant | str:
    """Return the tokens, or the reason why there are none yet."""
    form = {"grant_type": GRANT_TYPE, "device_code": code.device_code}
    left = left_of(client.timeout)
    answer = post_form(endpoints_of(client).token, with_app(client, form), left=left)
    if answer.status == 200:
        return grant_in(answer, client)
    fields = fields_in(answer)
    error = error_in(fields)
    if error in ("authorization_pending", "slow_down"):
        return error
    if error in NOT_ALLOWED:
        raise SignInFailedError("It was refused on the page. Begin again: kith login")
    if error in ("expired_token", "code_expired"):
        raise SignInFailedError("The code has run out. Begin again: kith login")
    raise failure(error, fields, client)
