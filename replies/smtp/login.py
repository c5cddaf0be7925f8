"""Signing in at the mail server, by password or by access token, and what a refusal means."""

import smtplib
from collections.abc import Callable

from config.errors import KithError
from config.oauth import OAuthError, refusal_in, xoauth2_response
from replies.smtp.server import DeliveryError

MECHANISM = "XOAUTH2"
_SWITCHED_OFF = b"5.7.139"  # Exchange Online, where sending by SMTP is not allowed at all
_FOR_GOOD = range(500, 600)


class TokenRefusedError(smtplib.SMTPAuthenticationError):
    """The server did not accept our access token. `why`: in its own code, perhaps empty."""

    def __init__(self, code: int, reply: bytes, why: str) -> None:
        super().__init__(code, reply)
        self.why = why


def first_words(username: str, token: Callable[[bool], str], *, anew: bool) -> str:
    """Return what to say with an access token; `anew` if the last one was refused.

    Raises `DeliveryError` where none is to be had.
    """
    try:
        return xoauth2_response(username, token(anew))
    except KithError as error:
        needs_sign_in = isinstance(error, OAuthError) and error.needs_sign_in
        raise DeliveryError(str(error), affects_all=True, needs_sign_in=needs_sign_in) from error


def sign_in_with_token(smtp: smtplib.SMTP, words: str) -> None:
    """Sign in with what `first_words` returned, after EHLO.

    Raises `TokenRefusedError`, or `smtplib.SMTPNotSupportedError` where the server knows no
    XOAUTH2.
    """
    if MECHANISM not in smtp.esmtp_features.get("auth", "").upper().split():
        raise smtplib.SMTPNotSupportedError("no XOAUTH2")
    challenges: list[bytes] = []

    def answer(challenge: bytes | None = None) -> str:
        if challenge is None:
            return words
        challenges.append(challenge)
        return ""  # whoever answers otherwise never hears the refusal itself

    try:
        smtp.auth(MECHANISM, answer)
    except smtplib.SMTPAuthenticationError as error:
        why = refusal_in(challenges[0]) if challenges else ""
        raise TokenRefusedError(error.smtp_code, _as_bytes(error.smtp_error), why) from None
    except ValueError:  # a challenge that is no base64
        raise TokenRefusedError(535, b"", "") from None


def is_worth_a_fresh_token(error: TokenRefusedError) -> bool:
    """Return whether the token may be the reason, and not the server's own trouble or rules."""
    return error.smtp_code in _FOR_GOOD and _SWITCHED_OFF not in _as_bytes(error.smtp_error)


def refused(error: smtplib.SMTPAuthenticationError) -> DeliveryError:
    """Return what a refused sign-in means for the letters."""
    reply = _as_bytes(error.smtp_error)
    is_for_now = error.smtp_code not in _FOR_GOOD
    return DeliveryError(
        _words_for(error, reply, is_for_now=is_for_now),
        affects_all=True,
        needs_sign_in=not is_for_now,
        reply=f"{error.smtp_code} {reply.decode('utf-8', 'replace')}".strip(),
    )


def _words_for(error: smtplib.SMTPAuthenticationError, reply: bytes, *, is_for_now: bool) -> str:
    if is_for_now:
        return f"The mail server could not sign us in for now ({error.smtp_code})."
    if _SWITCHED_OFF in reply:
        return (
            "Sending by SMTP is switched off for this mailbox (5.7.139). The administrator must "
            "allow authenticated SMTP for it."
        )
    if not isinstance(error, TokenRefusedError):
        return "The mail server refused our user name or password."
    return (
        f"The mail server refused our access token{f' ({error.why})' if error.why else ''}. Is "
        "username in [smtp] the account that signed in? If so, sign in again (kith login)."
    )


def _as_bytes(reply: bytes | str) -> bytes:
    return reply if isinstance(reply, bytes) else reply.encode("utf-8", "replace")
