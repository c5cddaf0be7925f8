"""`kith replay`: are the cases what the stored mail makes of them?"""

import json
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click
from sqlalchemy import Engine

from casework.bootstrap import make_desk
from casework.environment import clock, current_settings
from casework.replaying.comparing import Difference
from casework.replaying.replay import ReplayReport, replay
from casework.replaying.target import check_target, make_ready
from casework.schema import check_schema, make_private_directory, upgrade
from config.database import make_engine, make_sessions
from config.settings import Settings

ENDINGS = ("", "-wal", "-shm", "-journal")
SHOWN = 200
"""Differences told in words; all of them are in the JSON."""


@click.command("replay")
@click.option("--into", metavar="URL", help="An empty database to fill, and to keep.")
@click.option("--keep", is_flag=True, help="Keep the file that is filled without --into.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def replay_command(*, into: str | None, keep: bool, as_json: bool) -> int:
    """Derive all cases anew from the stored mail, and compare them with those that are there.

    Works in a database of its own and sends nothing. The exit code is 0 if all is the same.
    """
    settings = current_settings()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    source = make_engine(settings.database_url)
    check_schema(source)
    with _target(settings, into, keep=keep) as target:
        check_target(source, target)
        make_ready(target, upgrade)
        report = replay(
            make_sessions(source),
            make_sessions(target),
            make_desk(settings),
            should_stop=stop.is_set,
            tell=lambda words: click.echo(words, err=True),
            judge_seconds=settings.limits.judge_seconds,
        )
    click.echo(json.dumps(as_dict(report), indent=2) if as_json else in_words(report))
    return 0 if report.is_identical else 1


@contextmanager
def _target(settings: Settings, into: str | None, *, keep: bool) -> Iterator[Engine]:
    """Give the database to fill; a file of our own is removed at the end, unless it is kept."""
    if into is not None:
        engine = make_engine(into)
        try:
            yield engine
        finally:
            engine.dispose()
        return
    make_private_directory(settings.data_dir)
    file = settings.data_dir / f"replay-{clock():%Y%m%d-%H%M%S-%f}.sqlite3"
    engine = make_engine(f"sqlite:///{file}")
    try:
        yield engine
    finally:
        engine.dispose()
        if keep:
            click.echo(f"Kept: {file} (it holds people's letters).", err=True)
        else:
            _remove(file)


def _remove(file: Path) -> None:
    for ending in ENDINGS:
        file.with_name(file.name + ending).unlink(missing_ok=True)


def as_dict(report: ReplayReport) -> dict[str, object]:
    """Return the report in the shape of `--json`."""
    return {"identical": report.is_identical, **asdict(report)}


def in_words(report: ReplayReport) -> str:
    """Return the report for a person; nothing in it was written by a correspondent."""
    lines = [f"{report.mails} mails replayed, {report.cases} cases compared."]
    if report.waiting:
        lines.append(f"{report.waiting} mails are not worked yet, and were left out.")
    if report.without_bytes:
        lines.append(f"Of {report.without_bytes} mails only the line in the ledger is left.")
    if report.letters_without_case:
        count = report.letters_without_case
        lines.append(f"{count} letters of people belong to cases that did not come out again.")
    if report.is_identical:
        return "\n".join((*lines, "The same cases came out."))
    lines.append(f"{len(report.differences)} differences:")
    lines += [_line(each) for each in report.differences[:SHOWN]]
    if len(report.differences) > SHOWN:
        lines.append(f"... and {len(report.differences) - SHOWN} more (--json has all).")
    reasons = Counter(each.why for each in report.differences)
    lines += ["Why:", *(f"  {count} x {why}" for why, count in reasons.most_common(10))]
    return "\n".join(lines)


def _line(each: Difference) -> str:
    where = each.case or "no case"
    mail = "" if each.mail is None else f"  mail {each.mail}"
    return f"  {where}{mail}  {each.what}: {each.then} -> {each.now}. {each.why}"
