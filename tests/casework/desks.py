"""A desk with the shipped rules, model and letters, and a worker, for tests behind the doors."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cache

from casework.bootstrap import make_desk
from casework.pipeline import Desk
from casework.processing import Processed, Worker, process_received
from config.database import Sessions
from config.settings import GroupSettings, Mode, Settings
from intake.inbox import store
from intake.mailbox import FetchedMail
from replies.caps import Caps
from replies.signing import Signer, SigningKey

GROUP_ADDRESS = "hello@kith.example.org"
NO_CAPS = Caps(0, 0, 0, 0, 0, 0, 0, 0, 0)
SIGNER = Signer((SigningKey(1, b"a secret of the tests, 32 bytes."),))


@cache
def the_desk() -> Desk:
    """Return a live desk; reading the model takes a moment, so there is one."""
    desk = make_desk(Settings(mode=Mode.LIVE, group=GroupSettings(address=GROUP_ADDRESS)))
    judges = replace(desk.judges, is_our_id=SIGNER.is_ours)
    return replace(desk, judges=judges, signer=SIGNER)


def a_worker(now: datetime, owner: str = "me") -> Worker:
    """Return a worker whose clock stands still."""
    return Worker(
        owner=owner,
        lease=timedelta(minutes=2),
        attempts=3,
        is_gone=lambda _: False,
        should_stop=lambda: False,
        now=lambda: now,
    )


def a_mail(
    now: datetime,
    text: str = "Hello, please may I join your group?",
    sender: str = "Bron <bron@example.org>",
    subject: str = "Joining",
    **headers: str,
) -> bytes:
    """Return a mail written a moment ago; underscores in header names stand for dashes."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = GROUP_ADDRESS
    message["Subject"] = subject
    message["Date"] = format_datetime(now)
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message.as_bytes()


def receive(sessions: Sessions, now: datetime, *raws: bytes, first_uid: int = 1) -> None:
    """Put mails into the ledger as if they had been fetched."""
    mails = [
        FetchedMail(uid, raw, len(raw), now, is_whole=True)
        for uid, raw in enumerate(raws, start=first_uid)
    ]
    with sessions.begin() as session:
        store(session, "inbox", 1, mails, now)


def process(sessions: Sessions, worker: Worker, desk: Desk | None = None) -> Sequence[Processed]:
    """Work through what is received; return what became of each."""
    done: list[Processed] = []
    process_received(sessions, desk or the_desk(), worker, done.append)
    return done
