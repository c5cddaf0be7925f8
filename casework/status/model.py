"""How things are, as values: nothing in here was written by a correspondent or names one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from intake.mailbox.door import Role


@dataclass(frozen=True, slots=True)
class Token:
    """Our permission to sign in at a provider: when it ends, and whether it was refused.

    `warning` is a sentence for those who run Kith; it is not mailed.
    """

    provider: str
    ends_at: datetime | None = None
    needs_sign_in: bool = False
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Watching:
    """What the database does not know of how Kith is meant to run.

    `mailboxes` gives the label of every mailbox that is read; with None, all that the database
    knows are looked at. No time (None) means: this is not watched.
    """

    is_live: bool
    go_live: datetime | None = None
    silence: timedelta | None = timedelta(minutes=15)
    canary_every: timedelta | None = None
    compare_every: timedelta | None = timedelta(hours=24)
    mailboxes: Mapping[str, str] | None = None
    tokens: tuple[Token, ...] = ()


@dataclass(frozen=True, slots=True)
class MailboxStatus:
    """One mailbox: what its server has, what the ledger has, and how the last look went.

    `present` mails were on the server at `complete_at`, the last look that came to its end;
    `missing` of them are not in the ledger. `key` names it where its name must not be shown;
    `rhythm` is the time between two looks where that is long.
    """

    key: str
    label: str
    role: Role
    present: int | None = None
    missing: int = 0
    ledger: int = 0
    complete_at: datetime | None = None
    compared_at: datetime | None = None
    tried_at: datetime | None = None
    well_at: datetime | None = None
    problem: str | None = None
    needs_sign_in: bool = False
    next_try_at: datetime | None = None
    rhythm: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class LetterCounts:
    """How many letters are where; `*_lately` counts those settled in the last seven days."""

    waiting: int = 0
    oldest_waiting_at: datetime | None = None
    drafts: int = 0
    sent: int = 0
    failed: int = 0
    failed_lately: int = 0
    unknown: int = 0
    unknown_lately: int = 0


@dataclass(frozen=True, slots=True)
class CanaryStatus:
    """The last test mail to ourselves: when it left, and when it came back."""

    sent_at: datetime | None = None
    back_at: datetime | None = None
    is_overdue: bool = False


@dataclass(frozen=True, slots=True)
class OpenBreaker:
    """A sender who is not answered for now; `name` tells nobody who it is."""

    name: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Brakes:
    """How much is held back; `all_stopped`: no automatic letter leaves at all."""

    senders: tuple[OpenBreaker, ...] = ()
    all_stopped: bool = False
    caps_reached: int = 0
    suspended_addresses: int = 0


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that needs a person: a key that stays the same, what is wrong, what to do.

    The words hold no name, subject, reference or address. `rings`: it is worth an alarm.
    """

    key: str
    words: str
    remedy: str
    rings: bool = True


@dataclass(frozen=True, slots=True)
class Status:
    """How things are at one moment."""

    at: datetime
    is_live: bool
    go_live: datetime | None
    mailboxes: tuple[MailboxStatus, ...] = ()
    ledger: Mapping[str, int] = field(default_factory=dict)
    oldest_unfiled_at: datetime | None = None
    spam_to_look_at: int = 0
    letters: LetterCounts = LetterCounts()
    delivery_problem: str | None = None
    canary: CanaryStatus | None = None
    brakes: Brakes = Brakes()
    tokens: tuple[Token, ...] = ()
    troubles: tuple[Trouble, ...] = ()

    @property
    def is_well(self) -> bool:
        """Return whether nothing needs a person."""
        return not self.troubles

    @property
    def set_aside(self) -> int:
        """Return how many mails Kith gave up on."""
        return self.ledger.get("set_aside", 0)
