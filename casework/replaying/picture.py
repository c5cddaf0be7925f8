"""What a database says of its mails and cases, in a form that two of them can be compared in."""

from collections import defaultdict
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from casework.history import KITH
from casework.models import CASE_EVENTS, CASE_MESSAGES, CASES, STRANDS, Case
from intake.inbox import RECEIVED, MailState
from replies.outbox import LETTERS
from replies.outgoing import Purpose

FLAGS = (
    "unsafe_reply",
    "child_sender",
    "please_sort",
    "needs_look",
    "needs_glance",
    "new_subject",
    "unconfirmed_sender",
)


@dataclass(frozen=True, slots=True)
class MailPicture:
    """What became of one mail. `answer` says why it was (not) acknowledged."""

    state: str
    verdict: str | None
    rule: str | None
    case: str | None
    kind: str | None
    risk: str | None
    filed_rule: str | None
    answer: str | None
    letter: str | None
    """The template of its acknowledgement, "" for one that is not known; None: it got none."""


@dataclass(frozen=True, slots=True)
class CasePicture:
    """What is known of one case, without what only people write."""

    risk_level: str
    strands: tuple[str, ...]
    """The kinds, that of the primary strand first."""
    flags: tuple[str, ...]
    merged_into: str | None
    follows: str | None
    may_belong_to: str | None


@dataclass(frozen=True, slots=True)
class Picture:
    """All mails that are settled by number, all cases by reference."""

    mails: dict[int, MailPicture] = field(default_factory=dict)
    cases: dict[str, CasePicture] = field(default_factory=dict)
    people_did: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """What people did to a case, as its history names it."""


def picture_of(session: Session) -> Picture:
    """Return the picture of the database at this moment."""
    mails = {row[0]: MailPicture(*list(row)[1:]) for row in session.execute(_MAILS).all()}
    return Picture(mails, _cases(session), _people_did(session))


def _cases(session: Session) -> dict[str, CasePicture]:
    strands: dict[int, list[str]] = defaultdict(list)
    for row in session.execute(_STRANDS).all():
        strands[row.case_id].append(row.kind)
    return {
        row.reference: CasePicture(
            risk_level=row.risk_level,
            strands=_in_order(strands[row.id]),
            flags=tuple(name for name in FLAGS if getattr(row, name)),
            merged_into=row.into,
            follows=row.after,
            may_belong_to=row.maybe,
        )
        for row in session.execute(_CASES).all()
    }


def _in_order(kinds: list[str]) -> tuple[str, ...]:
    return (*kinds[:1], *sorted(kinds[1:]))


def _people_did(session: Session) -> dict[str, tuple[str, ...]]:
    did: dict[str, list[str]] = defaultdict(list)
    for row in session.execute(_BY_PEOPLE).all():
        did[row.reference].append(row.what)
    return {reference: tuple(dict.fromkeys(what)) for reference, what in did.items()}


_R, _M, _L = RECEIVED.c, CASE_MESSAGES.c, LETTERS.c
_MAILS = (
    select(
        _R.id,
        _R.state,
        _R.verdict,
        _R.rule,
        CASES.c.reference,
        _M.kind,
        _M.risk_level,
        _M.filed_rule,
        _M.acknowledgement,
        _L.template,
    )
    .outerjoin_from(RECEIVED, CASE_MESSAGES, _M.received_id == _R.id)
    .outerjoin(CASES, CASES.c.id == _M.case_id)
    .outerjoin(LETTERS, (_L.received_id == _R.id) & (_L.purpose == Purpose.ACKNOWLEDGEMENT.value))
    .where(_R.state != MailState.RECEIVED.value)
    .order_by(_R.id)
)
_INTO, _AFTER, _MAYBE = aliased(Case), aliased(Case), aliased(Case)
_CASES = (
    select(
        CASES.c.id,
        CASES.c.reference,
        CASES.c.risk_level,
        *(CASES.c[name] for name in FLAGS),
        _INTO.reference.label("into"),
        _AFTER.reference.label("after"),
        _MAYBE.reference.label("maybe"),
    )
    .outerjoin_from(CASES, _INTO, _INTO.id == CASES.c.merged_into)
    .outerjoin(_AFTER, _AFTER.id == CASES.c.follows)
    .outerjoin(_MAYBE, _MAYBE.id == CASES.c.may_belong_to)
    .order_by(CASES.c.id)
)
_STRANDS = select(STRANDS.c.case_id, STRANDS.c.kind).order_by(
    STRANDS.c.case_id, STRANDS.c.is_primary.desc(), STRANDS.c.id
)
_E = CASE_EVENTS.c
_BY_PEOPLE = (
    select(CASES.c.reference, _E.what)
    .join(CASES, CASES.c.id == _E.case_id)
    .where(_E.by != KITH)
    .order_by(_E.id)
)
