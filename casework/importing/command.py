"""`kith import`: older mail is filed in silence."""

import signal
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from casework.bootstrap import (
    NotSetUpError,
    assemble,
    make_desk,
    make_mailboxes,
    with_keys,
)
from casework.environment import clock, current_settings
from casework.importing.files import fingerprint, read_mails
from casework.importing.folder import WatchedFolderError, import_folder
from casework.importing.storing import Batches, Taken, import_files
from casework.importing.watched import import_older
from casework.inboxes import WatchedMailbox
from casework.oauth_client import token_source
from casework.processing import Processed, Worker, process_received
from casework.schema import open_database
from config.database import Sessions
from config.errors import KithError
from config.process_identity import is_gone, this_process
from config.settings import MailboxSettings, Settings
from intake.inbox import MailState

TELL_EVERY = 200


class NoSuchMailboxError(KithError):
    """The settings have no mailbox of that name."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(
            f"There is no mailbox {name!r} in the settings. There is: {', '.join(known)}."
        )


@click.command("import")
@click.option(
    "--since",
    required=True,
    type=click.DateTime(["%Y-%m-%d"]),
    help="Take in mail from this day on (YYYY-MM-DD).",
)
@click.option(
    "--mbox", type=click.Path(path_type=Path), help="An mbox file, or .eml files' directory."
)
@click.option("--folder", help="Another folder of the mailbox, such as an archive.")
@click.option("--mailbox", "name", help="Only this mailbox of the settings.")
def import_command(
    *, since: datetime, mbox: Path | None, folder: str | None, name: str | None
) -> int:
    """File older mail: cases are made and nobody is answered. It may be done again at any time.

    Without --mbox and --folder it takes in what the mailbox holds from before its `start`.
    """
    if mbox is not None and (folder or name):
        raise click.UsageError(
            "--mbox reads files, so it goes with neither --folder nor --mailbox."
        )
    settings = current_settings()
    if missing := () if settings.group.address else settings.missing_for_service():
        raise NotSetUpError(missing)
    importing = _Import(settings, open_database(settings), since.replace(tzinfo=UTC))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: importing.stop.set())
    taken = importing.take_in(mbox, folder, name)
    click.echo(in_words(taken))
    importing.process()
    click.echo(outcomes_in_words(importing.outcomes))
    if importing.stop.is_set() or not taken.is_complete:
        click.echo("It is not complete: start the same command again, and it goes on.")
        return 1
    return 0


@dataclass
class _Import:
    """One import: from where, into which database, and what became of the mails."""

    settings: Settings
    sessions: Sessions
    since: datetime
    stop: threading.Event = field(default_factory=threading.Event)
    outcomes: Counter[str] = field(default_factory=Counter)

    def take_in(self, mbox: Path | None, folder: str | None, name: str | None) -> Taken:
        if mbox is not None:
            return self._files(mbox)
        narrowed = only_mailbox(self.settings, name)
        if folder is not None:
            return self._folder(narrowed, folder)
        kith = assemble(narrowed, clock)
        try:
            return import_older(
                kith.mailboxes,
                self.sessions,
                since=self.since,
                now=clock,
                should_stop=self.stop.is_set,
                tell=_tell,
            )
        finally:
            _close(kith.mailboxes)

    def _files(self, path: Path) -> Taken:
        limits = self.settings.limits
        return import_files(
            self.sessions,
            fingerprint(path),
            read_mails(path, most_bytes=limits.message_bytes),
            since=self.since,
            now=clock,
            should_stop=self.stop.is_set,
            tell=_tell,
            batches=Batches(limits.batch_messages, limits.batch_bytes),
        )

    def _folder(self, narrowed: Settings, folder: str) -> Taken:
        if missing := narrowed.missing_for_service():
            raise NotSetUpError(missing)
        tokens = token_source(narrowed)
        watched = {each.mailbox.name for each in make_mailboxes(self.settings, tokens)}
        elsewhere = narrowed.mailbox.model_copy(update={"folder": folder})
        [place, *_] = make_mailboxes(narrowed.model_copy(update={"mailbox": elsewhere}), tokens)
        if place.mailbox.name in watched:
            raise WatchedFolderError
        try:
            return import_folder(
                place.mailbox,
                self.sessions,
                since=self.since,
                now=clock,
                should_stop=self.stop.is_set,
                tell=_tell,
            )
        finally:
            _close((place,))

    def process(self) -> None:
        """File what is in the ledger; other processes may do the same meanwhile."""
        limits = self.settings.limits
        with self.sessions.begin() as session:
            desk = with_keys(make_desk(self.settings), session, clock())
        worker = Worker(
            owner=this_process(),
            lease=timedelta(seconds=self.settings.service.lease_seconds),
            attempts=limits.attempts,
            is_gone=is_gone,
            should_stop=self.stop.is_set,
            now=clock,
            judge_seconds=limits.judge_seconds,
        )
        process_received(self.sessions, desk, worker, self._count)

    def _count(self, done: Processed) -> None:
        self.outcomes[_what(done)] += 1
        total = self.outcomes.total()
        if total % TELL_EVERY == 0:
            _tell(f"{total} mails filed or screened out")


def only_mailbox(settings: Settings, name: str | None) -> Settings:
    """Return the settings with one mailbox alone, `mailbox` or a NAME of `[mailboxes.NAME]`.

    None: as they are. Raises `NoSuchMailboxError`.
    """
    if name is None:
        return settings
    known = settings.all_mailboxes
    found: MailboxSettings | None = known.get(name) or known.get(f"mailboxes.{name}")
    if found is None:
        raise NoSuchMailboxError(name, [each.removeprefix("mailboxes.") for each in known])
    return settings.model_copy(update={"mailbox": found, "mailboxes": {}})


def in_words(taken: Taken) -> str:
    """Return what was taken in, for a person."""
    parts = [f"{taken.looked_at} mails looked at, {taken.taken} taken in."]
    if taken.known:
        parts.append(f"{taken.known} were there already.")
    if taken.older:
        parts.append(f"{taken.older} are older, and were left out.")
    if taken.copies:
        parts.append(f"{taken.copies} are copies of mails that are there.")
    if taken.withheld:
        parts.append(f"{taken.withheld} the server could not hand out (`kith mail list`).")
    return " ".join(parts)


def outcomes_in_words(outcomes: Counter[str]) -> str:
    """Return what became of the mails, for a person."""
    if not outcomes:
        return "Nothing was left to file."
    told = [f"{count} {what}" for what, count in outcomes.most_common()]
    return f"{', '.join(told)}."


def _what(done: Processed) -> str:
    outcome = done.outcome
    if outcome is None:
        return "to be tried again"
    if outcome.state is not MailState.FILED:
        return str(outcome.state).replace("_", " ")
    if outcome.reference is None:
        return "noted beside a case"
    how = "opened a case" if outcome.is_new_case else "joined a case"
    return f"{how} and answered" if outcome.acknowledged else how


def _close(mailboxes: tuple[WatchedMailbox, ...]) -> None:
    for each in mailboxes:
        each.mailbox.close()


def _tell(words: str) -> None:
    click.echo(words, err=True)
