"""What must hold when all is quiet: no mail lost, nobody answered twice, no stranger let in.

One function looks at the database, at what the mailbox held and at what the mail server was really
given, and says in sentences what is wrong. An empty list is the proof.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from casework.models import CaseMessage, OutboxEmail, RawMail, ReceivedMail
from intake.inbox import MailState
from replies.outbox import LetterState
from replies.outgoing import address_key
from tests.simulation.letters import Letter
from tests.simulation.truth import MACHINES, Sort, Truth

SETTLED = frozenset(
    {LetterState.SENT, LetterState.UNKNOWN, LetterState.FAILED, LetterState.CANCELLED}
)
MAY_HAVE_ARRIVED = frozenset({LetterState.SENT, LetterState.UNKNOWN})
UNWRITTEN = frozenset({"withheld", "before-start", "our-sent-copy", "not-incoming"})
"""Rules of lines of the ledger without bytes behind them: the mail stays on the server."""


@dataclass(frozen=True, slots=True)
class World:
    """What the world outside knows: every mail of the inbox by UID, every letter that arrived."""

    inbox: Mapping[int, Truth]
    letters: Sequence[Letter]


def violations(session: Session, world: World) -> list[str]:
    """Return what is wrong, in sentences; nothing when all is as it must be."""
    book = _Book(session, world)
    return [
        *_ledger(book),
        *_filing(book),
        *_letters_and_outbox(book),
        *_answers(book),
        *_strangers(book),
    ]


class _Book:
    """The rows, read once."""

    def __init__(self, session: Session, world: World) -> None:
        self.world = world
        self.mails = session.execute(
            select(
                ReceivedMail.id,
                ReceivedMail.mailbox,
                ReceivedMail.uid,
                ReceivedMail.state,
                ReceivedMail.rule,
                ReceivedMail.sha256,
                ReceivedMail.is_whole,
                ReceivedMail.duplicate_of,
            ).order_by(ReceivedMail.id)
        ).all()
        self.messages = session.execute(
            select(CaseMessage.case_id, CaseMessage.received_id, CaseMessage.outbox_id).order_by(
                CaseMessage.id
            )
        ).all()
        self.outbox = session.execute(
            select(
                OutboxEmail.id,
                OutboxEmail.message_id,
                OutboxEmail.state,
                OutboxEmail.received_id,
                OutboxEmail.purpose,
                OutboxEmail.to_address,
            )
        ).all()
        self.raw_sums = _fingerprints(session)
        self.truth_of: dict[int, Truth] = {
            row.id: world.inbox[row.uid] for row in self.mails if row.uid in world.inbox
        }


def _fingerprints(session: Session) -> dict[int, str]:
    sums: dict[int, Any] = {}
    rows = session.execute(
        select(RawMail.received_id, RawMail.raw)
        .order_by(RawMail.received_id, RawMail.piece)
        .execution_options(yield_per=200)
    )
    for received_id, raw in rows:
        sums.setdefault(received_id, hashlib.sha256()).update(raw)
    return {received_id: digest.hexdigest() for received_id, digest in sums.items()}


def _ledger(book: _Book) -> Iterator[str]:
    """Every UID is in the ledger once, in a settled state, its bytes as they came."""
    known = Counter(row.uid for row in book.mails)
    for uid in sorted(book.world.inbox.keys() - known.keys()):
        yield f"UID {uid} ({book.world.inbox[uid].sort}) is not in the ledger."
    for uid, times in known.items():
        if times != 1:
            yield f"UID {uid} is in the ledger {times} times."
        if uid not in book.world.inbox:
            yield f"UID {uid} is in the ledger, but never was in the inbox."
    for row in book.mails:
        if row.state not in {each.value for each in MailState} - {MailState.RECEIVED}:
            yield f"UID {row.uid} is left at {row.state}."
        yield from _bytes_kept(book, row)


def _bytes_kept(book: _Book, row: Any) -> Iterator[str]:
    truth = book.truth_of.get(row.id)
    if truth is None or not row.is_whole or row.rule in UNWRITTEN:
        return
    if row.duplicate_of is not None and row.id not in book.raw_sums:
        return  # known by the server's own number of the mail: not fetched a second time
    if not book.raw_sums.get(row.id) == row.sha256 == truth.sha256:
        yield f"The bytes of UID {row.uid} are not those that came."


def _filing(book: _Book) -> Iterator[str]:
    """What is filed is in one case; what is not is in none."""
    places: defaultdict[int, set[int]] = defaultdict(set)
    for filed in book.messages:
        if filed.received_id is not None:
            places[filed.received_id].add(filed.case_id)
    for row in book.mails:
        wanted = 1 if row.state == MailState.FILED else 0
        if len(places[row.id]) != wanted:
            yield f"UID {row.uid}, {row.state}, is in {len(places[row.id])} cases."


def _letters_and_outbox(book: _Book) -> Iterator[str]:
    """The outbox says of each letter what the mail server would say."""
    arrived = Counter(letter.message_id for letter in book.world.letters)
    by_id = {row.message_id: row for row in book.outbox}
    for message_id, times in arrived.items():
        if times > 1:
            yield f"The letter {message_id} arrived {times} times."
        row = by_id.get(message_id)
        if row is None:
            yield f"A letter {message_id} arrived that the outbox does not know."
        elif row.state not in MAY_HAVE_ARRIVED:
            yield f"Letter {row.id} arrived, but is at {row.state}."
    for row in book.outbox:
        if row.state not in SETTLED:
            yield f"Letter {row.id} is left at {row.state}."
        if row.state == LetterState.SENT and row.message_id not in arrived:
            yield f"Letter {row.id} is said to be sent, but did not arrive."


def _answers(book: _Book) -> Iterator[str]:
    """No mail and no case has two acknowledgements, and no machine has any."""
    truths = {truth.message_id: truth for truth in book.world.inbox.values()}
    automatic = [letter for letter in book.world.letters if letter.is_automatic]
    answered = Counter(letter.in_reply_to for letter in automatic if letter.in_reply_to)
    for message_id, times in answered.items():
        if times > 1:
            yield f"The mail {message_id} got {times} acknowledgements."
        truth = truths.get(message_id)
        if truth is not None and not truth.may_be_answered:
            yield f"A mail by a {truth.sort} was acknowledged: {message_id}."
    machines = {address_key(t.sender) for t in truths.values() if t.sort in _HAVE_NO_ADDRESS_ELSE}
    for letter in automatic:
        if address_key(letter.recipient) in machines:
            yield f"A machine was written to: {letter.message_id}."
    yield from _one_for_each_case(book)


_HAVE_NO_ADDRESS_ELSE = MACHINES - {Sort.OUT_OF_OFFICE}
"""Machines whose address nobody else writes from; an answering machine uses its owner's."""


def _one_for_each_case(book: _Book) -> Iterator[str]:
    case_of = {row.outbox_id: row.case_id for row in book.messages if row.outbox_id is not None}
    counted = Counter(
        case_of.get(row.id)
        for row in book.outbox
        if row.purpose == "acknowledgement" and row.state != LetterState.CANCELLED
    )
    for case_id, times in counted.items():
        if times > 1 and case_id is not None:
            yield f"Case {case_id} has {times} acknowledgements."
    if counted[None]:
        yield f"{counted[None]} acknowledgements belong to no case."


def _strangers(book: _Book) -> Iterator[str]:
    """A case holds the mails of one writer; others only if they show a secret of ours."""
    writers: defaultdict[int, list[Truth]] = defaultdict(list)
    for row in book.messages:
        truth = book.truth_of.get(row.received_id)
        if truth is not None:
            writers[row.case_id].append(truth)
    for case_id, truths in writers.items():
        first = truths[0].writer
        for truth in truths[1:]:
            if truth.writer != first and not truth.shows_secret:
                yield f"Case {case_id} of {first} has a mail by {truth.writer} ({truth.sort})."
