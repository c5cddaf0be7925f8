"""What is said to a mail server with an access token in hand (SASL XOAUTH2, as Google wrote it)."""

import json

from config.oauth.errors import OAuthError

LONGEST_CHALLENGE = 4096


def xoauth2_response(username: str, token: str) -> str:
    """Return the text to send, not yet in base64. Raises `OAuthError` if it cannot be carried.

    A sign of the protocol's own inside a name or token would change what is said.
    """
    if not (f"{username}{token}".isascii() and f"{username}{token}".isprintable()):
        raise OAuthError("The user name or the access token has characters that cannot be sent.")
    return f"user={username}\x01auth=Bearer {token}\x01\x01"


def refusal_in(challenge: bytes) -> str:
    """Return in words why the server refused, from its challenge (base64 taken off); may be empty.

    The client must answer that challenge with an empty line; only then the refusal itself comes.
    """
    try:
        reason = json.loads(challenge[:LONGEST_CHALLENGE])
        status = str(reason.get("status", "")) if isinstance(reason, dict) else ""
    except (ValueError, RecursionError):
        return ""
    if not (status.isascii() and status.isdigit() and len(status) == 3):
        return ""
    meaning = {
        "400": "the token is for something else",
        "401": "the token is not or no longer good",
    }
    return f"status {status}, {meaning.get(status, 'no reason given')}"
