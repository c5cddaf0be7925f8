"""The front door: reading a mailbox over IMAP, and leaving it exactly as it was.

The folder is opened with EXAMINE and mails are read with BODY.PEEK[] (RFC 9051 6.3.3, 6.4.5), so
that no flag is set, cleared or even forgotten as "recent". Nothing is moved or deleted.
"""

from intake.mailbox.batches import bounded_batches
from intake.mailbox.connecting import ImapServer, connect, explain_failure
from intake.mailbox.door import (
    FetchedMail,
    FolderMissingError,
    Glimpse,
    Mailbox,
    MailboxError,
    Role,
)
from intake.mailbox.imap import BEGINNING_BYTES, SIZES_AT_A_TIME, ImapMailbox

__all__ = [
    "BEGINNING_BYTES",
    "SIZES_AT_A_TIME",
    "FetchedMail",
    "FolderMissingError",
    "Glimpse",
    "ImapMailbox",
    "ImapServer",
    "Mailbox",
    "MailboxError",
    "Role",
    "bounded_batches",
    "connect",
    "explain_failure",
]
