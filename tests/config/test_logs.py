"""What the log promises: one line for each record, and nothing personal in it."""

import io
import logging
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from config.errors import KithError
from config.log_cleaning import LONGEST_LINE, clean
from config.logs import QUIET_LOGGERS, LineFormatter, configure_logging, mail_context, tell_error

PERSON = "jo.bloggs@example.org"
CONFIDED = "my son has run away again"


def our_handler() -> logging.Handler:
    """Return Kith's handler; the test runner has handlers of its own beside it."""
    handlers = logging.getLogger().handlers
    return next(each for each in handlers if isinstance(each.formatter, LineFormatter))


def handle(msg: str, *values: object, created: float = 0.0) -> None:
    record = logging.LogRecord("casework.worker", logging.INFO, __file__, 7, msg, values, None)
    record.created = created
    our_handler().handle(record)


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    level = root.level
    out = io.StringIO()
    configure_logging(out)
    yield out
    root.removeHandler(our_handler())
    root.setLevel(level)
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.NOTSET)


def log_failure(error: BaseException) -> None:
    try:
        raise error
    except BaseException:
        logging.getLogger("casework.worker").exception("outcome=failed")


def test_a_line_has_time_level_room_and_message(stream: io.StringIO) -> None:
    logging.getLogger("casework.worker").info("case=%s outcome=%s ms=%d", "K7F3-2Q", "filed", 41)
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ INFO worker case=K7F3-2Q outcome=filed ms=41\n",
        stream.getvalue(),
    )


def test_the_time_is_utc_in_seconds(stream: io.StringIO) -> None:
    handle("hello", created=1795561500.7)
    assert stream.getvalue().startswith("2026-11-24T23:05:00Z ")


def test_a_room_is_named_without_its_floor_and_a_stranger_in_full(stream: io.StringIO) -> None:
    logging.getLogger("casework.web.app").info("a")
    logging.getLogger("somebody.else").info("b")
    assert " web.app a\n" in stream.getvalue()
    assert " somebody.else b\n" in stream.getvalue()


def test_lines_inside_a_mail_context_name_the_mail(stream: io.StringIO) -> None:
    log = logging.getLogger("casework.worker")
    with mail_context(812):
        log.info("one")
        with mail_context(813):
            log.info("two")
        log.info("three")
    log.info("four")
    told = [line.split(" worker ")[1] for line in stream.getvalue().splitlines()]
    assert told == ["received=812 one", "received=813 two", "received=812 three", "four"]


def test_the_mail_is_forgotten_when_the_block_fails(stream: io.StringIO) -> None:
    with pytest.raises(ValueError), mail_context(812):
        raise ValueError
    logging.getLogger("casework.worker").info("after")
    assert "received" not in stream.getvalue()


def test_threads_do_not_mix_up_their_mails(stream: io.StringIO) -> None:
    barrier = threading.Barrier(4)

    def work(number: int) -> None:
        with mail_context(number):
            barrier.wait(timeout=30)
            logging.getLogger("casework.worker").info("n=%d", number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert {line.split(" worker ")[1] for line in stream.getvalue().splitlines()} == {
        f"received={number} n={number}" for number in range(4)
    }


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (f"from {PERSON} today", "from [address] today"),
        (f"to=<{PERSON}>,", "to=<[address]>,"),
        (f"{PERSON};{PERSON}", "[address];[address]"),
        ("jo.bloggs%40example.org", "[address]"),
        ("jo＠example.org", "[address]"),
        ("postgresql://kith:secret@db/kith", "[address]"),
        ("case=K7F3-2Q ms=4.1", "case=K7F3-2Q ms=4.1"),
        ("two\nlines\r\n\ttabbed\x1b[31m", "two lines tabbed [31m"),
        ("right\u202eto left\u2028next\x00", "right to left next"),
    ],
)
def test_addresses_and_line_breaks_are_taken_out(said: str, told: str) -> None:
    assert clean(said) == told


def test_values_are_cleaned_like_the_message(stream: io.StringIO) -> None:
    logging.getLogger("casework.worker").warning("refused %s and %r", PERSON, [PERSON])
    assert "refused [address] and ['[address]']" in stream.getvalue()


@given(st.text())
def test_any_text_becomes_one_short_line_without_addresses(anything: str) -> None:
    cleaned = clean(anything)
    assert len(cleaned.splitlines()) <= 1
    assert "@" not in cleaned
    cleaned.encode("utf-8")


def test_a_long_text_is_cut_short() -> None:
    assert len(clean("a" * 30_000_000)) <= LONGEST_LINE + 1


