"""British dates, worked out from the Date header in London."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.message import Message
from intake.risk import Risk, RiskLevel, scan_risk, shipped_risk_rules
from intake.risk.calendar_words import find_days
from intake.risk.key_dates import day_of_writing
from intake.risk.scan import MOST_DATES
from intake.risk.wording import Wording

RULES = shipped_risk_rules()
THURSDAY = date(2026, 3, 5)


def scan(text: str, written: datetime | None = datetime(2026, 3, 5, 9, 0, tzinfo=UTC)) -> Risk:
    return scan_risk(Message(subject="", sender=None, text=text, date=written), RULES)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("on Monday", date(2026, 3, 9)),
        ("Thursday", date(2026, 3, 12)),
        ("this Friday", date(2026, 3, 6)),
        ("this coming Monday", date(2026, 3, 9)),
        ("Monday coming", date(2026, 3, 9)),
        ("on weds", date(2026, 3, 11)),
        ("next Friday's", date(2026, 3, 13)),
        ("next Thursday", date(2026, 3, 12)),
        ("Tuesday next", date(2026, 3, 10)),
        ("a week on Friday", date(2026, 3, 13)),
        ("a week Tuesday", date(2026, 3, 17)),
        ("two weeks on Monday", date(2026, 3, 23)),
        ("a fortnight on Saturday", date(2026, 3, 21)),
        ("Friday week", date(2026, 3, 13)),
        ("Saturday fortnight", date(2026, 3, 21)),
        ("a week tomorrow", date(2026, 3, 13)),
        ("two weeks today", date(2026, 3, 19)),
        ("tomorrow", date(2026, 3, 6)),
        ("tomorrow week", date(2026, 3, 13)),
        ("the day after tomorrow", date(2026, 3, 7)),
        ("tonight", date(2026, 3, 5)),
        ("the 14th", date(2026, 3, 14)),
        ("the 4th", date(2026, 4, 4)),
        ("the 31st", date(2026, 3, 31)),
        ("Monday 9th", date(2026, 3, 9)),
        ("Monday the 9th", date(2026, 3, 9)),
        ("Tues 17th", date(2026, 3, 17)),
        ("Monday 16", date(2026, 3, 16)),
        ("Friday 10 am", date(2026, 3, 6)),
        ("Monday 3rd", date(2026, 8, 3)),
        ("Tuesday 14 April", date(2026, 4, 14)),
        ("14 March", date(2026, 3, 14)),
        ("14th of March", date(2026, 3, 14)),
        ("March 14th", date(2026, 3, 14)),
        ("March the 14th", date(2026, 3, 14)),
        ("14 Mar 2026", date(2026, 3, 14)),
        ("the fourteenth of March", date(2026, 3, 14)),
        ("14 January", date(2026, 1, 14)),
        ("20 December", date(2025, 12, 20)),
        ("14/03", date(2026, 3, 14)),
        ("14/3/26", date(2026, 3, 14)),
        ("14.3.26", date(2026, 3, 14)),
        ("14-03-2026", date(2026, 3, 14)),
        ("2026-03-14", date(2026, 3, 14)),
        ("04/03", date(2026, 3, 4)),
        ("in two weeks", date(2026, 3, 19)),
        ("in 10 days", date(2026, 3, 15)),
        ("within a week", date(2026, 3, 12)),
        ("in a fortnight", date(2026, 3, 19)),
        ("nine days off", date(2026, 3, 14)),
        ("twelve days from today", date(2026, 3, 17)),
        ("two weeks tomorrow", date(2026, 3, 20)),
    ],
)
def test_a_day_is_read_as_the_british_mean_it(written: str, expected: date) -> None:
    days = [named.day for named in find_days(Wording(f"it is {written} then"), THURSDAY)]
    assert days == [expected]


@pytest.mark.parametrize(
    "written",
    [
        "24/7",
        "at 9.30",
        "last Thursday",
        "every Tuesday",
        "on Fridays",
        "31/02",
        "the 45th",
        "99/99",
        "he sat down",
        "in the sun",
        "we'd go",
        "section 20",
        "aged 14",
        "1/13",
    ],
)
def test_what_only_looks_like_a_day_is_none(written: str) -> None:
    assert list(find_days(Wording(f"so {written} then"), THURSDAY)) == []


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("The final hearing is on the 12th.", "hearing", date(2026, 3, 12)),
        ("Our LAC review is next Wednesday.", "review", date(2026, 3, 11)),
        ("cla review monday", "review", date(2026, 3, 9)),
        ("The child protection conference is this Friday.", "conference", date(2026, 3, 6)),
        ("his placement ends on Friday", "placement_end", date(2026, 3, 6)),
        ("they are moving her on Friday", "placement_end", date(2026, 3, 6)),
        ("Notice is up on Tuesday 10th.", "notice", date(2026, 3, 10)),
        ("Governors’ panel, Thursday 12 March", "exclusion_panel", date(2026, 3, 12)),
        ("Tribunal is on the 17th, a week on Tuesday", "tribunal", date(2026, 3, 17)),
        ("PLO meeting tomorrow", "meeting", date(2026, 3, 6)),
        ("The deadline is noon on Monday.", "deadline", date(2026, 3, 9)),
        ("Please let me know by Wednesday.", "reply_by", date(2026, 3, 11)),
        ("They discharge her from the ward tomorrow.", "discharge", date(2026, 3, 6)),
        ("He turns 18 on Saturday week.", "birthday_18", date(2026, 3, 14)),
    ],
)
def test_a_key_date_has_its_kind(text: str, kind: str, expected: date) -> None:
    risk = scan(text)
    assert (kind, expected) in {(found.type, found.date) for found in risk.key_dates}
    assert risk.level is RiskLevel.DEADLINE
    for found in risk.key_dates:
        assert text[found.start : found.end] == found.text


@pytest.mark.parametrize(
    "text",
    [
        "The hearing is on 20 May.",
        "The hearing was on 2 February.",
        "The review was last Thursday.",
    ],
)
def test_a_day_far_off_or_past_is_no_deadline(text: str) -> None:
    assert scan(text).level is RiskLevel.NONE


def test_the_fourteenth_day_is_still_a_deadline_and_the_fifteenth_is_not() -> None:
    assert scan("The hearing is on 19 March.").level is RiskLevel.DEADLINE
    assert scan("The hearing is on 20 March.").level is RiskLevel.NONE


def test_a_past_day_is_no_key_date() -> None:
    assert scan("The hearing was on 2 February.").key_dates == ()


def test_without_a_date_header_words_alone_make_a_deadline_but_no_date() -> None:
    for text in ("hearing tomorrow", "they are moving her on Friday", "Panel sits on the 14th."):
        risk = scan(text, None)
        assert risk.level is RiskLevel.DEADLINE
        assert risk.key_dates == ()


def test_the_day_of_writing_is_that_of_london() -> None:
    late = datetime(2026, 6, 30, 23, 30, tzinfo=UTC)
    assert day_of_writing(late) == date(2026, 7, 1)
    assert {found.date for found in scan("Court tomorrow", late).key_dates} == {date(2026, 7, 2)}


@pytest.mark.parametrize(
    "moment",
    [None, datetime(1, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)],
)
def test_a_nonsense_date_header_is_none(moment: datetime | None) -> None:
    assert day_of_writing(moment) is None
    assert scan("hearing tomorrow", moment).level is RiskLevel.DEADLINE


def test_a_key_date_in_the_subject_has_no_place_in_the_text() -> None:
    message = Message(
        subject="LAC review on Monday", sender=None, date=datetime(2026, 3, 5, 9, tzinfo=UTC)
    )
    (found,) = scan_risk(message, RULES).key_dates
    assert (found.type, found.date, found.start, found.end) == (
        "review",
        date(2026, 3, 9),
        -1,
        -1,
    )


def test_a_date_across_new_year_is_the_next_one() -> None:
    written = datetime(2026, 12, 29, 12, tzinfo=UTC)
    assert {found.date for found in scan("Review on 5 January", written).key_dates} == {
        date(2027, 1, 5)
    }
    assert {found.date for found in scan("Review on the 4th", written).key_dates} == {
        date(2027, 1, 4)
    }


@pytest.mark.parametrize("count", [4, 5, 30])
def test_a_day_is_found_beside_an_event_however_often_it_is_named_before(count: int) -> None:
    text = "We talked about the hearing at length over tea in the kitchen. " * count
    risk = scan(f"{text}The hearing is on the 12th.")
    assert risk.level is RiskLevel.DEADLINE
    assert {(found.type, found.date) for found in risk.key_dates} == {
        ("hearing", date(2026, 3, 12))
    }


def test_a_day_is_found_beside_the_last_event_of_an_endless_sentence() -> None:
    text = "the hearing and the soup and " * 200 + "the hearing on the 12th"
    assert [found.date for found in scan(text).key_dates] == [date(2026, 3, 12)]


def test_a_day_belongs_to_the_nearest_of_many_events() -> None:
    text = "The hearing, the review. " * 30 + "The review on the 12th, then a hearing."
    assert {found.type for found in scan(text).key_dates} == {"review"}


def test_of_many_deadlines_a_few_are_shown_and_all_dates_kept() -> None:
    days = range(6, 20)
    risk = scan("".join(f"The hearing is on {day} March. " for day in days))
    assert len(risk.evidence) == 4
    assert [found.date.day for found in risk.key_dates] == list(days)


def test_of_endless_dates_the_soonest_are_kept() -> None:
    far = "".join(f"Hearing 14/03/{year}. " for year in range(2050, 2099))
    far += "".join(
        f"Review 1/{month}/{year}. " for year in range(2030, 2049) for month in range(1, 13)
    )
    risk = scan(f"{far}The hearing is on the 12th.")
    assert risk.level is RiskLevel.DEADLINE
    assert len(risk.key_dates) == MOST_DATES
    assert risk.key_dates[0].date == date(2026, 3, 12)
    assert risk.key_dates[-1].date.year < 2045


ROW = st.lists(st.sampled_from([*["soup"] * 12, "hearing", "tomorrow"]), max_size=120)


@given(ROW)
def test_a_day_is_dated_exactly_when_an_event_is_within_reach(words: list[str]) -> None:
    (reach,) = [event.reach for event in RULES.events if event.type == "hearing"]
    hearings = [at for at, word in enumerate(words) if word == "hearing"]
    days = [at for at, word in enumerate(words) if word == "tomorrow"]
    is_near = any(abs(day - hearing) - 1 <= reach for day in days for hearing in hearings)
    assert bool(scan(" ".join(words)).key_dates) is is_near


DATE_WORDS = st.sampled_from(
    [
        "a",
        "the",
        "of",
        "on",
        "in",
        "by",
        "next",
        "this",
        "last",
        "coming",
        "week",
        "weeks",
        "fortnight",
        "day",
        "days",
        "couple",
        "few",
        "two",
        "0",
        "1",
        "12",
        "31",
        "99",
        "2026",
        "0th",
        "4th",
        "31st",
        "45th",
        "first",
        "twentieth",
        "mon",
        "monday",
        "mondays",
        "sat",
        "march",
        "may",
        "feb",
        "september",
        "today",
        "tomorrow",
        "after",
        "away",
        "off",
        "14/03",
        "31/02/26",
        "29.2.27",
        "2026-13-01",
        "1/1/1/1",
        "hearing",
        "review",
        ".",
        "!",
    ]
)


@settings(max_examples=300, deadline=None)
@given(
    words=st.lists(DATE_WORDS, max_size=12),
    written=st.dates(date(1980, 1, 1), date(9000, 12, 31)),
)
def test_any_row_of_date_words_is_read(words: list[str], written: date) -> None:
    wording = Wording(" ".join(words))
    for named in find_days(wording, written):
        assert 0 <= named.first <= named.last < len(wording.tokens)
        assert named.day is None or named.days_ahead == (named.day - written).days
