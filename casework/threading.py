"""Which case does a mail belong to? Evidence is collected here; the policy is below it.

Two kinds of evidence count for now: a Message-ID of one of our letters in In-Reply-To or
References (nobody can guess one), and a case's reference in the subject. Either appends only when
the sender is the correspondent of that case; a reference alone proves nothing.
"""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from casework.models import Case, CaseMessage, OutboxEmail
from casework.references import find_references
from intake.message import Message


class Hint(StrEnum):
    """How a mail points at a case, the strongest first."""

    OUR_MESSAGE_ID = "it answers one of our letters"
    REFERENCE = "it carries the case's reference in its subject"
    SAME_MESSAGE_ID = "it is the same message once more"


@dataclass(frozen=True, slots=True)
class Pointer:
    """A case that a mail points at, and by what."""

    case_id: int
    correspondent_id: int | None
    hint: Hint


@dataclass(frozen=True, slots=True)
class Match:
    """The case to append to, or else the case it may belong to and whether a secret was shown."""

    case_id: int | None = None
    may_belong_to: int | None = None
    knows_our_message_id: bool = False
    hint: Hint | None = None


def find_case(session: Session, message: Message, correspondent_id: int | None) -> Match:
    """Return where the mail belongs, for a sender who is that correspondent (None: a stranger)."""
    return decide(pointers(session, message), correspondent_id)


def decide(found: list[Pointer], correspondent_id: int | None) -> Match:
    """Return the match; pure. Append only for the case's own correspondent."""
    for pointer in found:
        if correspondent_id is not None and pointer.correspondent_id == correspondent_id:
            return Match(case_id=pointer.case_id, hint=pointer.hint)
    if not found:
        return Match()
    strongest = found[0]
    return Match(
        may_belong_to=strongest.case_id,
        knows_our_message_id=strongest.hint is Hint.OUR_MESSAGE_ID,
        hint=strongest.hint,
    )


def as_from_a_stranger(match: Match) -> Match:
    """Return the match of a mail whose sender is not to be believed: it may belong, no more."""
    if match.case_id is None:
        return match
    return Match(
        may_belong_to=match.case_id,
        knows_our_message_id=match.hint is Hint.OUR_MESSAGE_ID,
        hint=match.hint,
    )


def pointers(session: Session, message: Message) -> list[Pointer]:
    """Return the cases a mail points at, strongest evidence first."""
    # The last id in References is the nearest ancestor (RFC 5322 3.6.4).
    ids = list(dict.fromkeys((*message.in_reply_to, *reversed(message.references))))
    found = [
        Pointer(case_id, person, Hint.OUR_MESSAGE_ID)
        for case_id, person in cases_of_letters(session, ids)
    ]
    references = find_references(message.subject)
    if references:
        statement = select(Case.id, Case.correspondent_id).where(Case.reference.in_(references))
        found += [Pointer(*row, Hint.REFERENCE) for row in session.execute(statement).all()]
    return found


def cases_of_letters(session: Session, message_ids: list[str]) -> list[tuple[int, int | None]]:
    """Return (case, its correspondent) for the ids that are letters of ours, in their order."""
    if not message_ids:
        return []
    statement = (
        select(OutboxEmail.message_id, Case.id, Case.correspondent_id)
        .join(CaseMessage, CaseMessage.outbox_id == OutboxEmail.id)
        .join(Case, Case.id == CaseMessage.case_id)
        .where(OutboxEmail.message_id.in_(message_ids))
    )
    rows = {row[0]: (row[1], row[2]) for row in session.execute(statement).all()}
    return [rows[message_id] for message_id in message_ids if message_id in rows]
