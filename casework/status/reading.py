"""Reading how things are, in a handful of statements."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import bindparam, case, func, select
from sqlalchemy.orm import Session

from casework.canary import canary_status
from casework.pulses import DELIVER, POLL, Pulse, all_pulses, poll_pulse
from casework.status.brakes import read_brakes
from casework.status.mailboxes import MailboxLine, mailbox_lines
from casework.status.model import LetterCounts, MailboxStatus, Status, Watching
from casework.status.troubles import troubles
from config.log_cleaning import clean
from intake.inbox import RECEIVED, MailState, count_by_state
from intake.inbox.ledger import SPAM_FOLDER
from intake.mailbox.door import Role
from replies.outbox import LETTERS, LetterState

LATELY = timedelta(days=7)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
SPAM_LOOKED_AT = "spam looked at"
"""The pulse of a person going through the list of that mail."""
ROLE_WORDS = {Role.INBOX: "Inbox", Role.ALL_MAIL: "All Mail", Role.SPAM: "Spam folder"}
WAITING = (LetterState.QUEUED, LetterState.CLAIMED, LetterState.SENDING)


def read_status(session: Session, watching: Watching, now: datetime) -> Status:
    """Return how things are, with the troubles that follow from it."""
    pulses = all_pulses(session)
    deliver = pulses.get(DELIVER)
    status = Status(
        at=now,
        is_live=watching.is_live,
        go_live=watching.go_live,
        mailboxes=_mailboxes(session, watching, pulses),
        ledger={state.value: count for state, count in count_by_state(session).items()},
        oldest_unfiled_at=session.execute(_OLDEST_UNFILED).scalar(),
        spam_to_look_at=_spam_to_look_at(session, pulses.get(SPAM_LOOKED_AT)),
        letters=_letters(session, now),
        delivery_problem=clean(deliver.problem) if deliver and deliver.problem else None,
        canary=canary_status(pulses, every=watching.canary_every, now=now),
        brakes=read_brakes(session, now),
        tokens=watching.tokens,
    )
    return replace(status, troubles=tuple(troubles(status, watching)))


def _mailboxes(
    session: Session, watching: Watching, pulses: Mapping[str, Pulse]
) -> tuple[MailboxStatus, ...]:
    lines = mailbox_lines(session)
    counts = {row.mailbox: row.mails for row in session.execute(_LEDGER_LINES).all()}
    names = _names(watching, lines, pulses)
    labels = _labels(names, lines, watching.mailboxes or {})
    return tuple(
        _mailbox(labels[name], lines.get(name), pulses.get(poll_pulse(name)), counts.get(name, 0))
        for name in names
    )


def _names(
    watching: Watching, lines: Mapping[str, MailboxLine], pulses: Mapping[str, Pulse]
) -> list[str]:
    known = {*lines, *(name.removeprefix(POLL) for name in pulses if name.startswith(POLL))}
    if watching.mailboxes is None:
        return sorted(known)
    # A folder that the server does not have, All Mail for example, was never looked into.
    return [name for name in watching.mailboxes if name in known]


@dataclass(frozen=True, slots=True)
class _Label:
    key: str
    words: str
    role: Role


def _labels(
    names: Iterable[str], lines: Mapping[str, MailboxLine], given: Mapping[str, str]
) -> dict[str, _Label]:
    """Return what each mailbox is called: its name holds an address, which is shown nowhere."""
    labels: dict[str, _Label] = {}
    seen: Counter[str] = Counter()
    for name in names:
        role = Role(lines[name].role) if name in lines else Role.INBOX
        words = clean(given.get(name, "")) or ROLE_WORDS[role]
        seen[words] += 1
        numbered = words if seen[words] == 1 else f"{words} {seen[words]}"
        labels[name] = _Label(f"{role}-{_short(name)}", numbered, role)
    return labels


def _short(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:8]


def _mailbox(
    label: _Label, line: MailboxLine | None, pulse: Pulse | None, ledger: int
) -> MailboxStatus:
    status = MailboxStatus(label.key, label.words, label.role, ledger=ledger)
    if line is not None:
        status = replace(
            status,
            present=line.present,
            missing=line.missing or 0,
            complete_at=line.complete_at,
            compared_at=line.reconciled_at,
        )
    return status if pulse is None else _with_pulse(status, pulse)


def _with_pulse(status: MailboxStatus, pulse: Pulse) -> MailboxStatus:
    return replace(
        status,
        tried_at=pulse.tried_at,
        well_at=pulse.well_at,
        problem=clean(pulse.problem) if pulse.problem else None,
        needs_sign_in=bool(pulse.problem and pulse.detail.get("needs_sign_in")),
        next_try_at=_moment(pulse.detail.get("next_try")) if pulse.problem else None,
        rhythm=timedelta(seconds=_number(pulse.detail.get("every_seconds"))),
    )


def _moment(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _spam_to_look_at(session: Session, looked: Pulse | None) -> int:
    since = looked.well_at if looked and looked.well_at else LONG_AGO
    return session.execute(_SPAM, {"since": since}).scalar_one()


def _letters(session: Session, now: datetime) -> LetterCounts:
    rows = {row.state: row for row in session.execute(_LETTERS, {"since": now - LATELY}).all()}
    counts: Counter[str] = Counter({state: row.letters for state, row in rows.items()})
    lately: Counter[str] = Counter({state: row.lately for state, row in rows.items()})
    waiting = [rows[state] for state in WAITING if state in rows]
    return LetterCounts(
        waiting=sum(row.letters for row in waiting),
        oldest_waiting_at=min((row.oldest for row in waiting), default=None),
        drafts=counts[LetterState.DRAFT],
        sent=counts[LetterState.SENT],
        failed=counts[LetterState.FAILED],
        failed_lately=lately[LetterState.FAILED],
        unknown=counts[LetterState.UNKNOWN],
        unknown_lately=lately[LetterState.UNKNOWN],
    )


# Statements are built once: to build one costs more than to run it.
_R, _L = RECEIVED.c, LETTERS.c
_OLDEST_UNFILED = select(func.min(_R.fetched_at)).where(_R.state == MailState.RECEIVED.value)
_LEDGER_LINES = select(_R.mailbox, func.count().label("mails")).group_by(_R.mailbox)
_SPAM = (
    select(func.count())
    .select_from(RECEIVED)
    .where(
        _R.state == MailState.SCREENED_OUT.value,
        _R.rule == SPAM_FOLDER,
        _R.fetched_at > bindparam("since"),
    )
)
_LETTERS = select(
    _L.state,
    func.count().label("letters"),
    func.count(case((_L.settled_at > bindparam("since"), 1))).label("lately"),
    func.min(_L.created_at).label("oldest"),
).group_by(_L.state)
