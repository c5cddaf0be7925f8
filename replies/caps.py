"""How many automatic letters may leave at most: a backstop when every mark of a robot is missing.

Pure: whoever asks has counted, in the transaction that queues the letter. Each cap is named as its
setting in [limits] is; 0 is no cap.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter

from replies.outgoing import address_key


@dataclass(frozen=True, slots=True)
class Caps:
    """Every cap on automatic letters, and when the watchdog barks; each 0 means no cap."""

    acknowledgements_per_address_and_letter_per_day: int = 1
    acknowledgements_per_address_per_day: int = 3
    acknowledgements_per_address_per_week: int = 5
    acknowledgements_per_domain_per_hour: int = 20
    acknowledgements_per_subject_per_hour: int = 5
    acknowledgements_per_hour: int = 60
    acknowledgements_per_day: int = 300
    same_text_per_hour: int = 3
    mails_per_case_per_10_minutes: int = 10
    shared_domains: frozenset[str] = frozenset()
    """Domains of the large providers, where strangers share one: no cap for a domain there."""


class Cap(StrEnum):
    """The caps on letters, in the order in which they are looked at; the values are settings."""

    LETTER = "acknowledgements_per_address_and_letter_per_day"
    ADDRESS_DAY = "acknowledgements_per_address_per_day"
    ADDRESS_WEEK = "acknowledgements_per_address_per_week"
    DOMAIN = "acknowledgements_per_domain_per_hour"
    SUBJECT = "acknowledgements_per_subject_per_hour"
    HOUR = "acknowledgements_per_hour"
    DAY = "acknowledgements_per_day"

    @property
    def is_for_all(self) -> bool:
        """Return whether this cap, once hit, stops every acknowledgement."""
        return self in {Cap.HOUR, Cap.DAY}

    @property
    def is_about_one_address(self) -> bool:
        """Return whether this cap is hit by one person who writes often: no cause for alarm."""
        return self in {Cap.LETTER, Cap.ADDRESS_DAY, Cap.ADDRESS_WEEK}


@dataclass(frozen=True, slots=True)
class Ask:
    """An automatic letter that might be queued: to whom, which, and the subject stem it answers."""

    address: str
    template: str
    stem: str

    @property
    def key(self) -> str:
        """Return the form under which the address is counted."""
        return address_key(self.address)

    @property
    def domain(self) -> str:
        """Return the domain under which the address is counted."""
        return self.key.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many letters were queued within the time of each cap, this one not among them."""

    letter: int = 0
    address_day: int = 0
    address_week: int = 0
    domain: int = 0
    subject: int = 0
    hour: int = 0
    day: int = 0


def first_exceeded(counts: Counts, caps: Caps, ask: Ask) -> Cap | None:
    """Return the first cap, in the order of `Cap`, that leaves no room for one letter more."""
    for cap, count_of, limit_in in _TABLE:
        limit = limit_in(caps)
        if limit and count_of(counts) >= limit and not _is_exempt(cap, caps, ask):
            return cap
    return None


def has_room_again(counts: Counts, caps: Caps, cap: Cap) -> bool:
    """Return whether the count is under half the cap: a stop that the cap caused may end.

    Not at the first free place, or a flood would get a letter whenever one is forgotten.
    """
    limit = limit_of(caps, cap)
    return not limit or 2 * _COUNT[cap](counts) < limit


def limit_of(caps: Caps, cap: Cap) -> int:
    """Return how many letters the cap allows; 0 is no cap."""
    return _LIMIT[cap](caps)


def words_for(cap: Cap, caps: Caps) -> str:
    """Return why no letter is queued, for a volunteer; nothing of the mail is in it."""
    limit = limit_of(caps, cap)
    letters = "1 automatic letter" if limit == 1 else f"{limit} automatic letters"
    return _WORDS[cap].format(letters=letters, limit=limit)


def _is_exempt(cap: Cap, caps: Caps, ask: Ask) -> bool:
    return cap is Cap.DOMAIN and ask.domain in caps.shared_domains


_COUNT: dict[Cap, Callable[[Counts], int]] = {
    Cap.LETTER: attrgetter("letter"),
    Cap.ADDRESS_DAY: attrgetter("address_day"),
    Cap.ADDRESS_WEEK: attrgetter("address_week"),
    Cap.DOMAIN: attrgetter("domain"),
    Cap.SUBJECT: attrgetter("subject"),
    Cap.HOUR: attrgetter("hour"),
    Cap.DAY: attrgetter("day"),
}
_LIMIT: dict[Cap, Callable[[Caps], int]] = {cap: attrgetter(cap.value) for cap in Cap}
_TABLE = tuple((cap, _COUNT[cap], _LIMIT[cap]) for cap in Cap)
_WORDS = {
    Cap.LETTER: "This address has had this very letter in the last 24 hours (cap: {limit}).",
    Cap.ADDRESS_DAY: "This address has had {letters} in the last 24 hours, which is the cap.",
    Cap.ADDRESS_WEEK: "This address has had {letters} in the last 7 days, which is the cap.",
    Cap.DOMAIN: "The sender's domain has had {letters} in the last hour, which is the cap.",
    Cap.SUBJECT: "Mails of this subject have had {letters} in the last hour, which is the cap.",
    Cap.HOUR: "Kith has queued {letters} in the last hour, which is the cap for all together.",
    Cap.DAY: "Kith has queued {letters} in the last 24 hours, which is the cap for all together.",
}
