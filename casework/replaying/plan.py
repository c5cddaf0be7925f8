"""What a replay must do, and in which order: as it happened in the source."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from casework.history import KITH
from casework.models import CASE_MESSAGES, CASES, BreakerRow, FailedDelivery, SuspendedAddress
from casework.processing import CLAIM_AT_ONCE
from casework.recorded import Recorded
from casework.references import CaseReference
from intake.inbox import RAWS, RECEIVED, MailState
from intake.inbox.ledger import NOT_IN_HAND
from replies.outbox import LETTERS, LetterState
from replies.outgoing import Purpose

GONE = (LetterState.SENT, LetterState.FAILED, LetterState.CANCELLED, LetterState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Work:
    """Mails that were settled together at that moment."""

    at: datetime
    received_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """A letter, no acknowledgement, that came into the outbox then: its number in the source."""

    at: datetime
    letter_id: int


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a letter then; with `was_refused` it counted as not deliverable."""

    at: datetime
    letter_id: int
    was_refused: bool


@dataclass(frozen=True, slots=True)
class Lifted:
    """A person let letters go again: to the address `key`, or past the breaker of that name."""

    at: datetime
    by: str
    key: str | None = None
    breaker: str | None = None


Step = Work | Written | Fate | Lifted


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps in their order, and how many mails there are that cannot be worked."""

    steps: tuple[Step, ...]
    recorded: Recorded
    waiting: int
    """Mails that the source itself has not worked yet."""
    without_bytes: frozenset[int]
    """Mails whose line is all that is left of them."""

    @property
    def worked(self) -> frozenset[int]:
        """Return the mails that are to be worked."""
        return frozenset(i for s in self.steps if isinstance(s, Work) for i in s.received_ids)


def plan_of(session: Session) -> Plan:
    """Return what must be done to come to what the database holds."""
    mails = [(row.settled_at, row.id) for row in session.execute(_WORKED).all()]
    steps: list[Step] = [*_together(mails), *_written(session), *_fates(session), *_lifted(session)]
    return Plan(
        steps=tuple(sorted(steps, key=lambda step: (step.at, _PLACE[type(step)]))),
        recorded=recorded_names(session),
        waiting=len(session.execute(_WAITING).all()),
        without_bytes=frozenset(session.execute(_WITHOUT_BYTES).scalars()),
    )


def _together(mails: Iterable[tuple[datetime, int]]) -> Iterator[Work]:
    """Yield the mails as they were filed: those of one transaction have one moment."""
    at_once: dict[datetime, list[int]] = defaultdict(list)
    for at, number in mails:
        at_once[at].append(number)
    for at, numbers in at_once.items():
        for first in range(0, len(numbers), CLAIM_AT_ONCE):
            yield Work(at, tuple(numbers[first : first + CLAIM_AT_ONCE]))


def _written(session: Session) -> list[Written]:
    return [Written(row.created_at, row.id) for row in session.execute(_OTHER_LETTERS).all()]


def _fates(session: Session) -> list[Fate]:
    refused = set(session.execute(_REFUSED).scalars())
    rows = session.execute(_SETTLED_LETTERS).all()
    return [Fate(row.settled_at, row.id, row.id in refused) for row in rows]


def _lifted(session: Session) -> list[Lifted]:
    addresses = [Lifted(row.lifted_at, row.by, key=row.key) for row in session.execute(_LIFTED)]
    return addresses + [
        Lifted(row.closed_at, row.closed_by, breaker=row.name) for row in session.execute(_CLOSED)
    ]


def recorded_names(session: Session) -> Recorded:
    """Return the references and Message-IDs that the database gave, by received mail."""
    letters = session.execute(_ACKNOWLEDGEMENTS).all()
    known = {row.received_id: _reference(row.once_key) for row in letters if row.once_key}
    cases, mails = session.execute(_CASES).all(), session.execute(_FILED).all()
    return Recorded(
        references=known | _opened_by(cases, mails, known),
        letter_ids={row.received_id: row.message_id for row in letters},
    )


def _reference(once_key: str) -> CaseReference:
    return CaseReference(once_key.rpartition("/")[2])


def _opened_by(
    cases: Sequence[Any], mails: Sequence[Any], known: Mapping[int, CaseReference]
) -> dict[int, CaseReference]:
    """Return which mail opened each case: the first of those settled when it was opened.

    Where all of them lie in another case by now, it is looked for there.
    """
    settled: dict[tuple[int, datetime], list[int]] = defaultdict(list)
    for mail in mails:
        if mail.id not in known:
            settled[mail.case_id, mail.settled_at].append(mail.id)
    into = {case.id: case.merged_into for case in cases}
    found: dict[int, CaseReference] = {}
    named = set(known.values())
    for case in cases:
        if case.reference in named:
            continue
        places = (settled[place, case.opened_at] for place in _way(case.id, into))
        opener = next((place.pop(0) for place in places if place), None)
        if opener is not None:
            found[opener] = CaseReference(case.reference)
    return found


def _way(case_id: int | None, into: Mapping[int, int | None]) -> Iterator[int]:
    """Yield the case, and those that it was merged into, one after the other."""
    seen: set[int] = set()
    while case_id is not None and case_id not in seen:
        yield case_id
        seen.add(case_id)
        case_id = into.get(case_id)


_PLACE = {Work: 0, Written: 1, Fate: 2, Lifted: 3}
_R, _L = RECEIVED.c, LETTERS.c
_HAS_BYTES = exists().where(RAWS.c.received_id == _R.id)
_WAS_READ = or_(_R.rule.is_(None), _R.rule.not_in(NOT_IN_HAND))
_IS_SETTLED = (_R.settled_at.is_not(None), _R.state != MailState.RECEIVED.value)
_WORKED = (
    select(_R.settled_at, _R.id)
    .where(*_IS_SETTLED, _WAS_READ, _HAS_BYTES)
    .order_by(_R.settled_at, _R.id)
)
_WAITING = select(_R.id).where(_R.state == MailState.RECEIVED.value)
_WITHOUT_BYTES = select(_R.id).where(
    *_IS_SETTLED, ~_HAS_BYTES, _WAS_READ, _R.duplicate_of.is_(None)
)
_OTHER_LETTERS = select(_L.created_at, _L.id).where(_L.purpose != Purpose.ACKNOWLEDGEMENT.value)
_SETTLED_LETTERS = select(_L.settled_at, _L.id).where(
    _L.settled_at.is_not(None), _L.state.in_([state.value for state in GONE])
)
_REFUSED = (
    select(FailedDelivery.letter_id)
    .join(LETTERS, _L.id == FailedDelivery.letter_id)
    .where(_L.state == LetterState.FAILED.value)
)
_LIFTED = select(
    SuspendedAddress.lifted_at, SuspendedAddress.key, SuspendedAddress.lifted_by.label("by")
).where(SuspendedAddress.lifted_at.is_not(None))
_CLOSED = select(BreakerRow.closed_at, BreakerRow.name, BreakerRow.closed_by).where(
    BreakerRow.closed_at.is_not(None), BreakerRow.closed_by != KITH
)
_ACKNOWLEDGEMENTS = select(_L.received_id, _L.message_id, _L.once_key).where(
    _L.purpose == Purpose.ACKNOWLEDGEMENT.value, _L.received_id.is_not(None)
)
_CASES = select(CASES.c.id, CASES.c.reference, CASES.c.opened_at, CASES.c.merged_into).order_by(
    CASES.c.id
)
_FILED = (
    select(_R.id, _R.settled_at, CASE_MESSAGES.c.case_id)
    .join(CASE_MESSAGES, CASE_MESSAGES.c.received_id == _R.id)
    .order_by(_R.id)
)
