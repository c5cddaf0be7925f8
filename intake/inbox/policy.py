"""What line the ledger gets for a mail, decided before anything is written; pure.

Most mails are simply received. Some are only noted, and need not even be downloaded: a copy of one
that is in hand, mail from before we started, what we sent ourselves. Some are kept but not worked
on: what lies in the spam folder. And some are worked on in silence.
"""

from dataclasses import dataclass
from datetime import datetime

from intake.inbox.ledger import (
    BEFORE_START,
    NOT_INCOMING,
    OBJECT_ID_LENGTH,
    OUR_SENT_COPY,
    SAME_MAIL,
    SPAM_FOLDER,
    WITHHELD,
    MailState,
)
from intake.mailbox import FetchedMail, Glimpse, Role

WHY_WITHHELD = "The mail server could not hand it out: look at it in the mailbox."
WHY_SAME_MAIL = "The very same mail is in the ledger already."
WHY_SPAM = (
    "Our mail provider put it into the spam folder; a person should look through these now and "
    "then."
)
WHY_BEFORE_START = (
    "It arrived before the day from which Kith reads this mailbox. `kith import` takes it in."
)
WHY_OURS = "It is our own copy of a letter that we sent."
WHY_NOT_INCOMING = "It is a draft, a chat, or in the spam or the bin, and did not come to us."

OUR_LABELS = frozenset({"\\sent"})
LABELS_NOT_INCOMING = frozenset(
    {"\\draft", "\\drafts", "\\chat", "\\chats", "\\spam", "\\junk", "\\trash"}
)


@dataclass(frozen=True, slots=True)
class Policy:
    """How the mails of a mailbox are taken down.

    `start`: what arrived before is noted only. `silent_before`: what arrived before is worked on
    in silence. `again`: the UIDs that were noted and shall now be fetched all the same.
    """

    role: Role = Role.INBOX
    start: datetime | None = None
    silent_before: datetime | None = None
    again: frozenset[int] = frozenset()

    def is_too_old(self, mail: FetchedMail | Glimpse) -> bool:
        """Whether it is known to have arrived before we started, and nobody asked for it."""
        if self.start is None or mail.internal_date is None or mail.uid in self.again:
            return False
        return mail.internal_date < self.start

    def is_silent(self, mail: FetchedMail) -> bool:
        """Whether its sender may have been answered already; when in doubt, yes."""
        if self.silent_before is None:
            return False
        return mail.internal_date is None or mail.internal_date < self.silent_before


RECEIVE_ALL = Policy()


@dataclass(frozen=True, slots=True)
class Entry:
    """What the ledger says of a mail when it first appears there."""

    state: MailState
    rule: str | None = None
    reason: str | None = None
    verdict: str | None = None
    duplicate_of: int | None = None
    has_bytes: bool = False
    is_silent: bool = False


_TOO_OLD = Entry(MailState.SCREENED_OUT, BEFORE_START, WHY_BEFORE_START)
_OURS = Entry(MailState.SCREENED_OUT, OUR_SENT_COPY, WHY_OURS)
_NOT_INCOMING = Entry(MailState.SCREENED_OUT, NOT_INCOMING, WHY_NOT_INCOMING)
_SPAM = Entry(MailState.SCREENED_OUT, SPAM_FOLDER, WHY_SPAM, verdict="spam", has_bytes=True)


def entry_for_glimpse(glimpse: Glimpse, policy: Policy, copy_of: int | None) -> Entry | None:
    """Return the entry for a mail that need not be downloaded, None for one that must be.

    `copy_of` is the earlier line of the very same mail, as its object id tells.
    """
    if glimpse.uid in policy.again:
        return None
    if policy.role is Role.ALL_MAIL and glimpse.labels & LABELS_NOT_INCOMING:
        return _NOT_INCOMING
    if policy.role is Role.ALL_MAIL and glimpse.labels & OUR_LABELS:
        return _OURS
    if copy_of is not None:
        return _copy(copy_of)
    return _TOO_OLD if policy.is_too_old(glimpse) else None


def entry_for_mail(
    mail: FetchedMail, policy: Policy, copy_of: int | None, *, is_silent: bool
) -> Entry:
    """Return the entry for a mail that was downloaded, or that the server withheld.

    `is_silent` says that its line demanded silence before; else the policy decides.
    """
    is_silent = is_silent or policy.is_silent(mail)
    if mail.is_withheld:
        return Entry(MailState.SET_ASIDE, WITHHELD, WHY_WITHHELD, is_silent=is_silent)
    if copy_of is not None:
        return _copy(copy_of)
    if policy.is_too_old(mail):
        return _TOO_OLD
    if policy.role is Role.SPAM:
        return _SPAM
    return Entry(MailState.RECEIVED, has_bytes=True, is_silent=is_silent)


def usable_object_id(told: str | None) -> str | None:
    """Return the object id if it can be one (RFC 8474 5.1.1: 255 printable characters at most)."""
    if not told or len(told) > OBJECT_ID_LENGTH or not (told.isascii() and told.isprintable()):
        return None
    return told


def _copy(of: int) -> Entry:
    return Entry(MailState.SCREENED_OUT, SAME_MAIL, WHY_SAME_MAIL, duplicate_of=of)
