"""Who writes to us: finding a person again by address, and adding a new one."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, insert, select
from sqlalchemy.orm import Session

from casework.drawer import Drawer
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


def find_correspondents(
    session: Session, addresses: Iterable[Address]
) -> dict[str, KnownCorrespondent]:
    """Return who is known, by `address_key`; their rows are locked until commit.

    The lock makes two mails of one person wait for each other, so that both count in the cap.
    """
    keys = [address_key(each.email) for each in addresses if can_be_written_to(each)]
    if not keys:
        return {}
    rows = session.execute(_FIND, {"wanted": keys}).all()
    return {row[0]: KnownCorrespondent(*row[1:]) for row in rows}


def add_correspondent(
    drawer: Drawer, number: int, address: Address, now: datetime
) -> KnownCorrespondent:
    """Put by a person with one address; a rival insert of the address raises IntegrityError."""
    person = {
        "id": number,
        "name": address.name,
        "no_automatic_mail": False,
        "unsafe_address": False,
        "created_at": now,
    }
    drawer.put(_ADD, person)
    row = {
        "correspondent_id": number,
        "address": address.email,
        "key": address_key(address.email),
        "created_at": now,
    }
    drawer.put(_ADD_ADDRESS, row)
    return KnownCorrespondent(number, no_automatic_mail=False, unsafe_address=False)


def addresses_of(session: Session, correspondent_id: int) -> set[str]:
    """Return the keys of all addresses of a person that are written already."""
    return set(session.execute(_ADDRESSES, {"wanted": correspondent_id}).scalars())


# Statements are built once: to build one costs more than to run it.
_FIND = (
    select(
        ADDRESSES.c.key,
        CORRESPONDENTS.c.id,
        CORRESPONDENTS.c.no_automatic_mail,
        CORRESPONDENTS.c.unsafe_address,
    )
    .join(ADDRESSES, ADDRESSES.c.correspondent_id == CORRESPONDENTS.c.id)
    .where(ADDRESSES.c.key.in_(bindparam("wanted", expanding=True)))
    .order_by(CORRESPONDENTS.c.id)
    .with_for_update(of=CORRESPONDENTS)
)
_ADDRESSES = select(ADDRESSES.c.key).where(ADDRESSES.c.correspondent_id == bindparam("wanted"))
_ADD = insert(CORRESPONDENTS)
_ADD_ADDRESS = insert(ADDRESSES)
