"""The ways in which signing in without a password fails, told apart by what helps.

No sentence here holds a token, a secret, an account or anything that a server wrote.
"""

from config.errors import KithError


class OAuthError(KithError):
    """No access token could be had.

    `needs_sign_in`: waiting does not help, a person must act. `retry_after`: the seconds that the
    server asked us to wait, if it did.
    """

    needs_sign_in = False
    retry_after: float | None = None


class SignInAgainError(OAuthError):
    """The permission was withdrawn or has run out, or was never given; the sentence says how."""

    needs_sign_in = True

    def __init__(self, provider: str, reason: str) -> None:
        super().__init__(f"{reason} Sign in again: kith login {provider}")

    def with_hint(self, hint: str) -> "SignInAgainError":
        """Return the same with one more sentence, on what may have led to it."""
        self.args = (f"{self} {hint}",)
        return self


class OAuthClientError(OAuthError):
    """The settings in [oauth] cannot work; the sentence names the one to look at."""

    needs_sign_in = True


class TokenServerUnreachableError(OAuthError):
    """The server that gives tokens did not answer, or not sensibly: worth another try later."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(
            f"The server that gives access tokens {reason}. Nobody need sign in again for this; "
            "Kith will try again."
        )
        self.retry_after = retry_after


class TokenFileError(OAuthError):
    """The file of tokens cannot be read or written; the sentence says why and what to do."""

    needs_sign_in = True
