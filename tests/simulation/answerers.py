"""Those who answer whatever they are sent: hosts, robots, lists and ticket systems.

Each answers every letter, marked as badly as its like really does. None of them ever stops by
itself; it is for Kith to fall silent.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime
from itertools import count

from tests.simulation.letters import Letter, read_letter
from tests.simulation.machines import bounce_of

AnswerWith = Callable[[EmailMessage, Letter, int], None]
"""Changes the plain answer to a letter, given its number, into that of a certain machine."""


class Answerer:
    """A machine at `address` (and at what else `takes` it) that answers every letter."""

    def __init__(
        self,
        address: str,
        how: AnswerWith,
        *,
        domain: str = "",
        is_off_by: timedelta = timedelta(0),
    ) -> None:
        self._address = address
        self._how = how
        self._domain = domain
        self._is_off_by = is_off_by
        self._numbers = count(1)
        self.received = 0

    def takes(self, address: str) -> bool:
        """Return whether it is ours: the address, or any of the domain."""
        return address == self._address or bool(self._domain and address.endswith(self._domain))

    def answers(self, letter: bytes, recipient: str, now: datetime) -> Iterable[bytes]:
        """Return one answer."""
        self.received += 1
        return [self.answer(read_letter(recipient, letter), letter, now)]

    def answer(self, letter: Letter, raw: bytes, now: datetime) -> bytes:
        """Return the answer to a letter."""
        number = next(self._numbers)
        came = message_from_bytes(raw, policy=policy.default)
        mail = EmailMessage(policy=policy.SMTP)
        mail["Return-Path"] = f"<{letter.recipient}>"
        mail["From"] = f"Somebody <{letter.recipient}>"
        mail["To"] = str(came["From"])
        mail["Subject"] = f"Re: {letter.subject}"
        mail["Date"] = format_datetime(now + self._is_off_by)
        mail["Message-ID"] = f"<{number}.answer@{letter.recipient.rpartition('@')[2]}>"
        mail["In-Reply-To"] = letter.message_id
        mail["References"] = letter.message_id
        mail.set_content("Thank you for your message. We shall look into it.\n")
        self._how(mail, letter, number)
        return mail.as_bytes()


def put(mail: EmailMessage, **headers: str) -> None:
    """Replace or add headers; underscores stand for dashes."""
    for name, value in headers.items():
        del mail[name.replace("_", "-")]
        mail[name.replace("_", "-")] = value


def as_out_of_office(mail: EmailMessage, letter: Letter, number: int) -> None:
    """Be away, with the mark that RFC 3834 asks for."""
    put(mail, Subject=f"Automatic reply: {letter.subject}", Auto_Submitted="auto-replied")
    mail.set_content("I am away until Monday.\n")


def as_unmarked_out_of_office(mail: EmailMessage, letter: Letter, number: int) -> None:
    """Be away without any mark but the words."""
    put(mail, Subject="I am on holiday")
    mail.set_content("I am away until Monday. For anything urgent please ring the office.\n")


def as_shapeshifter(mail: EmailMessage, letter: Letter, number: int) -> None:
    """Quote the letter, show no mark and no id of ours, and be somebody else every time."""
    domain = letter.recipient.rpartition("@")[2]
    put(mail, From=f"Robot <robot{number}x@{domain}>", Return_Path=f"<robot{number}x@{domain}>")
    del mail["In-Reply-To"]
    del mail["References"]
    mail.set_content("We would like to know more about you.\n\n> Thank you for your email.\n")


def as_shapeshifter_with_other_subjects(mail: EmailMessage, letter: Letter, number: int) -> None:
    """Be somebody else every time, about something else every time."""
    as_shapeshifter(mail, letter, number)
    put(mail, Subject=f"Question {number * 7919} about a meeting")


def as_list_echo(mail: EmailMessage, letter: Letter, number: int) -> None:
    """Send the letter itself back through a mailing list."""
    put(mail, Subject=f"[parents] {letter.subject}", List_Id="<parents.example.org>")
    put(mail, Precedence="list", Message_ID=letter.message_id)


def as_ticket_system(mail: EmailMessage, letter: Letter, number: int) -> None:
    """Put a number into every subject and say so, with no mark at all."""
    put(mail, Subject=f"[Ticket #{20_000 + number}] {letter.subject}")
    del mail["In-Reply-To"]
    del mail["References"]
    mail.set_content(f"Your request has been received as ticket {20_000 + number}.\n")


def as_acknowledger(mail: EmailMessage, letter: Letter, number: int) -> None:
    """Acknowledge with a reference shaped like ours."""
    put(mail, Subject="Thank you for your email (ref BCDF-2K)")
    del mail["In-Reply-To"]
    del mail["References"]
    mail.set_content("Thank you for writing. Your reference is BCDF-2K. We answer in five days.\n")


class BouncingHost(Answerer):
    """A host that knows nobody and says so to every letter (RFC 3464)."""

    def answer(self, letter: Letter, raw: bytes, now: datetime) -> bytes:
        """Return a delivery report."""
        message_id = f"<{next(self._numbers)}.report@mx.example.net>"
        return bounce_of(letter, "hello@kith.example.org", now, message_id).as_bytes()


class ListEcho(Answerer):
    """A list that sends every letter back as it is, with the headers of a list before it."""

    def answer(self, letter: Letter, raw: bytes, now: datetime) -> bytes:
        """Return the same letter."""
        return b"List-Id: <parents.example.org>\r\nPrecedence: list\r\n" + raw


class PlainEcho(Answerer):
    """A forwarding gone wrong: every letter comes back as it left."""

    def answer(self, letter: Letter, raw: bytes, now: datetime) -> bytes:
        """Return the same letter."""
        return raw
