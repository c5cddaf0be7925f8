"""Signatures of our own: in the Message-ID of a letter, and in the address that answers it.

    Message-ID      <k.<26 random>.<key><mac>@example.org>
    reply address   group+k<reference>.<key><mac>@example.org

`mac` is HMAC-SHA256 cut to 80 bits, in 16 letters of lower-case base32 (RFC 4648), and `key` names
the key. The newest key signs; every key there ever was verifies, since people answer old letters.
Whatever is compared is folded to lower case first, for relays that change it. Pure.
"""

import base64
import hmac
import secrets
from dataclasses import dataclass
from hashlib import sha256

from replies.outgoing import LONGEST_LOCAL_PART, address_key, domain_for_ids, is_sendable

KEY_BYTES = 32
MAC_BYTES = 10
MAC_LENGTH = 16
RANDOM_BYTES = 16
REFERENCE_LENGTH = 6
MOST_OF_A_TOKEN = 300
"""Nothing longer than this is looked at."""
_DIGITS = "abcdefghijklmnopqrstuvwxyz234567"
_TOKEN_SIGNS = frozenset(_DIGITS)
_REFERENCE_SIGNS = frozenset("23456789bcdfghjklmnpqrstvwxyz")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A secret, and the name under which a token says that it was signed with it."""

    number: int
    secret: bytes

    @property
    def name(self) -> str:
        """Return the number in base32: one spelling for each, so that no other one verifies."""
        digits, rest = "", self.number
        while rest or not digits:
            rest, digit = divmod(rest, len(_DIGITS))
            digits = _DIGITS[digit] + digits
        return digits

    def __repr__(self) -> str:
        """Return the key without its secret, which must stand in no log."""
        return f"SigningKey({self.number})"


@dataclass(frozen=True, slots=True)
class ReplyToken:
    """What a reply address says; it proves nothing until `Signer.proves` says so."""

    reference: str
    key: str
    mac: str


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs with its first key and recognises what any of them signed.

    Without keys (`kith explain` has none) it signs nothing and recognises nothing.
    """

    keys: tuple[SigningKey, ...] = ()

    def message_id(self, domain: str) -> str:
        """Return a new Message-ID that nobody can guess, signed so that we know it again."""
        host = domain_for_ids(domain)
        drawn = _base32(secrets.token_bytes(RANDOM_BYTES))
        if not self.keys:
            return f"<k.{drawn}@{host}>"
        key = self.keys[0]
        return f"<k.{drawn}.{key.name}{_mac(key, 'message', drawn, host.lower())}@{host}>"

    def is_ours(self, message_id: str) -> bool:
        """Return whether we signed this Message-ID; its brackets may be missing."""
        name = _folded(message_id.strip().strip("<>"))
        local, at, domain = name.rpartition("@")
        parts = local.split(".")
        if not at or len(parts) != 3 or parts[0] != "k":
            return False
        return self._verifies(parts[2], "message", parts[1], domain)

    def reply_address(self, group_address: str, reference: str, contact_address: str) -> str:
        """Return the group's address for answers to one case by one person; "" if there is none.

        None fits where the group's own local part is too long (RFC 5321 4.5.3.1.1), or without key.
        """
        local, _, domain = group_address.rpartition("@")
        bare = reference.replace("-", "").lower()
        if not self.keys:
            return ""
        key = self.keys[0]
        tag = f"k{bare}.{key.name}{_mac(key, 'reply', bare, address_key(contact_address))}"
        tagged = f"{local}+{tag}"
        made = f"{tagged}@{domain}"
        return made if len(tagged) <= LONGEST_LOCAL_PART and is_sendable(made) else ""

    def read_reply_address(self, address: str, group_address: str) -> ReplyToken | None:
        """Return what a reply address of this group says, or None if it is not one by its form."""
        token = reply_token(address)
        if token is None or address_key(address) != address_key(group_address):
            return None
        return token

    def proves(self, token: ReplyToken, contact_address: str) -> bool:
        """Return whether we gave this token to that person, for the case it names."""
        bare = token.reference.replace("-", "").lower()
        return self._verifies(token.key + token.mac, "reply", bare, address_key(contact_address))

    def _verifies(self, signature: str, *what: str) -> bool:
        name, mac = signature[:-MAC_LENGTH], signature[-MAC_LENGTH:]
        if len(mac) != MAC_LENGTH or not _TOKEN_SIGNS.issuperset(signature):
            return False
        key = next((key for key in self.keys if key.name == name), None)
        return key is not None and hmac.compare_digest(_mac(key, *what), mac)


UNSIGNED = Signer()
"""Has no key: for letters that are only looked at."""


def reply_token(address: str) -> ReplyToken | None:
    """Return what a reply address says, whosever it is, or None if it is none by its form."""
    local, plus, tag = _folded(address.strip()).rpartition("@")[0].rpartition("+")
    if not plus or not local or not tag.startswith("k"):
        return None
    bare, _, signature = tag[1:].partition(".")
    if len(bare) != REFERENCE_LENGTH or not _REFERENCE_SIGNS.issuperset(bare):
        return None
    if len(signature) <= MAC_LENGTH or not _TOKEN_SIGNS.issuperset(signature):
        return None
    written = bare.upper()
    reference = f"{written[:4]}-{written[4:]}"
    return ReplyToken(reference, signature[:-MAC_LENGTH], signature[-MAC_LENGTH:])


def new_secret() -> bytes:
    """Return the secret of a new key."""
    return secrets.token_bytes(KEY_BYTES)


def _mac(key: SigningKey, *what: str) -> str:
    # The parts cannot run into one another: none of them may hold the sign between them.
    signed = hmac.digest(key.secret, "\0".join(what).encode(), sha256)
    return _base32(signed[:MAC_BYTES])


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode("ascii").rstrip("=").lower()


def _folded(text: str) -> str:
    # Before lower-casing: the Kelvin sign would become a plain "k".
    return text.lower() if text.isascii() and len(text) <= MOST_OF_A_TOKEN else ""
