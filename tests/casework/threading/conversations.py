"""Conversations for tests: mails with ids that answer one another, taken through the pipeline."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select

from casework.models import Case, CaseMessage, OutboxEmail
from casework.pipeline import Desk
from config.database import Sessions
from tests.casework.desks import NO_CAPS, SIGNER, a_mail, a_worker, process, receive, the_desk

MARION = "Marion <marion@example.org>"
IVOR = "Ivor <ivor@example.net>"


def signing_desk() -> Desk:
    """Return a live desk that signs its letters and the addresses that answer them."""
    return replace(the_desk(), signer=SIGNER, reply_address_is_signed=True, caps=NO_CAPS)


@dataclass(frozen=True)
class Said:
    """A mail of a conversation: its id, who wrote it, and the ids that it answers."""

    name: str
    sender: str = MARION
    answers: tuple[str, ...] = ()
    subject: str = "Contact in half-term"
    text: str = "Our son is in care again. May we come to your group?"


def id_of(name: str) -> str:
    """Return the Message-ID of the mail called so."""
    return f"<{name}@mail.example.org>"


def raw_of_said(said: Said, now: datetime) -> bytes:
    """Return the mail as it comes in."""
    headers = {"Message_ID": id_of(said.name)}
    if said.answers:
        headers["In_Reply_To"] = id_of(said.answers[-1])
        headers["References"] = " ".join(map(id_of, said.answers))
    return a_mail(now, f"{said.text} {said.name}", said.sender, said.subject, **headers)


class Desktop:
    """One installation: what comes in is worked at once."""

    def __init__(self, sessions: Sessions, now: datetime) -> None:
        self.sessions, self.now = sessions, now
        self.desk = signing_desk()
        self._uid = 1

    def take(self, *raws: bytes, together: bool = False) -> None:
        """Let mails arrive and be filed, one by one or in one transaction."""
        for batch in [raws] if together else [(raw,) for raw in raws]:
            receive(self.sessions, self.now, *batch, first_uid=self._uid)
            self._uid += len(batch)
            process(self.sessions, a_worker(self.now), self.desk)

    def hear(self, *said: Said, together: bool = False) -> None:
        """Let the mails of a conversation arrive in this order."""
        self.take(*(raw_of_said(each, self.now) for each in said), together=together)

    def groups(self) -> set[frozenset[str]]:
        """Return which mails are in one case, by name."""
        with self.sessions() as session:
            columns = (CaseMessage.case_id, CaseMessage.message_id)
            rows = session.execute(
                select(*columns).where(CaseMessage.received_id.is_not(None))
            ).all()
        cases: dict[int, set[str]] = {}
        for number, message_id in rows:
            cases.setdefault(number, set()).add((message_id or "").strip("<>").partition("@")[0])
        return set(map(frozenset, cases.values()))

    def letters(self) -> Sequence[OutboxEmail]:
        """Return our letters in order."""
        with self.sessions() as session:
            return session.execute(select(OutboxEmail).order_by(OutboxEmail.id)).scalars().all()

    def cases(self) -> Sequence[Case]:
        """Return the cases in order."""
        with self.sessions() as session:
            return session.execute(select(Case).order_by(Case.id)).scalars().all()

    def number(self, name: str) -> int:
        """Return the number in the ledger of the mail called so."""
        received_id = self.mail(name).received_id
        assert received_id is not None
        return received_id

    def mail(self, name: str) -> CaseMessage:
        """Return the mail called so, as it is filed."""
        with self.sessions() as session:
            wanted = select(CaseMessage).where(CaseMessage.message_id == id_of(name))
            return session.execute(wanted.order_by(CaseMessage.id)).scalars().first() or _none()

    def reference_address(self) -> str:
        """Return the signed address in the first letter, as the outbox or the signer has it."""
        case, letter = self.cases()[0], self.letters()[0]
        return SIGNER.reply_address(letter.from_address, case.reference, letter.to_address)


def _none() -> CaseMessage:
    raise AssertionError("there is no such mail")
