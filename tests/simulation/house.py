"""One whole Kith in this process: mails in, letters out, and a look inside."""

import atexit
import shutil
import tempfile
import threading
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from casework.bootstrap import assemble, make_desk
from casework.inboxes import WatchedMailbox
from casework.models import (
    Case,
    CaseEvent,
    CaseMessage,
    CorrespondentAddress,
    OutboxEmail,
    ReceivedMail,
)
from casework.service import PassReport, one_pass
from casework.worker import Service
from config.database import Base, Sessions, make_engine
from config.settings import LimitSettings
from tests.casework.desks import a_mail
from tests.fakes import FakeMailbox
from tests.simulation.doors import MemoryTransport
from tests.simulation.kiths import GROUP_ADDRESS, Clock, Ports, evening, settings_for
from tests.simulation.letters import Letter, read_letter

__all__ = ["GROUP_ADDRESS", "CaseSeen", "House"]


class _Ground:
    """One SQLite file that all houses are built on, one after the other.

    To make the desk, the tables and the compiled statements anew would take most of every test.
    """

    def __init__(self, directory: Path) -> None:
        self._file = directory / "kith.sqlite3"
        self._tables = directory / "tables.sqlite3"
        engine = make_engine(f"sqlite:///{self._tables}")
        Base.metadata.create_all(engine)
        engine.dispose()
        self.settings = settings_for(
            f"sqlite:///{self._file}", directory, Ports(1, 1), limits=LimitSettings()
        )
        self.kith = assemble(self.settings, evening)

    def clear(self) -> None:
        """Leave all tables and no rows."""
        self.kith.engine.dispose()
        for suffix in ("-wal", "-shm"):
            self._file.with_name(self._file.name + suffix).unlink(missing_ok=True)
        shutil.copyfile(self._tables, self._file)


@cache
def _ground() -> _Ground:
    directory = Path(tempfile.mkdtemp(prefix="kith-house-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return _Ground(directory)


@dataclass(frozen=True, slots=True)
class CaseSeen:
    """A case as a test sees it; `uids` are the mails in it, `letters` the ids of ours."""

    id: int
    reference: str
    status: str
    writer: str | None
    uids: tuple[int, ...]
    letters: tuple[str, ...]
    row: Any


class House:
    """Mails are put into its inbox; `work` takes them through, and `letters` are what left.

    One house at a time in a process: the next is built where the last one stood.
    """

    def __init__(self, limits: LimitSettings | None = None, **more: Any) -> None:
        self.clock = Clock(evening())
        self.inbox = FakeMailbox()
        self.letters: list[Letter] = []
        self.raw_letters: list[bytes] = []
        ground = _ground()
        ground.clear()
        changes = {"limits": limits, **more} if limits else more
        settings = ground.settings.model_copy(update=changes)
        kith = replace(
            ground.kith,
            settings=settings,
            desk=make_desk(settings) if changes else ground.kith.desk,
            mailboxes=(WatchedMailbox(self.inbox, None),),
            transport=MemoryTransport(self._take),
            now=self.clock,
        )
        self.service = Service(kith, threading.Event())

    @property
    def sessions(self) -> Sessions:
        """Return the sessions of its database."""
        return self.service.kith.sessions

    def write(
        self,
        text: str = "Hello, please may I join your group?",
        sender: str = "Bron <bron@example.org>",
        subject: str = "Joining",
        **headers: str,
    ) -> int:
        """Let a person's mail arrive; return its UID."""
        headers.setdefault("Message_ID", f"<{len(self.inbox.mails) + 1}@mail.example.org>")
        return self.receive(a_mail(self.clock(), text, sender, subject, **headers))

    def receive(self, raw: bytes, at: datetime | None = None) -> int:
        """Let any mail arrive; return its UID."""
        return self.inbox.add(raw, at=at or self.clock())

    def work(self) -> PassReport:
        """Work once round, a minute later."""
        self.clock.pass_by(minutes=1)
        return one_pass(self.service)

    def answer(self, letter: Letter, text: str, sender: str = "", **headers: str) -> int:
        """Let somebody answer a letter of ours; its recipient unless `sender` is given."""
        return self.write(
            text,
            sender or letter.recipient,
            headers.pop("Subject", f"Re: {letter.subject}"),
            In_Reply_To=letter.message_id,
            References=f"{letter.references} {letter.message_id}".strip(),
            **headers,
        )

    def cases(self) -> list[CaseSeen]:
        """Return all cases but those that were merged into others."""
        with self.sessions() as session:
            rows = session.execute(
                select(Case).where(Case.merged_into.is_(None)).order_by(Case.id)
            ).scalars()
            return [self._seen(session, case) for case in rows]

    def _seen(self, session: Any, case: Case) -> CaseSeen:
        uids = session.execute(
            select(ReceivedMail.uid)
            .join(CaseMessage, CaseMessage.received_id == ReceivedMail.id)
            .where(CaseMessage.case_id == case.id)
            .order_by(ReceivedMail.uid)
        ).scalars()
        letters = session.execute(
            select(OutboxEmail.message_id)
            .join(CaseMessage, CaseMessage.outbox_id == OutboxEmail.id)
            .where(CaseMessage.case_id == case.id)
        ).scalars()
        writer = session.execute(
            select(CorrespondentAddress.address).where(
                CorrespondentAddress.correspondent_id == case.correspondent_id
            )
        ).scalar()
        return CaseSeen(
            case.id, case.reference, case.status, writer, tuple(uids), tuple(letters), case
        )

    def history(self, case_id: int) -> list[str]:
        """Return what the history of a case tells, line by line."""
        with self.sessions() as session:
            rows = session.execute(
                select(CaseEvent.what, CaseEvent.detail)
                .where(CaseEvent.case_id == case_id)
                .order_by(CaseEvent.id)
            ).all()
        return [f"{row.what}: {row.detail}" for row in rows]

    def ledger(self) -> dict[int, ReceivedMail]:
        """Return the lines of the ledger by UID."""
        with self.sessions() as session:
            rows = session.execute(select(ReceivedMail).order_by(ReceivedMail.id)).scalars()
            return {row.uid: row for row in rows}

    def why_not(self, uid: int) -> str:
        """Return the stored reason why a mail was not acknowledged, or what it was taken for."""
        with self.sessions() as session:
            stored = session.execute(
                select(CaseMessage.acknowledgement)
                .join(ReceivedMail, ReceivedMail.id == CaseMessage.received_id)
                .where(ReceivedMail.uid == uid)
            ).scalar()
        return stored or self.ledger()[uid].reason or ""

    def set_status(self, case_id: int, status: str) -> None:
        """Let a volunteer say where a case stands."""
        closed_at = self.clock() if status == "closed" else None
        with self.sessions.begin() as session:
            session.execute(
                update(Case).where(Case.id == case_id).values(status=status, closed_at=closed_at)
            )

    def close(self) -> None:
        """Let go of everything."""
        self.service.close()

    def _take(self, _sender: str, recipient: str, content: bytes) -> None:
        self.letters.append(read_letter(recipient, content))
        self.raw_letters.append(content)
