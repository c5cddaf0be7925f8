"""How things are: is any mail missing, does anything wait too long, does anything need a person?"""

from casework.status.model import (
    CanaryStatus,
    LetterCounts,
    MailboxStatus,
    Status,
    Token,
    Trouble,
    Watching,
)

__all__ = [
    "CanaryStatus",
    "LetterCounts",
    "MailboxStatus",
    "Status",
    "Token",
    "Trouble",
    "Watching",
]
