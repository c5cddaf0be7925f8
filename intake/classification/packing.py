"""Weights for all kinds packed into one whole number, so that adding up a mail is one `sum`.

Each kind has 32 bits. Weights are signed: a negative one borrows from its neighbour, and `unpack`
pays back, so packed numbers add and subtract like rows of weights. With every weight at most
`HIGHEST`, 250,000 of them can be added without spilling over; a mail has fewer features.
"""

import sys
from array import array
from collections.abc import Iterator, Sequence
from struct import Struct

from intake.taxonomy import Kind

KINDS: tuple[Kind, ...] = tuple(Kind)
"""The order of the kinds in packed weights."""

HIGHEST = 8_000

_BITS = 32
_HALF = 1 << (_BITS - 1)
_MASK = (1 << _BITS) - 1
_ALL_HALVES = sum(_HALF << (_BITS * at) for at in range(len(KINDS)))
_ROW = Struct(f"<{len(KINDS)}I")
_STORED_OFFSET = 1 << 15
_ALL_OFFSETS = sum(_STORED_OFFSET << (_BITS * at) for at in range(len(KINDS)))


def pack(weights: Sequence[int]) -> int:
    """Return one weight per kind as one number."""
    return sum(weight << (_BITS * at) for at, weight in enumerate(weights))


def unpack(packed: int) -> tuple[int, ...]:
    """Return the weight of each kind in a packed number or in a sum of packed numbers."""
    return tuple(
        field - _HALF for field in _ROW.unpack((packed + _ALL_HALVES).to_bytes(_ROW.size, "little"))
    )


def weight_of(packed: int, column: int) -> int:
    """Return only the weight of the kind in `column`."""
    return ((packed + _ALL_HALVES) >> (_BITS * column) & _MASK) - _HALF


def _little(fields: "array[int]") -> "array[int]":
    """Swap the bytes of each field on a big-endian machine."""
    if sys.byteorder == "big":
        fields.byteswap()
    return fields


def to_bytes(rows: Sequence[int]) -> bytes:
    """Return packed numbers as two bytes per weight, for the model file."""
    fields = array("H", (weight + _STORED_OFFSET for row in rows for weight in unpack(row)))
    return _little(fields).tobytes()


def from_bytes(data: bytes) -> Iterator[int]:
    """Yield the packed numbers that `to_bytes` wrote; `ValueError` if they cannot be right."""
    stored = array("H")
    stored.frombytes(data)
    stored = _little(stored)
    if len(stored) % len(KINDS):
        raise ValueError("a row of weights is cut short")
    if stored and max(max(stored) - _STORED_OFFSET, _STORED_OFFSET - min(stored)) > HIGHEST:
        raise ValueError("a weight is out of range")
    wide = _little(array("I", stored)).tobytes()
    for start in range(0, len(wide), _ROW.size):
        yield int.from_bytes(wide[start : start + _ROW.size], "little") - _ALL_OFFSETS
