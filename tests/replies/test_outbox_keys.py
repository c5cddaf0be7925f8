"""What letters are counted by, and what there may be only one of."""

from datetime import datetime

import pytest
from sqlalchemy import select

from config.database import Sessions
from replies.outbox import (
    AlreadyQueuedError,
    OutboxEmail,
    acknowledgement_of,
    enqueue,
    stem_key,
)
from replies.outgoing import new_message_id
from tests.replies.letters import make_email


def put(sessions: Sessions, now: datetime, *, to: str, once_key: str | None) -> int:
    email = make_email(to_address=to, message_id=new_message_id("hazelrow.example.org"))
    with sessions.begin() as session:
        return enqueue(
            session,
            email,
            received_id=None,
            draft=False,
            now=now,
            template="join",
            stem="joining your group",
            once_key=once_key,
        )


def test_a_case_has_one_acknowledgement_ever(sessions: Sessions, now: datetime) -> None:
    once = acknowledgement_of("K7F3-2Q")
    put(sessions, now, to="rowan@example.com", once_key=once)
    with pytest.raises(AlreadyQueuedError, match="nothing was queued"):
        put(sessions, now, to="rowan@example.com", once_key=once)
    put(sessions, now, to="rowan@example.com", once_key=acknowledgement_of("K7F3-3R"))
    put(sessions, now, to="rowan@example.com", once_key=None)
    put(sessions, now, to="rowan@example.com", once_key=None)


def test_a_letter_is_counted_by_mailbox_domain_and_subject(
    sessions: Sessions, now: datetime
) -> None:
    letter = put(sessions, now, to="Ro.wan+kith@GoogleMail.com", once_key=None)
    with sessions.begin() as session:
        row = session.execute(select(OutboxEmail).where(OutboxEmail.id == letter)).scalar_one()
    assert (row.to_key, row.to_domain) == ("rowan@gmail.com", "gmail.com")
    assert (row.template, row.stem) == ("join", stem_key("joining your group"))


def test_the_words_of_a_subject_are_not_kept() -> None:
    assert "joining" not in stem_key("joining your group")
    assert stem_key("") != ""
    assert len(stem_key("x" * 5_000)) == 32
    assert stem_key("\ud800")
