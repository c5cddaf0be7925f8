"""How things are, read from both databases."""

import json
from datetime import datetime, timedelta

from sqlalchemy import Engine, event, insert, update

from casework.breakers import breaker_of_address, notice_of_cap, open_breaker
from casework.pulses import beat, poll_pulse
from casework.status.model import Token, Watching
from casework.status.reading import SPAM_LOOKED_AT, read_status
from casework.status.report import as_json, in_lines
from config.database import Sessions
from intake.inbox import RECEIVED, MailState
from intake.inbox.mailboxes import MAILBOXES
from intake.mailbox.door import Role
from replies.caps import Cap
from replies.outbox import LETTERS, LetterState, letter_row
from replies.outgoing import OutgoingEmail, Purpose
from replies.suspension import SuspendedAddress
from tests.casework.desks import a_mail, receive

MAILBOX = "hello@imap.example.org/INBOX"
LIVE = Watching(is_live=True)


def add_mailbox(sessions: Sessions, now: datetime, name: str = MAILBOX, **more: object) -> None:
    row = {
        "name": name,
        "role": Role.INBOX,
        "uid_validity": 1,
        "complete_at": now,
        "present": 2,
        "reconciled_at": now,
    }
    with sessions.begin() as session:
        session.execute(insert(MAILBOXES), [row | more])
        beat(session, poll_pulse(name), now)


def add_letter(sessions: Sessions, at: datetime, state: LetterState, number: int) -> None:
    email = OutgoingEmail(
        Purpose.NOTICE,
        "Hazel Row",
        "desk@hazelrow.example.org",
        f"reader{number}@example.net",
        "Hello",
        "Hello",
        f"<letter{number}@hazelrow.example.org>",
    )
    row = letter_row(email, received_id=None, draft=False, now=at)
    settled = {"state": state.value, "settled_at": at}
    with sessions.begin() as session:
        session.execute(insert(LETTERS), [row | settled])


def test_an_installation_that_is_well_says_so(sessions: Sessions, now: datetime) -> None:
    add_mailbox(sessions, now)
    with sessions() as session:
        status = read_status(session, LIVE, now)
    assert status.is_well
    [box] = status.mailboxes
    assert (box.label, box.present, box.missing, box.role) == ("Inbox", 2, 0, Role.INBOX)
    assert next(iter(in_lines(status))) == "All is well: nothing needs a person."


def test_mail_that_waits_or_was_set_aside_is_counted(sessions: Sessions, now: datetime) -> None:
    add_mailbox(sessions, now)
    earlier = now - timedelta(minutes=20)
    receive(sessions, earlier, a_mail(now), a_mail(now, "Two"), a_mail(now, "Three"))
    with sessions.begin() as session:
        aside = update(RECEIVED).where(RECEIVED.c.uid == 1).values(state=MailState.SET_ASIDE.value)
        session.execute(aside)
    with sessions() as session:
        status = read_status(session, LIVE, now)
    assert status.set_aside == 1
    assert status.oldest_unfiled_at == earlier
    assert [trouble.key for trouble in status.troubles] == ["unfiled", "set-aside"]


def test_letters_are_counted_by_their_fate_and_old_failures_are_no_news(
    sessions: Sessions, now: datetime
) -> None:
    add_mailbox(sessions, now)
    long_ago = now - timedelta(days=8)
    add_letter(sessions, long_ago, LetterState.FAILED, 1)
    add_letter(sessions, now - timedelta(days=1), LetterState.FAILED, 2)
    add_letter(sessions, long_ago, LetterState.UNKNOWN, 3)
    add_letter(sessions, now - timedelta(hours=2), LetterState.QUEUED, 4)
    add_letter(sessions, now - timedelta(hours=3), LetterState.SENDING, 5)
    add_letter(sessions, now, LetterState.SENT, 6)
    with sessions() as session:
        letters = read_status(session, LIVE, now).letters
    assert (letters.failed, letters.failed_lately) == (2, 1)
    assert (letters.unknown, letters.unknown_lately) == (1, 0)
    assert (letters.waiting, letters.oldest_waiting_at) == (2, now - timedelta(hours=3))
    assert letters.sent == 1


def test_a_mailbox_that_fails_tells_why_and_when_it_is_tried_again(
    sessions: Sessions, now: datetime
) -> None:
    add_mailbox(sessions, now - timedelta(hours=1))
    soon = now + timedelta(minutes=4)
    with sessions.begin() as session:
        beat(
            session,
            poll_pulse(MAILBOX),
            now,
            problem="imap.example.org refused hello@hazelrow.example.org.",
            detail={"next_try": soon.isoformat(), "needs_sign_in": True},
        )
    with sessions() as session:
        status = read_status(session, LIVE, now)
    [box] = status.mailboxes
    assert box.needs_sign_in
    assert box.next_try_at == soon
    assert box.well_at == now - timedelta(hours=1)
    words = "\n".join(in_lines(status))
    assert "1 hour ago" in words
    assert "@" not in words


