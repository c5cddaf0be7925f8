"""The questions that threading asks the database: a handful for all mails of a transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import BindParameter, bindparam, case, exists, func, or_, select
from sqlalchemy.orm import Session

from casework.belief import DOUBTFUL_SENDERS
from casework.history import KITH
from casework.lifecycle import CaseStatus
from casework.models import (
    ADDRESSES,
    AWAITED_IDS,
    CASE_EVENTS,
    CASE_MESSAGES,
    CASES,
    OutboxEmail,
)
from casework.threading.evidence import Named
from intake.screening import Verdict
from replies.outgoing import address_key

MOST_ROWS = 5_000
"""Of any answer: a thousand mails with one Message-ID must not hold up the mails of others."""
MOST_PLACES = 50
"""Of the cases that one Message-ID points at: somebody may send it a thousand times."""
LONGEST_CHAIN = 20
"""How often a case may have been merged into another that was merged itself."""


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case as threading needs it.

    `correspondent_id` is None while no believed mail of theirs is in it and nobody has touched it:
    somebody else may have written in their name.
    """

    id: int
    reference: str
    correspondent_id: int | None
    status: str
    closed_at: datetime | None
    merged_into: int | None
    is_untouched: bool


@dataclass(frozen=True, slots=True)
class Known:
    """What the database knows of the ids, tokens and subjects of some mails."""

    letters: dict[str, int] = field(default_factory=dict)
    """The case of a letter of ours, by its Message-ID."""
    filed: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    """The cases of received mails and the keys of their senders, by Message-ID."""
    awaited: dict[str, list[tuple[int, int | None]]] = field(default_factory=dict)
    """The cases with a mail that answers an id, and who is believed to have written it."""
    cases: dict[int, CaseRow] = field(default_factory=dict)
    contacts: dict[int, set[str]] = field(default_factory=dict)
    """The addresses of a case's correspondent, for those cases that a token names."""
    stems: dict[int, set[str | None]] = field(default_factory=dict)
    """The subjects of a case, among those of the mails; None for one that nobody knows."""
    subjects: dict[tuple[str, str], int] = field(default_factory=dict)
    """The newest open case of a sender with a subject or Outlook conversation."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What some mails name: their ids and tokens, references, and who writes about what."""

    named: Sequence[Named]
    references: frozenset[str]
    senders: frozenset[str]
    stems: frozenset[str]
    thread_indexes: frozenset[str]


def look_up(session: Session, wanted: Wanted, since: datetime) -> Known:
    """Return what is known: four statements at most for mails that point at nothing."""
    known = Known()
    own = {named.own_id for named in wanted.named if named.own_id}
    cited = {name for named in wanted.named for name in (*named.ancestors, *named.enclosed)}
    _letters(session, known, cited)
    _filed(session, known, own | cited, wanted.senders)
    _awaited(session, known, own)
    _subjects(session, known, wanted, since)
    numbers = set(known.letters.values())
    numbers |= {case_id for rows in known.filed.values() for case_id, _ in rows}
    numbers |= {case_id for rows in known.awaited.values() for case_id, _ in rows}
    numbers |= set(known.subjects.values())
    tokens = {token.reference for named in wanted.named for _, token in named.tokens}
    _cases(session, known, numbers, tokens | wanted.references)
    if tokens:
        _contacts(session, known, [c.id for c in known.cases.values() if c.reference in tokens])
    _stems(session, known, wanted.stems)
    return known


def is_filed(session: Session, message_id: str, sender_key: str, body_hash: str) -> bool:
    """Return whether a mail with this id, sender and text is in a case."""
    values = {"wanted": message_id, "sender": sender_key, "text": body_hash}
    return session.execute(_SAME_TEXT, values).first() is not None


def _letters(session: Session, known: Known, ids: Iterable[str]) -> None:
    wanted = {spelling for name in ids for spelling in (name, name.lower())}
    if wanted:
        rows = session.execute(_LETTERS, {"wanted": list(wanted)}).all()
        known.letters.update({row.message_id: row.case_id for row in rows})


def _filed(session: Session, known: Known, ids: Iterable[str], senders: Iterable[str]) -> None:
    values = {"wanted": list(ids), "senders": list(senders)}
    for row in session.execute(_FILED, values).all() if values["wanted"] else ():
        places = known.filed.setdefault(row.message_id, [])
        if len(places) < MOST_PLACES:
            key = address_key(row.sender_email) if row.sender_email else ""
            places.append((row.case_id, key))


def _awaited(session: Session, known: Known, ids: Iterable[str]) -> None:
    wanted = list(ids)
    for row in session.execute(_AWAITED, {"wanted": wanted}).all() if wanted else ():
        places = known.awaited.setdefault(row.message_id, [])
        if len(places) < MOST_PLACES:
            places.append((row.case_id, row.correspondent_id))


def _subjects(session: Session, known: Known, wanted: Wanted, since: datetime) -> None:
    if not wanted.senders or not (wanted.stems or wanted.thread_indexes):
        return
    values = {
        "senders": list(wanted.senders),
        "stems": list(wanted.stems),
        "indexes": list(wanted.thread_indexes),
        "since": since,
    }
    for row in session.execute(_SUBJECTS, values).all():
        for key in (row.subject_stem, row.thread_index):
            if key:
                place = (row.sender_key, key)
                known.subjects[place] = max(row.case_id, known.subjects.get(place, 0))


