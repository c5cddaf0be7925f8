"""How things are: is any mail missing, does anything wait too long, does anything need a person?"""

from casework.status.model import (
    Brakes,
    CanaryStatus,
    LetterCounts,
    MailboxStatus,
    OpenBreaker,
    Status,
    Token,
    Trouble,
    Watching,
)

__all__ = [
    "Brakes",
    "CanaryStatus",
    "LetterCounts",
    "MailboxStatus",
    "OpenBreaker",
    "Status",
    "Token",
    "Trouble",
    "Watching",
]
