"""Filing: a mail becomes a case, or part of one.

One mail, one case, one or more strands. Plain statements are used instead of object graphs: this
runs for every mail, in the transaction that also queues its acknowledgement.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from casework.case_rows import lock_case, stop_waiting, suggest, times_reopened, write_state
from casework.case_state import after_mail, wants_to_reopen
from casework.correspondents import (
    KnownCorrespondent,
    add_correspondent,
    addresses_of,
    can_be_written_to,
    find_correspondents,
)
from casework.drawer import Drawer
from casework.entries import (
    Incoming,
    body_hash,
    message_row,
    opening_lines,
    plain,
    strand_row,
)
from casework.history import KITH, Line, What, record
from casework.lifecycle import CaseStatus
from casework.merging import Doing, merge_cases
from casework.models import (
    AWAITED_IDS,
    CASE_MESSAGES,
    CASES,
    CORRESPONDENTS,
    KEY_DATES,
    STRANDS,
)
from casework.references import CaseReference, new_reference
from casework.threading import Placing, Threads, subject_stem
from config.database import reserve_ids
from intake.classification import Classification
from intake.inbox import (
    SETTLE,
    ClaimedMail,
    Settlement,
    hold,
    settlement_row,
    twins_of,
)
from intake.message import Address, Message
from replies.caps import Ask
from replies.outbox import (
    LETTERS,
    QUEUE_LETTER,
    acknowledgement_of,
    cancel_automatic,
    letter_row,
)
from replies.outgoing import OutgoingEmail, address_key

LIKELY_ENOUGH_FOR_A_STRAND = 0.4
"""A second kind that is less likely than this is a hint in `kith explain`, not work for people."""
UNTOLD = "queued"
"""`CaseMessage.letter_state` of a letter whose fate the history does not tell yet."""
MOST_SUGGESTIONS = 20
"""Cases that are told of the mail that they waited for; each costs two statements."""
REOPEN_WINDOW = timedelta(hours=1)
"""The stretch of time over which it is counted how often mails have opened a case again."""


@dataclass(frozen=True, slots=True)
class HoldBack:
    """Why nothing automatic goes to a person any more: the column that says so, and the words."""

    column: str
    words: str


UNSAFE = HoldBack("unsafe_address", "They say that a reply may not be safe.")
CHILD = HoldBack("no_automatic_mail", "A child or young person may have written.")
STOPPED = HoldBack("no_automatic_mail", "They wrote STOP.")


@dataclass(frozen=True, slots=True)
class Filing:
    """Where a mail was filed."""

    case_id: int
    reference: CaseReference
    correspondent_id: int | None
    is_new: bool


class Cabinet:
    """Files the mails of one transaction; `close` it before the commit."""

    def __init__(
        self,
        session: Session,
        now: datetime,
        owner: str,
        mails: Sequence[tuple[ClaimedMail, Message]],
        writers: Iterable[Address],
    ) -> None:
        """Make sure that `owner` holds the mails, and ask once for what all of them need.

        Raises `ClaimLostError` when somebody else took one of them over.
        """
        self.session = session
        self.now = now
        self._owner = owner
        self._drawer = Drawer(session)
        claimed = [mail for mail, _ in mails]
        hold(session, [mail.id for mail in claimed], owner=owner)
        self._twins = twins_of(session, claimed)
        self._people = find_correspondents(session, writers)
        # After the correspondents, who are locked by now: of two mails of one conversation that
        # are filed at the same time, the second must see what became of the first.
        self.threads = Threads(session, [message for _, message in mails], now)
        self._references = _free_references(session, len(mails))
        self._person_ids = reserve_ids(session, CORRESPONDENTS, len(mails))
        self._case_ids = reserve_ids(session, CASES, len(mails))
        self._letter_ids = reserve_ids(session, LETTERS, len(mails))
        self._changed: set[int] = set()

    def close(self) -> None:
        """Write what was put by."""
        self._drawer.empty()

    def twin_of(self, mail: ClaimedMail) -> int | None:
        """Return an earlier mail with the very same bytes, or None."""
        return self._twins.get(mail.id)

    def known(self, address: Address | None) -> KnownCorrespondent | None:
        """Return who has this address, or None."""
        return self._people.get(address_key(address.email)) if address else None

    def settle(self, mail: ClaimedMail, settlement: Settlement) -> None:
        """Put by what became of a mail."""
        row = settlement_row(mail.id, owner=self._owner, now=self.now, settlement=settlement)
        self._drawer.put(SETTLE, row)

    def open_case(
        self,
        incoming: Incoming,
        correspondent: KnownCorrespondent | Address | None,
        *,
        please_sort: bool,
        is_believed: bool,
        reference: CaseReference | None = None,
    ) -> Filing:
        """Open a case for the mail, with its strands, correspondence, dates and history.

        `correspondent` is somebody known, the address of somebody new, or nobody. Without a
        `reference` that it had before, a free one is drawn.
        """
        judged, risk, decision = incoming.judged, incoming.judged.risk, incoming.decision
        person = self._somebody(correspondent)
        reference = reference or next(self._references)
        case_id = next(self._case_ids)
        follows = decision.placing is Placing.OPEN_FOLLOWING
        case = {
            "id": case_id,
            "reference": reference,
            "correspondent_id": person.id if person else None,
            "status": CaseStatus.NEW,
            "risk_level": risk.level,
            "unsafe_reply": risk.unsafe_reply,
            "child_sender": risk.child_sender,
            "please_sort": please_sort,
            "needs_look": incoming.needs_look,
            "unconfirmed_sender": decision.knows_a_secret and decision.placing is Placing.HOLD,
            "may_belong_to": None if follows else decision.case_id,
            "follows": decision.case_id if follows else None,
            "opened_at": self.now,
            "last_received_at": judged.received_at,
        }
        self._drawer.put(_OPEN_CASE, case)
        self._changed.add(case_id)
        author_id = person.id if person and is_believed else None
        self.threads.note_case(case_id, reference, author_id)
        self._add_strands(case_id, judged.classification)
        self._add_message(case_id, incoming, author_id)
        self._record(case_id, *opening_lines(incoming))
        self._add_key_dates(case_id, incoming)
        self._suggest(judged.message, case_id)
        return Filing(case_id, reference, person.id if person else None, is_new=True)

    def append(
        self, incoming: Incoming, case_id: int, person_id: int | None, *, reopens_per_hour: int
    ) -> Filing:
        """File the mail in an existing case: risk may rise, strands grow, a closed case reopens.

        `person_id` is the sender, if known. A closed case is opened again so often an hour (0: as
        often as mails come).
        """
        decision = incoming.decision
        if case_id in self._changed or decision.joins:
            self._drawer.empty()  # what was filed a moment ago is not written yet
        self._changed.add(case_id)
        for other in decision.joins:
            self._merge(other, case_id)
        case = lock_case(self.session, case_id)
        may_reopen = not wants_to_reopen(case.state, decision) or self._reopens_left(
            case_id, reopens_per_hour
        )
        after, lines = after_mail(case.state, incoming, may_reopen=may_reopen)
        if after != case.state:
            write_state(self.session, case_id, after)
            self.threads.note_status(case_id, after.status, after.closed_at)
        is_theirs = decision.placing is Placing.APPEND
        self._add_message(case_id, incoming, case.correspondent_id if is_theirs else None)
        self._record(case_id, *lines)
        if not decision.is_repeat:
            self._add_key_dates(case_id, incoming)
        if is_theirs and not decision.is_repeat:
            self._add_new_strand(case_id, incoming.judged.classification)
            self._no_longer_awaited(incoming.judged.message, case.correspondent_id)
        filed_for = case.correspondent_id if is_theirs else person_id
        return Filing(case_id, case.reference, filed_for, is_new=False)

    def note_automatic_mail(self, incoming: Incoming, case_id: int, *lines: Line) -> None:
        """Put an automatic mail beside the correspondence it answers; nothing else changes."""
        self._add_message(case_id, incoming, None, is_waiting=False)
        self._record(case_id, *lines)

    def queue_acknowledgement(
        self, mail: ClaimedMail, filing: Filing, email: OutgoingEmail, ask: Ask, *, draft: bool
    ) -> None:
        """Put the letter into the outbox and into the case's correspondence."""
        letter_id, case_id = next(self._letter_ids), filing.case_id
        letter = letter_row(
            email,
            received_id=mail.id,
            draft=draft,
            now=self.now,
            template=ask.template,
            stem=ask.stem,
            once_key=acknowledgement_of(filing.reference),
        )
        self._drawer.put(QUEUE_LETTER, {"id": letter_id} | letter)
        row = {"case_id": case_id, "outbox_id": letter_id, "at": self.now, "letter_state": UNTOLD}
        self._drawer.put(_ADD_LETTER, row | {"subject_stem": subject_stem(email.subject)})
        self.threads.note_letter(case_id, email.subject)
        words = "Drafted only: Kith is in shadow mode." if draft else "Queued for sending."
        self._record(case_id, Line(What.ACKNOWLEDGEMENT_QUEUED, words))

    def hold_back(self, filing: Filing, why: HoldBack) -> None:
        """Send nothing more to this person by itself, and take back what has not left yet."""
        if filing.correspondent_id is None:
            return
        self._drawer.empty()  # the person and a letter to them may be in there
        self.session.execute(
            update(CORRESPONDENTS)
            .where(CORRESPONDENTS.c.id == filing.correspondent_id)
            .values({why.column: True})
        )
        mine = {k: p for k, p in self._people.items() if p.id == filing.correspondent_id}
        self._people |= {key: replace(p, **{why.column: True}) for key, p in mine.items()}
        for key in mine.keys() | addresses_of(self.session, filing.correspondent_id):
            cancel_automatic(self.session, key, now=self.now, reason=why.words)
        line = Line(What.STOPPED, f"{why.words} Nothing goes to them by itself any more.")
        self._record(filing.case_id, line)

    def _record(self, case_id: int, *lines: Line) -> None:
        record(self._drawer, case_id, lines, self.now)

    def _add_message(
        self, case_id: int, incoming: Incoming, by: int | None, *, is_waiting: bool = True
    ) -> None:
        """Put by a mail as correspondence; `by` is who is believed to have written it."""
        message = incoming.judged.message
        text_hash = body_hash(message.new_text)
        ancestors = self.threads.named(message).ancestors
        self._drawer.put(_ADD_MESSAGE, message_row(case_id, incoming, ancestors, text_hash))
        waits_for = self.threads.unresolved(message, case_id) if is_waiting else []
        for name in waits_for:
            row = {"message_id": name, "case_id": case_id, "received_id": incoming.received_id}
            self._drawer.put(_AWAIT, row | {"correspondent_id": by})
        self.threads.note_mail(message, case_id, text_hash, waits_for, by)

    def _merge(self, source_id: int, target_id: int) -> None:
        doing = Doing(KITH, self.now, "A mail shows that they are one conversation.")
        merge_cases(self.session, source_id, target_id, doing)
        self.threads.note_merger(source_id, target_id)

    def _reopens_left(self, case_id: int, most: int) -> bool:
        return not most or times_reopened(self.session, case_id, self.now - REOPEN_WINDOW) < most

    def _no_longer_awaited(self, message: Message, person_id: int | None) -> None:
        own_id = self.threads.named(message).own_id
        if own_id and self.threads.waiting_cases(message):
            stop_waiting(self.session, own_id, person_id)

    def _suggest(self, message: Message, case_id: int) -> None:
        """Tell the cases whose mails answer this one, of another sender, where they may belong."""
        for waiting in sorted(self.threads.waiting_cases(message) - {case_id})[:MOST_SUGGESTIONS]:
            self._drawer.empty()
            if suggest(self.session, waiting, case_id):
                words = "It may belong to another case, with the mail that it answers."
                self._record(waiting, Line(What.SORTED, words))

    def _add_key_dates(self, case_id: int, incoming: Incoming) -> None:
        for each in incoming.judged.risk.key_dates:
            row = {"case_id": case_id, "type": each.type, "on": each.date, "words": each.text}
            self._drawer.put(_ADD_KEY_DATE, row | {"is_confirmed": False})
            line = Line(What.DATE_FOUND, f"{each.type.replace('_', ' ')}, {each.date.isoformat()}.")
            self._record(case_id, line)

    def _add_strands(self, case_id: int, kinds: Classification) -> None:
        main = strand_row(case_id, kinds.kind, kinds.confidence)
        self._drawer.put(_ADD_STRAND, main | {"is_primary": True, "sure": kinds.sure})
        for also in kinds.also:
            if also.confidence < LIKELY_ENOUGH_FOR_A_STRAND:
                continue
            row = strand_row(case_id, also.kind, also.confidence)
            self._drawer.put(_ADD_STRAND, row | {"is_primary": False, "sure": False})

    def _add_new_strand(self, case_id: int, kinds: Classification) -> None:
        # Only what is sure: a thank-you in a case about a review must not become an enquiry too.
        if not (kinds.sure and kinds.kind.is_human):
            return
        present = select(STRANDS.c.kind).where(STRANDS.c.case_id == case_id)
        if kinds.kind in set(self.session.execute(present).scalars()):
            return
        row = strand_row(case_id, kinds.kind, kinds.confidence)
        self._drawer.put(_ADD_STRAND, row | {"is_primary": False, "sure": True})
        self._record(case_id, Line(What.STRAND_ADDED, f"{plain(kinds.kind)}."))

    def _somebody(
        self, correspondent: KnownCorrespondent | Address | None
    ) -> KnownCorrespondent | None:
        if not isinstance(correspondent, Address):
            return correspondent
        if not can_be_written_to(correspondent):
            return None
        person = add_correspondent(self._drawer, next(self._person_ids), correspondent, self.now)
        self._people[address_key(correspondent.email)] = person
        return person


def _free_references(session: Session, count: int) -> Iterator[CaseReference]:
    """Return references that no case has; should a rival take one first, all is redone."""
    free: set[CaseReference] = set()
    while len(free) < count:
        drawn = {new_reference() for _ in range(count - len(free))}
        free |= drawn - set(session.execute(_TAKEN, {"wanted": list(drawn)}).scalars())
    return iter(free)


# Statements are built once: to build one costs more than to run it.
_OPEN_CASE = insert(CASES)
_TAKEN = select(CASES.c.reference).where(CASES.c.reference.in_(bindparam("wanted", expanding=True)))
_AWAIT = insert(AWAITED_IDS)
_ADD_STRAND = insert(STRANDS)
_ADD_MESSAGE = insert(CASE_MESSAGES)
_ADD_LETTER = insert(CASE_MESSAGES)
_ADD_KEY_DATE = insert(KEY_DATES)
