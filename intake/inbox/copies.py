"""Is this mail in hand already? What says so: the server's object id, or the very same bytes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, select
from sqlalchemy.orm import Session

from intake.inbox.ledger import NOT_IN_HAND, RECEIVED, SPAM_FOLDER, is_in_hand
from intake.inbox.policy import usable_object_id
from intake.mailbox import FetchedMail, Glimpse, Role

_IN_SPAM_TOO = tuple(rule for rule in NOT_IN_HAND if rule != SPAM_FOLDER)


def _lines(of_whom: ColumnElement[bool], rules: Sequence[str]) -> Select[Any]:
    return (
        select(
            RECEIVED.c.id,
            RECEIVED.c.duplicate_of,
            RECEIVED.c.mailbox,
            RECEIVED.c.size,
            RECEIVED.c.object_id,
            RECEIVED.c.sha256,
        )
        .where(of_whom, is_in_hand(rules))
        .order_by(RECEIVED.c.id)
    )


# Built once: to build a statement costs more than to run it.
_SAME_OBJECT = RECEIVED.c.object_id.in_(bindparam("wanted", expanding=True))
_SAME_BYTES = RECEIVED.c.sha256.in_(bindparam("wanted", expanding=True))
_BY_OBJECT = _lines(_SAME_OBJECT, NOT_IN_HAND)
_BY_OBJECT_IN_SPAM = _lines(_SAME_OBJECT, _IN_SPAM_TOO)
_BY_BYTES_IN_SPAM = _lines(_SAME_BYTES, _IN_SPAM_TOO)


def copies_of(
    session: Session,
    mailbox: str,
    mails: Sequence[FetchedMail | Glimpse],
    role: Role,
    hashes: Mapping[int, str],
) -> dict[int, int]:
    """Return by UID the number of the earlier line of the very same mail, where there is one.

    An object id counts within one account only, and only if the sizes agree: ids are promised to be
    unique per server, and a mail must not be passed over because two servers count from one. For
    the spam folder `hashes` count too; elsewhere equal bytes are found when the mail is worked on.
    """
    found = _by_object(session, mailbox, mails, role)
    if role is Role.SPAM and hashes:
        rows = session.execute(_BY_BYTES_IN_SPAM, {"wanted": sorted(set(hashes.values()))}).all()
        lines = {row.sha256: row.duplicate_of or row.id for row in reversed(rows)}
        found = {uid: lines[sha] for uid, sha in hashes.items() if sha in lines} | found
    return found


def _by_object(
    session: Session, mailbox: str, mails: Iterable[FetchedMail | Glimpse], role: Role
) -> dict[int, int]:
    wanted: dict[str, list[FetchedMail | Glimpse]] = {}
    for mail in mails:
        if told := usable_object_id(mail.object_id):
            wanted.setdefault(told, []).append(mail)
    if not wanted:
        return {}
    statement = _BY_OBJECT_IN_SPAM if role is Role.SPAM else _BY_OBJECT
    rows = session.execute(statement, {"wanted": list(wanted)}).all()
    ours = account_of(mailbox)
    found: dict[int, int] = {}
    for row in reversed(rows):  # the earliest line has the last word
        if account_of(row.mailbox) == ours:
            same = [mail for mail in wanted[row.object_id] if _agree(mail.size, row.size)]
            found |= {mail.uid: row.duplicate_of or row.id for mail in same}
    return found


def account_of(mailbox: str) -> str:
    """Return the part of a mailbox's name that says whose it is: `user@host` of `user@host/folder`.

    >>> account_of("hello@imap.example.org/Archive/2026")
    'hello@imap.example.org'
    """
    return mailbox.partition("/")[0]


def _agree(size: int, other: int) -> bool:
    return size == other or 0 in (size, other)
