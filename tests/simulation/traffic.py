"""Seeded mail as it comes to a support group's address, each with the truth about it.

The words are those of the project's own training messages; all people are invented.
"""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import cache
from pathlib import Path

from tests.robots import robot_mail
from tests.simulation.letters import Letter
from tests.simulation.machines import bounce_of, newsletter, out_of_office, robot, spam
from tests.simulation.plain_mail import PlainMail
from tests.simulation.truth import Sort, Truth

DATA = Path(__file__).parents[2] / "intake" / "classification" / "data"
TRUSTED = "mx.google.com"
"""The mail server whose Authentication-Results the simulated Kith believes."""
DOMAINS = ("example.org", "example.com", "example.net", "gmail.com", "post.example.org")
HUMAN = ("case_report", "support_offer", "join_request", "partnership", "enquiry", "contribution")

COMMON = {
    Sort.PERSONAL: 40,
    Sort.REPLY: 20,
    Sort.AGAIN: 4,
    Sort.STRANGER: 4,
    Sort.FORGER: 2,
    Sort.ROBOT: 10,
    Sort.OUT_OF_OFFICE: 4,
    Sort.BOUNCE: 4,
    Sort.SPAM: 4,
    Sort.NEWSLETTER: 4,
    Sort.BROKEN: 4,
}
"""How often each sort comes, of a hundred mails."""


