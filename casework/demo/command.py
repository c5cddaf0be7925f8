"""`kith demo`: the whole service on a sample inbox, with mail servers of its own."""

import tempfile
import threading
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import click
from starlette.applications import Starlette

from casework.bootstrap import assemble
from casework.demo.mail_servers import DemoMail
from casework.demo.page import DEMO_LINKS, DemoPages
from casework.demo.sample_inbox import sample_inbox
from casework.environment import clock
from casework.pipeline import Outcome
from casework.processing import Processed
from casework.schema import make_private_directory, upgrade
from casework.service import judge_for_people, stop_on_signals
from casework.watchman import watching
from casework.web.app import make_app
from casework.web.server import WebServer, WebServerError
from casework.worker import Service
from config.settings import (
    GroupSettings,
    MailboxSettings,
    Mode,
    Security,
    ServiceSettings,
    Settings,
    SmtpSettings,
)

GROUP_ADDRESS = "hello@northfield-families.example.org"
GROUP_NAME = "Northfield Families"
USUAL_PORT = 8025


@click.command("demo")
@click.option("--once", is_flag=True, help="Work through the sample inbox, print, and end.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="The page's port; without it 8025, or another if that one is taken.",
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the database here instead of in a temporary directory.",
)
def demo(*, once: bool, port: int | None, data_dir: Path | None) -> int:
    """Show Kith at work on a sample inbox. Nothing leaves this machine."""
    with ExitStack() as stack:
        directory = data_dir or Path(stack.enter_context(tempfile.TemporaryDirectory("-kith")))
        make_private_directory(directory)
        mail = DemoMail(GROUP_ADDRESS)
        mail.start()
        stack.callback(mail.stop)
        for sample in sample_inbox(GROUP_ADDRESS, clock()):
            mail.deliver(GROUP_ADDRESS, sample.raw, sample.internal_date)
        stop = threading.Event()
        kith = assemble(demo_settings(mail, directory), clock)
        upgrade(kith.engine)
        service = Service(kith, stop)
        stack.callback(service.close)
        work_through(service)
        if not once:
            serve(service, mail, stop, port)
    return 0


def demo_settings(mail: DemoMail, directory: Path) -> Settings:
    """Return settings for the demo's own servers; no file and no variable is read."""
    server = {"host": mail.host, "security": Security.NONE}
    return Settings(
        mode=Mode.LIVE,
        data_dir=directory,
        mailbox=MailboxSettings(
            **server, port=mail.imap_port, username=mail.username, password=mail.password
        ),
        smtp=SmtpSettings(**server, port=mail.smtp_port),
        group=GroupSettings(
            name=GROUP_NAME,
            address=GROUP_ADDRESS,
            privacy_url="https://northfield-families.example.org/privacy",
            help_url="https://northfield-families.example.org/help",
        ),
        service=ServiceSettings(poll_seconds=1),
    )


def work_through(service: Service) -> None:
    """Take the sample inbox to the end, printing a line per message and the totals."""
    outcomes: list[Outcome] = []

    def show(done: Processed) -> None:
        if done.outcome is not None:
            outcomes.append(done.outcome)
            click.echo(line_of(done.outcome))

    service.tell = show
    polled = service.poll()
    click.echo(f"{polled.stored} mails in the inbox.\n")
    service.process()
    delivered = service.deliver()
    states = Counter(outcome.state for outcome in outcomes)
    verdicts = Counter(o.judged.screening.verdict for o in outcomes if o.judged)
    acknowledged = sum(outcome.acknowledged for outcome in outcomes)
    new_cases = sum(outcome.is_new_case for outcome in outcomes)
    click.echo(
        f"\n{len(outcomes)} mails: "
        + ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        + f". {new_cases} cases opened.\n"
        + "Screening: "
        + ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())
        + f".\n{acknowledged} acknowledged, {delivered.sent} letters accepted by the mail server."
    )


def line_of(outcome: Outcome) -> str:
    """Return one message as a line: verdict, kind, risk, reference, acknowledged or why not."""
    judged = outcome.judged
    answer = "acknowledged" if outcome.acknowledged else f"not acknowledged: {outcome.reason}"
    if judged is None:
        return f"{outcome.state:<16}{answer}"
    subject = judged.message.subject[:40] or "(no subject)"
    return (
        f"{judged.screening.verdict:<16}{judged.classification.kind:<16}"
        f"{judged.risk.level:<10}{outcome.reference or '-':<9}{subject:<42}{answer}"
    )


def serve(service: Service, mail: DemoMail, stop: threading.Event, port: int | None) -> None:
    """Serve the page and go on working until Ctrl-C or SIGTERM."""
    demo_pages = DemoPages(mail, GROUP_ADDRESS)
    service.tell = demo_pages.note
    kith = service.kith
    app = make_app(
        kith.sessions,
        kith.now,
        GROUP_NAME,
        links=DEMO_LINKS,
        more=demo_pages.routes,
        watching=lambda: watching(kith),
        judge=judge_for_people(kith),
    )
    web, url = start_page(app, port)
    stop_on_signals(stop)
    click.echo(f"\nopen: {url}\n(Ctrl-C ends the demo.)")
    try:
        service.run(frozenset({"poll", "process", "deliver"}))
    finally:
        web.stop()


def start_page(app: Starlette, port: int | None) -> tuple[WebServer, str]:
    """Serve at `port`, or without one at 8025 or else at whatever is free."""
    web = WebServer(app, "127.0.0.1", port or USUAL_PORT)
    try:
        return web, web.start()
    except WebServerError:
        if port is not None:
            raise
    web = WebServer(app, "127.0.0.1", 0)
    return web, web.start()
