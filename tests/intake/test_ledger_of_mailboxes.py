"""What the ledger makes of mail that moves, comes back, is older than we are, or lies in spam."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, event, select, update

from config.database import Sessions
from config.leases import LEASES, database_seconds, take_lease
from intake.inbox import (
    BEFORE_START,
    NOT_INCOMING,
    OUR_SENT_COPY,
    RAWS,
    SAME_MAIL,
    SPAM_FOLDER,
    WITHHELD,
    ClaimedMail,
    MailState,
    Policy,
    ReceivedMail,
    WatchedMailbox,
    claim_next,
    ledger_counts,
    oldest_unfiled,
    raw_of,
    take_in_older,
    take_up_again,
    twins_of,
)
from intake.inbox.policy import entry_for_glimpse, usable_object_id
from intake.mailbox import Glimpse, MailboxError, Role
from intake.poller import PollReport, lease_name, poll
from tests.fakes import ARRIVED, FakeMailbox

RAWS_SENT = tuple(f"Subject: {n}\r\n\r\nLetter {n}\r\n".encode() for n in range(6))
DAY = timedelta(days=1)


def look(
    mailbox: FakeMailbox,
    sessions: Sessions,
    now: datetime,
    *,
    start: datetime | None = None,
    whole: bool = False,
    owner: str = "",
) -> PollReport:
    return poll(
        mailbox,
        sessions,
        now=lambda: now,
        should_stop=lambda: False,
        from_the_start=whole,
        start=start,
        owner=owner,
    )


def lines(sessions: Sessions, mailbox: FakeMailbox | None = None) -> list[ReceivedMail]:
    with sessions() as session:
        statement = select(ReceivedMail).order_by(ReceivedMail.id)
        if mailbox is not None:
            statement = statement.where(ReceivedMail.mailbox == mailbox.name)
        return list(session.execute(statement).scalars())


def rules(sessions: Sessions, mailbox: FakeMailbox | None = None) -> list[str | None]:
    return [line.rule for line in lines(sessions, mailbox)]


def row_of(sessions: Sessions, mailbox: FakeMailbox) -> WatchedMailbox:
    with sessions() as session:
        found = session.get(WatchedMailbox, mailbox.name)
        assert found is not None
        return found


def worked_on(sessions: Sessions, now: datetime) -> dict[int, ClaimedMail]:
    """Return the mails that would be worked on, by UID; those seen before are none of them."""
    with sessions.begin() as session:
        mails = claim_next(session, now=now, owner="me", lease=DAY, limit=99)
        twins = twins_of(session, mails)
        fresh = [mail for mail in mails if mail.id not in twins]
        uids = {line.id: line.uid for line in session.execute(select(ReceivedMail)).scalars()}
    return {uids[mail.id]: mail for mail in fresh}


def folder(
    role: Role, *raws: bytes, account: str = "hello@imap.example.org", name: str = "Other"
) -> FakeMailbox:
    return FakeMailbox(*raws, role=role, name=f"{account}/{name}")


# The row of a mailbox


def test_a_complete_poll_says_what_it_saw_and_up_to_when(sessions: Sessions, now: datetime) -> None:
    mailbox = FakeMailbox(*RAWS_SENT, uid_validity=7)
    look(mailbox, sessions, now)
    row = row_of(sessions, mailbox)
    assert (row.role, row.uid_validity, row.complete_at, row.present) == ("inbox", 7, now, 6)
    assert (row.missing, row.reconciled_at, row.rescan_before) == (0, None, None)


def test_a_poll_that_broke_off_is_not_complete(sessions: Sessions, now: datetime) -> None:
    mailbox = FakeMailbox(*RAWS_SENT)
    look(mailbox, sessions, now)
    for raw in (b"a", b"b", b"c"):
        mailbox.add(raw)
    mailbox.breaks_after = 2
    with pytest.raises(MailboxError):
        look(mailbox, sessions, now + DAY)
    assert row_of(sessions, mailbox).complete_at == now


def test_the_counts_are_those_of_each_mailbox_as_it_is_now(
    sessions: Sessions, now: datetime
) -> None:
    mailbox, spam = FakeMailbox(*RAWS_SENT[:3]), folder(Role.SPAM, b"spam", name="Spam")
    empty = folder(Role.ALL_MAIL, name="All Mail")
    for each in (mailbox, spam, empty):
        look(each, sessions, now)
    mailbox.make_anew(2)
    look(mailbox, sessions, now)
    with sessions() as session:
        all_mail, inbox, junk = ledger_counts(session)
    assert (all_mail.mailbox, all_mail.lines) == (empty.name, 0)
    assert (inbox.mailbox, inbox.received, inbox.lines) == (mailbox.name, 3, 3)
    assert (junk.screened_out, junk.received) == (1, 0)


def test_the_oldest_mail_that_waits_is_told(sessions: Sessions, now: datetime) -> None:
    mailbox = FakeMailbox()
    with sessions() as session:
        assert oldest_unfiled(session) is None
    mailbox.add(b"new", at=now)
    mailbox.add(b"old", at=now - DAY)
    look(mailbox, sessions, now)
    with sessions() as session:
        assert oldest_unfiled(session) == now - DAY


def test_a_poll_without_news_asks_the_database_little(sessions: Sessions, now: datetime) -> None:
    mailbox = FakeMailbox(*RAWS_SENT)
    look(mailbox, sessions, now)
    asked: list[str] = []
    engine = sessions.kw["bind"]

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(engine, "before_cursor_execute", count)
    look(mailbox, sessions, now)
    event.remove(engine, "before_cursor_execute", count)
    assert len([each for each in asked if not each.startswith(("BEGIN", "PRAGMA"))]) <= 7


# One poller at a time


def test_while_another_process_polls_nothing_is_done(sessions: Sessions, now: datetime) -> None:
    mailbox = FakeMailbox(*RAWS_SENT)
    with sessions.begin() as session:
        assert take_lease(session, lease_name(mailbox.name), owner="another", seconds=60)
    assert look(mailbox, sessions, now) == PollReport(0, 0, complete=False, is_ours=False)
    assert mailbox.fetched == []


def test_after_a_poll_anybody_may_poll_at_once(sessions: Sessions, now: datetime) -> None:
    mailbox = FakeMailbox(*RAWS_SENT)
    assert look(mailbox, sessions, now, owner="first").is_ours
    mailbox.add(b"late")
    mailbox.breaks_after = 0
    with pytest.raises(MailboxError):
        look(mailbox, sessions, now, owner="second")
    mailbox.breaks_after = None
    assert look(mailbox, sessions, now, owner="third").stored == 1


def test_a_poller_whose_lease_was_taken_over_stores_nothing_more(
    sessions: Sessions, now: datetime
) -> None:
    mailbox = FakeMailbox(*RAWS_SENT)

    def lose_the_lease() -> None:
        if len(mailbox.fetched) == 4:
            with sessions.begin() as session:
                session.execute(update(LEASES).values(until=database_seconds() - 1))
                assert take_lease(session, lease_name(mailbox.name), owner="quick", seconds=60)

    mailbox.on_fetch = lose_the_lease
    assert look(mailbox, sessions, now, owner="slow") == PollReport(
        6, 2, complete=False, is_ours=False
    )
    assert [line.uid for line in lines(sessions)] == [1, 2]
    mailbox.on_fetch = lambda: None
    assert look(mailbox, sessions, now, owner="quick") == PollReport(6, 4, complete=True)


# UIDVALIDITY


def test_a_mailbox_made_anew_is_recognised_by_object_ids_without_a_download(
    sessions: Sessions, now: datetime
) -> None:
    mailbox = FakeMailbox()
    for number, raw in enumerate(RAWS_SENT):
        mailbox.add(raw, object_id=f"gm:{number}")
    look(mailbox, sessions, now)
    mailbox.make_anew(2, first_uid=3)
    mailbox.add(b"new", at=now + DAY, object_id="gm:new")
    mailbox.fetched.clear()
    report = look(mailbox, sessions, now + DAY)
    assert report == PollReport(7, 1, complete=True, noted=6)
    assert mailbox.fetched == [9]
    *before, new = lines(sessions)
    old, again = before[:6], before[6:]
    assert [line.duplicate_of for line in again] == [line.id for line in old]
    assert {(line.rule, line.state) for line in again} == {(SAME_MAIL, MailState.SCREENED_OUT)}
    assert (new.state, new.is_silent) == (MailState.RECEIVED, False)


def test_without_object_ids_what_should_have_been_seen_is_taken_in_silence(
    sessions: Sessions, now: datetime
) -> None:
    mailbox = FakeMailbox()
    for raw in RAWS_SENT[:3]:
        mailbox.add(raw, at=now - DAY)
    look(mailbox, sessions, now)
    worked_on(sessions, now)
    mailbox.make_anew(2)
    mailbox.mails[2] = b"X-Rewritten: by the server\r\n" + mailbox.mails[2]
    mailbox.add(b"new", at=now + DAY)
    look(mailbox, sessions, now + DAY)
    assert row_of(sessions, mailbox).rescan_before is None
    fresh = worked_on(sessions, now + DAY)
    assert {uid: mail.is_silent for uid, mail in fresh.items()} == {2: True, 4: False}


def test_a_mail_without_a_date_is_silent_after_the_mailbox_was_made_anew(
    sessions: Sessions, now: datetime
) -> None:
    mailbox = FakeMailbox(b"first")
    look(mailbox, sessions, now)
    mailbox.make_anew(2)
    mailbox.dates[1] = None
    look(mailbox, sessions, now + DAY)
    assert lines(sessions)[-1].is_silent


def test_a_rescan_that_was_cut_off_goes_on_with_the_same_protection(
    sessions: Sessions, now: datetime
) -> None:
    mailbox = FakeMailbox()
    for raw in RAWS_SENT:
        mailbox.add(raw, at=now - DAY)
    look(mailbox, sessions, now)
    for _ in range(2):  # and it is made anew once more in the middle
        mailbox.make_anew(mailbox.uid_validity + 1)
        mailbox.breaks_after = 2
        with pytest.raises(MailboxError):
            look(mailbox, sessions, now + DAY)
        assert row_of(sessions, mailbox).rescan_before == now
    mailbox.breaks_after = None
    assert look(mailbox, sessions, now + 2 * DAY) == PollReport(6, 4, complete=True)
    assert all(line.is_silent for line in lines(sessions)[6:])
    row = row_of(sessions, mailbox)
    assert (row.rescan_before, row.complete_at) == (None, now + 2 * DAY)


def test_a_ledger_from_before_there_were_rows_of_mailboxes_protects_too(
    sessions: Sessions, now: datetime
) -> None:
    mailbox = FakeMailbox()
    mailbox.add(b"old", at=now - DAY)
    look(mailbox, sessions, now)
    with sessions.begin() as session:
        session.execute(delete(WatchedMailbox))
    mailbox.make_anew(2)
    mailbox.dates[1] = now - 2 * DAY
    mailbox.add(b"new", at=now)
    look(mailbox, sessions, now + DAY)
    assert [line.is_silent for line in lines(sessions)] == [False, True, False]


def test_an_unchanged_uidvalidity_silences_nothing_that_is_appended_late_with_an_old_date(
    sessions: Sessions, now: datetime
) -> None:
    mailbox = FakeMailbox(*RAWS_SENT[:2])
    look(mailbox, sessions, now)
    mailbox.add(b"moved here by a person", at=now - 30 * DAY)
    assert look(mailbox, sessions, now).stored == 1
    assert not lines(sessions)[-1].is_silent


# The same mail in two places


def test_a_mail_in_inbox_and_all_mail_is_downloaded_once(sessions: Sessions, now: datetime) -> None:
    inbox, all_mail = FakeMailbox(), folder(Role.ALL_MAIL)
    for each in (inbox, all_mail):
        each.add(RAWS_SENT[0], object_id="gm:1")
    all_mail.add(RAWS_SENT[1], object_id="gm:2")  # a filter of somebody's skipped the inbox
    look(inbox, sessions, now)
    assert look(all_mail, sessions, now) == PollReport(2, 1, complete=True, noted=1)
    assert all_mail.fetched == [2]
    first, copy, _ = lines(sessions)
    assert (copy.rule, copy.duplicate_of, copy.sha256) == (SAME_MAIL, first.id, "")
    inbox.add(RAWS_SENT[1], object_id="gm:2")  # and now it is moved there
    assert look(inbox, sessions, now) == PollReport(2, 0, complete=True, noted=1)
    with sessions() as session:
        assert raw_of(session, lines(sessions)[-1].id) == b""


@pytest.mark.parametrize(
    ("labels", "rule"),
    [
        (["\\sent"], OUR_SENT_COPY),
        (["\\sent", "\\inbox"], OUR_SENT_COPY),
        (["\\draft"], NOT_INCOMING),
        (["\\drafts", "\\sent"], NOT_INCOMING),
        (["\\chat"], NOT_INCOMING),
        (["\\chats"], NOT_INCOMING),
        (["\\spam"], NOT_INCOMING),
        (["\\trash", "family"], NOT_INCOMING),
        (["\\inbox", "\\important", "sent", "spam"], None),
        ([], None),
    ],
)
def test_all_mail_is_looked_at_for_what_came_in(labels: Sequence[str], rule: str | None) -> None:
    glimpse = Glimpse(1, ARRIVED, 7, labels=frozenset(labels))
    entry = entry_for_glimpse(glimpse, Policy(Role.ALL_MAIL), copy_of=None)
    assert (entry.rule if entry else None) == rule
    assert entry is None or entry.reason
    assert entry_for_glimpse(glimpse, Policy(Role.INBOX), copy_of=None) is None


def test_our_own_letters_are_not_downloaded(sessions: Sessions, now: datetime) -> None:
    all_mail = folder(Role.ALL_MAIL)
    all_mail.add(b"a letter of ours", labels=["\\sent"])
    all_mail.add(b"a mail to us")
    assert look(all_mail, sessions, now) == PollReport(2, 1, complete=True, noted=1)
    assert rules(sessions) == [OUR_SENT_COPY, None]
    assert all_mail.fetched == [2]


def test_a_letter_to_ourselves_is_received_in_the_inbox(sessions: Sessions, now: datetime) -> None:
    inbox, all_mail = FakeMailbox(), folder(Role.ALL_MAIL)
    inbox.add(b"canary", object_id="gm:1")
    all_mail.add(b"canary", object_id="gm:1", labels=["\\sent", "\\inbox"])
    look(all_mail, sessions, now)
    look(inbox, sessions, now)
    assert rules(sessions) == [OUR_SENT_COPY, None]


def test_object_ids_of_another_account_say_nothing(sessions: Sessions, now: datetime) -> None:
    ours, theirs = FakeMailbox(), folder(Role.INBOX, account="hello@mail.example.net")
    ours.add(b"first", object_id="oid:a")
    theirs.add(b"other", object_id="oid:a")  # some servers count a, b, c
    look(ours, sessions, now)
    assert look(theirs, sessions, now).stored == 1


def test_an_object_id_with_another_size_proves_nothing_so_the_mail_is_read(
    sessions: Sessions, now: datetime
) -> None:
    mailbox = FakeMailbox()
    mailbox.add(b"first", object_id="oid:a")
    look(mailbox, sessions, now)
    mailbox.add(b"another, longer one", object_id="oid:a")
    assert look(mailbox, sessions, now).stored == 1


@pytest.mark.parametrize("told", ["", "x" * 301, "oid:\x00", "oid:\ud800"])
def test_an_impossible_object_id_is_none(told: str) -> None:
    assert usable_object_id(told) is None


def test_an_impossible_object_id_is_left_out(sessions: Sessions, now: datetime) -> None:
    mailbox = FakeMailbox()
    mailbox.add(b"one", object_id="oid:\x00")
    mailbox.add(b"two", object_id="oid:\x00")
    assert look(mailbox, sessions, now).stored == 2
    assert {line.object_id for line in lines(sessions)} == {None}


def test_a_copy_of_a_copy_points_at_the_first(sessions: Sessions, now: datetime) -> None:
    mailbox = FakeMailbox()
    for _ in range(3):
        mailbox.add(b"moved about", object_id="gm:1")
        look(mailbox, sessions, now)
    first, *copies = lines(sessions)
    assert {line.duplicate_of for line in copies} == {first.id}


def test_equal_message_ids_alone_discard_nothing(sessions: Sessions, now: datetime) -> None:
    mailbox = FakeMailbox(
        b"Message-ID: <same@example.org>\r\n\r\none", b"Message-ID: <same@example.org>\r\n\r\ntwo"
    )
    look(mailbox, sessions, now)
    assert len(worked_on(sessions, now)) == 2


# Spam


def test_spam_is_kept_whole_and_never_worked_on(sessions: Sessions, now: datetime) -> None:
    spam = folder(Role.SPAM, b"You have won", name="Spam")
    assert look(spam, sessions, now).stored == 1
    [line] = lines(sessions)
    assert (line.state, line.verdict, line.rule) == (MailState.SCREENED_OUT, "spam", SPAM_FOLDER)
    assert line.reason
    assert line.settled_at == now
    with sessions() as session:
        assert raw_of(session, line.id) == b"You have won"
    assert worked_on(sessions, now) == {}


@pytest.mark.parametrize("object_id", [None, "gm:1"])
def test_spam_that_a_person_moves_to_the_inbox_is_worked_on(
    sessions: Sessions, now: datetime, object_id: str | None
) -> None:
    spam, inbox = folder(Role.SPAM, name="Spam"), FakeMailbox()
    spam.add(b"Please help", object_id=object_id)
    look(spam, sessions, now)
    spam.mails.clear()
    inbox.add(b"Please help", object_id=object_id)
    look(inbox, sessions, now)
    look(inbox, sessions, now)
    assert {uid: mail.is_silent for uid, mail in worked_on(sessions, now).items()} == {1: False}


@pytest.mark.parametrize("object_id", [None, "gm:1"])
def test_a_mail_in_hand_that_is_moved_to_spam_is_the_same_mail(
    sessions: Sessions, now: datetime, object_id: str | None
) -> None:
    spam, inbox = folder(Role.SPAM, name="Spam"), FakeMailbox()
    inbox.add(b"Please help", object_id=object_id)
    look(inbox, sessions, now)
    for _ in range(2):  # and again under another UID
        spam.add(b"Please help", object_id=object_id)
        look(spam, sessions, now)
    first, *copies = lines(sessions)
    assert {(line.rule, line.duplicate_of) for line in copies} == {(SAME_MAIL, first.id)}


@pytest.mark.parametrize("object_id", [None, "gm:1"])
def test_spam_that_a_person_filed_is_not_worked_on_once_more(
    sessions: Sessions, now: datetime, object_id: str | None
) -> None:
    spam, inbox = folder(Role.SPAM, name="Spam"), FakeMailbox()
    spam.add(b"Please help", object_id=object_id)
    look(spam, sessions, now)
    with sessions.begin() as session:
        session.execute(update(ReceivedMail).values(state=MailState.FILED))
    inbox.add(b"Please help", object_id=object_id)
    look(inbox, sessions, now)
    assert worked_on(sessions, now) == {}


@pytest.mark.parametrize("object_id", [None, "gm:1"])
def test_a_spam_folder_made_anew_lists_nothing_twice(
    sessions: Sessions, now: datetime, object_id: str | None
) -> None:
    spam = folder(Role.SPAM, name="Spam")
    spam.add(b"You have won", object_id=object_id)
    look(spam, sessions, now)
    spam.make_anew(2)
    look(spam, sessions, now)
    assert rules(sessions) == [SPAM_FOLDER, SAME_MAIL]


# The day from which we read


def test_mail_from_before_the_start_is_noted_and_not_downloaded(
    sessions: Sessions, now: datetime
) -> None:
    mailbox = FakeMailbox()
    for days in (400, 3, 1, 0):
        mailbox.add(f"{days} days old".encode(), at=now - days * DAY)
    report = look(mailbox, sessions, now, start=now - 2 * DAY)
    assert report == PollReport(4, 2, complete=True, noted=2)
    assert mailbox.fetched == [3, 4]
    assert rules(sessions) == [BEFORE_START, BEFORE_START, None, None]
    assert lines(sessions)[0].internal_date == now - 400 * DAY
    mailbox.glimpsed.clear()
    assert look(mailbox, sessions, now, start=now - 2 * DAY, whole=True).noted == 0
    assert mailbox.glimpsed == []  # once is enough
    mailbox.add(b"moved here", at=now - 5 * DAY)
    assert look(mailbox, sessions, now, start=now - 2 * DAY).noted == 1
    assert rules(sessions)[-1] == BEFORE_START


def test_a_mail_without_a_date_is_not_taken_for_an_old_one(
    sessions: Sessions, now: datetime
) -> None:
    mailbox = FakeMailbox(b"no date")
    mailbox.dates[1] = None
    assert look(mailbox, sessions, now, start=now).stored == 1


def test_older_mail_is_taken_in_on_request_and_in_silence(
    sessions: Sessions, now: datetime
) -> None:
    mailbox = FakeMailbox()
    for days in (400, 30, 20, 0):
        mailbox.add(f"{days} days old".encode(), at=now - days * DAY)
    start = now - 2 * DAY
    look(mailbox, sessions, now, start=start)
    with sessions.begin() as session:
        assert take_in_older(session, mailbox.name, now - 30 * DAY) == 2
        assert take_in_older(session, None, now - 30 * DAY) == 0
    mailbox.breaks_after = 0
    with pytest.raises(MailboxError):  # cut off: nothing of it is forgotten
        look(mailbox, sessions, now, start=start)
    mailbox.breaks_after = None
    assert look(mailbox, sessions, now, start=start).stored == 2
    mailbox.add(b"new", at=now)
    look(mailbox, sessions, now, start=start)
    fresh = worked_on(sessions, now)
    assert {uid: mail.is_silent for uid, mail in fresh.items()} == {
        2: True,
        3: True,
        4: False,
        5: False,
    }
    assert rules(sessions)[0] == BEFORE_START


def test_older_mail_of_one_mailbox_leaves_the_others_alone(
    sessions: Sessions, now: datetime
) -> None:
    inbox, all_mail = FakeMailbox(), folder(Role.ALL_MAIL)
    for each in (inbox, all_mail):
        each.add(b"old", at=now - DAY, object_id="gm:1")
        look(each, sessions, now, start=now)
    with sessions.begin() as session:
        assert take_in_older(session, inbox.name, now - 2 * DAY) == 1
    assert look(all_mail, sessions, now, start=now).stored == 0
    assert look(inbox, sessions, now, start=now).stored == 1
    with sessions.begin() as session:
        assert take_in_older(session, None, now - 2 * DAY) == 1
    report = look(all_mail, sessions, now, start=now)
    assert (report.stored, report.noted) == (0, 1)
    assert rules(sessions, all_mail) == [SAME_MAIL]


def test_only_the_mails_of_the_mailbox_as_it_is_now_are_taken_in(
    sessions: Sessions, now: datetime
) -> None:
    mailbox = FakeMailbox()
    mailbox.add(b"old", at=now - DAY)
    look(mailbox, sessions, now, start=now)
    mailbox.make_anew(2)
    look(mailbox, sessions, now, start=now)
    with sessions.begin() as session:
        assert take_in_older(session, None, now - 2 * DAY) == 1
    assert look(mailbox, sessions, now, start=now).stored == 1


# Withheld, vanished, erased


def test_a_withheld_mail_that_was_silent_stays_so_when_it_can_be_had(
    sessions: Sessions, now: datetime
) -> None:
    mailbox = FakeMailbox(*RAWS_SENT[:2])
    look(mailbox, sessions, now)
    mailbox.make_anew(2)
    mailbox.withheld = {2}
    look(mailbox, sessions, now)
    line = lines(sessions)[-1]
    assert (line.rule, line.is_silent) == (WITHHELD, True)
    mailbox.withheld = set()
    with sessions.begin() as session:
        assert take_up_again(session, line.id)
    assert lines(sessions)[-1].state == MailState.SET_ASIDE  # until it is here
    look(mailbox, sessions, now)
    last = lines(sessions)[-1]
    assert (last.uid, last.state, last.is_silent) == (2, MailState.RECEIVED, True)
    assert len(lines(sessions)) == 4


def test_a_withheld_mail_far_below_the_newest_is_fetched_again_by_the_next_poll(
    sessions: Sessions, now: datetime
) -> None:
    mailbox = FakeMailbox(b"first")
    mailbox.mails[9_000] = b"last"
    mailbox.withheld = {1}
    look(mailbox, sessions, now)
    mailbox.withheld = set()
    with sessions.begin() as session:
        assert take_up_again(session, lines(sessions)[0].id)
    assert look(mailbox, sessions, now).stored == 1


def test_mails_that_a_person_deletes_between_search_and_fetch_harm_no_other(
    sessions: Sessions, now: datetime
) -> None:
    mailbox = FakeMailbox(*RAWS_SENT)
    mailbox.expunged = {1, 4}
    assert look(mailbox, sessions, now) == PollReport(6, 4, complete=True)
    assert [line.uid for line in lines(sessions)] == [2, 3, 5, 6]


def test_a_mail_whose_bytes_were_erased_does_not_come_back(
    sessions: Sessions, now: datetime
) -> None:
    mailbox = FakeMailbox(b"erased on request", b"erased, and has an id")
    mailbox.object_ids[2] = "gm:2"
    look(mailbox, sessions, now)
    worked_on(sessions, now)
    with sessions.begin() as session:
        session.execute(delete(RAWS))
    mailbox.make_anew(2)
    mailbox.fetched.clear()
    look(mailbox, sessions, now)
    assert mailbox.fetched == [1]
    assert worked_on(sessions, now) == {}


def test_a_moment_is_told_in_utc(sessions: Sessions, now: datetime) -> None:
    mailbox = FakeMailbox(b"one")
    look(mailbox, sessions, now)
    assert lines(sessions)[0].internal_date == ARRIVED
    assert ARRIVED.tzinfo is UTC