@cache
def sample_words() -> tuple[tuple[str, str, str], ...]:
    """Return (name, subject, body) of every training message that a person might write."""
    lines = [
        json.loads(line)
        for path in sorted(DATA.glob("t*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    return tuple((x["from_name"], x["subject"], x["body"]) for x in lines if x["kind"] in HUMAN)


class Traffic:
    """Makes one mail after the other; the same seed and the same letters make the same mails."""

    def __init__(self, seed: int | str, group: str, measure: dict[Sort, int] | None = None) -> None:
        self._seed = seed
        self._group = group
        self._measure = measure or COMMON
        self._number = 0
        self._people = 0
        self._sent: list[Truth] = []
        self._makers: dict[Sort, Callable[..., Truth]] = {
            Sort.PERSONAL: self._personal,
            Sort.REPLY: self._reply,
            Sort.AGAIN: self._again,
            Sort.STRANGER: self._stranger,
            Sort.FORGER: self._forger,
            Sort.ROBOT: self._robot,
            Sort.OUT_OF_OFFICE: self._out_of_office,
            Sort.BOUNCE: self._bounce,
            Sort.SPAM: self._spam,
            Sort.NEWSLETTER: self._newsletter,
            Sort.BROKEN: self._broken,
        }

    def next(self, at: datetime, letters: Sequence[Letter]) -> Truth:
        """Return the next mail, arriving at `at`; `letters` are what has reached people so far."""
        chance = random.Random(f"{self._seed}/{self._number}/sort")
        sorts = list(self._measure)
        [sort] = chance.choices(sorts, [self._measure[each] for each in sorts])
        return self.one(sort, at, letters)

    def one(self, sort: Sort, at: datetime, letters: Sequence[Letter]) -> Truth:
        """Return the next mail, of this sort; a person's where there is no letter to answer yet."""
        self._number += 1
        chance = random.Random(f"{self._seed}/{self._number}")
        needs_letter = sort in {Sort.REPLY, Sort.STRANGER, Sort.OUT_OF_OFFICE, Sort.BOUNCE}
        if (needs_letter and not letters) or (sort in _AFTERWARDS and not self._sent):
            sort = Sort.PERSONAL
        truth = self._makers[sort](chance, at, letters)
        if sort in {Sort.PERSONAL, Sort.REPLY}:
            self._sent.append(truth)
        return truth

    def _personal(self, chance: random.Random, at: datetime, _: Sequence[Letter]) -> Truth:
        if self._people and chance.random() < 0.25:
            number = chance.randrange(self._people)
        else:
            number = self._people
            self._people += 1
        mail = self._mail(chance, at, address_of(number))
        return self._truth(Sort.PERSONAL, mail, at, f"person {address_of(number)}")

    def _reply(self, chance: random.Random, at: datetime, letters: Sequence[Letter]) -> Truth:
        letter = chance.choice(letters)
        mail = self._mail(chance, at, letter.recipient, subject=f"Re: {letter.subject}")
        _answer(mail, letter)
        truth = self._truth(Sort.REPLY, mail, at, f"person {letter.recipient}")
        return replace(truth, shows_secret=True)

    def _again(self, chance: random.Random, at: datetime, _: Sequence[Letter]) -> Truth:
        before = chance.choice(self._sent[-50:])
        raw = before.raw
        if chance.random() < 0.5:  # by way of an alias: the same mail, other bytes
            raw = b"Received: from alias.example.net by mx.example.com; " + _stamp(at) + raw
        return replace(before, raw=raw, at=at)

    def _stranger(self, chance: random.Random, at: datetime, letters: Sequence[Letter]) -> Truth:
        letter = chance.choice(letters)
        address = f"stranger{self._number}@{chance.choice(DOMAINS)}"
        mail = self._mail(chance, at, address, subject=f"Re: {letter.subject}")
        has_secret = chance.random() < 0.3
        if has_secret:
            _answer(mail, letter)
        truth = self._truth(Sort.STRANGER, mail, at, f"stranger {self._number}")
        return replace(truth, shows_secret=has_secret)

    def _forger(self, chance: random.Random, at: datetime, _: Sequence[Letter]) -> Truth:
        victim = chance.choice(self._sent)
        mail = self._mail(chance, at, victim.sender, subject="About our case")
        mail["In-Reply-To"] = victim.message_id
        mail["Authentication-Results"] = f"{TRUSTED}; dkim=fail; spf=fail; dmarc=fail"
        return self._truth(Sort.FORGER, mail, at, f"forger {self._number}")

    def _robot(self, chance: random.Random, at: datetime, _: Sequence[Letter]) -> Truth:
        if chance.random() < 0.5:
            raw = robot_mail(chance.randrange(10**9), to=self._group, now=at).raw
            return Truth(raw, Sort.ROBOT, f"robot {self._number}", "", _id_in(raw), at)
        mail = self._mail(chance, at, f"machine{self._number}@{chance.choice(DOMAINS)}")
        robot(mail, chance)
        return self._truth(Sort.ROBOT, mail, at, f"robot {self._number}")

    def _out_of_office(
        self, chance: random.Random, at: datetime, letters: Sequence[Letter]
    ) -> Truth:
        letter = chance.choice(letters)
        mail = self._mail(chance, at, letter.recipient)
        out_of_office(mail, letter)
        truth = self._truth(Sort.OUT_OF_OFFICE, mail, at, f"person {letter.recipient}")
        return replace(truth, shows_secret=True)

    def _bounce(self, chance: random.Random, at: datetime, letters: Sequence[Letter]) -> Truth:
        letter = chance.choice(letters)
        status = chance.choice(("5.1.1", "4.2.2"))
        name = self._new_id()
        raw = bounce_of(letter, self._group, at, name, status).as_bytes()
        sender = "mailer-daemon@mx.example.net"
        return Truth(raw, Sort.BOUNCE, "mail server", sender, name, at, shows_secret=True)

    def _spam(self, chance: random.Random, at: datetime, _: Sequence[Letter]) -> Truth:
        mail = self._mail(chance, at, f"offer{self._number}@{chance.choice(DOMAINS)}")
        spam(mail, chance)
        return self._truth(Sort.SPAM, mail, at, f"spammer {self._number}")

    def _newsletter(self, chance: random.Random, at: datetime, _: Sequence[Letter]) -> Truth:
        mail = self._mail(chance, at, f"news{self._number}@news.example.net")
        newsletter(mail, self._number)
        return self._truth(Sort.NEWSLETTER, mail, at, f"newsletter {self._number}")

    def _broken(self, chance: random.Random, at: datetime, _: Sequence[Letter]) -> Truth:
        mail = self._mail(chance, at, f"broken{self._number}@{chance.choice(DOMAINS)}")
        truth = self._truth(Sort.BROKEN, mail, at, f"broken {self._number}")
        return replace(truth, raw=broken(truth.raw, chance))

    def _mail(
        self, chance: random.Random, at: datetime, sender: str, subject: str | None = None
    ) -> PlainMail:
        name, words, body = chance.choice(sample_words())
        mail = PlainMail()
        mail["Return-Path"] = f"<{sender}>"
        mail["Delivered-To"] = self._group
        mail["From"] = f"{''.join(filter(str.isalpha, name)) or 'Somebody'} <{sender}>"
        mail["To"] = self._group
        mail["Subject"] = " ".join((subject or words).split())
        mail["Date"] = format_datetime(at - timedelta(seconds=chance.randrange(3600)))
        mail["Message-ID"] = self._new_id()
        # Nobody writes the same letter twice; without this the watchdog would see a robot.
        mail.set_content(f"{body}\n\n(Written as letter {self._number} of {self._seed}.)\n")
        return mail

    def _new_id(self) -> str:
        return f"<{self._number}.{self._seed}@writers.example.org>"

    def _truth(self, sort: Sort, mail: PlainMail, at: datetime, writer: str) -> Truth:
        return Truth(
            raw=mail.as_bytes(),
            sort=sort,
            writer=writer,
            sender=str(mail["From"]).rpartition("<")[2].rstrip(">"),
            message_id=str(mail["Message-ID"]),
            at=at,
        )


_AFTERWARDS = frozenset({Sort.AGAIN, Sort.FORGER})


def address_of(number: int) -> str:
    """Return the address of a person."""
    return f"person{number}@{DOMAINS[number % len(DOMAINS)]}"


def broken(raw: bytes, chance: random.Random) -> bytes:
    """Return the mail damaged in one of the ways in which mails are."""
    place = chance.randrange(len(raw))
    match chance.randrange(6):
        case 0:
            return raw[:place]
        case 1:
            return raw[:place] + chance.randbytes(40) + raw[place:]
        case 2:
            return raw.replace(b"From:", b"Form:", 1)
        case 3:
            return b"\r\n" + raw
        case 4:
            return raw.replace(b"\r\n\r\n", b"\r\n\0\xff\xfe\r\n", 1)
        case _:
            return raw.replace(b"utf-8", chance.choice((b"klingon", b"utf-7", b"\xff"))) + b"\0"


def _answer(mail: PlainMail, letter: Letter) -> None:
    mail["In-Reply-To"] = letter.message_id
    mail["References"] = f"{letter.references} {letter.message_id}".strip()


def _id_in(raw: bytes) -> str:
    """Return the Message-ID of a mail, "" if it has none."""
    for line in raw.partition(b"\n\n")[0].splitlines():
        if line.lower().startswith(b"message-id:"):
            return line[11:].strip().decode("ascii", "replace")
    return ""


def _stamp(at: datetime) -> bytes:
    return format_datetime(at).encode() + b"\r\n"
