"""Mails that a server has and cannot hand out: they stop no other, and none is given up lightly."""

import imaplib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from imapclient.exceptions import ProtocolError

from intake.mailbox import (
    BEGINNING_BYTES,
    FetchedMail,
    ImapMailbox,
    ImapServer,
    MailboxError,
)
from intake.mailbox.imap import STRIKES
from tests.fakes import ARRIVED, Answer, FakeImapClient
from tests.intake.test_mailbox import RAW, fetch_all, server_for
from tests.services.dovecot import DovecotServer


def files_of(dovecot: DovecotServer, user: str) -> list[Path]:
    return sorted((dovecot.directory / "mail" / user / "cur").iterdir())


def test_a_file_that_dovecot_may_not_read_stops_no_other_mail(dovecot: DovecotServer) -> None:
    dovecot.fill("forbidden", [RAW % (n, n) for n in range(4)])
    files_of(dovecot, "forbidden")[1].chmod(0)
    mails = fetch_all(ImapMailbox(server_for(dovecot, "forbidden")))
    assert [mail.uid for mail in mails if mail.is_withheld] == [2]
    assert [mail.raw for mail in mails if not mail.is_withheld] == [RAW % (n, n) for n in (0, 2, 3)]


def test_a_file_cut_off_since_dovecot_knew_its_size_stops_no_other(dovecot: DovecotServer) -> None:
    dovecot.fill("cut", [RAW % (n, n) for n in range(4)])
    mailbox = ImapMailbox(server_for(dovecot, "cut"))
    fetch_all(mailbox)
    mailbox.close()
    file = files_of(dovecot, "cut")[1]
    file.write_bytes(file.read_bytes()[:20])
    mails = fetch_all(ImapMailbox(server_for(dovecot, "cut")))
    assert [mail.uid for mail in mails] == [1, 3, 4, 2]
    assert [mail.uid for mail in mails if mail.is_withheld] == [2]


def test_a_dovecot_that_hands_out_nothing_has_no_mail_given_up_on(dovecot: DovecotServer) -> None:
    dovecot.fill("unwell", [RAW % (n, n) for n in range(4)])
    for file in files_of(dovecot, "unwell"):
        file.chmod(0)
    mailbox = ImapMailbox(server_for(dovecot, "unwell"))
    with pytest.raises(MailboxError, match="hands out no mail at present"):
        fetch_all(mailbox)
    for file in files_of(dovecot, "unwell"):
        file.chmod(0o600)
    assert not any(mail.is_withheld for mail in fetch_all(mailbox))


class Client(FakeImapClient):
    """A client of a server without any extension."""

    def has_capability(self, _name: str) -> bool:
        """Know nothing."""
        return False


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> FakeImapClient:
    client = Client({uid: RAW % (uid, uid) for uid in range(1, 6)})
    monkeypatch.setattr("intake.mailbox.line.connect", client.connect)
    return client


@pytest.fixture
def mailbox() -> ImapMailbox:
    return ImapMailbox(ImapServer("imap.example.org", 993, "tls", "hello", "secret"))


def whole(uid: int) -> FetchedMail:
    return FetchedMail(uid, RAW % (uid, uid), len(RAW % (uid, uid)), ARRIVED, is_whole=True)


def withheld(uid: int, size: int) -> FetchedMail:
    return FetchedMail(uid, b"", size, None, is_whole=False, is_withheld=True)


def refuse(error: Exception) -> Callable[[Sequence[int], str, Answer], None]:
    """Return what spoils every answer with the bytes of mail 3 in it."""

    def spoil(uids: Sequence[int], item: str, _: Answer) -> None:
        if 3 in uids and item.startswith("BODY"):
            raise error

    return spoil


@pytest.mark.parametrize(
    "error",
    [
        imaplib.IMAP4.error("fetch failed: NO [SERVERBUG]"),
        imaplib.IMAP4.error("UID command error: BAD"),
        imaplib.IMAP4.abort("command: FETCH => socket error: EOF"),
        imaplib.IMAP4.abort("command: FETCH => unexpected response: b'lo number 3.'"),
        ProtocolError("Expecting literal of size 900, got 20"),
        KeyError(3),
        ValueError("invalid literal for int()"),
        RecursionError("maximum recursion depth exceeded"),
    ],
    ids=repr,
)
def test_what_fails_alone_too_is_withheld_and_the_rest_comes(
    client: FakeImapClient, mailbox: ImapMailbox, error: Exception
) -> None:
    client.spoil = refuse(error)
    size = len(RAW % (3, 3))
    expected = [whole(1), whole(2), withheld(3, size), whole(4), whole(5)]
    assert sorted(fetch_all(mailbox), key=lambda mail: mail.uid) == expected


