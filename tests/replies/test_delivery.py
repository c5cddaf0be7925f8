from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import select, update

from config.database import Sessions
from replies.delivery import (
    MAX_UNKNOWN,
    PAUSES,
    WAITS,
    DeliveryReport,
    SendingPause,
    deliver_due,
    next_attempt,
)
from replies.outbox import LetterState, OutboxEmail, claim_due, enqueue, settle_abandoned
from replies.outgoing import new_message_id
from replies.smtp import DeliveryError, SmtpServer, SmtpTransport
from tests.replies.letters import make_email
from tests.services.smtp import SmtpSink, Stage

LEASE = timedelta(minutes=2)
AWAY = DeliveryError("Nobody there.", affects_all=True)
Answer = str | BaseException | Callable[[], str]


class FakeTransport:
    """A back door that keeps what it is given and answers as it is told."""

    def __init__(self, *answers: Answer) -> None:
        self.sent: list[str] = []
        self._answers = list(answers)

    def send(self, *, sender: str, recipient: str, content: bytes) -> str:
        """Keep the letter's recipient and give the next answer; then always 250."""
        self.sent.append(recipient)
        answer = self._answers.pop(0) if self._answers else "250 OK"
        if isinstance(answer, BaseException):
            raise answer
        return answer if isinstance(answer, str) else answer()

    def close(self) -> None:
        """Do nothing."""


def put(sessions: Sessions, now: datetime, *addresses: str) -> list[int]:
    with sessions.begin() as session:
        return [
            enqueue(
                session,
                make_email(to_address=address, message_id=new_message_id("hazelrow.example.org")),
                received_id=None,
                draft=False,
                now=now,
            )
            for address in addresses
        ]


def deliver(
    sessions: Sessions,
    transport: FakeTransport | SmtpTransport,
    now: datetime,
    should_stop: Callable[[], bool] = lambda: False,
    owner: str = "me",
    pause: SendingPause | None = None,
) -> DeliveryReport:
    return deliver_due(
        sessions,
        transport,
        now=lambda: now,
        owner=owner,
        lease=LEASE,
        should_stop=should_stop,
        limit_per_claim=3,
        pause=pause,
    )


def rows(sessions: Sessions) -> list[OutboxEmail]:
    with sessions.begin() as session:
        return list(session.execute(select(OutboxEmail).order_by(OutboxEmail.id)).scalars())


def states(sessions: Sessions) -> list[str]:
    return [row.state for row in rows(sessions)]


def addresses(count: int) -> list[str]:
    return [f"p{number}@example.com" for number in range(count)]


def test_every_due_letter_goes_out_once_in_order(
    sessions: Sessions, now: datetime, smtp_sink: SmtpSink
) -> None:
    put(sessions, now, *addresses(8))
    server = SmtpServer(smtp_sink.host, smtp_sink.port, security="none")
    transport = SmtpTransport(server)
    assert deliver(sessions, transport, now) == DeliveryReport(sent=8)
    assert deliver(sessions, transport, now) == DeliveryReport()
    transport.close()
    assert [letter.recipients[0] for letter in smtp_sink.letters] == addresses(8)
    for row in rows(sessions):
        assert row.state == LetterState.SENT
        assert row.sent_at == now
        assert (row.smtp_reply or "").startswith("250")
        assert any(row.message_id.encode() in letter.raw for letter in smtp_sink.letters)


@pytest.mark.parametrize("stage", list(Stage))
def test_a_server_that_is_busy_is_tried_again_later(
    sessions: Sessions, now: datetime, smtp_sink: SmtpSink, stage: Stage
) -> None:
    put(sessions, now, "rowan@example.com")
    smtp_sink.refuse_at(stage, "451 4.3.0 Later")
    transport = SmtpTransport(SmtpServer(smtp_sink.host, smtp_sink.port, security="none"))
    assert deliver(sessions, transport, now) == DeliveryReport(deferred=1)
    (row,) = rows(sessions)
    assert (row.state, row.attempts, row.due_at) == (LetterState.QUEUED, 1, now + WAITS[0])
    assert row.smtp_reply == "451 4.3.0 Later"
    smtp_sink.behave()
    assert deliver(sessions, transport, now) == DeliveryReport()
    assert deliver(sessions, transport, now + WAITS[0]) == DeliveryReport(sent=1)
    transport.close()
    assert len(smtp_sink.letters) == 1


