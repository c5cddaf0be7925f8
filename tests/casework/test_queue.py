"""The queue: who is shown first, and why."""

from datetime import datetime, timedelta

from sqlalchemy import event
from sqlalchemy.engine import Engine

from casework.models import KeyDateRow
from casework.queue import Band, read_queue
from config.database import Sessions
from intake.taxonomy import Kind
from tests.casework.cases import make_case


def test_danger_comes_first_then_dates_then_what_is_held_then_the_oldest(
    sessions: Sessions, now: datetime
) -> None:
    hours = [now - timedelta(hours=n) for n in range(10)]
    with sessions.begin() as session:
        waiting = make_case(session, hours[9], Kind.JOIN_REQUEST)
        newer = make_case(session, hours[1])
        unsorted = make_case(session, hours[8], please_sort=True)
        held = make_case(session, hours[7], unsafe_reply=True)
        dated = make_case(session, hours[6], risk_level="deadline")
        day = now.date() + timedelta(days=3)
        session.add(KeyDateRow(case_id=dated.id, type="hearing", on=day, words="Friday"))
        today = make_case(session, hours[5], risk_level="today")
        danger = make_case(session, hours[4], Kind.JOIN_REQUEST, Kind.CASE_REPORT, risk_level="now")
        make_case(session, hours[3], status="closed", risk_level="now")
        wanted = {
            Band.DANGER: [danger.reference, today.reference],
            Band.DATES: [dated.reference],
            Band.HELD: [held.reference],
            Band.SORT: [unsorted.reference],
            Band.WAITING: [waiting.reference, newer.reference],
        }
    with sessions() as session:
        queue = read_queue(session, now.date())
    found = {band: [row.reference for row in queue.in_band(band)] for band in Band}
    assert found == wanted
    assert queue.open_cases == 7
    assert queue.in_band(Band.DANGER)[0].kinds == (Kind.JOIN_REQUEST, Kind.CASE_REPORT)
    assert queue.in_band(Band.DATES)[0].next_date == day


def test_a_date_far_away_or_past_is_no_hurry(sessions: Sessions, now: datetime) -> None:
    with sessions.begin() as session:
        for days in (-1, 8):
            case = make_case(session, now)
            day = now.date() + timedelta(days=days)
            session.add(KeyDateRow(case_id=case.id, type="review", on=day, words="then"))
    with sessions() as session:
        assert len(read_queue(session, now.date()).in_band(Band.WAITING)) == 2


def test_the_number_of_statements_does_not_grow_with_the_cases(
    sessions: Sessions, engine: Engine, now: datetime
) -> None:
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    counts = []
    for _ in range(2):
        with sessions.begin() as session:
            for _ in range(15):
                make_case(session, now, Kind.CASE_REPORT, Kind.JOIN_REQUEST)
        statements.clear()
        with sessions() as session:
            read_queue(session, now.date())
        counts.append(len([s for s in statements if s.startswith("SELECT")]))
    assert counts[0] == counts[1] <= 8


def test_only_the_first_are_read_and_the_rest_are_counted(
    sessions: Sessions, now: datetime
) -> None:
    with sessions.begin() as session:
        for _ in range(7):
            make_case(session, now)
    with sessions() as session:
        queue = read_queue(session, now.date(), limit=3)
    assert len(queue.rows) == 3
    assert queue.open_cases == 7


def test_however_many_cases_there_are_each_is_on_one_page(
    sessions: Sessions, now: datetime
) -> None:
    with sessions.begin() as session:
        made = {make_case(session, now, risk_level="now").reference for _ in range(7)}
    with sessions() as session:
        pages = [read_queue(session, now.date(), limit=3, page=page) for page in (1, 2, 3)]
        beyond = read_queue(session, now.date(), limit=3, page=9)
        before = read_queue(session, now.date(), limit=3, page=0)
    shown = [row.reference for page in pages for row in page.rows]
    assert len(shown) == 7
    assert set(shown) == made
    assert [(page.page, page.pages) for page in pages] == [(1, 3), (2, 3), (3, 3)]
    assert (beyond.rows, before.rows) == (pages[2].rows, pages[0].rows)
