"""`kith run` and `kith poll`: the service, for ever or for one pass."""

import json
import signal
import threading
from collections import Counter
from dataclasses import asdict, dataclass, field

import click

from casework.bootstrap import Kith, assemble, make_mailboxes, with_keys
from casework.environment import clock, current_settings
from casework.oauth_client import token_source
from casework.processing import Processed
from casework.refiling import Judge, judge_apart
from casework.schema import check_schema
from casework.status.command import make_command
from casework.watchman import tokens_of, watching
from casework.web.app import make_app
from casework.web.server import WebServer
from casework.worker import Service, settle_memory
from config.errors import KithError
from config.settings import Settings
from intake.inbox import count_by_state
from intake.mailbox import Mailbox

PARTS = ("poll", "process", "deliver", "web")


@dataclass
class PassReport:
    """What one full pass did."""

    seen: int = 0
    stored: int = 0
    filed: int = 0
    screened_out: int = 0
    set_aside: int = 0
    failed: int = 0
    acknowledged: int = 0
    sent: int = 0
    deferred: int = 0
    not_deliverable: int = 0
    fate_unknown: int = 0
    ledger: dict[str, int] = field(default_factory=dict)
    mails: list[dict[str, object]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def one_pass(service: Service) -> PassReport:
    """Fetch, store, process and deliver all that is due.

    A mailbox that cannot be read is told in the report, and what is in the ledger goes on.
    """
    report = PassReport()
    try:
        polled = service.poll()
        report.seen, report.stored = polled.seen, polled.stored
        report.set_aside = polled.set_aside
        report.problems += polled.problems
    except KithError as error:
        report.problems.append(str(error))
    counts: Counter[str] = Counter()
    service.tell = lambda done: _count(done, report, counts)
    service.process()
    report.filed, report.screened_out = counts["filed"], counts["screened_out"]
    report.set_aside += counts["set_aside"]
    report.failed = counts["failed"]
    delivered = service.deliver()
    report.sent, report.deferred = delivered.sent, delivered.deferred
    report.not_deliverable, report.fate_unknown = delivered.failed, delivered.unknown
    if delivered.problem:
        report.problems.append(delivered.problem)
    with service.kith.sessions() as session:
        report.ledger = {str(state): n for state, n in count_by_state(session).items()}
    return report


def _count(done: Processed, report: PassReport, counts: Counter[str]) -> None:
    outcome = done.outcome
    counts[outcome.state if outcome else "failed"] += 1
    report.acknowledged += bool(outcome and outcome.acknowledged)
    report.mails.append(
        {
            "received": done.received_id,
            "state": outcome.state if outcome else "failed",
            "reference": outcome.reference if outcome else None,
            "acknowledged": bool(outcome and outcome.acknowledged),
            "reason": outcome.reason if outcome else done.problem,
        }
    )


def open_service(stop: threading.Event) -> Service:
    """Return the service of the current settings; raises when it is not set up or out of date."""
    kith: Kith = assemble(current_settings(), clock)
    check_schema(kith.engine)
    settle_memory()
    return Service(kith, stop)


def stop_on_signals(stop: threading.Event) -> None:
    """Let SIGTERM and SIGINT end the work between two mails."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())


@click.command("poll")
@click.option("--once", is_flag=True, help="One full pass: fetch, store, process, deliver.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def poll_command(*, once: bool, as_json: bool) -> int:
    """Work through the inbox once and print a report."""
    if not once:
        raise click.UsageError("Say `kith poll --once`; for the lasting service, `kith run`.")
    stop = threading.Event()
    stop_on_signals(stop)
    service = open_service(stop)
    try:
        report = one_pass(service)
    finally:
        service.close()
    click.echo(json.dumps(asdict(report), indent=2) if as_json else in_words(report))
    return 1 if report.problems else 0


def in_words(report: PassReport) -> str:
    """Return the report as a few lines for a person."""
    lines = [
        f"{report.seen} mails looked at, {report.stored} new.",
        f"{report.filed} filed, {report.screened_out} screened out, {report.set_aside} set aside, "
        f"{report.failed} to be tried again.",
        f"{report.acknowledged} acknowledgements written. Letters: {report.sent} sent, "
        f"{report.deferred} to be tried later, {report.not_deliverable} not deliverable, "
        f"{report.fate_unknown} of unknown fate.",
        "Ledger: " + ", ".join(f"{n} {state}" for state, n in report.ledger.items()) + ".",
    ]
    return "\n".join((*lines, *report.problems))


@click.command("run")
@click.option("--only", metavar="PARTS", help="Some of poll,process,deliver,web (commas between).")
def run_command(only: str | None) -> int:
    """Run the service until it is stopped (SIGTERM or Ctrl-C ends between two mails)."""
    parts = parse_parts(only)
    stop = threading.Event()
    stop_on_signals(stop)
    service = open_service(stop)
    web = make_web_server(service.kith) if "web" in parts else None
    if web is not None:
        click.echo(f"open: {web.start()}")
    try:
        service.run(parts)
    finally:
        if web is not None:
            web.stop()
    return 0


def judge_for_people(kith: Kith) -> Judge:
    """Return who judges a mail that a person files by hand."""
    with kith.sessions.begin() as session:
        desk = with_keys(kith.desk, session, kith.now())
    return judge_apart(desk.judges, kith.now, seconds=kith.settings.limits.judge_seconds)


def make_web_server(kith: Kith) -> WebServer:
    """Return the server of the queue's page, at the address of the settings."""
    web, group = kith.settings.web, kith.settings.group
    app = make_app(
        kith.sessions,
        kith.now,
        group.name,
        watching=lambda: watching(kith),
        judge=judge_for_people(kith),
    )
    return WebServer(app, web.host, web.port)


def parse_parts(only: str | None) -> frozenset[str]:
    """Return the parts named, all of them for None."""
    if only is None:
        return frozenset(PARTS)
    named = frozenset(part.strip() for part in only.split(",") if part.strip())
    unknown = sorted(named - set(PARTS))
    if unknown or not named:
        raise click.UsageError(
            f"Unknown part {', '.join(unknown) or '(none)'}: choose among {', '.join(PARTS)}."
        )
    return named


def _mailboxes(settings: Settings) -> list[Mailbox]:
    return [watched.mailbox for watched in make_mailboxes(settings, token_source(settings))]


status_command = make_command(_mailboxes, tokens_of)
