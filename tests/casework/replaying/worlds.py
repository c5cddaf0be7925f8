"""A busy little world in a database: what a replay must be able to tell again."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property

from sqlalchemy import insert, select

from casework.bootstrap import with_keys
from casework.models import Case, CaseMessage, OutboxEmail, ReceivedMail
from casework.pipeline import Desk
from casework.returned import note_refused_letters
from config.database import Sessions
from intake.inbox import Policy, store, store_by_policy
from intake.mailbox import FetchedMail, Role
from replies.caps import Caps
from replies.outbox import claim_due, enqueue, mark_failed, mark_sending, mark_sent
from replies.outgoing import OutgoingEmail, Purpose
from tests.casework.desks import GROUP_ADDRESS, a_mail, a_worker, process, the_desk

BRON = "Bron <bron@example.org>"
MARION = "Marion Ashworth <marion@example.net>"
LEASE = timedelta(minutes=5)
CASE_TEXT = (
    "Our adopted son went back into care in June and the local authority has not "
    "answered our letters since. The review is next month. What can we do?"
)


@dataclass
class World:
    """Mails come, are worked and answered, and the clock goes on."""

    sessions: Sessions
    now: datetime
    caps: Caps = field(default_factory=Caps)
    uid: int = 0

    @cached_property
    def desk(self) -> Desk:
        """Return the desk, with keys of this database."""
        with self.sessions.begin() as session:
            return with_keys(replace(the_desk(), caps=self.caps), session, self.now)

    def later(self, **how_much: float) -> None:
        self.now += timedelta(**how_much)

    def receive(self, *raws: bytes, is_silent: bool = False) -> None:
        mails = [FetchedMail(self.next_uid(), raw, len(raw), self.now, True) for raw in raws]
        policy = Policy(silent_before=self.now + timedelta(days=1) if is_silent else None)
        with self.sessions.begin() as session:
            store_by_policy(session, "inbox", 1, mails, self.now, policy)
        process(self.sessions, a_worker(self.now), self.desk)

    def note_spam(self, raw: bytes) -> None:
        mail = FetchedMail(self.next_uid(), raw, len(raw), self.now, True)
        with self.sessions.begin() as session:
            store_by_policy(session, "spam", 1, [mail], self.now, Policy(Role.SPAM))

    def fetch_only(self, raw: bytes) -> None:
        mail = FetchedMail(self.next_uid(), raw, len(raw), self.now, True)
        with self.sessions.begin() as session:
            store(session, "inbox", 1, [mail], self.now)

    def next_uid(self) -> int:
        self.uid += 1
        return self.uid

    def deliver(self, *, refused: str = "") -> None:
        """Let all letters leave; those to the `refused` address do not arrive."""
        with self.sessions.begin() as session:
            claimed = claim_due(session, now=self.now, owner="me", lease=LEASE, limit=100)
            for each in claimed:
                mark_sending(session, each.id, owner="me", now=self.now, lease=LEASE)
                if each.email.to_address == refused:
                    reply = "550 5.1.1 no such user"
                    mark_failed(
                        session, each.id, owner="me", now=self.now, error=reply, reply=reply
                    )
                    note_refused_letters(session, [each.id], now=self.now, soft_failures_per_week=3)
                else:
                    mark_sent(session, each.id, owner="me", now=self.now, reply="250 ok")

    def letter_to(self, address: str) -> OutboxEmail:
        with self.sessions() as session:
            wanted = select(OutboxEmail).where(OutboxEmail.to_address == address)
            return session.execute(wanted.order_by(OutboxEmail.id)).scalars().all()[0]

    def case_of(self, received_id: int) -> Case:
        with self.sessions() as session:
            wanted = select(Case).join(CaseMessage, CaseMessage.case_id == Case.id)
            return session.execute(
                wanted.where(CaseMessage.received_id == received_id)
            ).scalar_one()

    def a_person_writes(self, case: Case, to: str) -> str:
        """Let a volunteer write in a case; return the Message-ID."""
        name = self.desk.signer.message_id("kith.example.org")
        letter = OutgoingEmail(
            Purpose.REPLY,
            "Kith",
            GROUP_ADDRESS,
            to,
            "Your letter",
            "Dear Marion, we shall ring you.",
            name,
            automatic=False,
        )
        with self.sessions.begin() as session:
            number = enqueue(session, letter, received_id=None, draft=False, now=self.now)
            row = {"case_id": case.id, "outbox_id": number, "at": self.now}
            session.execute(insert(CaseMessage), row | {"letter_state": "queued"})
        return name

    def mails(self) -> int:
        with self.sessions() as session:
            return len(session.execute(select(ReceivedMail.id)).all())


def bounce(world: World, letter: OutboxEmail) -> bytes:
    """Return a provider's report that the letter did not arrive."""
    return (
        "From: Mail Delivery <mailer-daemon@mx.example.net>\r\n"
        f"To: {GROUP_ADDRESS}\r\nSubject: Undelivered Mail Returned to Sender\r\n"
        f"Date: {world.now:%a, %d %b %Y %H:%M:%S} +0000\r\nAuto-Submitted: auto-replied\r\n"
        "Return-Path: <>\r\nMessage-ID: <b1@mx.example.net>\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="x"\r\n\r\n'
        "--x\r\nContent-Type: text/plain\r\n\r\nIt could not be delivered.\r\n"
        "--x\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.net"
        f"\r\n\r\nFinal-Recipient: rfc822; {letter.to_address}\r\nAction: failed\r\n"
        "Status: 5.1.1\r\n\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n"
        f"From: {GROUP_ADDRESS}\r\nTo: {letter.to_address}\r\nSubject: {letter.subject}\r\n"
        f"Message-ID: {letter.message_id}\r\n\r\nDear you\r\n--x--\r\n"
    ).encode()


