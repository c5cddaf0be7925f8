"""What the service says about itself: one line for each record, and nothing personal in it.

`2026-11-24T23:05:00Z INFO worker received=812 case=K7F3-2Q outcome=filed ms=41`

The formatter is the last door: addresses are taken out, exceptions are told by type and place.
Their text is kept only where Kith wrote it, because a database error quotes whole mails.
"""

import logging
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import TextIO

from config.errors import KithError
from config.log_cleaning import clean

FLOORS = frozenset({"config", "intake", "replies", "casework"})

QUIET_LOGGERS = {
    "mailparser": logging.CRITICAL,  # warns with pieces of the mail
    "pymap": logging.WARNING,  # tells passwords and whole mails at DEBUG
    "imapclient": logging.WARNING,
    "mail": logging.WARNING,  # aiosmtpd's, under a name of its own
    "aiosmtpd": logging.WARNING,
    "sqlalchemy": logging.WARNING,  # tells parameters at INFO
    "alembic": logging.WARNING,
    "schedule": logging.WARNING,
    "flufl": logging.WARNING,
    "asyncio": logging.WARNING,
    "uvicorn": logging.WARNING,
    "uvicorn.access": logging.CRITICAL,  # addresses of pages and of people
    "uvicorn.error": logging.WARNING,
}
MOST_CAUSES = 5
MOST_FRAMES = 12

_received: ContextVar[int | None] = ContextVar("received", default=None)


@contextmanager
def mail_context(received_id: int) -> Iterator[None]:
    """Begin every log line inside the block with `received=` and the number of the mail."""
    token = _received.set(received_id)
    try:
        yield
    finally:
        _received.reset(token)


def configure_logging(stream: TextIO, level: int = logging.INFO) -> None:
    """Send all log lines to `stream`, without personal data, and quieten outside libraries.

    May be called again: the last call counts.
    """
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, _LineHandler)]:
        root.removeHandler(handler)
    handler = _LineHandler(stream)
    handler.setFormatter(LineFormatter())
    root.addHandler(handler)
    root.setLevel(level)
    for name, lowest in QUIET_LOGGERS.items():
        logging.getLogger(name).setLevel(max(level, lowest))


def log_uncaught_errors() -> None:
    """Tell errors that nobody caught, in any thread, as a log line instead of a traceback.

    Python's own traceback ends with the error's text, which may be somebody's mail.
    """
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("casework.process").critical("uncaught", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(uncaught: threading.ExceptHookArgs) -> None:
    if uncaught.exc_value is not None:
        _log_uncaught(uncaught.exc_type, uncaught.exc_value, uncaught.exc_traceback)


class LineFormatter(logging.Formatter):
    """One line for each record: time in UTC, level, who speaks, the mail, what happened."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, cleaned; a record that cannot be told says so instead."""
        moment = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        parts = (_mail_part(), _told(record), _failure_part(record))
        said = " ".join(part for part in parts if part)
        return f"{moment} {record.levelname} {_speaker(record.name)} {said}"


class _LineHandler(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (the library's name)
        """Lose the line: the library's own report would print the record's values."""


def _mail_part() -> str:
    received_id = _received.get()
    return "" if received_id is None else f"received={received_id}"


def _speaker(name: str) -> str:
    floor, _, room = name.partition(".")
    return room if room and floor in FLOORS else name


def _told(record: logging.LogRecord) -> str:
    try:
        return clean(_message(record))
    except Exception:  # whatever was handed in, a log line must never stop the work
        return f"(a line that cannot be told, from {record.module}.py:{record.lineno})"


def _message(record: logging.LogRecord) -> str:
    """Return the message, with any exception in it replaced by what may be told of it."""
    said: object = record.msg
    if isinstance(said, BaseException):
        return tell_error(said)
    values = record.args
    if isinstance(values, tuple) and any(isinstance(each, BaseException) for each in values):
        return str(said) % tuple(
            tell_error(each) if isinstance(each, BaseException) else each for each in values
        )
    return record.getMessage()


def tell_error(error: BaseException) -> str:
    """Return the error's type, with its text only where Kith or the operating system wrote it."""
    name = type(error).__qualname__
    if isinstance(error, KithError):
        return f"{name}({clean(str(error))})"
    if isinstance(error, OSError) and error.errno is not None and type(error.strerror) is str:
        return f"{name}({clean(error.strerror)})"
    return name


def _failure_part(record: logging.LogRecord) -> str:
    if not record.exc_info or record.exc_info[1] is None:
        return ""
    told = [f"{tell_error(each)} at {_places(each)}" for each in _chain(record.exc_info[1])]
    return "error=" + " caused by ".join(told)


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain and len(chain) < MOST_CAUSES:
        chain.append(current)
        hidden = current.__suppress_context__
        current = current.__cause__ or (None if hidden else current.__context__)
    return chain


def _places(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-MOST_FRAMES:]
    return " > ".join(f"{_short(each.filename)}:{each.lineno}" for each in frames) or "?"


def _short(filename: str) -> str:
    return "/".join(filename.replace("\\", "/").split("/")[-2:])
