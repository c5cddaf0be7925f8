"""A person files mail that Kith had screened out or set aside: nothing is beyond recall.

The mail is judged as any other, before the transaction, and then opens a case of its own, to be
sorted, which nobody is told of: its sender gets no automatic reply. If the power fails inside the
transaction, the mail lies where it lay.
"""

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from casework.apart.messages import Task
from casework.apart.side_room import SideRoom
from casework.belief import is_believed, writer_of
from casework.entries import Incoming
from casework.filing import CHILD, UNSAFE, Cabinet, Filing
from casework.history import WRITE_EVENT, What
from casework.judging import UNREADABLE_SUBJECT, UNSORTED, Judged, Judges
from casework.references import CaseReference
from casework.threading import NOTHING
from config.database import Sessions, readers
from config.errors import KithError
from intake.inbox import RECEIVED, ClaimedMail, MailState, Settlement, raw_of
from intake.message import Message
from intake.risk import could_not_check
from intake.screening import unreadable
from replies.acknowledgement import Permission

log = logging.getLogger(__name__)

Judge = Callable[[bytes, datetime], Judged]
"""Judges the bytes of a mail that came at that moment; takes no longer than it may."""
RULE = "refiled"
LONGEST_NAME = 80
LEASE = timedelta(minutes=2)
CAN_BE_REFILED = (MailState.SCREENED_OUT.value, MailState.SET_ASIDE.value)
DECISION = replace(NOTHING, rule=RULE, words="A person filed it by hand, as a case of its own.")
NO_REPLY = "A person filed it by hand, so nothing goes out by itself."


class NotToBeRefiledError(KithError):
    """The mail is in a case already, is being worked on, or is not there."""

    def __init__(self, received_id: int) -> None:
        super().__init__(
            f"Received mail {received_id} is neither screened out nor set aside, so it cannot be "
            "filed by hand. `kith mail list` shows where each mail is."
        )


class NotAtHandError(KithError):
    """The ledger has only a line for the mail, and not the mail."""

    def __init__(self, received_id: int) -> None:
        super().__init__(
            f"Kith only noted received mail {received_id} and has no copy of it. Look at it in the "
            "mailbox; mail from before the start is taken in by `kith import`."
        )


class NamelessError(KithError):
    """Somebody must answer for a case that is filed by hand."""

    def __init__(self) -> None:
        super().__init__("Say who files it, in one line of at most 80 characters: --by NAME.")


@dataclass(frozen=True, slots=True)
class _Found:
    """A mail on its shelf, with its bytes."""

    mail: ClaimedMail
    was: str
    raw: bytes


def refile(
    sessions: Sessions, received_id: int, *, judge: Judge, by: str, now: datetime
) -> CaseReference:
    """Open a case for a mail that is screened out or set aside, and return its reference.

    A mail that cannot be read, or that breaks the judge, becomes a case that needs a look. Raises
    `NotToBeRefiledError` (also when somebody else was quicker), `NotAtHandError`, `NamelessError`.
    """
    who = " ".join(by.split())
    if not who or len(who) > LONGEST_NAME or not who.isprintable():
        raise NamelessError
    with readers(sessions)() as session:
        found = _find(session, received_id)
    judged = _judged(found, judge)
    with sessions.begin() as session:
        filing = _file(session, found, judged, who, now)
    log.info("received=%d case=%s outcome=refiled", received_id, filing.reference)
    return filing.reference


def judge_apart(judges: Judges, now: Callable[[], datetime], *, seconds: float) -> Judge:
    """Return a judge in a process of its own: what was set aside may be what no judge can stand.

    The process lives for one mail. It raises when the mail takes longer or breaks it.
    """

    def judge_one(raw: bytes, received_at: datetime) -> Judged:
        room = SideRoom(seconds=seconds)
        task = Task(received_id=0, received_at=received_at, now=now(), is_whole=True)
        try:
            return room.judge(lambda: (raw,), task, judges, lambda: False)
        finally:
            room.close()

    return judge_one


def _find(session: Session, received_id: int) -> _Found:
    row = session.execute(_LINE, {"wanted": received_id}).one_or_none()
    if row is None or row.state not in CAN_BE_REFILED:
        raise NotToBeRefiledError(received_id)
    raw = raw_of(session, received_id)
    if not raw and row.state != MailState.SET_ASIDE:  # what the server withheld is set aside
        raise NotAtHandError(received_id)
    mail = ClaimedMail(
        row.id, row.sha256, row.size, row.is_whole and bool(raw), row.internal_date, 0
    )
    return _Found(mail, row.state, raw)


def _judged(found: _Found, judge: Judge) -> Judged:
    received_at = found.mail.internal_date
    if not found.raw:
        return _unread(received_at)
    try:
        return judge(found.raw, received_at)
    except Exception:
        log.exception("received=%d could not be judged", found.mail.id)
        return _unread(received_at)


def _unread(received_at: datetime) -> Judged:
    return Judged(
        message=Message(subject=UNREADABLE_SUBJECT, sender=None, date=received_at),
        received_at=received_at,
        screening=unreadable(),
        risk=could_not_check(),
        classification=UNSORTED,
    )


def _file(session: Session, found: _Found, judged: Judged, by: str, now: datetime) -> Filing:
    mail = found.mail
    owner = f"refile/{secrets.token_hex(8)}"
    values = {"wanted": mail.id, "me": owner, "until": now + LEASE}
    if session.execute(_TAKE, values).scalar_one_or_none() is None:
        raise NotToBeRefiledError(mail.id)
    writer = writer_of(judged)
    cabinet = Cabinet(session, now, owner, [(mail, judged.message)], [writer] if writer else [])
    cabinet.settle(mail, _settlement(judged, by))
    filing = cabinet.open_case(
        _incoming(found, judged),
        cabinet.known(writer) or writer,
        please_sort=True,
        is_believed=is_believed(judged),
    )
    _hold_back(cabinet, filing, judged)
    cabinet.close()
    _tell_who(session, filing, found, by, now)
    return filing


def _incoming(found: _Found, judged: Judged) -> Incoming:
    permission = Permission(allowed=False, reason=NO_REPLY)
    is_complete = judged.is_readable and found.mail.is_whole
    return Incoming(found.mail.id, judged, permission, DECISION, needs_look=not is_complete)


def _settlement(judged: Judged, by: str) -> Settlement:
    verdict = judged.screening.verdict
    return Settlement(MailState.FILED, verdict, RULE, f"Filed as a case by {by}.")


def _hold_back(cabinet: Cabinet, filing: Filing, judged: Judged) -> None:
    if judged.risk.unsafe_reply:
        cabinet.hold_back(filing, UNSAFE)
    elif judged.risk.child_sender:
        cabinet.hold_back(filing, CHILD)


def _tell_who(session: Session, filing: Filing, found: _Found, by: str, now: datetime) -> None:
    words = f"Filed by hand: it had been {found.was.replace('_', ' ')}."
    row = {"case_id": filing.case_id, "at": now, "by": by, "what": What.OPENED, "detail": words}
    session.execute(WRITE_EVENT, row)


# Statements are built once: to build one costs more than to run it.
_R = RECEIVED.c
_LINE = select(_R.id, _R.state, _R.sha256, _R.size, _R.is_whole, _R.internal_date).where(
    _R.id == bindparam("wanted")
)
_TAKE = (
    update(RECEIVED)
    .where(_R.id == bindparam("wanted"), _R.state.in_(CAN_BE_REFILED))
    .values(state=MailState.RECEIVED.value, owner=bindparam("me"), lease_until=bindparam("until"))
    .returning(_R.id)
)
