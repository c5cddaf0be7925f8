"""Threading through the real pipeline: who joins, who is held, and what each is told."""

from datetime import datetime, timedelta
from email.message import EmailMessage

import pytest
from sqlalchemy import select, update

from casework.models import (
    AwaitedId,
    Case,
    CaseEvent,
    Correspondent,
    CorrespondentAddress,
    ReceivedMail,
)
from casework.references import new_reference
from config.database import Sessions
from tests.casework.desks import a_mail, a_worker, process, receive
from tests.casework.threading.conversations import (
    IVOR,
    MARION,
    Desktop,
    Said,
    id_of,
    raw_of_said,
)


@pytest.fixture
def desktop(sessions: Sessions, now: datetime) -> Desktop:
    """Give an installation on both databases."""
    return Desktop(sessions, now)


def close(desktop: Desktop, days_ago: int) -> None:
    """Close all cases."""
    closed_at = desktop.now - timedelta(days=days_ago)
    with desktop.sessions.begin() as session:
        session.execute(update(Case).values(status="closed", closed_at=closed_at))


def history(desktop: Desktop, number: int = 1) -> list[str]:
    """Return what happened to a case."""
    with desktop.sessions() as session:
        wanted = select(CaseEvent.what).where(CaseEvent.case_id == number).order_by(CaseEvent.id)
        return list(session.execute(wanted).scalars())


def altered(token: str, place: int) -> str:
    """Return the token with another sign at that place."""
    return token[:place] + ("9" if token[place] != "9" else "8") + token[place + 1 :]


def test_a_person_who_answers_her_own_mail_joins_it_and_is_not_answered_again(
    desktop: Desktop,
) -> None:
    desktop.hear(Said("a"), Said("b", answers=("a",)))
    assert desktop.groups() == {frozenset("ab")}
    assert len(desktop.letters()) == 1
    mail = desktop.mail("b")
    assert mail.filed_rule == "P1"
    assert mail.filed_evidence == [["ANSWERS", 1], ["SAME_SUBJECT", 1]]
    assert mail.filed_alternatives == []
    assert mail.ancestors == [id_of("a")]
    assert mail.sender_key == "marion@example.org"
    assert mail.acknowledgement == "It belongs to a case that was there before."


def test_the_signed_address_lets_its_person_in_without_any_other_sign(desktop: Desktop) -> None:
    desktop.hear(Said("a"))
    address = desktop.reference_address()
    desktop.take(a_mail(desktop.now, sender=MARION, subject="x", Delivered_To=address.upper()))
    assert len(desktop.cases()) == 1
    assert len(desktop.letters()) == 1


def test_a_secret_from_an_unknown_address_is_appended_unconfirmed_and_changes_nothing_else(
    desktop: Desktop,
) -> None:
    desktop.hear(Said("a"))
    before = desktop.cases()[0]
    desktop.take(
        a_mail(
            desktop.now,
            "She has taken all her tablets.",
            sender=IVOR,
            In_Reply_To=desktop.letters()[0].message_id,
            Message_ID=id_of("b"),
        )
    )
    [case] = desktop.cases()
    assert (case.status, case.unconfirmed_sender, case.risk_level) == ("new", True, "now")
    assert case.last_received_at == before.last_received_at
    assert len(desktop.letters()) == 1
    mail = desktop.mail("b")
    assert mail.is_unconfirmed
    assert "address that we do not know" in str(mail.acknowledgement)
    with desktop.sessions() as session:
        addresses = session.execute(select(CorrespondentAddress.key)).scalars().all()
    assert addresses == ["marion@example.org"]


def test_stop_from_an_unconfirmed_sender_stops_nothing_for_the_correspondent(
    desktop: Desktop,
) -> None:
    desktop.hear(Said("a"))
    letter = desktop.letters()[0].message_id
    desktop.take(a_mail(desktop.now, "STOP", sender=IVOR, In_Reply_To=letter))
    with desktop.sessions() as session:
        assert not session.execute(select(Correspondent.no_automatic_mail)).scalar_one()


def test_a_secret_from_an_unknown_address_opens_no_closed_case(desktop: Desktop) -> None:
    desktop.hear(Said("a"))
    letter = desktop.letters()[0].message_id
    close(desktop, days_ago=1)
    desktop.take(a_mail(desktop.now, sender=IVOR, In_Reply_To=letter))
    old, held = desktop.cases()
    assert (old.status, held.status) == ("closed", "new")
    assert (held.may_belong_to, held.unconfirmed_sender) == (old.id, True)
    assert len(desktop.letters()) == 1


