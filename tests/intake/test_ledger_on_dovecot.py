"""The ledger against a real server: folders made anew, mail moved, appended late, expunged."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from config.database import Sessions
from intake.inbox import (
    BEFORE_START,
    MailState,
    ReceivedMail,
    claim_next,
    take_in_older,
    twins_of,
)
from intake.mailbox import ImapMailbox, ImapServer, Role
from intake.poller import PollReport, poll
from intake.reconciling import reconcile
from tests.services.dovecot import DovecotServer

NOW = datetime(2026, 11, 24, 23, 41, tzinfo=UTC)
DAY = timedelta(days=1)
RAW = b"From: sam@example.org\r\nSubject: %d\r\n\r\nHello number %d.\r\n"


class Folder:
    """A folder of one user on Dovecot, as a person at a mail program would treat it."""

    def __init__(self, dovecot: DovecotServer, user: str, name: str = "Support") -> None:
        self.dovecot, self.user, self.name = dovecot, user, name

    def mailbox(self, role: Role = Role.INBOX) -> ImapMailbox:
        """Return a mailbox that reads it; it must be closed."""
        dovecot = self.dovecot
        return ImapMailbox(
            ImapServer(
                dovecot.host,
                dovecot.port,
                "none",
                self.user,
                dovecot.password,
                folder=self.name,
                role=role,
            )
        )

    def make(self) -> None:
        """Make it, and before that delete what has its name."""
        with self.dovecot.connect(self.user) as client:
            client.delete(self.name)
            assert client.create(self.name)[0] == "OK"

    def put(self, raw: bytes, at: datetime) -> None:
        """Append a mail with a date of arrival."""
        with self.dovecot.connect(self.user) as client:
            assert client.append(self.name, "", at, raw)[0] == "OK"

    def do(self, *commands: Sequence[str]) -> None:
        """Run UID commands, and expunge what is marked as deleted."""
        with self.dovecot.connect(self.user) as client:
            client.select(self.name)
            for command in commands:
                assert client.uid(*command)[0] == "OK"
            client.expunge()


def look(
    mailbox: ImapMailbox, sessions: Sessions, now: datetime, *, start: datetime | None = None
) -> PollReport:
    try:
        return poll(
            mailbox,
            sessions,
            now=lambda: now,
            should_stop=lambda: False,
            from_the_start=False,
            start=start,
        )
    finally:
        mailbox.close()


def to_be_worked_on(sessions: Sessions) -> list[tuple[int, bool]]:
    """Return (UID, is silent) of the mails that were never in hand before."""
    with sessions.begin() as session:
        mails = claim_next(session, now=NOW, owner="me", lease=DAY, limit=99)
        twins = twins_of(session, mails)
        uids = {line.id: line.uid for line in session.execute(select(ReceivedMail)).scalars()}
    return [(uids[mail.id], mail.is_silent) for mail in mails if mail.id not in twins]


def test_a_folder_that_is_deleted_and_filled_anew_answers_nobody_twice(
    dovecot: DovecotServer, sessions: Sessions
) -> None:
    user = f"anew-{sessions.kw['bind'].dialect.name}"
    folder = Folder(dovecot, user)
    folder.make()
    for n in range(3):
        folder.put(RAW % (n, n), NOW - DAY)
    assert look(folder.mailbox(), sessions, NOW) == PollReport(3, 3, complete=True)
    assert to_be_worked_on(sessions) == [(1, False), (2, False), (3, False)]
    folder.make()
    folder.put(RAW % (9, 9), NOW - DAY)  # never seen, but it should have been
    folder.put(b"X-Restored: yes\r\n" + RAW % (0, 0), NOW - DAY)
    for n in (2, 1):
        folder.put(RAW % (n, n), NOW - DAY)
    folder.put(RAW % (5, 5), NOW + DAY)
    assert look(folder.mailbox(), sessions, NOW + DAY) == PollReport(5, 5, complete=True)
    assert to_be_worked_on(sessions) == [(1, True), (2, True), (5, False)]
    with sessions() as session:
        validities = session.execute(select(ReceivedMail.uid_validity).distinct()).scalars().all()
    assert len(validities) == 2


def test_mail_moved_out_of_the_spam_folder_is_worked_on_and_back_again_is_not(
    dovecot: DovecotServer, sessions: Sessions
) -> None:
    user = f"spam-{sessions.kw['bind'].dialect.name}"
    spam, inbox = Folder(dovecot, user, "Spam"), Folder(dovecot, user, "INBOX")
    spam.make()
    spam.put(RAW % (1, 1), NOW - DAY)
    assert look(spam.mailbox(Role.SPAM), sessions, NOW).stored == 1
    assert to_be_worked_on(sessions) == []
    spam.do(("COPY", "1", "INBOX"), ("STORE", "1", "+FLAGS", "(\\Deleted)"))
    assert look(inbox.mailbox(), sessions, NOW).stored == 1
    assert to_be_worked_on(sessions) == [(1, False)]
    inbox.do(("COPY", "1", "Spam"), ("STORE", "1", "+FLAGS", "(\\Deleted)"))
    assert look(spam.mailbox(Role.SPAM), sessions, NOW) == PollReport(1, 0, complete=True, noted=1)


def test_mail_from_before_the_start_is_noted_and_taken_in_on_request(
    dovecot: DovecotServer, sessions: Sessions
) -> None:
    user = f"start-{sessions.kw['bind'].dialect.name}"
    folder = Folder(dovecot, user)
    folder.make()
    for days in (90, 20, 0):
        folder.put(RAW % (days, days), NOW - days * DAY)
    start = NOW - 2 * DAY
    assert look(folder.mailbox(), sessions, NOW, start=start) == PollReport(
        3, 1, complete=True, noted=2
    )
    with sessions() as session:
        old = session.execute(select(ReceivedMail).where(ReceivedMail.uid == 1)).scalar_one()
    assert (old.rule, old.internal_date) == (BEFORE_START, NOW - 90 * DAY)
    with sessions.begin() as session:
        assert take_in_older(session, None, NOW - 30 * DAY) == 1
    assert look(folder.mailbox(), sessions, NOW, start=start).stored == 1
    assert sorted(to_be_worked_on(sessions)) == [(2, True), (3, False)]


def test_mail_appended_late_with_an_old_date_is_received(
    dovecot: DovecotServer, sessions: Sessions
) -> None:
    folder = Folder(dovecot, f"late-{sessions.kw['bind'].dialect.name}")
    folder.make()
    folder.put(RAW % (1, 1), NOW)
    look(folder.mailbox(), sessions, NOW)
    folder.put(RAW % (2, 2), NOW - 400 * DAY)
    assert look(folder.mailbox(), sessions, NOW).stored == 1
    assert to_be_worked_on(sessions) == [(1, False), (2, False)]


def test_mails_expunged_between_search_and_fetch_stop_no_other(
    dovecot: DovecotServer, sessions: Sessions
) -> None:
    folder = Folder(dovecot, f"expunged-{sessions.kw['bind'].dialect.name}")
    folder.make()
    for n in range(4):
        folder.put(RAW % (n, n), NOW)
    assert look(_Hesitating(folder), sessions, NOW) == PollReport(4, 2, complete=True)
    with sessions() as session:
        lines = session.execute(select(ReceivedMail.uid, ReceivedMail.state)).all()
    assert sorted(map(tuple, lines)) == [(2, MailState.RECEIVED), (4, MailState.RECEIVED)]
    mailbox = folder.mailbox()
    found = reconcile(mailbox, sessions, now=lambda: NOW)
    mailbox.close()
    assert (found.present, found.known, found.vanished, found.is_well) == (2, 2, 0, True)


class _Hesitating(ImapMailbox):
    """While it knows the UIDs and has not fetched yet, a person deletes the first and the third."""

    def __init__(self, folder: Folder) -> None:
        server = folder.mailbox()._server
        super().__init__(server)
        self._folder = folder

    def uids_from(self, first: int) -> list[int]:
        found = super().uids_from(first)
        self._folder.do(("STORE", "1,3", "+FLAGS", "(\\Deleted)"))
        return found


def test_what_a_real_server_tells_of_its_mails_matches_the_ledger(
    dovecot: DovecotServer, sessions: Sessions
) -> None:
    folder = Folder(dovecot, f"matches-{sessions.kw['bind'].dialect.name}")
    folder.make()
    for n in range(5):
        folder.put(RAW % (n, n), NOW - n * DAY)
    look(folder.mailbox(), sessions, NOW)
    folder.put(RAW % (7, 7), NOW)
    folder.do(("STORE", "2", "+FLAGS", "(\\Deleted)"))
    mailbox = folder.mailbox()
    found = reconcile(mailbox, sessions, now=lambda: NOW)
    mailbox.close()
    assert (found.present, found.known, found.arrived, found.vanished) == (5, 4, 1, 1)
    assert found.is_well
