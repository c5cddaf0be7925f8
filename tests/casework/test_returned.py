"""Letters that came back: which reports are believed, and which only noted."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from casework.history import What
from casework.judging import UNSORTED, Judged
from casework.returned import (
    COMPLAINED,
    NOT_OURS,
    NOT_SENT_THERE,
    STOPPED,
    Returned,
    note_refused_letters,
    refusal_of,
    take_note,
)
from config.database import Sessions
from intake.parsing import parse_message
from intake.risk import could_not_check
from intake.screening import Surroundings, screen, shipped_screening_rules
from replies.outbox import LetterState, OutboxEmail, enqueue
from replies.outgoing import Purpose
from replies.signing import Signer, SigningKey, new_secret
from replies.suspension import FailedDelivery, suspended_among
from tests.replies.letters import make_email

SIGNER = Signer((SigningKey(1, new_secret()),))
FOREIGN = Signer((SigningKey(1, new_secret()),))
RULES = shipped_screening_rules()
JO = "jo@example.net"
DOMAIN = "kith.example.org"


@dataclass(frozen=True)
class Letter:
    id: int
    message_id: str


def a_letter(sessions: Sessions, now: datetime, *, to: str = JO, signer: Signer = SIGNER) -> Letter:
    email = make_email(to_address=to, message_id=signer.message_id(DOMAIN))
    with sessions.begin() as session:
        letter = enqueue(session, email, received_id=None, draft=False, now=now)
        session.get_one(OutboxEmail, letter).state = LetterState.SENT
    return Letter(letter, email.message_id)


def mail(*header: str, body: str) -> bytes:
    ordinary = (
        f"To: hello@{DOMAIN}",
        "Date: Tue, 24 Nov 2026 21:00:00 +0000",
        "Message-ID: <report@mx.example.net>",
        "MIME-Version: 1.0",
    )
    return "\r\n".join((*header, *ordinary, "", *body.split("\n"))).encode()


def report(
    message_id: str,
    *groups: tuple[str, str],
    action: str = "failed",
    returned: str = "text/rfc822-headers",
) -> bytes:
    """Return a standard delivery report; each group is a recipient and a status."""
    blocks = "\n".join(
        f"Final-Recipient: rfc822; {to}\nAction: {action}\nStatus: {status}\n"
        for to, status in groups
    )
    return mail(
        "From: MAILER-DAEMON@mx.example.net",
        "Return-Path: <>",
        "Subject: Undelivered Mail Returned to Sender",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
        body=(
            "--b\nContent-Type: text/plain\n\nYour letter could not be delivered.\n"
            "--b\nContent-Type: message/delivery-status\n\n"
            f"Reporting-MTA: dns; mx.example.net\n\n{blocks}\n"
            f"--b\nContent-Type: {returned}\n\nMessage-ID: {message_id}\nTo: {JO}\n\n--b--\n"
        ),
    )


def complaint(message_id: str) -> bytes:
    return mail(
        "From: feedback@provider.example.net",
        "Subject: complaint",
        "Content-Type: multipart/report; report-type=feedback-report; boundary=b",
        body=(
            "--b\nContent-Type: text/plain\n\nThis is an email abuse report.\n"
            "--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n\n"
            "--b\nContent-Type: message/rfc822\n\n"
            f"Message-ID: {message_id}\nTo: redacted@provider.example.net\n\nx\n--b--\n"
        ),
    )


def in_words(message_id: str, to: str = JO, **extra: str) -> bytes:
    """Return a report without any part that a machine could read, as Exchange writes for people."""
    more = [f"{name.replace('_', '-')}: {value}" for name, value in extra.items()]
    return mail(
        "From: postmaster@example.net",
        "Subject: Undeliverable: Thank you",
        *more,
        body=(
            f"Delivery has failed to these recipients or groups:\n\n{to}\n\n"
            "Remote Server returned '550 5.1.10 RecipientNotFound'\n\n"
            f"Original message headers:\n\nMessage-ID: {message_id}\nSubject: Thank you\n"
        ),
    )


def judged(raw: bytes, now: datetime) -> Judged:
    message = parse_message(raw)
    around = Surroundings(now=now, rules=RULES, is_our_id=SIGNER.is_ours)
    return Judged(message, now, screen(message, around), could_not_check(), UNSORTED)


def note(sessions: Sessions, raw: bytes, now: datetime) -> Returned:
    with sessions.begin() as session:
        return take_note(
            session,
            judged(raw, now),
            is_our_id=SIGNER.is_ours,
            now=now,
            soft_failures_per_week=3,
        )


def suspended(sessions: Sessions) -> frozenset[str]:
    with sessions.begin() as session:
        return suspended_among(session, [JO, "sam@example.net", "redacted@provider.example.net"])


def failures(sessions: Sessions) -> int:
    with sessions.begin() as session:
        return len(session.execute(select(FailedDelivery)).all())


def test_a_failure_for_good_suspends_the_address_and_says_so(
    sessions: Sessions, now: datetime
) -> None:
    letter = a_letter(sessions, now)
    returned = note(sessions, report(letter.message_id, ("JO@example.net", "5.1.1")), now)
    assert [each.what for each in returned.lines] == [What.LETTER_FAILED, What.STOPPED]
    assert returned.lines[0].detail == "A mail server could not deliver it, for good. 5.1.1"
    assert (returned.letter_id, returned.is_suspended) == (letter.id, True)
    assert suspended(sessions) == {JO}


def test_the_second_report_on_a_dead_address_says_nothing_new(
    sessions: Sessions, now: datetime
) -> None:
    letter = a_letter(sessions, now)
    raw = report(letter.message_id, (JO, "5.1.1"))
    note(sessions, raw, now)
    again = note(sessions, raw, now)
    assert [each.what for each in again.lines] == [What.LETTER_FAILED]
    assert failures(sessions) == 1


def test_failures_for_now_suspend_at_the_third_letter(sessions: Sessions, now: datetime) -> None:
    for number in range(3):
        letter = a_letter(sessions, now)
        raw = report(letter.message_id, (JO, "4.2.2"))
        at = now + timedelta(hours=number)
        assert note(sessions, raw, at).is_suspended is (number == 2)
        assert note(sessions, raw, at).is_suspended is False
    assert suspended(sessions) == {JO}


def test_a_full_mailbox_that_a_server_gave_up_on_is_a_failure_for_now(
    sessions: Sessions, now: datetime
) -> None:
    letter = a_letter(sessions, now)
    returned = note(sessions, report(letter.message_id, (JO, "4.2.2")), now)
    assert returned.lines[0].detail == "A mail server could not deliver it, for now. 4.2.2"
    assert suspended(sessions) == frozenset()


def test_a_report_on_several_recipients_counts_for_ours_only(
    sessions: Sessions, now: datetime
) -> None:
    letter = a_letter(sessions, now)
    groups = (("sam@example.net", "5.1.1"), (JO, "4.2.2"))
    returned = note(sessions, report(letter.message_id, *groups), now)
    assert returned.lines[0].detail.endswith("for now. 4.2.2")
    assert suspended(sessions) == frozenset()


@pytest.mark.parametrize("returned", ["message/rfc822", "text/rfc822-headers"])
def test_the_letter_is_known_by_what_is_returned_of_it(
    sessions: Sessions, now: datetime, returned: str
) -> None:
    letter = a_letter(sessions, now)
    raw = report(letter.message_id, (JO, "5.1.1"), returned=returned)
    assert note(sessions, raw, now).letter_id == letter.id


def test_a_report_in_words_is_believed_if_it_quotes_our_letter(
    sessions: Sessions, now: datetime
) -> None:
    letter = a_letter(sessions, now)
    assert note(sessions, in_words(letter.message_id), now).is_suspended


def test_a_report_that_answers_our_letter_is_believed(sessions: Sessions, now: datetime) -> None:
    letter = a_letter(sessions, now)
    assert note(sessions, in_words("<x@y.example>", In_Reply_To=letter.message_id), now).letter_id


# Forged reports (itop 240: a forged bounce deactivates a person)


def test_a_report_on_a_letter_that_we_did_not_sign_does_nothing(
    sessions: Sessions, now: datetime
) -> None:
    theirs = a_letter(sessions, now, signer=FOREIGN)
    for name in (theirs.message_id, "<guess@kith.example.org>", "", "<k.a.b@kith.example.org>"):
        assert note(sessions, report(name, (JO, "5.1.1")), now) == Returned((NOT_OURS,))
    assert suspended(sessions) == frozenset()
    assert failures(sessions) == 0


def test_a_signed_id_of_a_letter_that_is_not_in_the_outbox_does_nothing(
    sessions: Sessions, now: datetime
) -> None:
    raw = report(SIGNER.message_id(DOMAIN), (JO, "5.1.1"))
    assert note(sessions, raw, now) == Returned((NOT_OURS,))


def test_nobody_can_silence_an_address_that_his_letter_did_not_go_to(
    sessions: Sessions, now: datetime
) -> None:
    mine = a_letter(sessions, now, to="mallory@example.com")
    a_letter(sessions, now)
    raw = report(mine.message_id, (JO, "5.1.1"), ("sam@example.net", "5.1.1"))
    assert note(sessions, raw, now) == Returned((NOT_SENT_THERE,))
    assert note(sessions, in_words(mine.message_id), now) == Returned((NOT_SENT_THERE,))
    assert suspended(sessions) == frozenset()


def test_a_report_that_a_letter_is_delayed_or_arrived_counts_for_nothing(
    sessions: Sessions, now: datetime
) -> None:
    letter = a_letter(sessions, now)
    for action, status in (("delayed", "4.4.1"), ("delivered", "2.0.0")):
        raw = report(letter.message_id, (JO, status), action=action)
        (line,) = note(sessions, raw, now).lines
        assert line.what is What.AUTOMATIC_MAIL
    assert failures(sessions) == 0


def test_a_person_who_writes_of_a_letter_that_came_back_suspends_nobody(
    sessions: Sessions, now: datetime
) -> None:
    letter = a_letter(sessions, now)
    raw = mail(
        f"From: {JO}",
        "Subject: Re: Thank you",
        f"In-Reply-To: {letter.message_id}",
        body=f"My sister {JO} did not get it. 550 5.1.1\n",
    )
    assert note(sessions, raw, now).letter_id is None
    assert failures(sessions) == 0


def test_a_complaint_suspends_the_address_that_the_letter_went_to(
    sessions: Sessions, now: datetime
) -> None:
    letter = a_letter(sessions, now)
    returned = note(sessions, complaint(letter.message_id), now)
    assert returned == Returned((COMPLAINED, STOPPED), letter.id, is_suspended=True)
    assert suspended(sessions) == {JO}
    assert note(sessions, complaint(letter.message_id), now).lines == (COMPLAINED,)


def test_a_complaint_about_a_letter_that_is_not_ours_does_nothing(
    sessions: Sessions, now: datetime
) -> None:
    assert note(sessions, complaint(FOREIGN.message_id(DOMAIN)), now) == Returned((NOT_OURS,))


def test_what_is_told_holds_nothing_of_the_report(sessions: Sessions, now: datetime) -> None:
    letter = a_letter(sessions, now)
    raw = report(letter.message_id, (JO, "5.1.1 zqxwv@zqxwv"))
    for line in note(sessions, raw, now).lines:
        assert "zqxwv" not in line.detail
        assert "example" not in line.detail


# Refused at once


@pytest.mark.parametrize(
    ("reply", "permanent"),
    [
        ("550 5.1.1 <jo@example.net>: user unknown", True),
        ("550-5.1.1 The email account that you tried to reach does not exist.", True),
        ("550 5.2.1 The email account is inactive", True),
        ("550 5.4.1 Recipient address rejected: Access denied", True),
        ("552 5.2.2 mailbox full", False),
        ("550 no such user here", False),
        ("553 sorry", False),
        ("550 5.0.0 refused", False),
    ],
)
def test_a_refusal_of_the_address_counts(reply: str, permanent: bool) -> None:
    failure = refusal_of(reply)
    assert failure is not None
    assert failure.permanent is permanent


@pytest.mark.parametrize(
    "reply",
    [
        "550 5.7.1 Message rejected as spam by content filter",
        "550 5.4.5 Daily user sending limit exceeded",
        "554 5.7.1 Relay access denied",
        "554 no thanks",
        "552 5.2.3 message too large",
        "550 5.1.8 sender rejected",
        "550 5.4.14 hop count exceeded",
        "500 what?",
        "451 4.7.1 later",
        "",
    ],
)
def test_a_refusal_of_something_else_does_not_count_for_good(reply: str) -> None:
    failure = refusal_of(reply)
    assert failure is None or not failure.permanent


@given(st.text())
def test_any_answer_can_be_read(reply: str) -> None:
    for start in ("", "550 ", "550 5.1."):
        refusal_of(start + reply)


def test_a_letter_refused_at_once_suspends_its_address_once(
    sessions: Sessions, now: datetime
) -> None:
    dead, ours = a_letter(sessions, now), a_letter(sessions, now, to="sam@example.net")
    replies = {dead.id: "550 5.1.1 unknown", ours.id: "550 5.7.1 policy"}
    with sessions.begin() as session:
        for letter, reply in replies.items():
            row = session.get_one(OutboxEmail, letter)
            row.state, row.smtp_reply = LetterState.FAILED, reply
    for expected in (frozenset({dead.id}), frozenset[int]()):
        with sessions.begin() as session:
            found = note_refused_letters(
                session, [*replies, 999], now=now, soft_failures_per_week=3
            )
        assert found == expected
    assert suspended(sessions) == {JO}


def test_a_letter_that_was_sent_is_not_called_refused(sessions: Sessions, now: datetime) -> None:
    letter = a_letter(sessions, now)
    with sessions.begin() as session:
        session.get_one(OutboxEmail, letter.id).smtp_reply = "550 5.1.1 unknown"
        found = note_refused_letters(session, [letter.id], now=now, soft_failures_per_week=3)
        assert found == frozenset()
        assert note_refused_letters(session, [], now=now, soft_failures_per_week=3) == frozenset()


def test_a_letter_of_a_person_that_fails_counts_too(sessions: Sessions, now: datetime) -> None:
    email = make_email(
        to_address=JO,
        message_id=SIGNER.message_id(DOMAIN),
        purpose=Purpose.REPLY,
        automatic=False,
    )
    with sessions.begin() as session:
        enqueue(session, email, received_id=None, draft=False, now=now)
    assert note(sessions, report(email.message_id, (JO, "5.1.1")), now).is_suspended