def test_no_altered_token_gets_a_stranger_or_an_answer_anywhere(desktop: Desktop) -> None:
    desktop.hear(Said("a"))
    letter, address = desktop.letters()[0].message_id, desktop.reference_address()
    wrong_ids = [altered(letter, place) for place in range(1, len(letter) - 1, 4)]
    local = address.partition("@")[0]
    wrong_addresses = [
        altered(local, place) + "@" + address.partition("@")[2]
        for place in range(local.index("+"), len(local), 2)
    ]
    mails = [a_mail(desktop.now, sender=IVOR, In_Reply_To=each) for each in wrong_ids]
    mails += [a_mail(desktop.now, sender=MARION, Delivered_To=each) for each in wrong_addresses]
    desktop.take(*(raw + b"\n%d" % place for place, raw in enumerate(mails)), together=True)
    first = desktop.cases()[0]
    assert not first.unconfirmed_sender
    assert len(desktop.cases()) == 1 + len(mails)
    assert frozenset("a") in desktop.groups()


def test_a_stranger_in_the_thread_is_held_and_nothing_is_different_for_her(
    desktop: Desktop,
) -> None:
    desktop.hear(Said("a"), Said("b", IVOR, ("a",)), Said("c", MARION, ("a", "b")))
    assert desktop.groups() == {frozenset("ac"), frozenset("b")}
    held = desktop.cases()[1]
    assert (held.may_belong_to, held.unconfirmed_sender) == (1, False)
    assert desktop.mail("b").filed_rule == "P3"
    assert len(desktop.letters()) == 2  # as anybody who writes for the first time


def test_a_stranger_who_names_a_case_is_not_answered_whether_there_is_one_or_not(
    desktop: Desktop,
) -> None:
    desktop.hear(Said("a"))
    reference = desktop.cases()[0].reference
    guessed = str(new_reference())
    mistyped = guessed[:-1] + ("2" if guessed[-1] != "2" else "3")
    for name in (reference, guessed, mistyped):
        desktop.hear(Said(f"x{name}", f"x{name}@example.net", subject=f"Re: [{name}]"))
    assert len(desktop.letters()) == 1
    reasons = {desktop.mail(f"x{name}").acknowledgement for name in (reference, guessed, mistyped)}
    assert len(reasons) == 1
    assert "looks like the reference of a case" in str(reasons.pop())


def test_a_known_person_is_answered_alike_whether_the_reference_is_anothers_or_nobodys(
    desktop: Desktop,
) -> None:
    desktop.hear(Said("a"), Said("b", IVOR, subject="Hello"))
    anothers = desktop.cases()[0].reference
    desktop.hear(Said("c", IVOR, subject=f"Re: [{anothers}]"))
    desktop.hear(Said("d", IVOR, subject=f"Re: [{new_reference()}]"))
    assert len(desktop.letters()) == 4
    assert desktop.mail("c").filed_rule == "P3"
    assert desktop.mail("d").filed_rule == "new"


def test_a_closed_case_is_opened_again_by_an_answer(desktop: Desktop) -> None:
    desktop.hear(Said("a"))
    close(desktop, days_ago=3)
    desktop.hear(Said("b", answers=("a",)))
    [case] = desktop.cases()
    assert (case.status, case.closed_at) == ("active", None)
    assert "reopened" in history(desktop)


def test_an_imported_mail_is_not_answered_and_opens_no_closed_case_again(
    desktop: Desktop,
) -> None:
    desktop.hear(Said("a"))
    close(desktop, days_ago=3)
    mails = [Said("b", answers=("a",)), Said("c", IVOR, subject="Hello")]
    raws = [raw_of_said(each, desktop.now) for each in mails]
    receive(desktop.sessions, desktop.now, *raws, first_uid=50)
    with desktop.sessions.begin() as session:
        session.execute(update(ReceivedMail).values(is_silent=True))
    process(desktop.sessions, a_worker(desktop.now), desktop.desk)
    assert [case.status for case in desktop.cases()] == ["closed", "new"]
    assert len(desktop.letters()) == 1
    assert "imported" in str(desktop.mail("c").acknowledgement)


def test_a_new_subject_in_answer_to_a_closed_case_makes_a_case_that_follows(
    desktop: Desktop,
) -> None:
    desktop.hear(Said("a"))
    close(desktop, days_ago=3)
    desktop.hear(Said("b", answers=("a",), subject="School exclusion"))
    old, new = desktop.cases()
    assert (old.status, new.status) == ("closed", "new")
    assert (new.follows, new.may_belong_to) == (old.id, None)
    assert len(desktop.letters()) == 2


def test_a_thank_you_after_the_end_is_kept_for_a_glance_and_opens_nothing(
    desktop: Desktop,
) -> None:
    desktop.hear(Said("a"))
    close(desktop, days_ago=90)
    raw = a_mail(desktop.now, "Thank you so much!", MARION, "Re: Contact", In_Reply_To=id_of("a"))
    desktop.take(raw)
    [case] = desktop.cases()
    assert (case.status, case.needs_glance) == ("closed", True)