def broken_pipe() -> imaplib.IMAP4.abort:
    """Return the error that imaplib makes of a socket's."""
    try:
        try:
            raise BrokenPipeError(32, "Broken pipe")
        except OSError as error:
            raise imaplib.IMAP4.abort(f"socket error: {error}")  # noqa: B904  (as imaplib does)
    except imaplib.IMAP4.abort as wrapped:
        return wrapped


CONNECTION_ERRORS = [
    TimeoutError(),
    ConnectionResetError(),
    broken_pipe(),
    EOFError(),
    imaplib.IMAP4.abort("command: FETCH => socket error: EOF"),
    ProtocolError("Expecting literal of size 900, got 20"),
]


@pytest.mark.parametrize("error", CONNECTION_ERRORS, ids=repr)
def test_a_mail_over_which_the_connection_fails_comes_last_and_is_withheld_after_strikes(
    client: FakeImapClient, mailbox: ImapMailbox, error: Exception
) -> None:
    client.spoil = refuse(error)
    *others, last = fetch_all(mailbox)
    assert others == [whole(1), whole(2), whole(4), whole(5)]
    assert last == withheld(3, len(RAW % (3, 3)))
    assert client.connections == 1 + 1 + STRIKES  # at first, after the batch, after each strike


@pytest.mark.parametrize("error", CONNECTION_ERRORS, ids=repr)
@pytest.mark.parametrize("times", range(1, STRIKES + 1))
def test_a_mail_over_which_the_connection_fails_some_times_comes_after_all(
    client: FakeImapClient, mailbox: ImapMailbox, error: Exception, times: int
) -> None:
    left = [times]

    def spoil(uids: Sequence[int], item: str, _: Answer) -> None:
        if 3 in uids and item.startswith("BODY") and left[0]:
            left[0] -= 1
            raise error

    client.spoil = spoil
    assert sorted(fetch_all(mailbox), key=lambda mail: mail.uid) == [whole(n) for n in range(1, 6)]


@pytest.mark.parametrize("error", CONNECTION_ERRORS, ids=repr)
def test_a_connection_that_always_fails_sets_no_mail_aside(
    client: FakeImapClient, mailbox: ImapMailbox, error: Exception
) -> None:
    def spoil(_uids: Sequence[int], item: str, _: Answer) -> None:
        if item.startswith("BODY"):
            raise error

    client.spoil = spoil
    mailbox.open()
    came: list[list[FetchedMail]] = []
    with pytest.raises(MailboxError):
        came.extend(mailbox.fetch(mailbox.uids_from(1)))
    assert not any(came)


@pytest.mark.parametrize("error", CONNECTION_ERRORS, ids=repr)
def test_the_only_mail_there_is_is_not_given_up_for_a_connection(
    client: FakeImapClient, mailbox: ImapMailbox, error: Exception
) -> None:
    client.raws = {3: b"x"}
    client.spoil = refuse(error)
    for _ in range(STRIKES + 2):
        with pytest.raises(MailboxError):
            fetch_all(mailbox)


def test_a_mail_over_which_even_the_sizes_break_holds_up_no_other(
    client: FakeImapClient, mailbox: ImapMailbox
) -> None:
    def spoil(uids: Sequence[int], _item: str, _answer: Answer) -> None:
        if 3 in uids:
            raise TimeoutError

    client.spoil = spoil
    *others, last = fetch_all(mailbox)
    assert others == [whole(1), whole(2), whole(4), whole(5)]
    assert last == withheld(3, 0)


def test_a_strike_is_remembered_by_the_next_poll_which_asks_for_that_mail_last(
    client: FakeImapClient, mailbox: ImapMailbox
) -> None:
    mailbox.open()
    asked: list[Sequence[int]] = []

    def spoil(uids: Sequence[int], item: str, answer: Answer) -> None:
        if item.startswith("BODY"):
            asked.append(list(uids))
        refuse(TimeoutError())(uids, item, answer)

    mailbox._strikes[3] = 1
    client.spoil = spoil
    assert [mail.uid for mail in fetch_all(mailbox)] == [1, 2, 4, 5, 3]
    assert asked[0] == [1, 2, 4, 5]


def test_a_batch_that_fails_but_none_of_its_mails_alone_comes_whole(
    client: FakeImapClient, mailbox: ImapMailbox
) -> None:
    def spoil(uids: Sequence[int], _item: str, _answer: Answer) -> None:
        if len(uids) > 1:
            raise ProtocolError("too much at once")

    client.spoil = spoil
    assert fetch_all(mailbox) == [whole(uid) for uid in range(1, 6)]


