"""Where a mailbox is and how it is read: plain values, made out of the settings."""

from collections.abc import Callable
from dataclasses import dataclass

from intake.mailbox.door import Role

TokenSource = Callable[[bool], str]
"""Returns an OAuth access token; asked with True, one that was got anew just now.

It raises a `KithError` when there is none to be had; the error's own `needs_sign_in` and
`retry_after` are passed on if it has them.
"""


@dataclass(frozen=True, slots=True)
class ImapServer:
    """Where and how to read; seconds for the time limits, bytes for the sizes (0: no limit).

    With a `token` we sign in by OAuth (SASL XOAUTH2) and the password is not used. With
    `special_use` ("\\\\All", "\\\\Junk": RFC 6154) the folder is the one that the server marks so,
    whatever its name. `name_as` is the name that the ledger keeps the mailbox under, in place of
    the one made of user, host and folder. `idle` false: never wait by IDLE.
    """

    host: str
    port: int
    security: str
    username: str
    password: str
    folder: str = "INBOX"
    connect_timeout: float = 15
    read_timeout: float = 60
    message_bytes: int = 50_000_000
    batch_messages: int = 50
    batch_bytes: int = 8_000_000
    token: TokenSource | None = None
    role: Role = Role.INBOX
    special_use: str = ""
    name_as: str = ""
    idle: bool = True

    @property
    def where(self) -> str:
        """Return host and port, for sentences."""
        return f"{self.host}:{self.port}"

    @property
    def name(self) -> str:
        """Return `user@host/folder`: stable across restarts, one per folder read.

        A folder found by its special use is named so: its own name follows the user's language.
        """
        user = self.username.partition("@")[0]
        return self.name_as or f"{user}@{self.host}/{self.special_use or self.folder}"
