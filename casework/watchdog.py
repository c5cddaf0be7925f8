"""The watchdog: who sends the same words again and again, or floods a case?

It knows no marks of robots; it only counts what is filed, by the mail server's time of arrival, so
that a clock that goes wrong here, or mail that waited for us, makes no difference.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from casework.models import CASE_MESSAGES
from replies.caps import Caps
from replies.outgoing import address_key

HOUR = timedelta(hours=1)
TEN_MINUTES = timedelta(minutes=10)
MOST_ROWS = 2_000
"""Only the latest so many mails are looked at: more than any cap, and a flood costs little."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A mail that is filed: from whom, what it says (`entries.body_hash`), when it arrived."""

    address: str
    body_hash: str
    received_at: datetime

    @property
    def key(self) -> str:
        """Return the form under which the sender is counted."""
        return address_key(self.address)


class Watchdog:
    """Watches the mails of one transaction, and those filed before them."""

    def __init__(self, session: Session, caps: Caps, sightings: Sequence[Sighting]) -> None:
        """Ask once what these senders sent shortly before."""
        self._session = session
        self._texts_cap = caps.same_text_per_hour
        self._case_cap = caps.mails_per_case_per_10_minutes
        self._known = frozenset(sightings)
        self._texts: dict[tuple[str, str], list[datetime]] = defaultdict(list)
        self._cases: dict[tuple[int, str], list[datetime]] = {}
        if sightings and self._texts_cap:
            self._load_texts(sightings)

    def knows(self, sighting: Sighting) -> bool:
        """Return whether it was told of this mail when it was made."""
        return sighting in self._known

    def bark(self, sighting: Sighting, case_id: int | None) -> str | None:
        """Note the mail; return in words what is wrong with its sender, or None."""
        is_again = self._is_the_same_again(sighting)
        is_flood = case_id is not None and self._is_a_flood(sighting, case_id)
        if is_again:
            return f"The same words came from there {self._texts_cap} times in an hour."
        if is_flood:
            return f"More than {self._case_cap} mails came to one case in ten minutes."
        return None

    def _is_the_same_again(self, sighting: Sighting) -> bool:
        moments = self._texts[sighting.key, sighting.body_hash]
        moments.append(sighting.received_at)
        near = sum(abs(each - sighting.received_at) <= HOUR for each in moments)
        return bool(self._texts_cap) and near >= self._texts_cap

    def _is_a_flood(self, sighting: Sighting, case_id: int) -> bool:
        if not self._case_cap:
            return False
        # What others send to the case, perhaps in bad faith, must not silence this sender.
        place = (case_id, sighting.key)
        if place not in self._cases:
            since = sighting.received_at - TEN_MINUTES
            values = {"wanted": case_id, "key": sighting.key, "since": since}
            self._cases[place] = list(self._session.execute(_IN_CASE, values).scalars())
        moments = self._cases[place]
        moments.append(sighting.received_at)
        near = sum(abs(each - sighting.received_at) <= TEN_MINUTES for each in moments)
        return near > self._case_cap

    def _load_texts(self, sightings: Sequence[Sighting]) -> None:
        keys = {each.key for each in sightings}
        since = min(each.received_at for each in sightings) - HOUR
        for row in self._session.execute(_TEXTS, {"wanted": list(keys), "since": since}).all():
            self._texts[row.sender_key, row.body_hash].append(row.at)


# Statements are built once, since to build one costs more than to run it.
_C = CASE_MESSAGES.c
_TEXTS = (
    select(_C.sender_key, _C.body_hash, _C.at)
    .where(_C.sender_key.in_(bindparam("wanted", expanding=True)), _C.at > bindparam("since"))
    .where(_C.body_hash.is_not(None), _C.received_id.is_not(None))
    .order_by(_C.at.desc())
    .limit(MOST_ROWS)
)
_IN_CASE = (
    select(_C.at)
    .where(_C.case_id == bindparam("wanted"), _C.at > bindparam("since"))
    .where(_C.sender_key == bindparam("key"), _C.received_id.is_not(None))
    .order_by(_C.at.desc())
    .limit(MOST_ROWS)
)
