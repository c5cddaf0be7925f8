"""The journey of one mail through the house, written down once, where it runs.

    received mail → judged → matched → disposed → settled → filed → acknowledged
                             ╰──────────────── one transaction ────────────────╯

If the power fails inside, nothing of it has happened and the mail is claimed again; afterwards all
of it has. The acknowledgement is only queued here: it leaves by `replies.delivery`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from casework.answering import ask_of, request_for, sighting_of
from casework.belief import asks_to_stop, is_believed, writer_of
from casework.canary import CAME_BACK, canary_came_back
from casework.correspondents import KnownCorrespondent
from casework.disposition import Action, Disposition, dispose, is_human
from casework.entries import Incoming, body_hash
from casework.filing import CHILD, STOPPED, UNSAFE, Cabinet, Filing
from casework.gate import Caps, Gate
from casework.history import Line
from casework.judging import Judged, Judges, judge
from casework.recorded import NOTHING_RECORDED, Recorded
from casework.references import has_reference_shape
from casework.returned import take_note
from casework.threading import (
    NOTHING,
    Decision,
    Placing,
    Traits,
    decide,
    is_forward,
    is_only_thanks,
    subject_stem,
)
from intake.inbox import ClaimedMail, MailState, Settlement
from intake.risk import RiskLevel
from intake.screening import Screening, Verdict
from replies.acknowledgement import (
    GroupVoice,
    Permission,
    compose_acknowledgement,
    may_acknowledge,
)
from replies.signing import UNSIGNED, Signer
from replies.signposting import Signposts
from replies.templates import ReplyTemplates

SILENT = "It was imported, or came before the mailbox was made anew."
UNKNOWN_ADDRESS = "It answers a letter of ours, but from an address that we do not know yet."
NAMES_A_CASE = (
    "Its subject has what looks like the reference of a case, and we do not know its sender: an "
    "answer could tell whether there is such a case."
)
SAME_MAIL = Settlement(
    MailState.SCREENED_OUT,
    verdict=None,
    rule="same-mail",
    reason="The very same mail is in the ledger already.",
)


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything the journey needs besides the mail and the database; made once."""

    judges: Judges
    templates: ReplyTemplates
    signposts: Signposts
    group: GroupVoice
    is_live: bool
    caps: Caps
    soft_failures_per_week: int = 3
    reopens_per_hour: int = 5
    signer: Signer = UNSIGNED
    reply_address_is_signed: bool = False
    recorded: Recorded = NOTHING_RECORDED
    """The names that a replay gives again."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a mail: its state, what was thought of it, its case, why (not) answered."""

    state: MailState
    judged: Judged | None
    reference: str | None
    is_new_case: bool
    acknowledged: bool
    reason: str


def understand(mail: ClaimedMail, raw: bytes, desk: Desk, now: datetime) -> Judged:
    """Return what is to be thought of a claimed mail; touches no database."""
    return judge(
        raw,
        received_at=mail.internal_date,
        judges=desk.judges,
        now=now,
        is_whole=mail.is_whole,
    )


def make_gate(session: Session, opinions: Sequence[Judged], desk: Desk, now: datetime) -> Gate:
    """Return the gate of a transaction that files these mails; to be made before the cabinet."""
    asks = [ask for judged in opinions if (ask := ask_of(judged))]
    sightings = [sighting for judged in opinions if (sighting := sighting_of(judged))]
    return Gate(session, now, desk.caps, asks, sightings)


