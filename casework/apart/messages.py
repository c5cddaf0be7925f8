"""What the two processes say to one another: frames of a length and a pickle or plain bytes.

To the child: `Orders` once, then for each mail a `Task`, its bytes in as many frames as wanted,
and an empty frame. From the child: READY once, then for each mail JUDGED and the pickle, or FAILED
and the name of the exception.
"""

import io
import pickle
import struct
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from casework.judging import Judged, Judges

HEADER = struct.Struct(">Q")
READY, JUDGED, FAILED = b"r", b"j", b"f"


@dataclass(frozen=True, slots=True)
class Orders:
    """What a child is told when it is born."""

    parent: int
    judge: str
    """`module:function`, called as `casework.judging.judge` is."""
    judges: Judges
    seconds: float
    memory_bytes: int
    idle_seconds: float
    log_level: int


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be known of a mail besides its bytes."""

    received_id: int
    received_at: datetime
    now: datetime
    is_whole: bool


def pickle_judged(judged: Judged) -> bytes:
    """Return an opinion as `unpickle_judged` takes it, the same on every version of Python."""
    written = io.BytesIO()
    _Plain(written, pickle.HIGHEST_PROTOCOL).dump(judged)
    return written.getvalue()


def unpickle_judged(data: bytes | memoryview) -> Judged:
    """Return the opinion in a child's answer.

    Raises `pickle.UnpicklingError` if it is anything but values of ours: whoever takes a child over
    by way of a mail does not get hold of its parent too.
    """
    judged = _Careful(io.BytesIO(data)).load()
    if not isinstance(judged, Judged):
        raise pickle.UnpicklingError
    return judged


_OTHER_VALUES = frozenset(
    [
        *(("datetime", name) for name in ("date", "datetime", "timedelta", "timezone")),
        *(("builtins", name) for name in ("frozenset", "set")),
    ]
)


class _Plain(pickle.Pickler):
    def reducer_override(self, obj: object) -> Any:
        # Early versions of Python 3.11 would have a member of an enumeration looked up by
        # `getattr`, which must never be let through.
        return (type(obj), (obj.value,)) if isinstance(obj, Enum) else NotImplemented


class _Careful(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module.startswith("intake.") or module == Judged.__module__:
            found = super().find_class(module, name)
            if isinstance(found, type):
                return found
        elif (module, name) in _OTHER_VALUES:
            return super().find_class(module, name)
        raise pickle.UnpicklingError
