"""Finding and opening the folder, read-only."""

from imaplib import IMAP4
from typing import Any

from intake.mailbox.door import FolderMissingError
from intake.mailbox.server import ImapServer

_NOT_TO_BE_OPENED = frozenset({"\\noselect", "\\nonexistent"})


def folder_of(client: Any, server: ImapServer) -> str:
    """Return the name of the folder to read; by special use where that is asked for (RFC 6154).

    Raises `FolderMissingError` when no folder has that use.
    """
    if not server.special_use:
        return server.folder
    for flags, _, name in client.list_folders():
        marks = {bytes(flag).decode("ascii", "replace").lower() for flag in flags}
        if server.special_use.lower() in marks and not marks & _NOT_TO_BE_OPENED:
            return str(name)
    raise FolderMissingError(
        f"The mailbox at {server.host} has no folder that its server marks {server.special_use}. "
        "With Gmail, let IMAP show that label (Settings, Labels, Show in IMAP)."
    )


def examine(client: Any, folder: str, server: ImapServer) -> dict[bytes, Any]:
    """Open the folder read-only and return what the server tells of it.

    Raises `FolderMissingError` if it is not there; the library's errors otherwise.
    """
    try:
        selected: dict[bytes, Any] = client.select_folder(folder, readonly=True)
    except IMAP4.abort:
        raise
    except IMAP4.error as error:
        if client.folder_exists(folder):
            raise
        raise FolderMissingError(
            f"There is no folder {folder!r} in the mailbox at {server.host}. Check its name "
            "(folder in the settings)."
        ) from error
    return selected
