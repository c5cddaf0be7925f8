"""What is done with a mail once it is understood."""

from pathlib import Path
from typing import Any

import pytest

import intake.screening
from casework.belief import DOUBTFUL_SENDERS
from casework.disposition import RULES_THAT_CATCH_PEOPLE, Action, Disposition, dispose
from intake.classification import Classification
from intake.risk import Risk, RiskLevel
from intake.screening import RULES, Screening, Verdict
from intake.taxonomy import Kind


def decided(
    verdict: Verdict = Verdict.PERSONAL,
    kind: Kind = Kind.JOIN_REQUEST,
    level: RiskLevel = RiskLevel.NONE,
    *,
    sure: bool = True,
    rule: str = "some-rule",
    **known: Any,
) -> Disposition:
    circumstances = {"known_sender": False, "answers_a_case": False} | known
    return dispose(
        Screening(verdict, acknowledge=verdict is Verdict.PERSONAL, rule=rule, reason="because"),
        Classification(kind=kind, confidence=0.9, sure=sure, also=(), evidence=()),
        Risk(level),
        **circumstances,
    )


def test_a_personal_mail_is_filed_and_needs_no_sorting_when_the_kind_is_sure() -> None:
    assert decided() == Disposition(Action.FILE, please_sort=False, reason="because")
    assert decided(sure=False).please_sort


def test_what_reads_like_spam_is_screened_out_only_when_sure_unknown_and_harmless() -> None:
    assert decided(kind=Kind.SPAM).action is Action.SCREEN_OUT
    assert decided(kind=Kind.AUTOMATED).action is Action.SCREEN_OUT
    assert decided(kind=Kind.SPAM, sure=False).action is Action.FILE
    assert decided(kind=Kind.SPAM, known_sender=True).action is Action.FILE
    assert decided(kind=Kind.SPAM, level=RiskLevel.DEADLINE).action is Action.FILE
    assert decided(kind=Kind.SPAM, known_sender=True).please_sort


@pytest.mark.parametrize("verdict", [Verdict.AUTO_REPLY, Verdict.DELIVERY_REPORT, Verdict.RECEIPT])
def test_automatic_answers_are_noted_on_their_case_and_else_screened_out(verdict: Verdict) -> None:
    assert decided(verdict, Kind.AUTOMATED, answers_a_case=True).action is Action.NOTE
    assert decided(verdict, Kind.AUTOMATED).action is Action.SCREEN_OUT
    assert decided(verdict, Kind.AUTOMATED, RiskLevel.NOW).action is Action.SCREEN_OUT


@pytest.mark.parametrize("rule", sorted(RULES_THAT_CATCH_PEOPLE))
def test_a_parents_mail_through_a_list_is_filed_for_sorting(rule: str) -> None:
    through_a_list = decided(Verdict.BULK, Kind.CASE_REPORT, rule=rule)
    assert through_a_list == Disposition(Action.FILE, please_sort=True, reason="because")
    assert decided(Verdict.BULK, Kind.CASE_REPORT, rule="campaign").action is Action.SCREEN_OUT


def test_every_rule_named_here_is_a_rule_of_screening() -> None:
    source = Path(intake.screening.__file__).parent
    written = " ".join(path.read_text(encoding="utf-8") for path in source.glob("*.py"))
    assert RULES
    for rule in RULES_THAT_CATCH_PEOPLE:
        assert f'"{rule}"' in written


def test_every_rule_that_makes_a_sender_doubtful_is_a_rule_of_screening() -> None:
    source = Path(intake.screening.__file__).parent
    written = " ".join(path.read_text(encoding="utf-8") for path in source.glob("*.py"))
    for rule in DOUBTFUL_SENDERS:
        assert f'"{rule}"' in written


def test_a_persons_words_through_a_forms_robot_are_filed_for_sorting() -> None:
    assert decided(Verdict.ROBOT, Kind.ENQUIRY).action is Action.FILE
    assert decided(Verdict.ROBOT, Kind.AUTOMATED).action is Action.SCREEN_OUT


@pytest.mark.parametrize("verdict", [Verdict.SPAM, Verdict.BULK, Verdict.AUTO_REPLY])
def test_where_somebody_may_be_in_danger_a_person_looks_whatever_the_headers(
    verdict: Verdict,
) -> None:
    assert decided(verdict, Kind.CASE_REPORT, RiskLevel.NOW).action is Action.FILE
    assert decided(verdict, Kind.CASE_REPORT, RiskLevel.TODAY).please_sort
    assert decided(verdict, Kind.CASE_REPORT).action is Action.SCREEN_OUT


@pytest.mark.parametrize("verdict", [Verdict.SPAM, Verdict.ROBOT])
def test_a_robots_address_or_a_forged_look_does_not_outweigh_danger(verdict: Verdict) -> None:
    assert decided(verdict, Kind.AUTOMATED, RiskLevel.NOW).action is Action.FILE
    assert decided(Verdict.BULK, Kind.AUTOMATED, RiskLevel.NOW).action is Action.SCREEN_OUT


def test_a_loop_makes_no_case_unless_a_person_tells_of_danger_in_it() -> None:
    # The group's own website form sends from our address.
    assert decided(Verdict.LOOP, Kind.CASE_REPORT).action is Action.SCREEN_OUT
    assert decided(Verdict.LOOP, Kind.CASE_REPORT, RiskLevel.NOW).action is Action.FILE
    assert decided(Verdict.LOOP, Kind.AUTOMATED, RiskLevel.NOW).action is Action.SCREEN_OUT


def test_danger_in_a_mail_with_an_automatic_mark_is_not_just_noted() -> None:
    marked = decided(Verdict.AUTO_REPLY, Kind.CASE_REPORT, RiskLevel.NOW, answers_a_case=True)
    assert marked == Disposition(Action.FILE, please_sort=True, reason="because")
    away = decided(Verdict.AUTO_REPLY, Kind.AUTOMATED, RiskLevel.NOW, answers_a_case=True)
    assert away.action is Action.NOTE


def test_what_cannot_be_read_is_filed_for_a_person() -> None:
    unreadable = decided(Verdict.UNREADABLE, Kind.ENQUIRY, RiskLevel.TODAY, sure=False)
    assert unreadable.action is Action.FILE
    assert unreadable.please_sort