def test_one_refused_recipient_does_not_hold_up_the_others(
    sessions: Sessions, now: datetime, smtp_sink: SmtpSink
) -> None:
    put(sessions, now, *addresses(4))
    smtp_sink.refuse_recipient("p1@example.com", "550 No such person")
    transport = SmtpTransport(SmtpServer(smtp_sink.host, smtp_sink.port, security="none"))
    assert deliver(sessions, transport, now) == DeliveryReport(sent=3, failed=1)
    transport.close()
    assert states(sessions) == [
        LetterState.SENT,
        LetterState.FAILED,
        LetterState.SENT,
        LetterState.SENT,
    ]
    assert rows(sessions)[1].smtp_reply == "550 No such person"


def test_a_letter_whose_fate_is_unknown_is_never_sent_again(
    sessions: Sessions, now: datetime, smtp_sink: SmtpSink
) -> None:
    put(sessions, now, "rowan@example.com")
    smtp_sink.hang_up_after_data()
    transport = SmtpTransport(SmtpServer(smtp_sink.host, smtp_sink.port, security="none"))
    assert deliver(sessions, transport, now) == DeliveryReport(unknown=1)
    smtp_sink.behave()
    assert deliver(sessions, transport, now + timedelta(days=30)) == DeliveryReport()
    transport.close()
    assert len(smtp_sink.letters) == 1
    assert states(sessions) == [LetterState.UNKNOWN]


def test_when_the_server_is_away_one_letter_waits_and_the_others_are_left_alone(
    sessions: Sessions, now: datetime
) -> None:
    put(sessions, now, *addresses(5))
    transport = FakeTransport(AWAY)
    assert deliver(sessions, transport, now) == DeliveryReport(deferred=1, problem="Nobody there.")
    assert transport.sent == ["p0@example.com"]
    assert [row.attempts for row in rows(sessions)] == [0, 0, 0, 0, 0]
    assert set(states(sessions)) == {LetterState.QUEUED}
    assert deliver(sessions, transport, now + PAUSES[0]) == DeliveryReport(sent=5)


def test_while_the_server_is_away_all_sending_rests_longer_and_longer(
    sessions: Sessions, now: datetime
) -> None:
    put(sessions, now, *addresses(50))
    transport, pause = FakeTransport(*[AWAY] * 9), SendingPause()
    tried: list[datetime] = []
    for minute in range(3 * 60):
        moment, before = now + timedelta(minutes=minute), len(transport.sent)
        deliver(sessions, transport, moment, pause=pause)
        tried += [moment] * (len(transport.sent) - before)
    gaps = [later - earlier for earlier, later in pairwise(tried)]
    assert tuple(gaps) == (*PAUSES, PAUSES[-1])
    assert {row.attempts for row in rows(sessions)} == {0}
    assert set(states(sessions)) == {LetterState.QUEUED}


def test_a_rest_holds_for_letters_that_come_meanwhile(sessions: Sessions, now: datetime) -> None:
    put(sessions, now, "p0@example.com")
    transport, pause = FakeTransport(AWAY), SendingPause()
    deliver(sessions, transport, now, pause=pause)
    put(sessions, now, "p1@example.com")
    soon = now + PAUSES[0] - timedelta(seconds=1)
    assert deliver(sessions, transport, soon, pause=pause) == DeliveryReport()
    assert deliver(sessions, transport, now + PAUSES[0], pause=pause) == DeliveryReport(sent=2)


def test_a_letter_that_went_out_ends_the_trouble(sessions: Sessions, now: datetime) -> None:
    put(sessions, now, *addresses(3))
    transport, pause = FakeTransport(AWAY, AWAY, "250 OK", AWAY), SendingPause()
    moment = now
    for wait in (PAUSES[0], PAUSES[1], PAUSES[0]):
        deliver(sessions, transport, moment, pause=pause)
        moment += wait
        assert pause.holds(moment - timedelta(seconds=1))
        assert not pause.holds(moment)


def test_a_letter_that_the_server_chokes_on_does_not_hold_up_the_others(
    sessions: Sessions, now: datetime
) -> None:
    put(sessions, now, *addresses(3))
    transport, pause = FakeTransport(AWAY, "250 OK", "250 OK", AWAY), SendingPause()
    deliver(sessions, transport, now, pause=pause)
    deliver(sessions, transport, now + PAUSES[0], pause=pause)
    assert states(sessions) == [LetterState.QUEUED, LetterState.SENT, LetterState.SENT]


