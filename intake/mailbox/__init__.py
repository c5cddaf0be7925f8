"""The front door: reading a mailbox over IMAP, and leaving it exactly as it was.

The folder is opened with EXAMINE and mails are read with BODY.PEEK[] (RFC 9051 6.3.3, 6.4.5), so
that no flag is set, cleared or even forgotten as "recent". Nothing is moved or deleted.
"""

from intake.mailbox.batches import bounded_batches
from intake.mailbox.connecting import connect
from intake.mailbox.door import (
    FetchedMail,
    FolderMissingError,
    Glimpse,
    Mailbox,
    MailboxError,
    Role,
)
from intake.mailbox.explaining import explain_failure
from intake.mailbox.imap import SIZES_AT_A_TIME, ImapMailbox
from intake.mailbox.patience import Patience
from intake.mailbox.questions import BEGINNING_BYTES
from intake.mailbox.server import ImapServer, TokenSource
from intake.mailbox.waiting import Doorbell

__all__ = [
    "BEGINNING_BYTES",
    "SIZES_AT_A_TIME",
    "Doorbell",
    "FetchedMail",
    "FolderMissingError",
    "Glimpse",
    "ImapMailbox",
    "ImapServer",
    "Mailbox",
    "MailboxError",
    "Patience",
    "Role",
    "TokenSource",
    "bounded_batches",
    "connect",
    "explain_failure",
]
