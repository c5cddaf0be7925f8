"""Several processes work one inbox and one database at once."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from casework.models import CaseMessage, CorrespondentAddress, OutboxEmail, ReceivedMail
from casework.schema import upgrade
from config.database import make_engine
from tests.casework.desks import a_mail
from tests.casework.service_runs import make_site
from tests.services.dovecot import DovecotServer
from tests.services.fast_smtp_sink import sink_process

PEOPLE = 15
MAILS_EACH = 6
PROCESSES = 3


def test_several_processes_make_one_case_per_mail_and_answer_each_person_once(
    dovecot: DovecotServer, empty_database_url: str, tmp_path: Path
) -> None:
    engine = make_engine(empty_database_url)
    upgrade(engine)
    user = f"race-{engine.dialect.name}"
    now = datetime.now(UTC)
    dovecot.fill(
        user,
        [
            a_mail(now, sender=f"person{who}@example.org", subject=f"Matter {number}")
            for number in range(MAILS_EACH)
            for who in range(PEOPLE)
        ],
    )
    with sink_process() as sink:
        no_cap = {"KITH_LIMITS__ACKNOWLEDGEMENTS_PER_SUBJECT_PER_HOUR": "0"}
        site = make_site(tmp_path, dovecot, user, sink.port, empty_database_url, **no_cap)
        running = [site.start("poll", "--once") for _ in range(PROCESSES)]
        for process in running:
            _, errors = process.communicate(timeout=300)
            assert process.returncode == 0, errors.decode()
        report = site.json("poll", "--once", "--json")
    assert report["ledger"]["received"] == report["ledger"]["set_aside"] == 0
    with Session(engine) as session:
        uids = session.execute(select(ReceivedMail.uid)).scalars().all()
        assert sorted(uids) == list(range(1, PEOPLE * MAILS_EACH + 1))
        filed = session.execute(select(CaseMessage.received_id)).scalars().all()
        assert Counter(filed)[None] == PEOPLE  # our letters
        assert len([number for number in filed if number]) == PEOPLE * MAILS_EACH
        addresses = session.execute(select(CorrespondentAddress.key)).scalars().all()
        assert len(addresses) == len(set(addresses)) == PEOPLE
        letters = session.execute(select(OutboxEmail.to_address)).scalars().all()
        assert len(letters) == len(set(letters)) == PEOPLE
    engine.dispose()
    assert Counter(letter.recipient for letter in sink.letters) == Counter(letters)
