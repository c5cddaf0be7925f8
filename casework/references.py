"""The reference of a case: short, random, hard to mistype, and saying nothing about anybody.

`K7F3-2Q`: five random characters and a check character out of 29 (the digits 2 to 9 and the
consonants), so no word can appear in it. The dash is only for the eye. 29 is prime, so a weighted
sum catches every single mistyped character and every pair of neighbours swapped.
"""

import re
import secrets
from itertools import islice
from typing import NewType

ALPHABET = "23456789BCDFGHJKLMNPQRSTVWXYZ"
RANDOM_LENGTH = 5
MOST_FOUND = 20
"""Of the references in one text."""

CaseReference = NewType("CaseReference", str)

_VALUE = {character: value for value, character in enumerate(ALPHABET)}
_SHAPE = re.compile(
    r"(?<![0-9A-Za-z])([2-9B-DF-HJ-NP-TV-Z]{4})-([2-9B-DF-HJ-NP-TV-Z]{2})(?![0-9A-Za-z])"
)
_SHAPE_IN_BRACKETS = re.compile(rf"[\[(]?(?:ref )?{_SHAPE.pattern}[\])]?", re.IGNORECASE)


def new_reference() -> CaseReference:
    """Return a random reference, about one in twenty million; the database keeps it unique."""
    drawn = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH))
    whole = drawn + check_character(drawn)
    return CaseReference(f"{whole[:4]}-{whole[4:]}")


def check_character(drawn: str) -> str:
    """Return the check character of the random part."""
    return ALPHABET[sum(_VALUE[c] * (place + 1) for place, c in enumerate(drawn)) % len(ALPHABET)]


def is_reference(text: str) -> bool:
    """Return whether `text` is a well-formed reference with the right check character."""
    found = _SHAPE.fullmatch(text)
    if found is None:
        return False
    characters = found[1] + found[2]
    return check_character(characters[:-1]) == characters[-1]


def has_reference_shape(text: str) -> bool:
    """Return whether anything in `text` looks like a reference, be there such a case or not."""
    return _SHAPE.search(text.upper()) is not None


def without_references(text: str) -> str:
    """Return `text` without anything that looks like a reference, its brackets included."""
    return _SHAPE_IN_BRACKETS.sub(" ", text)


def find_references(text: str) -> tuple[CaseReference, ...]:
    """Return the first valid references in a subject such as "Re: [K7F3-2Q]", any case."""
    candidates = (f"{found[1]}-{found[2]}" for found in _SHAPE.finditer(text.upper()))
    valid = (CaseReference(found) for found in candidates if is_reference(found))
    return tuple(dict.fromkeys(islice(valid, MOST_FOUND)))