def test_a_case_that_mails_open_again_and_again_stays_closed_for_a_person(
    desktop: Desktop,
) -> None:
    desktop.hear(Said("a"))
    for turn in range(6):
        close(desktop, days_ago=1)
        desktop.hear(Said(f"b{turn}", answers=("a",)))
    [case] = desktop.cases()
    assert (case.status, case.needs_look) == ("closed", True)
    assert history(desktop).count("reopened") == 5


def test_a_changed_subject_in_an_open_case_is_asked_about(desktop: Desktop) -> None:
    desktop.hear(Said("a"), Said("b", answers=("a",)))
    assert not desktop.cases()[0].new_subject
    letter = desktop.letters()[0]
    desktop.take(
        a_mail(
            desktop.now,
            sender=MARION,
            subject=f"Re: {letter.subject}",
            In_Reply_To=letter.message_id,
        )
    )
    assert not desktop.cases()[0].new_subject  # an answer to our letter has our subject
    desktop.hear(Said("c", answers=("a",), subject="School exclusion"))
    [case] = desktop.cases()
    assert case.new_subject


def test_a_forwarded_mail_of_the_case_is_appended_as_such(desktop: Desktop) -> None:
    desktop.hear(Said("a"))
    inner = EmailMessage()
    inner["From"] = "Council <duty@council.example>"
    inner["Message-ID"] = id_of("a")
    inner.set_content("The minutes.")
    outer = EmailMessage()
    outer["From"], outer["To"] = MARION, "hello@kith.example.org"
    outer["Subject"], outer["Message-ID"] = "Fwd: Minutes", id_of("f")
    outer["Date"] = desktop.now
    outer.set_content("Please see this.")
    outer.add_attachment(inner)
    desktop.take(outer.as_bytes())
    mail = desktop.mail("f")
    assert (mail.case_id, mail.filed_rule, mail.is_forwarded) == (1, "P10", True)
    assert mail.sender_email == "marion@example.org"


def test_one_message_id_with_other_words_is_kept_twice_and_flagged(desktop: Desktop) -> None:
    desktop.hear(Said("a"), Said("a", text="Something else."))
    [case] = desktop.cases()
    assert case.needs_look
    assert desktop.groups() == {frozenset("a")}
    desktop.hear(Said("a", IVOR, text="Not by her."))
    assert [each.may_belong_to for each in desktop.cases()] == [None, 1]


def test_answers_to_a_merged_case_reach_where_it_went_and_a_circle_holds_nobody_up(
    desktop: Desktop,
) -> None:
    desktop.hear(Said("a"), Said("b"), Said("c"))
    with desktop.sessions.begin() as session:
        session.execute(update(Case).where(Case.id == 1).values(merged_into=2))
        session.execute(update(Case).where(Case.id == 2).values(merged_into=3))
    desktop.hear(Said("d", answers=("a",)))
    assert desktop.mail("d").case_id == 3
    with desktop.sessions.begin() as session:
        session.execute(update(Case).where(Case.id == 3).values(merged_into=2))
    desktop.hear(Said("e", answers=("a",)), Said("f", answers=("c",)))
    assert desktop.mail("e").case_id == desktop.mail("f").case_id == 2


def test_a_parent_that_comes_late_joins_its_answer_and_nothing_is_awaited_any_more(
    desktop: Desktop,
) -> None:
    desktop.hear(Said("b", answers=("a",)), Said("c", answers=("a",)), Said("a"))
    assert desktop.groups() == {frozenset("abc")}
    assert desktop.mail("a").filed_rule == "P17"
    assert [case.merged_into for case in desktop.cases()] == [None, 1]
    assert "merged" in history(desktop, 1)
    assert "merged" in history(desktop, 2)
    with desktop.sessions() as session:
        assert session.execute(select(AwaitedId)).all() == []


def test_cases_that_a_person_has_begun_to_work_on_are_not_made_one(desktop: Desktop) -> None:
    desktop.hear(Said("b", answers=("a",)), Said("c", answers=("a",)))
    with desktop.sessions.begin() as session:
        session.execute(update(Case).where(Case.id == 2).values(owner="Priya"))
    desktop.hear(Said("a"))
    assert [case.merged_into for case in desktop.cases()] == [None, None]


def test_a_strangers_parent_is_only_suggested(desktop: Desktop) -> None:
    desktop.hear(Said("b", answers=("a",)), Said("a", IVOR))
    waiting, parent = desktop.cases()
    assert (waiting.may_belong_to, parent.may_belong_to) == (parent.id, None)
    assert desktop.groups() == {frozenset("a"), frozenset("b")}


def test_a_stranger_who_takes_an_awaited_id_keeps_the_right_parent_from_nothing(
    desktop: Desktop,
) -> None:
    desktop.hear(Said("b", answers=("a",)), Said("a", IVOR, text="Mine."), Said("a"))
    with desktop.sessions() as session:
        cases = list(session.execute(select(Case)).scalars())
        assert sorted(len([m for m in case.messages if m.received_id]) for case in cases) == [1, 2]
