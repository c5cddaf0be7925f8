"""What is said to be wrong, and what is not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from casework.status.model import (
    Brakes,
    CanaryStatus,
    LetterCounts,
    MailboxStatus,
    OpenBreaker,
    Status,
    Token,
    Watching,
)
from casework.status.troubles import troubles
from intake.mailbox.door import Role

NOW = datetime(2026, 11, 24, 23, 41, tzinfo=UTC)
WATCHING = Watching(is_live=True)
WELL = Status(
    at=NOW,
    is_live=True,
    go_live=None,
    mailboxes=(
        MailboxStatus(
            "inbox-1",
            "Inbox",
            Role.INBOX,
            present=12,
            ledger=14,
            complete_at=NOW,
            compared_at=NOW - timedelta(hours=20),
            tried_at=NOW,
            well_at=NOW,
        ),
    ),
    ledger={"filed": 10, "screened_out": 4, "set_aside": 0, "received": 0},
)
BOX = WELL.mailboxes[0]


def keys(status: Status, watching: Watching = WATCHING) -> list[str]:
    return [trouble.key for trouble in troubles(status, watching)]


def with_box(**changes: object) -> Status:
    return replace(WELL, mailboxes=(replace(BOX, **changes),))  # type: ignore[arg-type]


def minutes_ago(minutes: int) -> datetime:
    return NOW - timedelta(minutes=minutes)


def test_nothing_is_wrong_when_all_is_well() -> None:
    assert keys(WELL) == []


@pytest.mark.parametrize(("minutes", "rings"), [(15, False), (16, True)])
def test_a_quarter_of_an_hour_without_a_good_look_is_silence(minutes: int, rings: bool) -> None:
    status = with_box(well_at=minutes_ago(minutes), problem="The network is down.")
    assert keys(status) == (["silence-inbox-1"] if rings else [])


def test_silence_is_told_even_when_the_service_itself_has_stopped() -> None:
    stopped = with_box(tried_at=minutes_ago(90), well_at=minutes_ago(90))
    assert keys(stopped) == ["silence-inbox-1"]


def test_a_mailbox_that_was_never_read_is_silent_at_once() -> None:
    assert keys(with_box(well_at=None, problem="Refused.")) == ["silence-inbox-1"]


def test_who_wants_no_alarm_about_silence_gets_none() -> None:
    status = with_box(well_at=minutes_ago(900))
    assert keys(status, replace(WATCHING, silence=None)) == []


def test_a_folder_looked_into_once_a_day_is_not_silent_in_between() -> None:
    daily = with_box(rhythm=timedelta(days=1), well_at=NOW - timedelta(hours=30))
    assert keys(daily) == []
    assert keys(with_box(rhythm=timedelta(days=1), well_at=NOW - timedelta(hours=49)))


def test_a_refused_sign_in_is_told_at_once_and_not_as_a_network_that_is_down() -> None:
    status = with_box(well_at=minutes_ago(1), problem="Refused.", needs_sign_in=True)
    [trouble] = troubles(status, WATCHING)
    assert trouble.key == "sign-in-inbox-1"
    assert "kith login" in trouble.remedy


def test_before_the_first_look_the_remedy_is_to_start() -> None:
    [trouble] = troubles(with_box(tried_at=None, well_at=None), WATCHING)
    assert trouble.key == "never-looked"
    assert not trouble.rings
    assert keys(replace(WELL, mailboxes=())) == ["never-looked"]


@pytest.mark.parametrize(
    ("changes", "key", "rings"),
    [
        ({"oldest_unfiled_at": minutes_ago(16)}, "unfiled", True),
        ({"ledger": {"set_aside": 2}}, "set-aside", True),
        ({"canary": CanaryStatus(minutes_ago(31), None, is_overdue=True)}, "canary", True),
        ({"brakes": Brakes((OpenBreaker("address:5d", NOW),))}, "breaker-address:5d", True),
        ({"brakes": Brakes(all_stopped=True)}, "all-stopped", True),
        ({"brakes": Brakes(caps_reached=2)}, "caps", True),
        ({"letters": LetterCounts(waiting=1, oldest_waiting_at=minutes_ago(61))}, "letters", True),
        ({"letters": LetterCounts(unknown=1, unknown_lately=1)}, "unknown-letters", False),
        ({"letters": LetterCounts(failed=1, failed_lately=1)}, "failed-letters", False),
        ({"tokens": (Token("gmail", needs_sign_in=True),)}, "token-over-gmail", True),
        ({"tokens": (Token("gmail", NOW - timedelta(days=1)),)}, "token-over-gmail", True),
        ({"tokens": (Token("gmail", NOW + timedelta(days=2)),)}, "token-gmail", True),
        ({"tokens": (Token("gmail", NOW + timedelta(days=29)),)}, "token-gmail", False),
        ({"tokens": (Token("gmail", warning="Publish it."),)}, "token-gmail", False),
    ],
)
def test_each_thing_that_needs_a_person_is_told_with_a_remedy(
    changes: dict[str, object], key: str, rings: bool
) -> None:
    [trouble] = troubles(replace(WELL, **changes), WATCHING)  # type: ignore[arg-type]
    assert (trouble.key, trouble.rings) == (key, rings)
    assert trouble.words.endswith(".")
    assert trouble.remedy.endswith(".")


@pytest.mark.parametrize(
    "changes",
    [
        {"oldest_unfiled_at": minutes_ago(15)},
        {"letters": LetterCounts(waiting=1, oldest_waiting_at=minutes_ago(60))},
        {"letters": LetterCounts(failed=7, unknown=3)},
        {"letters": LetterCounts(drafts=40)},
        {"canary": CanaryStatus(minutes_ago(5), None)},
        {"brakes": Brakes(suspended_addresses=3)},
        {"spam_to_look_at": 9},
        {"tokens": (Token("gmail", NOW + timedelta(days=31)), Token("microsoft"))},
    ],
)
def test_what_is_old_settled_or_ordinary_is_no_trouble(changes: dict[str, object]) -> None:
    assert keys(replace(WELL, **changes)) == []  # type: ignore[arg-type]


def test_letters_that_wait_in_shadow_mode_wait_rightly() -> None:
    letters = LetterCounts(waiting=1, oldest_waiting_at=minutes_ago(600))
    assert keys(replace(WELL, is_live=False, letters=letters)) == []


def test_mail_that_is_missing_rings_and_a_missed_comparison_does_not() -> None:
    late = with_box(missing=3, compared_at=NOW - timedelta(hours=49))
    found = troubles(late, WATCHING)
    assert [(each.key, each.rings) for each in found] == [
        ("missing-inbox-1", True),
        ("comparison-inbox-1", False),
    ]
    assert "3 mails" in found[0].words


def test_what_rings_comes_first() -> None:
    status = replace(WELL, letters=LetterCounts(failed_lately=1), ledger={"set_aside": 1})
    assert keys(status) == ["set-aside", "failed-letters"]


def test_each_sender_who_is_not_answered_rings_and_a_flood_of_them_is_bounded() -> None:
    senders = tuple(OpenBreaker(f"address:{number}", NOW) for number in range(40))
    assert keys(replace(WELL, brakes=Brakes(senders[:5]))) == [
        f"breaker-address:{number}" for number in range(5)
    ]
    found = troubles(replace(WELL, brakes=Brakes(senders)), WATCHING)
    assert len(found) == 6
    assert "35 further senders" in found[-1].words
