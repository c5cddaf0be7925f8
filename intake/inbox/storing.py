"""Writing into the ledger what the poller saw: each UID once, bytes and line together."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, func, insert, select
from sqlalchemy.orm import Session

from intake.inbox.copies import copies_of
from intake.inbox.ledger import FETCH_AGAIN, PIECE_BYTES, RAWS, RECEIVED, ReceivedMail
from intake.inbox.policy import (
    RECEIVE_ALL,
    Entry,
    Policy,
    entry_for_glimpse,
    entry_for_mail,
    usable_object_id,
)
from intake.mailbox import FetchedMail, Glimpse

# Built once: to build a statement costs more than to run it.
_ADD_RAW = insert(RAWS)
_THIS_MAILBOX = (
    RECEIVED.c.mailbox == bindparam("this"),
    RECEIVED.c.uid_validity == bindparam("validity"),
)
_HIGHEST = select(func.max(RECEIVED.c.uid)).where(*_THIS_MAILBOX)
_KNOWN = select(RECEIVED.c.uid).where(
    *_THIS_MAILBOX, RECEIVED.c.uid.between(bindparam("first"), bindparam("last"))
)
_TO_FETCH_AGAIN = select(RECEIVED.c.uid).where(*_THIS_MAILBOX, RECEIVED.c.rule == FETCH_AGAIN)
_MAKE_WAY = (
    delete(RECEIVED)
    .where(
        *_THIS_MAILBOX,
        RECEIVED.c.uid.in_(bindparam("wanted", expanding=True)),
        RECEIVED.c.rule == FETCH_AGAIN,
    )
    .returning(RECEIVED.c.uid, RECEIVED.c.is_silent)
)


@dataclass(frozen=True, slots=True)
class Stored:
    """What was written of a batch: mails with their bytes, lines without, and the withheld."""

    mails: int = 0
    noted: int = 0
    withheld: tuple[int, ...] = ()

    @property
    def lines(self) -> int:
        """Return how many lines the ledger gained."""
        return self.mails + self.noted + len(self.withheld)


def highest_uid(session: Session, mailbox: str, uid_validity: int) -> int:
    """Return the highest UID in the ledger for this mailbox and UIDVALIDITY, 0 for none."""
    values = {"this": mailbox, "validity": uid_validity}
    return session.execute(_HIGHEST, values).scalar() or 0


def unknown_uids(
    session: Session, mailbox: str, uid_validity: int, uids: Sequence[int]
) -> list[int]:
    """Return those of the ascending `uids` that the ledger does not have, in order."""
    if not uids:
        return []
    values = {"this": mailbox, "validity": uid_validity, "first": uids[0], "last": uids[-1]}
    known = set(session.execute(_KNOWN, values).scalars())
    return [uid for uid in uids if uid not in known]


def uids_to_fetch_again(session: Session, mailbox: str, uid_validity: int) -> frozenset[int]:
    """Return the UIDs that are known and shall be fetched all the same."""
    values = {"this": mailbox, "validity": uid_validity}
    return frozenset(session.execute(_TO_FETCH_AGAIN, values).scalars())


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
    return store_by_policy(session, mailbox, uid_validity, mails, now, RECEIVE_ALL).lines


def store_by_policy(
    session: Session,
    mailbox: str,
    uid_validity: int,
    mails: Iterable[FetchedMail],
    now: datetime,
    policy: Policy,
) -> Stored:
    """Write what the policy says of each mail that is new; known UIDs are passed over."""
    by_uid = {mail.uid: mail for mail in mails}
    silent = _make_way(session, mailbox, uid_validity, policy.again & by_uid.keys())
    fresh = unknown_uids(session, mailbox, uid_validity, sorted(by_uid))
    if not fresh:
        return Stored()
    hashes = {uid: hashlib.sha256(by_uid[uid].raw).hexdigest() for uid in fresh}
    copies = copies_of(session, mailbox, [by_uid[uid] for uid in fresh], policy.role, hashes)
    entries = {
        uid: entry_for_mail(by_uid[uid], policy, copies.get(uid), is_silent=uid in silent)
        for uid in fresh
    }
    lines = [
        _line(mailbox, uid_validity, by_uid[uid], entry, now)
        | {"sha256": hashes[uid], "is_whole": by_uid[uid].is_whole}
        for uid, entry in entries.items()
    ]
    stored = session.execute(
        insert(ReceivedMail).returning(ReceivedMail.id, ReceivedMail.uid), lines
    )
    with_bytes = [(row.id, by_uid[row.uid].raw) for row in stored if entries[row.uid].has_bytes]
    _store_raws(session, with_bytes)
    withheld = tuple(uid for uid in fresh if by_uid[uid].is_withheld)
    return Stored(len(with_bytes), len(fresh) - len(with_bytes) - len(withheld), withheld)


def note(
    session: Session,
    mailbox: str,
    uid_validity: int,
    glimpses: Iterable[Glimpse],
    now: datetime,
    policy: Policy,
) -> list[int]:
    """Write lines for the new mails that need not be downloaded; return their UIDs."""
    by_uid = {glimpse.uid: glimpse for glimpse in glimpses}
    fresh = unknown_uids(session, mailbox, uid_validity, sorted(by_uid))
    copies = copies_of(session, mailbox, [by_uid[uid] for uid in fresh], policy.role, {})
    lines = [
        _line(mailbox, uid_validity, by_uid[uid], entry, now) | {"sha256": "", "is_whole": False}
        for uid in fresh
        if (entry := entry_for_glimpse(by_uid[uid], policy, copies.get(uid)))
    ]
    if lines:
        session.execute(insert(ReceivedMail), lines)
    return [uid for line in lines if isinstance(uid := line["uid"], int)]


def _make_way(
    session: Session, mailbox: str, uid_validity: int, again: Iterable[int]
) -> frozenset[int]:
    """Remove the lines of mails that come once more; return the UIDs that demanded silence."""
    wanted = sorted(again)
    if not wanted:
        return frozenset()
    values = {"this": mailbox, "validity": uid_validity, "wanted": wanted}
    return frozenset(row.uid for row in session.execute(_MAKE_WAY, values) if row.is_silent)


def _line(
    mailbox: str, uid_validity: int, mail: FetchedMail | Glimpse, entry: Entry, now: datetime
) -> dict[str, object]:
    return {
        "mailbox": mailbox,
        "uid_validity": uid_validity,
        "uid": mail.uid,
        "size": mail.size,
        "internal_date": mail.internal_date or now,
        "fetched_at": now,
        "state": entry.state,
        "settled_at": None if entry.rule is None else now,
        "verdict": entry.verdict,
        "rule": entry.rule,
        "reason": entry.reason,
        "duplicate_of": entry.duplicate_of,
        "failures": 0,
        "object_id": usable_object_id(mail.object_id),
        "is_silent": entry.is_silent,
    }


def _store_raws(session: Session, raws: Sequence[tuple[int, bytes]]) -> None:
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


def _store_large(session: Session, received_id: int, raw: bytes) -> None:
    for piece, start in enumerate(range(0, len(raw), PIECE_BYTES)):
        part = raw[start : start + PIECE_BYTES]
        session.execute(_ADD_RAW, {"received_id": received_id, "piece": piece, "raw": part})
