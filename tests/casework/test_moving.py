"""Putting right what was filed: moved, split, merged and confirmed by a named person."""

import json
from datetime import datetime

import pytest
from click.testing import CliRunner
from sqlalchemy import select
from sqlalchemy.orm import Session

from casework.branches import Entry, branch
from casework.case_moves import COMMANDS
from casework.case_report import as_json, case, in_words
from casework.models import Case, CaseEvent, CaseMessage, CorrespondentAddress, Strand
from casework.moving import (
    Doing,
    MovingError,
    confirm_sender,
    merge_cases,
    move_message,
    split_message,
)
from config.database import Sessions
from tests.casework.desks import a_mail
from tests.casework.threading.conversations import IVOR, Desktop, Said, id_of


@pytest.fixture
def desktop(sessions: Sessions, now: datetime) -> Desktop:
    """Give an installation with one conversation of four mails and another matter."""
    made = Desktop(sessions, now)
    made.hear(
        Said("a"),
        Said("b", answers=("a",)),
        Said("c", answers=("a", "b")),
        Said("d", answers=("a",)),
        Said("z", subject="Another matter"),
        together=True,
    )
    return made


@pytest.fixture
def doing(now: datetime) -> Doing:
    """Return who does it all."""
    return Doing("Priya", now, "It is about the school.")


def lines(session: Session, case_id: int) -> list[tuple[str, str]]:
    """Return what people did in a case."""
    wanted = select(CaseEvent.what, CaseEvent.detail).where(
        CaseEvent.case_id == case_id, CaseEvent.by == "Priya"
    )
    return [(row.what, row.detail) for row in session.execute(wanted).all()]


def test_a_mail_is_split_off_with_all_that_answers_it(desktop: Desktop, doing: Doing) -> None:
    with desktop.sessions.begin() as session:
        reference = split_message(session, desktop.number("b"), doing)
    assert desktop.groups() == {frozenset("ad"), frozenset("bc"), frozenset("z")}
    made = desktop.cases()[-1]
    assert (made.reference, made.status, made.please_sort) == (reference, "new", True)
    with desktop.sessions() as session:
        first = session.get_one(Case, 1)
        assert lines(session, 1) == [
            ("split off", f"2 pieces to {reference}. It is about the school.")
        ]
        assert lines(session, made.id) == [
            ("split off", f"2 pieces from {first.reference}. It is about the school.")
        ]
        strands = select(Strand.kind, Strand.is_primary).where(Strand.case_id == made.id)
        assert len(session.execute(strands).all()) == 1


def test_an_answer_to_what_was_split_off_goes_there(desktop: Desktop, doing: Doing) -> None:
    with desktop.sessions.begin() as session:
        split_message(session, desktop.number("b"), doing)
    desktop.hear(Said("e", answers=("c",)))
    assert desktop.mail("e").case_id == desktop.mail("c").case_id


def test_what_all_else_answers_cannot_be_split_off(desktop: Desktop, doing: Doing) -> None:
    with desktop.sessions.begin() as session, pytest.raises(MovingError, match="nothing would be"):
        split_message(session, desktop.number("a"), doing)


def test_a_mail_is_moved_to_another_case_with_its_branch_and_its_risk(
    desktop: Desktop, doing: Doing
) -> None:
    with desktop.sessions.begin() as session:
        wanted = select(CaseMessage).where(CaseMessage.message_id == id_of("c"))
        session.execute(wanted).scalar_one().risk_level = "today"
    with desktop.sessions.begin() as session:
        assert move_message(session, desktop.number("b"), desktop.mail("z").case_id, doing) == 2
    assert desktop.groups() == {frozenset("ad"), frozenset("bcz")}
    target = desktop.cases()[1]
    assert target.risk_level == "today"
    with desktop.sessions() as session:
        assert [what for what, _ in lines(session, target.id)] == ["moved"]
        assert [what for what, _ in lines(session, 1)] == ["moved"]


def test_moving_everything_merges_the_cases(desktop: Desktop, doing: Doing) -> None:
    target = desktop.mail("z").case_id
    with desktop.sessions.begin() as session:
        move_message(session, desktop.number("a"), target, doing)
    first = desktop.cases()[0]
    assert (first.merged_into, first.status) == (target, "closed")
    assert desktop.groups() == {frozenset("abcdz")}


def test_merging_raises_flags_keeps_one_strand_of_a_kind_and_later_answers_follow(
    desktop: Desktop, doing: Doing
) -> None:
    target = desktop.mail("z").case_id
    with desktop.sessions.begin() as session:
        first = session.get_one(Case, 1)
        first.risk_level, first.unsafe_reply = "deadline", True
    with desktop.sessions.begin() as session:
        merge_cases(session, 1, target, doing)
        merged = session.get_one(Case, target)
        assert (merged.risk_level, merged.unsafe_reply) == ("deadline", True)
        kinds = session.execute(select(Strand.kind).where(Strand.case_id == target)).scalars().all()
        assert len(kinds) == len(set(kinds))
    desktop.hear(Said("e", answers=("a",)))
    assert desktop.mail("e").case_id == target
    with desktop.sessions.begin() as session:
        for source, into in ((1, target), (target, 1)):
            with pytest.raises(MovingError, match="was merged into"):
                merge_cases(session, source, into, doing)
        with pytest.raises(MovingError, match="with itself"):
            merge_cases(session, target, target, doing)
        with pytest.raises(MovingError, match="no case number 99"):
            merge_cases(session, target, 99, doing)