def _cases(session: Session, known: Known, numbers: set[int], references: Iterable[str]) -> None:
    names = list(references)
    for _ in range(LONGEST_CHAIN):
        if not numbers and not names:
            return
        values = {"numbers": list(numbers), "names": names, "kith": KITH}
        for row in session.execute(_CASES, values).all():
            known.cases[row.id] = CaseRow(*row)
        targets = {row.merged_into for row in known.cases.values() if row.merged_into}
        numbers, names = targets - known.cases.keys(), []


def _contacts(session: Session, known: Known, numbers: Sequence[int]) -> None:
    for row in session.execute(_CONTACTS, {"numbers": list(numbers)}).all():
        known.contacts.setdefault(row.id, set()).add(row.key)


def _stems(session: Session, known: Known, stems: Iterable[str]) -> None:
    if known.cases:
        values = {"numbers": list(known.cases), "stems": list(stems)}
        for row in session.execute(_STEMS, values).all():
            known.stems.setdefault(row.case_id, set()).add(row.subject_stem)


# Statements are built once: to build one costs more than to run it.
_M = CASE_MESSAGES.c
_OPEN = tuple(status.value for status in CaseStatus if status.is_open)
_ids: BindParameter[str] = bindparam("wanted", expanding=True)
_LETTERS = (
    select(OutboxEmail.message_id, _M.case_id)
    .join(CASE_MESSAGES, _M.outbox_id == OutboxEmail.id)
    .where(OutboxEmail.message_id.in_(_ids))
)
_FILED = (
    select(_M.message_id, _M.case_id, _M.sender_email)
    .where(_M.message_id.in_(_ids))
    .group_by(_M.message_id, _M.case_id, _M.sender_email, _M.sender_key)
    # What these senders wrote themselves comes first: no stranger can crowd it out.
    .order_by(_M.sender_key.in_(bindparam("senders", expanding=True)).desc(), func.min(_M.id))
    .limit(MOST_ROWS)
)
_SAME_TEXT = (
    select(_M.id)
    .where(
        _M.message_id == bindparam("wanted"),
        or_(_M.sender_key == bindparam("sender"), _M.sender_key.is_(None)),
        or_(_M.body_hash == bindparam("text"), _M.body_hash.is_(None)),
    )
    .limit(1)
)
_AWAITED = (
    select(AWAITED_IDS.c.message_id, AWAITED_IDS.c.case_id, AWAITED_IDS.c.correspondent_id)
    .where(AWAITED_IDS.c.message_id.in_(_ids))
    .order_by(AWAITED_IDS.c.id)
    .limit(MOST_ROWS)
)
_SUBJECTS = (
    select(_M.sender_key, _M.subject_stem, _M.thread_index, func.max(_M.case_id).label("case_id"))
    .join(CASES, CASES.c.id == _M.case_id)
    .where(
        _M.sender_key.in_(bindparam("senders", expanding=True)),
        _M.at > bindparam("since"),
        or_(
            _M.subject_stem.in_(bindparam("stems", expanding=True)),
            _M.thread_index.in_(bindparam("indexes", expanding=True)),
        ),
        _M.is_unconfirmed.is_(False),
        CASES.c.status.in_(_OPEN),
    )
    .group_by(_M.sender_key, _M.subject_stem, _M.thread_index)
    .limit(MOST_ROWS)
)
_TOUCHED = exists().where(
    CASE_EVENTS.c.case_id == CASES.c.id, CASE_EVENTS.c.by != bindparam("kith")
)
_IS_UNTOUCHED = (
    (CASES.c.status == CaseStatus.NEW.value)
    & CASES.c.owner.is_(None)
    & CASES.c.next_action.is_(None)
    & ~_TOUCHED
)
_HAS_BELIEVED_MAIL = exists().where(
    _M.case_id == CASES.c.id,
    _M.screening_verdict == Verdict.PERSONAL.value,
    _M.screening_rule.not_in(sorted(DOUBTFUL_SENDERS)),
    _M.is_unconfirmed.is_(False),
)
_CASES = select(
    CASES.c.id,
    CASES.c.reference,
    case((_HAS_BELIEVED_MAIL | ~_IS_UNTOUCHED, CASES.c.correspondent_id)).label("correspondent_id"),
    CASES.c.status,
    CASES.c.closed_at,
    CASES.c.merged_into,
    _IS_UNTOUCHED.label("is_untouched"),
).where(
    or_(
        CASES.c.id.in_(bindparam("numbers", expanding=True)),
        CASES.c.reference.in_(bindparam("names", expanding=True)),
    )
)
_CONTACTS = (
    select(CASES.c.id, ADDRESSES.c.key)
    .join(ADDRESSES, ADDRESSES.c.correspondent_id == CASES.c.correspondent_id)
    .where(CASES.c.id.in_(bindparam("numbers", expanding=True)))
)
_STEMS = (
    select(_M.case_id, _M.subject_stem)
    .where(
        _M.case_id.in_(bindparam("numbers", expanding=True)),
        or_(_M.subject_stem.in_(bindparam("stems", expanding=True)), _M.subject_stem.is_(None)),
    )
    .distinct()
)
