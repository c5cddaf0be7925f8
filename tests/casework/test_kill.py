"""The worker is killed a hundred times and more while it works two hundred messages.

At random moments, the network's included; `test_kill_at_commits` kills at every commit there is.
"""

import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from casework.models import Case, CaseEvent, CaseMessage, OutboxEmail, ReceivedMail
from casework.schema import upgrade
from config.database import make_engine
from intake.inbox import MailState
from replies.outbox import LetterState
from tests.bench.mailbox import make_messages
from tests.casework.service_runs import Site, make_site
from tests.services.dovecot import DovecotServer
from tests.services.fast_smtp_sink import SinkProcess, sink_process
from tests.simulation.kiths import NO_CAPS_IN_ENVIRON

LIVES = {"sqlite": 110, "postgresql": 40}
MAILS_EACH = 2
LONGEST_LIFE_MS = 120
ROOT = Path(__file__).parents[2]


def work_and_be_killed(site: Site, dovecot: DovecotServer, user: str, lives: int, seed: int) -> int:
    """Let two mails arrive before each life; return how many lives were ended by us."""
    chance = random.Random(seed)
    raws = make_messages(MAILS_EACH * lives, seed)
    killer = subprocess.Popen(
        [sys.executable, "-m", "tests.casework.kill_worker"],
        env=site.environ,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert killer.stdin is not None
    assert killer.stdout is not None
    killed = 0
    for life in range(lives):
        dovecot.fill(user, raws[MAILS_EACH * life : MAILS_EACH * (life + 1)])
        print(chance.uniform(0, LONGEST_LIFE_MS), file=killer.stdin, flush=True)
        killed += killer.stdout.readline() == "killed\n"
    _, errors = killer.communicate(timeout=60)
    assert killed == lives, errors[-3000:]
    return killed


def finish(site: Site) -> None:
    """Work what is left to the end, as the next start would."""
    for _ in range(3):
        report = site.json("poll", "--once", "--json")
        assert report["problems"] == []
    assert report["ledger"]["received"] == 0


def count(session: Session, what: object) -> int:
    return session.execute(select(func.count()).select_from(what)).scalar_one()  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [1])
def test_killed_at_random_points_nothing_is_lost_and_nobody_is_answered_twice(
    dovecot: DovecotServer, empty_database_url: str, tmp_path: Path, seed: int
) -> None:
    engine = make_engine(empty_database_url)
    upgrade(engine)
    user = f"kill-{engine.dialect.name}"
    with sink_process() as sink:
        site = make_site(
            tmp_path, dovecot, user, sink.port, empty_database_url, **NO_CAPS_IN_ENVIRON
        )
        lives = LIVES[engine.dialect.name]
        work_and_be_killed(site, dovecot, user, lives, seed)
        finish(site)
    with Session(engine) as session:
        every_uid_is_in_exactly_one_state(session, MAILS_EACH * lives)
        every_case_exists_once(session)
        nobody_is_answered_twice(session, sink, MAILS_EACH * lives)
    engine.dispose()


def every_uid_is_in_exactly_one_state(session: Session, mails: int) -> None:
    rows = session.execute(select(ReceivedMail.uid, ReceivedMail.state)).all()
    assert sorted(uid for uid, _ in rows) == list(range(1, mails + 1))
    assert {state for _, state in rows} <= {MailState.FILED, MailState.SCREENED_OUT}
    assert Counter(state for _, state in rows)[MailState.FILED] > mails / 2


def every_case_exists_once(session: Session) -> None:
    filed = select(ReceivedMail.id).where(ReceivedMail.state == MailState.FILED)
    received = set(session.execute(filed).scalars())
    statement = select(CaseMessage.received_id)
    in_cases = [number for number in session.execute(statement).scalars() if number is not None]
    assert sorted(in_cases) == sorted(received)
    # Every sender of the bench is somebody else, so every mail filed is a case of its own.
    assert count(session, Case) == len(received)
    opened = select(CaseEvent.case_id).where(CaseEvent.what == "opened")
    assert sorted(session.execute(opened).scalars()) == sorted(
        session.execute(select(Case.id)).scalars()
    )


def nobody_is_answered_twice(session: Session, sink: SinkProcess, mails: int) -> None:
    arrived = Counter(letter.recipient for letter in sink.letters)
    assert max(arrived.values()) == 1
    letters = session.execute(select(OutboxEmail)).scalars().all()
    states = Counter(letter.state for letter in letters)
    assert set(states) <= {LetterState.SENT, LetterState.UNKNOWN}
    assert len({letter.to_address for letter in letters}) == len(letters)
    sent = {letter.to_address for letter in letters if letter.state == LetterState.SENT}
    unknown = {letter.to_address for letter in letters if letter.state == LetterState.UNKNOWN}
    assert sent <= set(arrived)
    assert set(arrived) - sent <= unknown
    assert len(sent) > mails / 3
