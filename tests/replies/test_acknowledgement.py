from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from intake.risk import Risk, RiskLevel
from intake.taxonomy import Kind
from replies.acknowledgement import (
    AcknowledgementTemplate,
    Permission,
    choose_template,
    compose_acknowledgement,
    may_acknowledge,
)
from replies.outgoing import Purpose
from replies.templates import ReplyTemplates
from tests.replies.letters import BARE_GROUP, FULL_GROUP, SIGNPOSTS, make_request

TEMPLATES = ReplyTemplates()
NO_RISK = Risk(RiskLevel.NONE)


def body_of(template: AcknowledgementTemplate, **changes: Any) -> str:
    request = replace(make_request(template), **changes)
    return " ".join(compose_acknowledgement(request, TEMPLATES, SIGNPOSTS).body.split())


@pytest.mark.parametrize(
    ("kind", "template"),
    [
        (Kind.JOIN_REQUEST, AcknowledgementTemplate.JOIN),
        (Kind.SUPPORT_OFFER, AcknowledgementTemplate.OFFER),
        (Kind.CASE_REPORT, AcknowledgementTemplate.CASE),
        (Kind.PARTNERSHIP, AcknowledgementTemplate.PARTNERSHIP),
        (Kind.CONTRIBUTION, AcknowledgementTemplate.CONTRIBUTION),
        (Kind.PRIVACY_REQUEST, AcknowledgementTemplate.PRIVACY),
        (Kind.ENQUIRY, AcknowledgementTemplate.GENERIC),
        (Kind.AUTOMATED, AcknowledgementTemplate.GENERIC),
        (Kind.SPAM, AcknowledgementTemplate.GENERIC),
    ],
)
def test_each_kind_has_its_letter_when_we_are_sure(
    kind: Kind, template: AcknowledgementTemplate
) -> None:
    assert choose_template(kind, sure=True, level_is_now_or_today=False) is template
    unsure = choose_template(kind, sure=False, level_is_now_or_today=False)
    assert unsure is AcknowledgementTemplate.GENERIC


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("sure", [True, False])
def test_in_danger_the_letter_is_the_same_for_every_kind(kind: Kind, sure: bool) -> None:
    chosen = choose_template(kind, sure=sure, level_is_now_or_today=True)
    assert chosen is AcknowledgementTemplate.RISK


def test_the_letter_answers_the_mail_and_goes_to_one_person() -> None:
    email = compose_acknowledgement(make_request(), TEMPLATES, SIGNPOSTS)
    assert email.purpose is Purpose.ACKNOWLEDGEMENT
    assert email.automatic
    assert email.to_address == "rowan@example.com"
    assert (email.from_name, email.from_address) == (FULL_GROUP.name, FULL_GROUP.address)
    assert email.in_reply_to == "<first@example.com>"
    assert email.message_id.endswith("@hazelrow.example.org>")


def test_a_hostile_conversation_is_cut_short_before_it_is_stored() -> None:
    crowd = tuple(f"<{number}@example.com>" for number in range(10_000))
    request = replace(make_request(), references=("<" + "x" * 5000 + "@example.com>", *crowd))
    email = compose_acknowledgement(request, TEMPLATES, SIGNPOSTS)
    assert email.references[0] == crowd[0]
    assert email.references[-1] == email.in_reply_to
    assert len(email.references) == 11


@pytest.mark.parametrize("answered", [None, "", "no id \r\nBcc: eve@example.org", "x" * 10_000])
def test_a_mail_without_a_usable_id_is_answered_without_one(answered: str | None) -> None:
    request = replace(make_request(), in_reply_to=answered)
    assert compose_acknowledgement(request, TEMPLATES, SIGNPOSTS).in_reply_to is None


def test_every_kind_has_the_same_subject() -> None:
    subjects = {
        compose_acknowledgement(make_request(template), TEMPLATES, SIGNPOSTS).subject
        for template in AcknowledgementTemplate
    }
    assert subjects == {"Thank you for your email (ref K7F3-2Q)"}