def a_busy_world(sessions: Sessions, now: datetime) -> World:
    """Return a world in which much of what can happen has happened."""
    world = World(sessions, now, Caps(acknowledgements_per_address_per_day=2))
    first = a_mail(now, "Please may I join your group?", BRON, Message_ID="<b1@example.org>")
    world.receive(
        first,
        a_mail(now, CASE_TEXT, MARION, "Our son", Message_ID="<m1@example.net>"),
        a_mail(now, "I am away.", "Pat <pat@example.com>", "Away", Auto_Submitted="auto-replied"),
        a_mail(now, "I can offer a spare room.", "Jo <jo@example.com>", "An offer"),
        a_mail(now, "Please may I join?", "Sam <sam@example.com>", "Joining", Message_ID="<s1@x>"),
    )
    world.deliver(refused="jo@example.com")
    world.later(hours=2)
    world.receive(first)  # the very same again
    answer = world.letter_to("bron@example.org")
    world.receive(
        a_mail(
            world.now,
            "Thank you. And our review is on Thursday.",
            BRON,
            f"Re: {answer.subject}",
            In_Reply_To=answer.message_id,
        ),
        a_mail(world.now, "Let me in.", "Stranger <s@example.com>", f"Re: {answer.subject}"),
        a_mail(
            world.now,
            "I forward this.",
            "Other <o@example.com>",
            f"Fwd: {answer.subject}",
            In_Reply_To=answer.message_id,
        ),
    )
    world.later(minutes=5)
    world.receive(bounce(world, world.letter_to("sam@example.com")))
    world.later(hours=1)
    name = world.a_person_writes(world.case_of(2), "marion@example.net")
    world.later(seconds=5)
    world.deliver()
    world.later(hours=1)
    world.receive(
        a_mail(world.now, "Yes, please ring.", MARION, "Re: Your letter", In_Reply_To=name)
    )
    for number in range(4):  # more than the cap
        world.later(minutes=30)
        subject = f"Matter {number} of {'abcd'[number]}"
        world.receive(a_mail(world.now, f"{CASE_TEXT} {number}", "Kim <kim@example.com>", subject))
        world.deliver()
    world.later(hours=1)
    world.receive(a_mail(world.now, "STOP", BRON, f"Re: {answer.subject}"))
    world.later(hours=1)
    world.receive(
        a_mail(world.now, "Another question, about adoption.", BRON, "Another"),
        a_mail(world.now, "Please may I join again?", "Sam <sam@example.com>", "Once more"),
        a_mail(world.now, "We offer training to you.", "Jo <jo@example.com>", "Training"),
        a_mail(world.now, "I will kill myself tonight.", "Al <al@example.com>", "Help"),
    )
    world.receive(a_mail(world.now, "An old mail.", "Old <old@example.com>", "Old"), is_silent=True)
    world.note_spam(a_mail(world.now, "Cheap watches", "Spam <spam@example.com>", "Watches"))
    world.fetch_only(a_mail(world.now, "Not worked yet.", "New <new@example.com>", "New"))
    return world