def process_mail(
    cabinet: Cabinet, gate: Gate, mail: ClaimedMail, judged: Judged, desk: Desk
) -> Outcome:
    """Take a claimed and judged mail through the house, in the cabinet's transaction."""
    if (known := _known_already(cabinet, mail, judged)) is not None:
        cabinet.settle(mail, known)
        return _not_filed(None, known)
    person = cabinet.known(writer_of(judged))
    answered = _case_of_the_letter_answered(cabinet, judged, desk)
    disposition = dispose(
        judged.screening,
        judged.classification,
        judged.risk,
        known_sender=person is not None,
        answers_a_case=answered is not None,
    )
    settlement = _settlement(judged.screening, disposition)
    cabinet.settle(mail, settlement)
    if disposition.action is Action.FILE:
        decision = place(cabinet, mail, judged, person, desk)
        journey = _Filing(cabinet, gate, mail, judged, person, decision, disposition, desk)
        return journey.file_and_acknowledge()
    if disposition.action is Action.NOTE and answered is not None:
        permission = Permission(allowed=False, reason=disposition.reason)
        noted = replace(NOTHING, rule="note", words="It is automatic, about a letter of this case.")
        incoming = Incoming(mail.id, judged, permission, noted)
        cabinet.note_automatic_mail(incoming, answered, *_what_it_tells(cabinet, judged, desk))
    return _not_filed(judged, settlement)


def _known_already(cabinet: Cabinet, mail: ClaimedMail, judged: Judged) -> Settlement | None:
    """Return what becomes of a mail that is not worked on: a copy, or our own test mail."""
    twin = cabinet.twin_of(mail)
    if twin is not None:
        return replace(SAME_MAIL, duplicate_of=twin)
    is_ours = judged.screening.verdict is Verdict.LOOP
    if is_ours and canary_came_back(cabinet.session, judged.message, cabinet.now):
        return CAME_BACK
    return None


def _what_it_tells(cabinet: Cabinet, judged: Judged, desk: Desk) -> Sequence[Line]:
    """Return the lines about an automatic mail that answers a letter of ours, acted upon."""
    returned = take_note(
        cabinet.session,
        judged,
        is_our_id=desk.signer.is_ours,
        now=cabinet.now,
        soft_failures_per_week=desk.soft_failures_per_week,
    )
    return returned.lines


def place(
    cabinet: Cabinet,
    mail: ClaimedMail,
    judged: Judged,
    person: KnownCorrespondent | None,
    desk: Desk,
) -> Decision:
    """Return which case the mail belongs to: the evidence is collected, then the policy decides."""
    message, threads = judged.message, cabinet.threads
    text_hash = body_hash(message.new_text)
    pointers = threads.pointers(message, text_hash, desk.signer, desk.judges.own_addresses)
    traits = Traits(
        person_id=person.id if person and is_believed(judged) else None,
        at=judged.received_at,
        stem=subject_stem(message.subject),
        is_forward=is_forward(message),
        may_reopen=not mail.is_silent and _asks_for_something(judged),
    )
    return decide(traits, pointers, threads.facts(pointers))


def _asks_for_something(judged: Judged) -> bool:
    """Return whether a closed case must be opened again for the mail: in doubt it must."""
    if judged.risk.level is not RiskLevel.NONE:
        return True
    return is_human(judged.classification) and not is_only_thanks(judged.message.new_text)


