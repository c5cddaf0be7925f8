"""Weights for all kinds packed into one whole number, so that adding up a mail is one `sum`.

Each kind has 32 bits. Weights are signed: a negative one borrows from its neighbour, and `unpack`
pays back, so packed numbers add and subtract like rows of weights. With every weight at most
`HIGHEST`, 250,000 of them can be added without spilling over; a mail has fewer features.
"""

from collections.abc import Iterator, Sequence
from struct import Struct, iter_unpack

from intake.taxonomy import Kind

KINDS: tuple[Kind, ...] = tuple(Kind)
"""The order of the kinds in packed weights."""

HIGHEST = 8_000

_BITS = 32
_HALF = 1 << (_BITS - 1)
_MASK = (1 << _BITS) - 1
_ALL_HALVES = sum(_HALF << (_BITS * at) for at in range(len(KINDS)))
_ROW = Struct(f"<{len(KINDS)}I")
_EVERYTHING = (1 << (_BITS * len(KINDS))) - 1
_STORED_OFFSET = 1 << 15
_ALL_OFFSETS = sum(_STORED_OFFSET << (_BITS * at) for at in range(len(KINDS)))


def pack(weights: Sequence[int]) -> int:
    """Return one weight per kind as one number."""
    return sum(weight << (_BITS * at) for at, weight in enumerate(weights))


def unpack(packed: int) -> tuple[int, ...]:
    """Return the weight of each kind in a packed number or in a sum of packed numbers."""
    return tuple(
        field - _HALF
        for field in _ROW.unpack((packed + _ALL_HALVES & _EVERYTHING).to_bytes(_ROW.size, "little"))
    )


def weight_of(packed: int, column: int) -> int:
    """Return only the weight of the kind in `column`."""
    return ((packed + _ALL_HALVES) >> (_BITS * column) & _MASK) - _HALF


def to_bytes(rows: Sequence[int]) -> bytes:
    """Return packed numbers as two bytes per weight, for the model file.

    Raises `ValueError` when a weight is beyond `HIGHEST`.
    """
    weights = [weight for row in rows for weight in unpack(row)]
    if any(abs(weight) > HIGHEST for weight in weights):
        raise ValueError(f"a weight is beyond {HIGHEST}")
    return b"".join((weight + _STORED_OFFSET).to_bytes(2, "little") for weight in weights)


def from_bytes(data: bytes) -> Iterator[int]:
    """Return the packed numbers that `to_bytes` wrote; `ValueError` if a row is cut short."""
    if len(data) * 2 % _ROW.size:
        raise ValueError("a row of weights is cut short")
    wide = bytearray(len(data) * 2)
    wide[0::4], wide[1::4] = data[0::2], data[1::2]
    rows = iter_unpack(f"{_ROW.size}s", wide)
    return (int.from_bytes(row, "little") - _ALL_OFFSETS for (row,) in rows)
