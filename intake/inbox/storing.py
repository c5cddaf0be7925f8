"""Writing into the ledger what the poller fetched: each UID once, bytes and line together."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from intake.inbox.ledger import PIECE_BYTES, RAWS, WITHHELD, MailState, ReceivedMail
from intake.mailbox import FetchedMail

WHY_WITHHELD = "The mail server could not hand it out: look at it in the mailbox."

# Built once: to build a statement costs more than to run it.
_ADD_RAW = insert(RAWS)


def highest_uid(session: Session, mailbox: str, uid_validity: int) -> int:
    """Return the highest UID in the ledger for this mailbox and UIDVALIDITY, 0 for none."""
    statement = select(func.max(ReceivedMail.uid)).where(
        ReceivedMail.mailbox == mailbox, ReceivedMail.uid_validity == uid_validity
    )
    return session.execute(statement).scalar() or 0


def unknown_uids(
    session: Session, mailbox: str, uid_validity: int, uids: Sequence[int]
) -> list[int]:
    """Return those of the ascending `uids` that the ledger does not have, in order."""
    if not uids:
        return []
    statement = select(ReceivedMail.uid).where(
        ReceivedMail.mailbox == mailbox,
        ReceivedMail.uid_validity == uid_validity,
        ReceivedMail.uid.between(uids[0], uids[-1]),
    )
    known = set(session.execute(statement).scalars())
    return [uid for uid in uids if uid not in known]


def store(
    session: Session,
    mailbox: str,
    uid_validity: int,
    mails: Iterable[FetchedMail],
    now: datetime,
) -> int:
    """Write new mails with their raw bytes; return how many. Known UIDs are passed over.

    A withheld mail has no bytes to write; its line waits, set aside, for a person to look.
    """
    by_uid = {mail.uid: mail for mail in mails}
    fresh = unknown_uids(session, mailbox, uid_validity, sorted(by_uid))
    if not fresh:
        return 0
    lines = [_line(mailbox, uid_validity, by_uid[uid], now) for uid in fresh]
    stored = session.execute(
        insert(ReceivedMail).returning(ReceivedMail.id, ReceivedMail.uid), lines
    )
    raws = [
        (row.id, by_uid[row.uid].raw) for row in stored.all() if not by_uid[row.uid].is_withheld
    ]
    small = [
        {"received_id": received_id, "piece": 0, "raw": raw}
        for received_id, raw in raws
        if len(raw) <= PIECE_BYTES
    ]
    if small:
        session.execute(_ADD_RAW, small)
    for received_id, raw in raws:
        if len(raw) > PIECE_BYTES:
            _store_large(session, received_id, raw)
    return len(lines)


def _line(mailbox: str, uid_validity: int, mail: FetchedMail, now: datetime) -> dict[str, object]:
    return {
        "mailbox": mailbox,
        "uid_validity": uid_validity,
        "uid": mail.uid,
        "sha256": hashlib.sha256(mail.raw).hexdigest(),
        "size": mail.size,
        "is_whole": mail.is_whole,
        "internal_date": mail.internal_date or now,
        "fetched_at": now,
        "state": MailState.SET_ASIDE if mail.is_withheld else MailState.RECEIVED,
        "settled_at": now if mail.is_withheld else None,
        "rule": WITHHELD if mail.is_withheld else None,
        "reason": WHY_WITHHELD if mail.is_withheld else None,
        "failures": 0,
    }


def _store_large(session: Session, received_id: int, raw: bytes) -> None:
    for piece, start in enumerate(range(0, len(raw), PIECE_BYTES)):
        part = raw[start : start + PIECE_BYTES]
        session.execute(_ADD_RAW, {"received_id": received_id, "piece": piece, "raw": part})