def unconfirmed(desktop: Desktop) -> int:
    """Let somebody unknown answer our letter; return the number of the mail."""
    letter = desktop.letters()[0].message_id
    raw = a_mail(desktop.now, sender=IVOR, In_Reply_To=letter, Message_ID=id_of("u"))
    desktop.take(raw)
    return desktop.number("u")


def test_a_confirmed_sender_with_the_address_added_joins_by_themselves_from_then_on(
    desktop: Desktop, doing: Doing
) -> None:
    number = unconfirmed(desktop)
    with desktop.sessions.begin() as session:
        confirm_sender(session, number, doing, add_address=True)
    assert not desktop.cases()[0].unconfirmed_sender
    assert not desktop.mail("u").is_unconfirmed
    desktop.hear(Said("v", IVOR, ("u",)))
    assert desktop.mail("v").case_id == 1
    with desktop.sessions() as session:
        assert lines(session, 1)[0][0] == "sender confirmed"
        keys = session.execute(select(CorrespondentAddress.key)).scalars().all()
    assert sorted(keys) == ["ivor@example.net", "marion@example.org"]


def test_a_confirmed_sender_without_the_address_stays_a_stranger(
    desktop: Desktop, doing: Doing
) -> None:
    number = unconfirmed(desktop)
    with desktop.sessions.begin() as session:
        confirm_sender(session, number, doing, add_address=False)
    desktop.hear(Said("v", IVOR, ("u",)))
    assert desktop.mail("v").case_id != 1


def test_an_address_of_somebody_else_is_not_added(desktop: Desktop, doing: Doing) -> None:
    desktop.hear(Said("i", IVOR, subject="Hello"))
    number = unconfirmed(desktop)
    with desktop.sessions.begin() as session, pytest.raises(MovingError, match="another corres"):
        confirm_sender(session, number, doing, add_address=True)
    assert desktop.mail("u").is_unconfirmed


def test_an_unconfirmed_mail_that_is_split_off_is_its_senders_own_case(
    desktop: Desktop, doing: Doing
) -> None:
    number = unconfirmed(desktop)
    with desktop.sessions.begin() as session:
        split_message(session, number, doing)
    first, made = desktop.cases()[0], desktop.cases()[-1]
    assert not first.unconfirmed_sender
    assert made.correspondent_id not in {None, first.correspondent_id}
    desktop.hear(Said("v", IVOR, ("u",)))
    assert desktop.mail("v").case_id == made.id


def test_a_branch_is_found_in_any_order_and_in_a_circle() -> None:
    def entry(number: int, *ancestors: str) -> Entry:
        return Entry(number, f"<{number}>", ancestors, received_id=number)

    whole = [entry(3, "<2>"), entry(2, "<1>", "<3>"), entry(1), entry(4, "<9>")]
    assert [each.id for each in branch(whole, 1)] == [1, 2, 3]
    assert [each.id for each in branch(whole, 2)] == [2, 3]
    assert [each.id for each in branch(whole, 4)] == [4]
    letter = Entry(5, "<l>", (), received_id=None, answers_received=4)
    assert [each.id for each in branch([*whole, letter], 4)] == [4, 5]


def test_a_mail_that_is_not_there_is_told(desktop: Desktop, doing: Doing) -> None:
    with desktop.sessions.begin() as session, pytest.raises(MovingError, match="999 is in no case"):
        split_message(session, 999, doing)


def test_the_report_tells_the_rule_the_evidence_and_the_alternatives(desktop: Desktop) -> None:
    unconfirmed(desktop)
    with desktop.sessions() as session:
        report = as_json(session, session.get_one(Case, 1))
    filed = [mail["filed"] for mail in report["received_mails"]]
    assert filed[0]["rule"] == "new"
    assert filed[1]["rule"] == "P1"
    assert filed[1]["evidence"][0] == {
        "case": report["reference"],
        "because": "it answers a mail of the case",
    }
    assert filed[-1]["unconfirmed_sender"]
    assert report["unconfirmed_sender"]
    json.dumps(report)
    words = in_words(report)
    assert "P1: It answers a mail of the case" in words
    assert "sender not confirmed" in words


def test_every_command_is_there_and_wants_a_name() -> None:
    for command in COMMANDS:
        assert case.commands[str(command.name)] is command
        arguments = ["1"] if command.name in {"split", "confirm"} else ["1", "K7F3-26"]
        assert "--by" in CliRunner().invoke(command, arguments).output
    for nameless in (" ", "kith"):
        result = CliRunner().invoke(COMMANDS[1], ["1", "--by", nameless])
        assert isinstance(result.exception, MovingError)
        assert "Your name" in str(result.exception)


def test_merging_people_keeps_the_senders_apart(desktop: Desktop, doing: Doing) -> None:
    desktop.hear(Said("i", IVOR, subject="Hello"))
    with desktop.sessions.begin() as session:
        merge_cases(session, desktop.mail("i").case_id, 1, doing)
    desktop.hear(Said("j", IVOR, ("i",)))
    assert desktop.mail("j").case_id != 1  # a person put it there, which lets nobody in
