"""What we send by itself is answered by no Kith: not by another, nor by ours when it returns."""

from dataclasses import replace
from datetime import datetime
from email.message import EmailMessage

import pytest

from intake.parsing import parse_message
from intake.screening import Screening, Surroundings, Verdict, screen, shipped_screening_rules
from replies.outgoing import Purpose, to_mime
from replies.signing import Signer, SigningKey, new_secret
from tests.replies.letters import make_email

OURS = Signer((SigningKey(1, new_secret()),))
THEIRS = Signer((SigningKey(1, new_secret()),))
OTHER_KITH = "desk@other.example.org"
MARKS = ("Auto-Submitted", "X-Auto-Response-Suppress", "X-Kith-Loop")
BY_ITSELF = [purpose for purpose in Purpose if purpose is not Purpose.REPLY]


def a_letter(now: datetime, purpose: Purpose, *, automatic: bool = True) -> EmailMessage:
    email = make_email(
        to_address=OTHER_KITH,
        purpose=purpose,
        automatic=automatic,
        message_id=OURS.message_id("hazelrow.example.org"),
        references=(),
    )
    return to_mime(email, now)


def around(now: datetime, own: str, signer: Signer) -> Surroundings:
    return Surroundings(
        now=now,
        rules=shipped_screening_rules(),
        own_addresses=frozenset({own}),
        is_our_id=signer.is_ours,
        received_at=now,
    )


def screened(letter: EmailMessage, surroundings: Surroundings) -> Screening:
    return screen(parse_message(letter.as_bytes()), surroundings)


@pytest.mark.parametrize("purpose", BY_ITSELF)
@pytest.mark.parametrize("lost", [None, *MARKS])
def test_another_kith_answers_none_of_our_automatic_letters_though_a_mark_is_lost(
    now: datetime, purpose: Purpose, lost: str | None
) -> None:
    letter = a_letter(now, purpose)
    if lost is not None:
        del letter[lost]
    assert not screened(letter, around(now, OTHER_KITH, THEIRS)).acknowledge


@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize("kept", ["Message-ID", "X-Kith-Loop"])
def test_our_own_letter_is_known_when_it_comes_back_by_one_mark_alone(
    now: datetime, purpose: Purpose, kept: str
) -> None:
    letter = a_letter(now, purpose)
    for name in {*MARKS, "Message-ID"} - {kept}:
        del letter[name]
    letter.replace_header("From", "Carers list <carers@lists.example.net>")
    result = screened(letter, around(now, OTHER_KITH, OURS))
    assert (result.verdict, result.rule) == (Verdict.LOOP, "our-own-letter")


def test_what_a_person_of_another_group_writes_is_a_persons_mail(now: datetime) -> None:
    letter = a_letter(now, Purpose.REPLY, automatic=False)
    assert screened(letter, around(now, OTHER_KITH, THEIRS)).acknowledge


def test_our_copy_of_what_a_person_of_ours_sent_is_ours(now: datetime) -> None:
    letter = a_letter(now, Purpose.REPLY, automatic=False)
    ours = around(now, "desk@hazelrow.example.org", OURS)
    assert screened(letter, ours).verdict is Verdict.LOOP
    without_keys = replace(ours, is_our_id=THEIRS.is_ours)
    assert screened(letter, without_keys).rule == "own-address"
