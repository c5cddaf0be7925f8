"""Mails come in any order: the same mails make the same cases, and strangers never join."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from config.database import Base, Sessions, make_engine, make_sessions
from tests.casework.threading.conversations import IVOR, MARION, Desktop, Said, raw_of_said

NOW = datetime(2026, 11, 24, 23, 41, tzinfo=UTC)
PEOPLE = (MARION, IVOR)
few = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


@contextmanager
def fresh_desktop() -> Iterator[Desktop]:
    """Give an installation with an empty database."""
    with TemporaryDirectory() as directory:
        engine = make_engine(f"sqlite:///{Path(directory) / 'kith.sqlite3'}")
        Base.metadata.create_all(engine)
        yield Desktop(make_sessions(engine), NOW)
        engine.dispose()


@st.composite
def conversations(draw: st.DrawFn) -> list[Said]:
    """Draw mails of two people, each of which may answer any of those before it."""
    said: list[Said] = []
    for number in range(draw(st.integers(2, 6))):
        names = [each.name for each in said]
        answers = draw(st.lists(st.sampled_from(names), max_size=2, unique=True)) if names else []
        sender = draw(st.sampled_from(PEOPLE))
        subject = draw(st.sampled_from(["Contact", "Re: Contact", "School"]))
        said.append(Said(f"m{number}", sender, tuple(answers), subject))
    return said


def expected(said: list[Said]) -> set[frozenset[str]]:
    """Return who belongs together: mails of one person, linked by what they answer."""
    group = {each.name: {each.name} for each in said}
    sender = {each.name: each.sender for each in said}
    for each in said:
        for name in each.answers:
            if sender[name] == each.sender:
                joined = group[name] | group[each.name]
                for member in joined:
                    group[member] = joined
    return {frozenset(members) for members in group.values()}


@few
@given(st.data())
def test_any_order_of_arrival_gives_the_same_cases(data: st.DataObject) -> None:
    said = data.draw(conversations())
    shuffled = data.draw(st.permutations(said))
    together = data.draw(st.booleans())
    with fresh_desktop() as desktop:
        desktop.hear(*shuffled, together=together)
        assert desktop.groups() == expected(said)
        people = {case.correspondent_id for case in desktop.cases()}
        assert len(people) == len({each.sender for each in said})


def test_the_worst_order_of_a_long_thread_still_gives_one_case(sessions: Sessions) -> None:
    names = [f"m{number}" for number in range(9)]
    said = [Said(name, answers=(names[i - 1],) if i else ()) for i, name in enumerate(names)]
    desktop = Desktop(sessions, NOW)
    desktop.hear(*said[::2], *said[1::2])
    assert desktop.groups() == {frozenset(names)}


def test_two_strangers_with_equal_subjects_never_join(sessions: Sessions) -> None:
    desktop = Desktop(sessions, NOW)
    desktop.hear(Said("a", MARION, subject="Help"), Said("b", IVOR, subject="Re: Help"))
    desktop.hear(Said("c", IVOR, ("a",), "Re: Help"), Said("d", MARION, (), "Re: Help"))
    assert desktop.groups() == {frozenset("a"), frozenset("b"), frozenset("c"), frozenset("d")}


def test_a_thread_of_five_hundred_mails_asks_no_more_for_its_last_than_for_its_first() -> None:
    names = [f"m{number}" for number in range(500)]
    said = [Said(name, answers=tuple(names[:place][-50:])) for place, name in enumerate(names)]
    counts: list[int] = []

    def count(*_: object) -> None:
        counts[-1] += 1

    with fresh_desktop() as desktop:
        event.listen(desktop.sessions.kw["bind"], "before_cursor_execute", count)
        for start in range(0, 500, 100):
            counts.append(0)
            raws = [raw_of_said(each, NOW) for each in said[start : start + 100]]
            desktop.take(*raws, together=True)
        assert len(desktop.cases()) == 1
        assert max(counts[1:5]) <= min(counts[1:5]) + 5