@pytest.mark.parametrize(("days", "said"), [(5, "within 5 working days."), (1, "1 working day.")])
def test_the_promised_time_is_the_setting_s(days: int, said: str) -> None:
    group = replace(FULL_GROUP, reply_days=days)
    assert said in body_of(AcknowledgementTemplate.GENERIC, group=group)


@pytest.mark.parametrize("template", list(AcknowledgementTemplate))
def test_without_days_no_letter_promises_a_time(template: AcknowledgementTemplate) -> None:
    assert "working day" not in body_of(template, show_days=False)
    no_days = replace(FULL_GROUP, reply_days=0)
    assert "working day" not in body_of(template, group=no_days)


def test_in_danger_no_time_is_promised() -> None:
    assert "day" not in body_of(AcknowledgementTemplate.RISK).replace("day or night", "")


@pytest.mark.parametrize("template", list(AcknowledgementTemplate))
def test_without_urls_their_sentences_are_left_out(template: AcknowledgementTemplate) -> None:
    body = body_of(template, group=BARE_GROUP)
    assert "http" not in body
    assert "here:" not in body
    assert "How we look after" not in body
    assert "complain to" not in body


def test_a_regulator_without_url_is_named_alone() -> None:
    group = replace(FULL_GROUP, regulator_url="")
    assert "complain to the Information Commission. " in body_of(
        AcknowledgementTemplate.PRIVACY, group=group
    )


@pytest.mark.parametrize(
    ("received", "due"),
    [
        (datetime(2026, 11, 24, 23, 41, tzinfo=UTC), "24 December 2026"),
        (datetime(2026, 11, 25, 9, 0, tzinfo=UTC), "29 December 2026"),
        (datetime(2026, 1, 31, 9, 0, tzinfo=UTC), "2 March 2026"),
        (datetime(2028, 1, 31, 9, 0, tzinfo=UTC), "29 February 2028"),
    ],
)
def test_a_privacy_request_is_due_one_month_after_it_came(received: datetime, due: str) -> None:
    assert f"answer by {due}." in body_of(AcknowledgementTemplate.PRIVACY, received_at=received)
    assert f"answer by {due}." in body_of(AcknowledgementTemplate.PRIVACY, now=received)


def may(**changes: Any) -> Permission:
    usual: dict[str, Any] = {
        "screening_allows": True,
        "screening_reason": "",
        "risk": NO_RISK,
        "is_new_case": True,
        "kind_is_human": True,
        "to_address": "rowan@example.com",
        "correspondent_opted_out": False,
        "address_unsafe": False,
    }
    return may_acknowledge(**(usual | changes))


@pytest.mark.parametrize("level", list(RiskLevel))
def test_a_person_with_something_new_is_acknowledged_in_danger_too(level: RiskLevel) -> None:
    assert may(risk=Risk(level)).allowed


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"screening_allows": False, "screening_reason": "It is a newsletter."}, "a newsletter"),
        ({"risk": Risk(RiskLevel.TODAY, unsafe_reply=True)}, "may not be safe"),
        ({"address_unsafe": True}, "Somebody else may read"),
        ({"risk": Risk(RiskLevel.TODAY, child_sender=True)}, "child or young person"),
        ({"is_new_case": False}, "was there before"),
        ({"kind_is_human": False}, "automatic mail or spam"),
        ({"to_address": None}, "no address"),
        ({"to_address": "rówan@example.com"}, "no address"),
        ({"to_address": ""}, "no address"),
        ({"correspondent_opted_out": True}, "asked for no automatic mail"),
    ],
)
def test_each_refusal_has_its_own_reason(changes: dict[str, Any], words: str) -> None:
    permission = may(**changes)
    assert not permission.allowed
    assert words in permission.reason
