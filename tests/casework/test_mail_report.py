"""`kith mail`: looking through the spam folder, and filing by hand."""

from datetime import datetime

import pytest
from sqlalchemy import select, update

from casework.cli import main
from casework.models import Case
from config.database import Sessions
from intake.inbox import RECEIVED, MailState
from tests.casework.desks import a_mail, receive


@pytest.fixture
def ledger(sessions: Sessions, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Sessions:
    """Let the commands find a ledger: 1 and 2 are from the spam folder, 3 was set aside."""
    monkeypatch.setattr("casework.mail_report.open_database", lambda _: sessions)
    mails = [a_mail(now, f"Words {n}", sender=f"Bron <bron@shop{n}.example>") for n in (1, 2, 3)]
    receive(sessions, now, *mails)
    spam = {"state": MailState.SCREENED_OUT.value, "rule": "spam-folder", "verdict": "spam"}
    aside = {"state": MailState.SET_ASIDE.value, "rule": "failed", "reason": "It failed."}
    with sessions.begin() as session:
        session.execute(update(RECEIVED).where(RECEIVED.c.uid < 3).values(**spam))
        session.execute(update(RECEIVED).where(RECEIVED.c.uid == 3).values(**aside))
    return sessions


@pytest.mark.usefixtures("ledger")
def test_the_spam_folder_is_listed_by_date_and_domain_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["mail", "list", "--rule", "spam-folder"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "2  2026-11-24 23:41  shop2.example",
        "1  2026-11-24 23:41  shop1.example",
    ]


@pytest.mark.usefixtures("ledger")
def test_the_list_can_be_narrowed_to_a_rule(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mail", "list", "--rule", "failed"]) == 0
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith("3 ")
    assert "It failed." in line


def test_a_mail_is_filed_by_hand(ledger: Sessions, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mail", "refile", "3", "--by", "Ines Farrow"]) == 0
    with ledger() as session:
        case = session.execute(select(Case)).scalar_one()
        assert case.events[-1].by == "Ines Farrow"
    assert case.reference in capsys.readouterr().out
    assert main(["mail", "refile", "3"]) == 1
    assert "neither screened out nor set aside" in capsys.readouterr().err
