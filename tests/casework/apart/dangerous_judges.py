"""Judges for the child process of the tests, which do as the mail's subject says."""

import os
import signal
import threading
import time
from datetime import datetime

from casework.judging import Judged, Judges, judge


def obey(
    raw: bytes, *, received_at: datetime, judges: Judges, now: datetime, is_whole: bool = True
) -> Judged:
    """Do what stands behind "Subject: please", and judge the mail if that can be survived."""
    _, asked, rest = raw.partition(b"Subject: please ")
    if asked:
        DEEDS[rest.split(b"\r\n", 1)[0].split(b"\n", 1)[0].decode()]()
    return judge(raw, received_at=received_at, judges=judges, now=now, is_whole=is_whole)


def _loop() -> None:
    while True:
        pass


def _sleep() -> None:
    time.sleep(600)


def _wait_for_a_lock() -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def _eat() -> None:
    eaten = []
    while True:
        eaten.append(b"x" * (1 << 24))


def _leave() -> None:
    os._exit(3)


def _leave_in_peace() -> None:
    os._exit(0)


def _crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def _fail() -> None:
    raise ZeroDivisionError("the words of the mail")


DEEDS = {
    "loop": _loop,
    "sleep": _sleep,
    "wait for a lock": _wait_for_a_lock,
    "eat": _eat,
    "leave": _leave,
    "leave in peace": _leave_in_peace,
    "crash": _crash,
    "fail": _fail,
}


def tell_surroundings(
    raw: bytes, *, received_at: datetime, judges: Judges, now: datetime, is_whole: bool = True
) -> Judged:
    """Judge a mail that says what this process can see."""
    with open("/proc/self/cmdline", "rb") as file:
        arguments = file.read().replace(b"\x00", b" ")
    environment = " ".join(os.environ).encode()
    text = b"Subject: seen\n\n" + arguments + b"\n" + environment + b"\n"
    return judge(text, received_at=received_at, judges=judges, now=now)


def not_ours(
    raw: bytes, *, received_at: datetime, judges: Judges, now: datetime, is_whole: bool = True
) -> object:
    """Answer with something that would run a command where it is unpickled."""
    return _Attack()


class _Attack:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch /tmp/kith-was-attacked",)