@dataclass(frozen=True, slots=True)
class _Filing:
    """The second half of the journey: a mail that makes a case or joins one."""

    cabinet: Cabinet
    gate: Gate
    mail: ClaimedMail
    judged: Judged
    person: KnownCorrespondent | None
    decision: Decision
    disposition: Disposition
    desk: Desk

    def file_and_acknowledge(self) -> Outcome:
        if (sighting := sighting_of(self.judged)) is not None:
            self.gate.saw(sighting, self.decision.appends_to)
        permission = self._permission()
        filing = self._file(permission)
        if permission.allowed:
            self._queue_acknowledgement(filing)
        self._hold_back(filing)
        return Outcome(
            MailState.FILED,
            self.judged,
            filing.reference,
            is_new_case=filing.is_new,
            acknowledged=permission.allowed,
            reason=permission.reason,
        )

    def _hold_back(self, filing: Filing) -> None:
        if self.judged.risk.unsafe_reply:
            self.cabinet.hold_back(filing, UNSAFE)
        elif self.judged.risk.child_sender:
            self.cabinet.hold_back(filing, CHILD)
        elif self._asks_to_stop():
            self.cabinet.hold_back(filing, STOPPED)

    def _asks_to_stop(self) -> bool:
        return asks_to_stop(self.judged, is_known=self.person is not None)

    def _permission(self) -> Permission:
        message = self.judged.message
        to_address = message.sender.email if message.sender else None
        refusal = self._refusal()
        permission = may_acknowledge(
            screening_allows=refusal is None,
            screening_reason=refusal or "",
            risk=self.judged.risk,
            is_new_case=self.decision.appends_to is None,
            kind_is_human=is_human(self.judged.classification),
            to_address=to_address,
            correspondent_opted_out=self._asks_to_stop()
            or bool(self.person and self.person.no_automatic_mail),
            address_unsafe=bool(self.person and self.person.unsafe_address),
        )
        return self._through_the_gate(permission)

    def _through_the_gate(self, permission: Permission) -> Permission:
        """Return the permission as far as caps, breakers and suspended addresses leave it."""
        ask = ask_of(self.judged)
        refusal = self.gate.refusal(ask) if permission.allowed and ask else None
        return permission if refusal is None else Permission(allowed=False, reason=refusal)

    def _refusal(self) -> str | None:
        """Return why the mail gets no answer whatever it says, or None."""
        decision, screening = self.decision, self.judged.screening
        is_theirs = self.person is not None and is_believed(self.judged)
        secret_from_a_stranger = decision.knows_a_secret and decision.placing in {
            Placing.APPEND_UNCONFIRMED,
            Placing.HOLD,
        }
        # Whether there is such a case or not: else the answer would tell.
        names_a_case = not is_theirs and has_reference_shape(self.judged.message.subject)
        refusals = (
            (not screening.acknowledge, screening.reason),
            (self.mail.is_silent, SILENT),
            (secret_from_a_stranger, UNKNOWN_ADDRESS),
            (names_a_case, NAMES_A_CASE),
        )
        return next((reason for refused, reason in refusals if refused), None)

    def _file(self, permission: Permission) -> Filing:
        is_complete = self.judged.is_readable and self.mail.is_whole
        incoming = Incoming(
            self.mail.id, self.judged, permission, self.decision, needs_look=not is_complete
        )
        if self.decision.appends_to is not None:
            return self.cabinet.append(
                incoming,
                self.decision.appends_to,
                self.person.id if self.person else None,
                reopens_per_hour=self.desk.reopens_per_hour,
            )
        return self.cabinet.open_case(
            incoming,
            self.person or writer_of(self.judged),
            please_sort=self.disposition.please_sort,
            is_believed=is_believed(self.judged),
            reference=self.desk.recorded.references.get(self.mail.id),
        )

    def _queue_acknowledgement(self, filing: Filing) -> None:
        email = compose_acknowledgement(
            request_for(
                self.judged,
                filing.reference,
                group=self.desk.group,
                signer=self.desk.signer,
                reply_address_is_signed=self.desk.reply_address_is_signed,
                now=self.cabinet.now,
            ),
            self.desk.templates,
            self.desk.signposts,
        )
        if given := self.desk.recorded.letter_ids.get(self.mail.id):
            email = replace(email, message_id=given)
        ask = ask_of(self.judged)
        assert ask is not None
        draft = not self.desk.is_live
        self.cabinet.queue_acknowledgement(self.mail, filing, email, ask, draft=draft)
        self.gate.passed(ask)


def _case_of_the_letter_answered(cabinet: Cabinet, judged: Judged, desk: Desk) -> int | None:
    if judged.screening.verdict not in _ABOUT_A_LETTER:
        return None
    own = desk.judges.own_addresses
    return cabinet.threads.letter_answered(judged.message, desk.signer, own)


_ABOUT_A_LETTER = frozenset({Verdict.DELIVERY_REPORT, Verdict.RECEIPT, Verdict.AUTO_REPLY})


def _settlement(screening: Screening, disposition: Disposition) -> Settlement:
    kept = disposition.action is not Action.SCREEN_OUT
    return Settlement(
        MailState.FILED if kept else MailState.SCREENED_OUT,
        verdict=screening.verdict,
        rule=screening.rule,
        reason=disposition.reason,
    )


def _not_filed(judged: Judged | None, settlement: Settlement) -> Outcome:
    return Outcome(
        settlement.state,
        judged,
        reference=None,
        is_new_case=False,
        acknowledged=False,
        reason=settlement.reason or "",
    )