def test_a_mail_without_a_date_comes_without(client: FakeImapClient, mailbox: ImapMailbox) -> None:
    def spoil(_uids: Sequence[int], _item: str, answer: Answer) -> None:
        answer[3].pop(b"INTERNALDATE", None)

    client.spoil = spoil
    assert fetch_all(mailbox)[2] == replace(whole(3), internal_date=None)


@pytest.mark.parametrize("body", ["none", "nil", "no answer"])
def test_an_answer_without_the_bytes_is_no_vanished_mail(
    client: FakeImapClient, mailbox: ImapMailbox, body: str
) -> None:
    def spoil(uids: Sequence[int], item: str, answer: Answer) -> None:
        if 3 in uids and item.startswith("BODY"):
            answer[3][b"BODY[]"] = None
            if body == "none":
                del answer[3][b"BODY[]"]
            if body == "no answer":
                del answer[3]

    client.spoil = spoil
    assert fetch_all(mailbox)[2] == withheld(3, len(RAW % (3, 3)))


def test_a_mail_that_vanishes_while_it_is_asked_for_is_left_out(
    client: FakeImapClient, mailbox: ImapMailbox
) -> None:
    def spoil(_uids: Sequence[int], item: str, answer: Answer) -> None:
        if item.startswith("BODY"):
            client.raws.pop(3, None)
            answer.pop(3, None)

    client.spoil = spoil
    assert [mail.uid for mail in fetch_all(mailbox)] == [1, 2, 4, 5]


@pytest.mark.parametrize("large", [False, True])
def test_a_mail_without_a_size_comes_all_the_same(
    client: FakeImapClient, mailbox: ImapMailbox, large: bool
) -> None:
    def spoil(uids: Sequence[int], item: str, answer: Answer) -> None:
        if item == "RFC822.SIZE" and 3 in uids:
            if len(uids) > 1:
                raise imaplib.IMAP4.error("fetch failed: NO")
            answer[3].clear()

    client.spoil = spoil
    if large:
        client.raws[3] = b"x" * (BEGINNING_BYTES + 1)
    came = {mail.uid: mail for mail in fetch_all(mailbox)}
    assert sorted(came) == [1, 2, 3, 4, 5]
    assert came[3].raw == client.raws[3][:BEGINNING_BYTES]
    assert came[3].is_whole is not large


def test_an_empty_mail_for_which_the_server_says_nil_is_empty(
    client: FakeImapClient, mailbox: ImapMailbox
) -> None:
    def spoil(_uids: Sequence[int], item: str, answer: Answer) -> None:
        if item == "BODY.PEEK[]":
            answer[3][b"BODY[]"] = None

    client.raws[3] = b""
    client.spoil = spoil
    assert fetch_all(mailbox)[2] == FetchedMail(3, b"", 0, ARRIVED, is_whole=True)


def test_the_only_mail_there_is_can_be_withheld_too(
    client: FakeImapClient, mailbox: ImapMailbox
) -> None:
    client.raws = {3: b"x"}
    client.spoil = refuse(imaplib.IMAP4.error("fetch failed: NO"))
    assert fetch_all(mailbox) == [withheld(3, 1)]


def test_a_server_that_hands_out_nothing_is_not_asked_for_every_mail(
    client: FakeImapClient, mailbox: ImapMailbox
) -> None:
    def spoil(_uids: Sequence[int], _item: str, _answer: Answer) -> None:
        raise imaplib.IMAP4.error("fetch failed: NO [UNAVAILABLE]")

    client.raws = dict.fromkeys(range(1, 500), b"x")
    client.spoil = spoil
    with pytest.raises(MailboxError, match="hands out no mail at present"):
        fetch_all(mailbox)
    assert client.connections < 10


def test_a_mailbox_made_anew_while_it_was_read_gives_no_mail_of_a_wrong_number(
    client: FakeImapClient, mailbox: ImapMailbox
) -> None:
    def spoil(uids: Sequence[int], item: str, _answer: Answer) -> None:
        if item.startswith("BODY") and len(uids) > 1:
            client.uid_validity = 2
            raise imaplib.IMAP4.abort("command: FETCH => BYE")

    client.spoil = spoil
    with pytest.raises(MailboxError, match="made anew"):
        fetch_all(mailbox)


def test_only_one_kind_of_error_comes_through_the_door(
    client: FakeImapClient, mailbox: ImapMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("unexpected message list format")

    mailbox.open()
    for method in ("search", "logout", "shutdown"):
        monkeypatch.setattr(client, method, fail)
    with pytest.raises(MailboxError):
        mailbox.uids_from(1)
    mailbox.open()
    mailbox.close()
