"""Out of the settings: which folders are read, under which names."""

from datetime import UTC, datetime

import pytest

from casework.bootstrap import make_mailboxes
from config.settings import GroupSettings, MailboxSettings, Settings, Watch
from intake.inbox import account_of
from intake.mailbox import Role

ONE = MailboxSettings(host="imap.example.net", username="help@one.example.org")
TWO = MailboxSettings(host="imap.example.net", username="help@two.example.org")
DAY = datetime(2026, 12, 1, tzinfo=UTC)


def read_by(settings: Settings) -> list[tuple[str, Role]]:
    """Return name and role of each folder that is read."""
    mailboxes = [watched.mailbox for watched in make_mailboxes(settings, None)]
    return [(mailbox.name, mailbox.role) for mailbox in mailboxes]


def test_two_inboxes_at_one_provider_never_share_a_name_in_the_ledger() -> None:
    settings = Settings(mailbox=ONE, mailboxes={"two": TWO}, group=GroupSettings(go_live=DAY))
    names = [name for name, _ in read_by(settings)]
    assert len(set(names)) == len(names) == 6
    assert {account_of(name) for name in names} == {
        "help@imap.example.net",
        "help@two.example.org@imap.example.net",
    }


@pytest.mark.parametrize(
    ("watch", "go_live", "is_read"),
    [
        (Watch.AUTO, None, False),
        (Watch.AUTO, DAY, True),
        (Watch.YES, None, True),
        (Watch.NO, DAY, False),
    ],
)
def test_all_mail_is_read_by_itself_only_from_a_given_day_on(
    watch: Watch, go_live: datetime | None, *, is_read: bool
) -> None:
    mailbox = ONE.model_copy(update={"watch_all_mail": watch})
    settings = Settings(mailbox=mailbox, group=GroupSettings(go_live=go_live))
    found = [w for w in make_mailboxes(settings, None) if w.mailbox.role is Role.ALL_MAIL]
    assert bool(found) is is_read
    assert all(watched.start == go_live for watched in found)


def test_the_spam_folder_is_not_read_when_it_is_not_wanted() -> None:
    mailbox = ONE.model_copy(update={"watch_spam": Watch.NO})
    assert [role for _, role in read_by(Settings(mailbox=mailbox))] == [Role.INBOX]
