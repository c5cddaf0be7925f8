from dataclasses import replace
from pathlib import Path

import pytest

from replies.acknowledgement import AcknowledgementTemplate, GroupVoice
from replies.letter_check import check_letters
from replies.templates import ReplyTemplateError, ReplyTemplates
from tests.replies.letters import BARE_GROUP, FULL_GROUP, NOW, SIGNPOSTS, write_template

GROUPS = {
    "no urls": BARE_GROUP,
    "all urls": FULL_GROUP,
    "one day": replace(FULL_GROUP, reply_days=1),
    "no days": replace(FULL_GROUP, reply_days=0),
    "ten days, regulator by name": replace(
        BARE_GROUP, reply_days=10, regulator="the Information Commission"
    ),
}


@pytest.mark.parametrize("group", GROUPS.values(), ids=list(GROUPS))
def test_every_letter_that_kith_ships_keeps_the_rules(group: GroupVoice) -> None:
    assert check_letters(group, ReplyTemplates(), SIGNPOSTS, NOW) == ()


def test_a_site_s_own_wording_is_held_to_the_same_rules(tmp_path: Path) -> None:
    write_template(tmp_path, "join/body.txt", "{{ opener }}\n\nWelcome!\n\n{{ safety }}")
    faults = check_letters(FULL_GROUP, ReplyTemplates(tmp_path), SIGNPOSTS, NOW)
    assert {fault.template for fault in faults} == {AcknowledgementTemplate.JOIN}
    assert [fault.fault.problem for fault in faults] == ["it has an exclamation mark"]


def test_a_safety_block_without_its_numbers_is_found_in_every_letter(tmp_path: Path) -> None:
    write_template(tmp_path, "safety.txt", "We are not an emergency service.")
    faults = check_letters(FULL_GROUP, ReplyTemplates(tmp_path), SIGNPOSTS, NOW)
    assert {fault.template for fault in faults} == set(AcknowledgementTemplate)
    assert {fault.fault.rule for fault in faults} == {"safety"}


def test_a_wording_that_cannot_be_written_at_all_is_an_error(tmp_path: Path) -> None:
    write_template(tmp_path, "offer/body.txt", "Dear {{ sender_name }}")
    with pytest.raises(ReplyTemplateError, match=r"offer/body.txt.*sender_name"):
        check_letters(FULL_GROUP, ReplyTemplates(tmp_path), SIGNPOSTS, NOW)
