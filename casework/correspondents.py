"""Who writes to us: finding a person again by address, and adding a new one."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, insert, select
from sqlalchemy.orm import Session

from casework.models import ADDRESSES, CORRESPONDENTS
from intake.message import Address
from replies.outgoing import address_key

LONGEST_ADDRESS = 254
"""Octets of the longest address that mail can be sent to (RFC 5321 4.5.3.1.3)."""


@dataclass(frozen=True, slots=True)
class KnownCorrespondent:
    """A correspondent as filing needs them."""

    id: int
    no_automatic_mail: bool
    unsafe_address: bool


def can_be_written_to(address: Address | None) -> bool:
    """Return whether the address is one that a letter could be sent to."""
    return (
        address is not None
        and 0 < len(address.email) <= LONGEST_ADDRESS
        and bool(address.local_part and address.domain)
    )


def find_correspondent(session: Session, address: Address | None) -> KnownCorrespondent | None:
    """Return the correspondent with this address, or None; their row is locked until commit.

    The lock makes two mails of one person wait for each other, so that both count in the cap.
    """
    if address is None or not can_be_written_to(address):
        return None
    row = session.execute(_FIND, {"wanted": address_key(address.email)}).first()
    return KnownCorrespondent(*row) if row else None


def add_correspondent(session: Session, address: Address, now: datetime) -> KnownCorrespondent:
    """Add a person with one address; a rival insert of the same address raises IntegrityError."""
    person = {
        "name": address.name,
        "no_automatic_mail": False,
        "unsafe_address": False,
        "created_at": now,
    }
    number = session.execute(_ADD, person).scalar_one()
    line = {
        "correspondent_id": number,
        "address": address.email,
        "key": address_key(address.email),
        "created_at": now,
    }
    session.execute(_ADD_ADDRESS, line)
    return KnownCorrespondent(number, no_automatic_mail=False, unsafe_address=False)


# Statements are built once: to build one costs more than to run it.
_FIND = (
    select(CORRESPONDENTS.c.id, CORRESPONDENTS.c.no_automatic_mail, CORRESPONDENTS.c.unsafe_address)
    .join(ADDRESSES, ADDRESSES.c.correspondent_id == CORRESPONDENTS.c.id)
    .where(ADDRESSES.c.key == bindparam("wanted"))
    .with_for_update(of=CORRESPONDENTS)
)
_ADD = insert(CORRESPONDENTS).returning(CORRESPONDENTS.c.id)
_ADD_ADDRESS = insert(ADDRESSES)
