"""The child: judges one mail after the other until there are none for a while.

It knows nothing but the rules and the mail in hand: no settings, no password, no database. It is
killed from outside when a mail takes too long, and by the system when it takes too much.
"""

import gc
import importlib
import logging
import os
import pickle
import select
import sys
from collections.abc import Callable
from typing import BinaryIO, cast

from casework.apart.bounds import (
    bound_memory,
    bound_time,
    die_with,
    leave_stopping_to_the_parent,
    unbound_time,
)
from casework.apart.messages import FAILED, HEADER, JUDGED, READY, Orders, Task, pickle_judged
from casework.judging import Judged
from config.logs import configure_logging, log_uncaught_errors, mail_context

log = logging.getLogger(__name__)


def main() -> None:
    """Serve the parent at the other ends of the standard input and output."""
    leave_stopping_to_the_parent()
    tasks, answers = _take_over_the_pipes()
    orders = pickle.loads(_read(tasks))  # noqa: S301 (our own parent wrote it)
    assert isinstance(orders, Orders)
    die_with(orders.parent)
    configure_logging(sys.stderr, orders.log_level)
    log_uncaught_errors()
    judge = _named(orders.judge)
    gc.collect()
    gc.freeze()  # the rules and the model stay
    bound_memory(orders.memory_bytes)
    _write(answers, READY)
    while select.select([tasks], [], [], orders.idle_seconds)[0] and (head := _read(tasks)):
        task: Task = pickle.loads(head)  # noqa: S301
        answer = _answer(task, _rest(tasks), orders, judge)
        _write(answers, answer)
        if answer.startswith(FAILED):  # whatever it left behind is not for the next
            return


def _answer(task: Task, raw: bytes, orders: Orders, judge: Callable[..., Judged]) -> bytes:
    bound_time(orders.seconds)
    with mail_context(task.received_id):
        try:
            judged = judge(
                raw,
                received_at=task.received_at,
                judges=orders.judges,
                now=task.now,
                is_whole=task.is_whole,
            )
            return JUDGED + pickle_judged(judged)
        except Exception as error:
            log.exception("outcome=failed_apart")
            return FAILED + type(error).__name__.encode()
        finally:
            unbound_time()


def _named(name: str) -> Callable[..., Judged]:
    module, _, function = name.partition(":")
    return cast("Callable[..., Judged]", getattr(importlib.import_module(module), function))


def _take_over_the_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Return the pipes, and let nobody else read or write them by chance."""
    tasks, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return tasks, answers


def _read(tasks: BinaryIO) -> bytes:
    """Return the next frame; empty also when the parent is gone."""
    header = tasks.read(HEADER.size)
    if len(header) < HEADER.size:
        return b""
    return tasks.read(HEADER.unpack(header)[0])


def _rest(tasks: BinaryIO) -> bytes:
    pieces: list[bytes] = []
    while piece := _read(tasks):
        pieces.append(piece)
    return b"".join(pieces)


def _write(answers: BinaryIO, payload: bytes) -> None:
    answers.write(HEADER.pack(len(payload)))
    answers.write(payload)
    answers.flush()
