"""Importing: older mail is taken in, and filed like any other, but nobody is answered.

It comes from the watched mailbox (what was noted there as older than our start), from another
folder of it, or from files. Every mail gets its line in the ledger in small transactions: an import
that is interrupted at any instruction, and started again, goes on where it was.
"""

from casework.importing.files import NoMailFilesError, NotMboxError, fingerprint, read_mails
from casework.importing.folder import WatchedFolderError, import_folder
from casework.importing.storing import Taken, import_files
from casework.importing.watched import import_older

__all__ = [
    "NoMailFilesError",
    "NotMboxError",
    "Taken",
    "WatchedFolderError",
    "fingerprint",
    "import_files",
    "import_folder",
    "import_older",
    "read_mails",
]