def test_a_server_that_is_away_is_told_aloud_and_without_addresses(
    sessions: Sessions, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    put(sessions, now, *addresses(2))
    deliver(sessions, FakeTransport(AWAY), now, pause=SendingPause())
    (told,) = [each for each in caplog.records if each.levelname == "ERROR"]
    assert "Nobody there." in told.getMessage()
    assert "2026-11-24T23:42:00" in told.getMessage()


def test_letters_that_failed_or_whose_fate_is_unknown_are_told_aloud(
    sessions: Sessions, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    failed, unknown, _ = put(sessions, now, *addresses(3))
    broken = DeliveryError("Broke off.", sent_unknown=True, reply="<p1@example.com>")
    deliver(sessions, FakeTransport(DeliveryError("Refused.", permanent=True), broken), now)
    told = {(each.levelname, each.getMessage()) for each in caplog.records if each.levelno > 20}
    assert told == {
        ("WARNING", f"letter={failed} outcome=failed: Refused."),
        ("ERROR", f"letter={unknown} outcome=unknown: Broke off."),
    }


def test_we_give_up_after_about_three_days(sessions: Sessions, now: datetime) -> None:
    put(sessions, now, "rowan@example.com")
    moment = now
    for _ in WAITS:
        busy = FakeTransport(DeliveryError("Busy."))
        assert deliver(sessions, busy, moment) == DeliveryReport(deferred=1)
        moment = rows(sessions)[0].due_at
    assert timedelta(days=2) < moment - now < timedelta(days=4)
    assert deliver(sessions, FakeTransport(DeliveryError("Busy.")), moment) == DeliveryReport(
        failed=1
    )
    (row,) = rows(sessions)
    assert (row.state, row.last_error) == (LetterState.FAILED, "Busy.")


def test_the_waits_grow(now: datetime) -> None:
    assert list(WAITS) == sorted(WAITS)
    assert next_attempt(len(WAITS) + 1, now) is None


def test_a_letter_stands_at_sending_and_no_transaction_is_open_while_the_network_is_used(
    sessions: Sessions, now: datetime
) -> None:
    put(sessions, now, *addresses(2))
    seen: list[list[str]] = []

    def look() -> str:
        with sessions.begin() as session:  # would wait for ever if a transaction were open
            session.execute(update(OutboxEmail).values(from_name="touched"))
        seen.append(states(sessions))
        return "250 OK"

    deliver(sessions, FakeTransport(look, look), now)
    assert seen == [
        [LetterState.SENDING, LetterState.CLAIMED],
        [LetterState.SENT, LetterState.SENDING],
    ]


def test_a_surprise_leaves_the_letter_unknown_and_the_others_go_out(
    sessions: Sessions, now: datetime
) -> None:
    put(sessions, now, *addresses(3))
    transport = FakeTransport("250 OK", ZeroDivisionError())
    assert deliver(sessions, transport, now) == DeliveryReport(sent=2, unknown=1)
    assert states(sessions) == [LetterState.SENT, LetterState.UNKNOWN, LetterState.SENT]


def test_a_server_that_keeps_breaking_off_does_not_spoil_every_letter(
    sessions: Sessions, now: datetime
) -> None:
    put(sessions, now, *addresses(12))
    broken = [DeliveryError("Broke off.", sent_unknown=True) for _ in range(12)]
    pause = SendingPause()
    report = deliver(sessions, FakeTransport(*broken), now, pause=pause)
    assert report == DeliveryReport(unknown=MAX_UNKNOWN, problem="Broke off.")
    assert deliver(sessions, FakeTransport(*broken), now, pause=pause) == DeliveryReport()
    assert states(sessions).count(LetterState.QUEUED) == 12 - MAX_UNKNOWN


def test_an_interrupt_is_passed_on_and_the_truth_is_kept(sessions: Sessions, now: datetime) -> None:
    put(sessions, now, *addresses(3))
    with pytest.raises(KeyboardInterrupt):
        deliver(sessions, FakeTransport("250 OK", KeyboardInterrupt()), now)
    assert states(sessions) == [LetterState.SENT, LetterState.UNKNOWN, LetterState.CLAIMED]


def test_a_letter_with_an_impossible_address_fails_alone(sessions: Sessions, now: datetime) -> None:
    put(sessions, now, "rówan@example.com", "rowan@example.com")
    transport = FakeTransport()
    assert deliver(sessions, transport, now) == DeliveryReport(sent=1, failed=1)
    assert transport.sent == ["rowan@example.com"]
    assert "address" in (rows(sessions)[0].last_error or "")


def test_a_domain_with_accents_is_written_to(sessions: Sessions, now: datetime) -> None:
    put(sessions, now, "rowan@bücher.example")
    transport = FakeTransport()
    deliver(sessions, transport, now)
    assert transport.sent == ["rowan@xn--bcher-kva.example"]


def test_we_stop_between_letters_and_give_the_rest_back(sessions: Sessions, now: datetime) -> None:
    put(sessions, now, *addresses(7))
    transport = FakeTransport()
    report = deliver(sessions, transport, now, should_stop=lambda: len(transport.sent) >= 4)
    assert report == DeliveryReport(sent=4)
    assert states(sessions) == [LetterState.SENT] * 4 + [LetterState.QUEUED] * 3


def test_a_letter_whose_lease_ended_while_we_were_slow_is_not_sent_by_us(
    sessions: Sessions, now: datetime
) -> None:
    put(sessions, now, *addresses(2))
    moment = [now]

    def be_slow() -> str:
        moment[0] += LEASE
        return "250 OK"

    transport = FakeTransport(be_slow)
    report = deliver_due(
        sessions,
        transport,
        now=lambda: moment[0],
        owner="me",
        lease=LEASE,
        should_stop=lambda: False,
    )
    assert report == DeliveryReport(sent=1)
    assert transport.sent == ["p0@example.com"]
    with sessions.begin() as session:
        settle_abandoned(session, now=moment[0], is_gone=lambda _owner: False)
    assert deliver(sessions, transport, moment[0]) == DeliveryReport(sent=1)
    assert transport.sent == addresses(2)


def test_a_worker_that_dies_while_sending_never_causes_a_second_letter(
    sessions: Sessions, now: datetime
) -> None:
    class Killed(BaseException):
        pass

    def die() -> str:
        # As after SIGKILL: nothing more of this worker reaches the database.
        with sessions.begin() as session:
            session.execute(update(OutboxEmail).values(owner="dead"))
        raise Killed

    put(sessions, now, *addresses(3))
    first = FakeTransport("250 OK", die)
    with pytest.raises(Killed):
        deliver(sessions, first, now)
    with sessions.begin() as session:
        settle_abandoned(session, now=now, is_gone=lambda owner: owner == "dead")
    second = FakeTransport()
    deliver(sessions, second, now, owner="heir")
    assert states(sessions) == [LetterState.SENT, LetterState.UNKNOWN, LetterState.SENT]
    assert first.sent + second.sent == addresses(3)


def test_what_another_worker_has_claimed_is_left_to_it(sessions: Sessions, now: datetime) -> None:
    put(sessions, now, *addresses(3))
    with sessions.begin() as session:
        claim_due(session, now=now, owner="other", lease=LEASE, limit=2)
    transport = FakeTransport()
    deliver(sessions, transport, now)
    assert transport.sent == ["p2@example.com"]


def test_no_address_reaches_the_log(
    sessions: Sessions, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    put(sessions, now, *addresses(3))
    refusal = DeliveryError("Refused.", permanent=True, reply="550 <p1@example.com>")
    with caplog.at_level("DEBUG", logger="replies"):
        deliver(sessions, FakeTransport("250 OK", refusal, DeliveryError("Busy.")), now)
    assert "outcome=sent" in caplog.text
    assert "outcome=failed" in caplog.text
    assert "outcome=deferred" in caplog.text
    said = [each.getMessage() for each in caplog.records if each.name.startswith("replies")]
    assert len(said) >= 3
    assert "example.com" not in " ".join(said)


def test_a_rest_tells_why_it_lasts_and_a_clock_set_back_does_not_prolong_it(
    sessions: Sessions, now: datetime
) -> None:
    put(sessions, now, *addresses(2))
    pause = SendingPause()
    deliver(sessions, FakeTransport(AWAY), now, pause=pause)
    assert pause.problem(now + PAUSES[0] / 2) == "Nobody there."
    assert pause.problem(now + PAUSES[0]) == ""
    assert not pause.holds(now - timedelta(days=400))
