"""Mails arrive in any order, a few at a time; the same mails make the same cases."""

import random
from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import cache

import pytest
from sqlalchemy import select

from casework.models import Case, CaseMessage, ReceivedMail
from casework.pipeline import Desk
from config.database import Base, Sessions
from tests.casework.desks import GROUP_ADDRESS, a_worker, process, receive, the_desk

ORDERS = 20

MARION = "Marion Ashworth <marion.ashworth@example.org>"
BRON = "Bron Pugh <bron.pugh@example.com>"
CAROL = "Carol Nduka <carol@example.net>"
SAM = "Sam Osei <sam.osei@example.net>"
JO = "Jo Price <jo@example.com>"
ALI = "Ali Rahman <ali@example.org>"

LETTERS: dict[str, tuple[str, str, str]] = {
    # A conversation in which each mail answers the one before it.
    "a1": (MARION, "A meeting about our son", ""),
    "a2": (MARION, "Re: A meeting about our son", "a1"),
    "a3": (MARION, "RE: Re: A meeting about our son", "a1 a2"),
    "a4": (MARION, "Aw: A meeting about our son", "a1 a2 a3"),
    # Two answers to one mail.
    "b1": (BRON, "Joining your group", ""),
    "b2": (BRON, "Re: Joining your group", "b1"),
    "b3": (BRON, "Re: Joining your group", "b1"),
    # Some name only the mail that they answer, some skip it.
    "c1": (CAROL, "What is a kinship assessment?", ""),
    "c2": (CAROL, "Re: What is a kinship assessment?", "c1"),
    "c3": (CAROL, "Re: What is a kinship assessment?", "c1 c2"),
    "c4": (CAROL, "Re: What is a kinship assessment?", "c2"),
    # Another matter of the same person, and a forward within her first.
    "d1": (MARION, "Could I help on Saturdays?", ""),
    "d2": (MARION, "Fwd: A meeting about our son", "a1"),
    # Strangers with equal subjects, who have nothing to do with each other.
    "e1": (SAM, "Please help", ""),
    "f1": (JO, "Please help", ""),
    # Somebody else on Marion's conversation, who goes on with his own.
    "g1": (ALI, "Re: A meeting about our son", "a1"),
    "g2": (ALI, "Re: A meeting about our son", "a1 a2 g1"),
    # A mail of Bron's that Jo passes on as an attachment.
    "h1": (JO, "Fwd: Joining your group", ""),
    # Whoever says to be Marion, but is not.
    "x1": (MARION, "Re: A meeting about our son", "a1"),
}
TOGETHER = {
    frozenset({"a1", "a2", "a3", "a4", "d2", "a1 again"}),
    frozenset({"b1", "b2", "b3"}),
    frozenset({"c1", "c2", "c3", "c4"}),
    frozenset({"d1"}),
    frozenset({"e1"}),
    frozenset({"f1"}),
    frozenset({"g1", "g2"}),
    frozenset({"h1"}),
}


def mail_of(name: str, now: datetime) -> bytes:
    """Return the mail of this name."""
    sender, subject, answered = LETTERS[name]
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = GROUP_ADDRESS
    mail["Subject"] = subject
    mail["Date"] = format_datetime(now - timedelta(hours=2))
    mail["Message-ID"] = id_of(name)
    if ancestors := answered.split():
        mail["In-Reply-To"] = id_of(ancestors[-1])
        mail["References"] = " ".join(map(id_of, ancestors))
    if name == "x1":
        mail["Authentication-Results"] = (
            "mx.google.com; spf=fail; dmarc=fail header.from=example.org"
        )
    mail.set_content(f"Hello,\n\nwe are special guardians and have a question, number {name}.\n")
    if name == "h1":
        inner = EmailMessage(policy=SMTP)
        inner["From"], inner["Subject"], inner["Message-ID"] = BRON, "Joining", id_of("b1")
        inner.set_content("May I join?\n")
        mail.add_attachment(inner)
    return mail.as_bytes()


def id_of(name: str) -> str:
    return f"<{name}@mail.example.org>"


@cache
def mails(now: datetime) -> dict[str, bytes]:
    made = {name: mail_of(name, now) for name in LETTERS}
    made["a1 again"] = b"Received: from alias.example.net by mx.example.net\r\n" + made["a1"]
    return made


def groups(sessions: Sessions, names: dict[int, str]) -> set[frozenset[str]]:
    """Return which mails lie together, by name; cases that became one are one."""
    with sessions() as session:
        roots = session.execute(select(Case.id, Case.merged_into)).all()
        merged: dict[int, int | None] = {each.id: each.merged_into for each in roots}
        rows = session.execute(
            select(CaseMessage.case_id, ReceivedMail.uid).join(
                ReceivedMail, ReceivedMail.id == CaseMessage.received_id
            )
        ).all()
    found: defaultdict[int, set[str]] = defaultdict(set)
    for case_id, uid in rows:
        while (root := merged[case_id]) is not None:
            case_id = root
        found[case_id].add(names[uid])
    return {frozenset(names) for names in found.values()}


@cache
def believing_desk() -> Desk:
    """Return the desk, which believes what Gmail says of a mail's sender."""
    desk = the_desk()
    judges = replace(desk.judges, trusted_authserv_ids=frozenset({"mx.google.com"}))
    return replace(desk, judges=judges)


def work_in_this_order(sessions: Sessions, now: datetime, seed: int) -> set[frozenset[str]]:
    """Let the mails arrive a few at a time; return which lie together."""
    made = mails(now)
    order = list(made)
    chance = random.Random(seed)
    if seed:
        chance.shuffle(order)
    first = 0
    while first < len(order):
        batch = order[first : first + chance.randrange(1, 7)]
        receive(sessions, now, *(made[name] for name in batch), first_uid=first + 1)
        process(sessions, a_worker(now), believing_desk())
        first += len(batch)
    return groups(sessions, dict(enumerate(order, start=1)))


@pytest.mark.parametrize("tens", range(ORDERS // 10))
def test_the_same_mails_make_the_same_cases_in_whatever_order_they_come(
    sessions: Sessions, now: datetime, tens: int
) -> None:
    for seed in range(tens * 10, tens * 10 + 10):
        found = work_in_this_order(sessions, now, seed)
        assert found - {frozenset({"x1"})} == TOGETHER, f"in order {seed}"
        with sessions.begin() as session:
            for table in reversed(Base.metadata.sorted_tables):
                session.execute(table.delete())
