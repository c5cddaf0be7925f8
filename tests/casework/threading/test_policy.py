"""Which case a mail belongs to: the policy by itself, rule by rule."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from casework.threading import CaseFacts, Decision, Placing, Pointer, Source, Traits, decide

AT = datetime(2026, 11, 24, 21, 5, tzinfo=UTC)
MARION, IVOR = 10, 20
STRONG = [source for source in Source if source.is_strong and source is not Source.SAME_MESSAGE_ID]
SECRETS = [source for source in Source if source.shows_a_secret]
NO_SECRETS = [
    source
    for source in Source
    if source.is_strong and not source.shows_a_secret and source is not Source.AWAITED
]


def case(number: int = 1, person: int | None = MARION, **changes: Any) -> CaseFacts:
    values: dict[str, Any] = {"is_open": True, "stems": frozenset({"contact"})} | changes
    return CaseFacts(number, person, **values)


def mail(person: int | None = MARION, **changes: Any) -> Traits:
    values: dict[str, Any] = {"at": AT, "stem": "contact"} | changes
    return Traits(person, **values)


def decided(written: Traits, *found: tuple[CaseFacts, Source]) -> Decision:
    pointers = [Pointer(facts.id, source) for facts, source in found]
    return decide(written, pointers, {facts.id: facts for facts, _ in found})


@pytest.mark.parametrize("source", STRONG)
def test_p1_the_cases_own_correspondent_appends_by_any_strong_evidence(source: Source) -> None:
    decision = decided(mail(), (case(), source))
    assert (decision.placing, decision.case_id) == (Placing.APPEND, 1)
    assert decision.rule in {"P1", "P17"}
    assert decision.evidence == (Pointer(1, source),)


@pytest.mark.parametrize("source", SECRETS)
def test_p2_a_secret_from_an_unknown_address_appends_as_unconfirmed(source: Source) -> None:
    for person in (None, IVOR):
        decision = decided(mail(person), (case(), source))
        assert (decision.placing, decision.rule) == (Placing.APPEND_UNCONFIRMED, "P2")
        assert decision.knows_a_secret


@pytest.mark.parametrize("source", SECRETS)
def test_p2_nobody_unknown_gets_into_a_closed_case(source: Source) -> None:
    decision = decided(mail(None), (case(is_open=False), source))
    assert (decision.placing, decision.case_id) == (Placing.HOLD, 1)
    assert decision.knows_a_secret


@pytest.mark.parametrize("source", NO_SECRETS)
def test_p3_a_stranger_is_held_and_never_appends(source: Source) -> None:
    for person in (None, IVOR):
        decision = decided(mail(person), (case(), source))
        assert (decision.placing, decision.rule, decision.case_id) == (Placing.HOLD, "P3", 1)
        assert decision.appends_to is None
        assert not decision.knows_a_secret


def test_that_a_mail_was_answered_already_says_nothing_of_a_strangers_mail() -> None:
    assert decided(mail(IVOR), (case(), Source.AWAITED)).placing is Placing.OPEN


def test_a_case_without_correspondent_takes_nobody_in() -> None:
    assert decided(mail(None), (case(person=None), Source.ANSWERS)).placing is Placing.HOLD


def test_p5_a_foreign_secret_beside_own_evidence_is_held_for_a_person() -> None:
    foreign, own = case(1, IVOR), case(2, MARION)
    decision = decided(mail(), (foreign, Source.OUR_MESSAGE_ID), (own, Source.REFERENCE))
    assert (decision.placing, decision.rule) == (Placing.HOLD, "P5")
    assert decision.alternatives == (2,)


def test_p5_secrets_of_two_peoples_cases_are_held() -> None:
    first, second = case(1, MARION), case(2, IVOR)
    decision = decided(mail(None), (first, Source.REPLY_ADDRESS), (second, Source.OUR_MESSAGE_ID))
    assert (decision.placing, decision.rule) == (Placing.HOLD, "P5")


def test_p5_of_two_own_cases_the_more_specific_evidence_counts_and_both_are_recorded() -> None:
    one, two = case(1), case(2)
    decision = decided(mail(), (two, Source.OUR_MESSAGE_ID), (one, Source.REFERENCE))
    assert (decision.placing, decision.rule, decision.case_id) == (Placing.APPEND, "P5", 2)
    assert decision.alternatives == (1,)


def test_a_stranger_in_the_thread_does_not_keep_the_correspondent_out() -> None:
    held, own = case(1, IVOR), case(2, MARION)
    decision = decided(mail(), (held, Source.ANSWERS), (own, Source.ANSWERS))
    assert (decision.placing, decision.case_id) == (Placing.APPEND, 2)


def test_p7_a_closed_case_is_opened_again_for_the_same_subject() -> None:
    closed = case(is_open=False, closed_at=AT - timedelta(days=29))
    decision = decided(mail(), (closed, Source.OUR_MESSAGE_ID))
    assert (decision.placing, decision.rule, decision.reopens) == (Placing.APPEND, "P7", True)


@pytest.mark.parametrize(
    ("changes", "stem"),
    [
        ({"closed_at": AT - timedelta(days=31)}, "contact"),
        ({"closed_at": AT - timedelta(days=1)}, "school exclusion"),
        ({}, "school exclusion"),
    ],
)
def test_p7_after_long_or_with_another_subject_a_new_case_follows(
    changes: dict[str, Any], stem: str
) -> None:
    closed = case(is_open=False, **changes)
    decision = decided(mail(stem=stem), (closed, Source.OUR_MESSAGE_ID))
    assert (decision.placing, decision.rule) == (Placing.OPEN_FOLLOWING, "P7")
    assert decision.case_id == 1
    assert decision.appends_to is None


def test_p7_what_asks_for_nothing_opens_nothing_again() -> None:
    closed = case(is_open=False, closed_at=AT - timedelta(days=300))
    decision = decided(mail(may_reopen=False), (closed, Source.OUR_MESSAGE_ID))
    assert (decision.placing, decision.reopens) == (Placing.APPEND, False)


def test_p8_another_subject_in_an_open_case_is_appended_and_asked_about() -> None:
    decision = decided(mail(stem="school exclusion"), (case(), Source.OUR_MESSAGE_ID))
    assert (decision.placing, decision.is_new_subject) == (Placing.APPEND, True)
    for unsure in (mail(stem=""), mail()):
        assert not decided(unsure, (case(), Source.OUR_MESSAGE_ID)).is_new_subject
    old = case(stems=None)
    assert not decided(mail(stem="x"), (old, Source.OUR_MESSAGE_ID)).is_new_subject


def test_p10_a_forward_by_a_party_is_appended_as_forwarded_material() -> None:
    decision = decided(mail(stem="minutes", is_forward=True), (case(), Source.ENCLOSED))
    assert (decision.placing, decision.rule) == (Placing.APPEND, "P10")
    assert decision.is_forwarded
    assert not decision.is_new_subject


@pytest.mark.parametrize("is_repeat", [True, False])
def test_p12_the_same_message_id_is_kept_twice_and_flagged_if_it_says_something_else(
    is_repeat: bool,
) -> None:
    again = Pointer(1, Source.SAME_MESSAGE_ID, is_repeat)
    pointers = [Pointer(1, Source.REPLY_ADDRESS), again]
    decision = decide(mail(), pointers, {1: case(is_open=False)})
    assert (decision.placing, decision.rule) == (Placing.APPEND, "P12")
    assert decision.is_repeat is is_repeat
    assert decision.needs_look is not is_repeat


def test_p17_two_untouched_cases_that_turn_out_to_be_one_conversation_become_one() -> None:
    one, two, worked = case(1, is_untouched=True), case(2, is_untouched=True), case(3)
    joined = decided(mail(), (two, Source.AWAITED), (one, Source.AWAITED))
    assert (joined.case_id, joined.joins, joined.rule) == (1, (2,), "P17")
    apart = decided(mail(), (worked, Source.ANSWERS), (one, Source.ANSWERS))
    assert (apart.case_id, apart.joins) == (3, ())
    by_reference = decided(mail(), (one, Source.ANSWERS), (two, Source.REFERENCE))
    assert by_reference.joins == ()


@pytest.mark.parametrize("source", [Source.SAME_SUBJECT, Source.THREAD_INDEX])
def test_supporting_evidence_alone_only_suggests(source: Source) -> None:
    decision = decided(mail(), (case(), source))
    assert (decision.placing, decision.case_id) == (Placing.OPEN, 1)
    assert decided(mail(IVOR), (case(), source)).case_id is None


def test_without_evidence_it_is_a_new_matter() -> None:
    decision = decided(mail())
    assert (decision.placing, decision.case_id, decision.rule) == (Placing.OPEN, None, "new")