def test_an_exception_is_told_by_type_and_place_but_not_by_its_text(stream: io.StringIO) -> None:
    log_failure(ValueError(CONFIDED))
    assert re.search(
        r"ERROR worker outcome=failed error=ValueError at config/test_logs\.py:\d+\n$",
        stream.getvalue(),
    )


def test_the_causes_of_an_exception_are_told_too(stream: io.StringIO) -> None:
    outer = RuntimeError(CONFIDED)
    outer.__cause__ = KeyError(CONFIDED)
    outer.__cause__.__context__ = outer  # a circle must not hold up the log
    log_failure(outer)
    assert "error=RuntimeError at" in stream.getvalue()
    assert "caused by KeyError at ?" in stream.getvalue()
    assert CONFIDED not in stream.getvalue()


def test_an_exception_hidden_by_from_none_is_not_told(stream: io.StringIO) -> None:
    error = ValueError("b")
    error.__context__, error.__suppress_context__ = KeyError("a"), True
    log_failure(error)
    assert "error=ValueError at" in stream.getvalue()
    assert "KeyError" not in stream.getvalue()


def failed_statement() -> DBAPIError:
    with create_engine("sqlite://").connect() as connection:
        try:
            connection.execute(text("INSERT INTO nowhere VALUES (:told)"), {"told": CONFIDED})
        except DBAPIError as error:
            return error
    raise AssertionError("there is such a table")


def test_a_database_error_shows_neither_statement_nor_values(stream: io.StringIO) -> None:
    error = failed_statement()
    assert CONFIDED in str(error)
    log_failure(error)
    log = logging.getLogger("casework.worker")
    log.error("outcome=failed because=%s", error)
    log.error(error)
    log.error(f"in a sentence: {error}")
    told = stream.getvalue()
    assert "error=OperationalError at" in told
    assert "outcome=failed because=OperationalError\n" in told
    assert CONFIDED not in told
    assert "INSERT" not in told
    assert len(told.splitlines()) == 4


def test_a_postgresql_row_in_a_sentence_is_left_out() -> None:
    said = f'duplicate key value violates "uq_x"\nDETAIL:  Key (subject)=({CONFIDED}) exists.'
    assert clean(said) == 'duplicate key value violates "uq_x" [left out]'


def test_our_own_sentences_and_the_systems_are_told() -> None:
    assert tell_error(KithError(f"Kith cannot\nwrite to {PERSON} yet.")) == (
        "KithError(Kith cannot write to [address] yet.)"
    )
    assert tell_error(ConnectionRefusedError(111, "Connection refused")) == (
        "ConnectionRefusedError(Connection refused)"
    )
    assert tell_error(OSError(CONFIDED)) == "OSError"
    assert tell_error(FileNotFoundError(2, "No such file", f"/{CONFIDED}")) == (
        "FileNotFoundError(No such file)"
    )


def test_a_line_that_cannot_be_made_stops_nothing_and_shows_nothing(
    stream: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError(CONFIDED)

    handle("%s", Broken())
    handle("%d", CONFIDED)
    assert stream.getvalue().count("(a line that cannot be told, from test_logs.py:7)") == 2
    stream.close()
    handle(CONFIDED)
    assert capsys.readouterr() == ("", "")


def test_outside_libraries_are_quiet_at_every_level(stream: io.StringIO) -> None:
    configure_logging(stream, logging.DEBUG)
    for name in ("imapclient.imaplib", "pymap.imap", "mail.log", "sqlalchemy.engine.Engine"):
        logging.getLogger(name).info(CONFIDED)
    logging.getLogger("mailparser.core").error(CONFIDED)
    logging.getLogger("uvicorn.access").error(CONFIDED)
    logging.getLogger("casework.worker").debug("ours")
    assert CONFIDED not in stream.getvalue()
    assert stream.getvalue().count("\n") == 1


def test_configuring_twice_does_not_say_everything_twice(stream: io.StringIO) -> None:
    second = io.StringIO()
    configure_logging(second)
    logging.getLogger("casework.worker").info("once")
    assert stream.getvalue() == ""
    assert second.getvalue().count("once") == 1


UNCAUGHT = f"""
import sys, threading
from config.logs import configure_logging, log_uncaught_errors
configure_logging(sys.stderr)
log_uncaught_errors()
def fail():
    raise ValueError({CONFIDED!r})
thread = threading.Thread(target=fail)
thread.start()
thread.join()
fail()
"""


def test_an_error_that_nobody_caught_is_a_log_line_without_its_text() -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNCAUGHT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert CONFIDED not in done.stderr
    assert done.stderr.count("CRITICAL process uncaught error=ValueError at") == 2
    assert len(done.stderr.splitlines()) == 2