def test_no_mailbox_is_called_by_its_name_and_two_of_a_kind_are_told_apart(
    sessions: Sessions, now: datetime
) -> None:
    add_mailbox(sessions, now)
    add_mailbox(sessions, now, "old@imap.example.org/INBOX")
    add_mailbox(sessions, now, "hello@imap.example.org/\\Junk", role=Role.SPAM)
    with sessions() as session:
        status = read_status(session, LIVE, now)
        named = read_status(session, Watching(is_live=True, mailboxes={MAILBOX: "Help desk"}), now)
    labels = sorted(box.label for box in status.mailboxes)
    assert labels == ["Inbox", "Inbox 2", "Spam folder"]
    assert len({box.key for box in status.mailboxes}) == 3
    assert "example.org" not in json.dumps(as_json(status))
    assert [box.label for box in named.mailboxes] == ["Help desk"]


def test_a_mailbox_that_was_taken_out_of_the_settings_is_silent_without_alarm(
    sessions: Sessions, now: datetime
) -> None:
    add_mailbox(sessions, now)
    add_mailbox(sessions, now - timedelta(days=30), "gone@imap.example.org/INBOX")
    absent = "hello@imap.example.org/\\All"  # the server has no such folder
    watching = Watching(is_live=True, mailboxes={MAILBOX: "Inbox", absent: "All Mail"})
    with sessions() as session:
        assert not read_status(session, LIVE, now).is_well
        status = read_status(session, watching, now)
    assert status.is_well
    assert [box.label for box in status.mailboxes] == ["Inbox"]


def test_the_spam_folder_is_to_be_looked_through_until_somebody_did(
    sessions: Sessions, now: datetime
) -> None:
    receive(sessions, now, a_mail(now), a_mail(now, "Two"))
    spam = {"state": MailState.SCREENED_OUT.value, "rule": "spam-folder"}
    with sessions.begin() as session:
        session.execute(update(RECEIVED).values(**spam))
    with sessions.begin() as session:
        assert read_status(session, LIVE, now).spam_to_look_at == 2
        beat(session, SPAM_LOOKED_AT, now)
        assert read_status(session, LIVE, now).spam_to_look_at == 0


def test_suspended_addresses_are_counted_and_never_shown(sessions: Sessions, now: datetime) -> None:
    with sessions.begin() as session:
        session.add(SuspendedAddress(key="gone@example.net", reason="Gone.", since=now))
        session.add(
            SuspendedAddress(key="back@example.net", reason="Gone.", since=now, lifted_at=now)
        )
    with sessions() as session:
        status = read_status(session, LIVE, now)
    assert status.brakes.suspended_addresses == 1
    assert "example.net" not in json.dumps(as_json(status)) + "".join(in_lines(status))


def test_open_breakers_are_told_without_whom_they_concern(
    sessions: Sessions, now: datetime
) -> None:
    names = [breaker_of_address("loud@example.net"), "all:hour", notice_of_cap(Cap.DOMAIN, "x.org")]
    with sessions.begin() as session:
        for name in names:
            later = now + timedelta(hours=1)
            open_breaker(
                session, name, key="loud@example.net", reason="Often.", now=now, ends_at=later
            )
    with sessions() as session:
        status = read_status(session, LIVE, now)
        later_status = read_status(session, LIVE, now + timedelta(hours=2))
    assert [sender.name for sender in status.brakes.senders] == names[:1]
    assert status.brakes.all_stopped
    assert status.brakes.caps_reached == 1
    assert "loud" not in json.dumps(as_json(status)) + "".join(in_lines(status))
    assert not later_status.brakes.senders
    assert not later_status.brakes.all_stopped


def test_the_json_holds_everything_in_plain_values(sessions: Sessions, now: datetime) -> None:
    add_mailbox(sessions, now, missing=1)
    watching = Watching(is_live=False, go_live=now, tokens=(Token("gmail", now),))
    with sessions() as session:
        told = json.loads(json.dumps(as_json(read_status(session, watching, now))))
    assert told["is_well"] is False
    assert told["mailboxes"][0]["complete_at"] == now.isoformat()
    assert {each["key"].split("-")[0] for each in told["troubles"]} == {"missing", "token"}
    assert told["tokens"][0]["ends_at"] == now.isoformat()


def test_the_number_of_statements_does_not_grow_with_the_mailboxes(
    sessions: Sessions, engine: Engine, now: datetime
) -> None:
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    counts = []
    for number in range(2):
        for place in range(4):
            add_mailbox(sessions, now, f"box{number}{place}@imap.example.org/INBOX")
        statements.clear()
        with sessions() as session:
            read_status(session, LIVE, now)
        counts.append(len([each for each in statements if each.startswith("SELECT")]))
    assert counts[0] == counts[1] <= 12
