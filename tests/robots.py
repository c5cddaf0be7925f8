"""Mail by machines, in thousands of variants: every mark that machines give themselves away by.

Each mail is a person's ordinary mail (words, sender, journey) to which one mark is added, so that
nothing but the mark tells. All people are invented; the same seed gives the same mail.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from random import Random

from intake.screening import shipped_screening_rules

RULES = shipped_screening_rules()
NAMES = (
    "Marion Ashworth",
    "Bethan Rees",
    "Rowan Hill",
    "Samina Malik",
    "Jo Price",
    "Tomos Vaughan",
)
DOMAINS = ("example.org", "example.com", "example.net", "mail.example.org", "council.example.net")
SUBJECTS = ("Joining", "Our son", "Review on Thursday", "Please ring", "Help", "Question", "")
TEXTS = (
    "Hello,\n\nplease may I join your group? We are special guardians of two.\n\nThank you",
    "Our son is back in care since June and nobody tells us anything. Could somebody ring us?",
    "I would like to offer my help on Saturdays, I used to be a social worker.",
    "The review is on Thursday, what do I say?\n\nOn Tuesday you wrote:\n> Thank you",
    "Please tell me what you know about me and who has seen it.",
)
PROVIDERS = ("mx.example.net", "out.mail.example.com", "smtp7.example.org")


@dataclass(frozen=True)
class Draft:
    """A mail before it is put together; `extra` are further header lines, as they are written."""

    local: str
    domain: str
    name: str
    subject: str
    text: str
    to: str
    date: datetime
    extra: tuple[tuple[str, str], ...] = ()
    content_type: str = "text/plain; charset=utf-8"
    author: str | None = None
    return_path: str | None = None

    @property
    def address(self) -> str:
        """Return the sender's address."""
        return f"{self.local}@{self.domain}"

    def having(self, *lines: tuple[str, str]) -> "Draft":
        """Return the mail with further header lines."""
        return replace(self, extra=(*self.extra, *lines))


@dataclass(frozen=True)
class RobotMail:
    """A whole mail, and which mark it bears."""

    mark: str
    raw: bytes


Mark = Callable[[Random, Draft], Draft]


def robot_mail(seed: int, *, to: str, now: datetime) -> RobotMail:
    """Return the robot mail of this seed, written shortly before `now` to the group's address."""
    rng = Random(seed)
    mark = sorted(MARKS)[seed % len(MARKS)]
    return RobotMail(mark, _put_together(rng, MARKS[mark](rng, _draft(rng, to, now)), seed))


def human_mail(seed: int, *, to: str, now: datetime) -> bytes:
    """Return the mail of this seed without any mark: a person's."""
    rng = Random(seed)
    return _put_together(rng, _draft(rng, to, now), seed)


def _draft(rng: Random, to: str, now: datetime) -> Draft:
    name = rng.choice(NAMES)
    return Draft(
        local=f"{name.split()[0].lower()}{rng.randrange(10_000)}",
        domain=rng.choice(DOMAINS),
        name=name,
        subject=rng.choice(SUBJECTS),
        text=rng.choice(TEXTS),
        to=to,
        date=now - timedelta(minutes=rng.randrange(1, 600)),
    )


def _put_together(rng: Random, draft: Draft, seed: int) -> bytes:
    author = f"{draft.name} <{draft.address}>" if draft.author is None else draft.author
    path = f"<{draft.address}>" if draft.return_path is None else draft.return_path
    server = rng.choice(PROVIDERS)
    first = [("Return-Path", path), ("Delivered-To", draft.to)]
    lines = [
        ("Received", f"from {server} by mx.kith.example.org; {format_datetime(draft.date)}"),
        ("From", author),
        ("To", draft.to),
        ("Subject", draft.subject),
        ("Date", format_datetime(draft.date)),
        ("Message-ID", f"<robot.{seed}.{rng.randrange(10**9)}@{server}>"),
        ("MIME-Version", "1.0"),
        ("Content-Type", draft.content_type),
        *((_spelt(rng, name), value) for name, value in draft.extra),
    ]
    rng.shuffle(lines)
    replaced = {name.lower() for name, value in draft.extra if value.startswith("\0")}
    kept = [(n, v.lstrip("\0")) for n, v in (*first, *lines) if _stays(n, v, replaced)]
    head = "\r\n".join(f"{name}: {value}" for name, value in kept)
    return f"{head}\r\n\r\n{draft.text}\r\n".replace("\r\n", "\n").replace("\n", "\r\n").encode()


def _stays(name: str, value: str, replaced: set[str]) -> bool:
    return value.startswith("\0") or name.lower() not in replaced


def _instead(value: str) -> str:
    """Return a value that takes the place of the ordinary header of that name."""
    return f"\0{value}"


def _spelt(rng: Random, name: str) -> str:
    return rng.choice((str.lower, str.upper, str.title, str))(name)


def _said(rng: Random, value: str) -> str:
    """Return a header value as servers write it: in capitals, with a comment, folded."""
    value = rng.choice((str.lower, str.upper, str.title, str))(value)
    return rng.choice(("{}", " {}  ", "{} (by a program)", "\r\n {}", "(x (y)) {}")).format(value)


def _header(rng: Random, draft: Draft, names: Mapping[str, tuple[str, ...]]) -> Draft:
    name = rng.choice(sorted(names))
    return draft.having((name, _said(rng, rng.choice(names[name]))))


# What machines do


def _auto_submitted(rng: Random, draft: Draft) -> Draft:
    values = ("auto-replied", "auto-generated", "auto-notified; owner=x", "auto-replied; vacation")
    return _header(rng, draft, {"auto-submitted": values})


def _auto_reply_header(rng: Random, draft: Draft) -> Draft:
    return draft.having((rng.choice(sorted(RULES.auto_reply.headers)), _said(rng, "yes")))


def _precedence(rng: Random, draft: Draft) -> Draft:
    values = ("bulk", "junk", "list", "auto_reply")
    return _header(rng, draft, {"precedence": values, "x-precedence": values})


def _absence(rng: Random, draft: Draft) -> Draft:
    subject = f"{rng.choice(RULES.auto_reply.subjects)} {draft.subject}"
    return replace(draft, subject=subject)


def _out_of_office_class(rng: Random, draft: Draft) -> Draft:
    return draft.having(("x-post-messageclass", "9; Autoresponder"))


def _inbox_rule(rng: Random, draft: Draft) -> Draft:
    return draft.having(("x-ms-exchange-inbox-rules-loop", draft.address))


def _for_autoresponder(rng: Random, draft: Draft) -> Draft:
    return draft.having(("delivered-to", _said(rng, "autoresponder")))


def _suppressing(rng: Random, draft: Draft) -> Draft:
    values = ("All", "OOF", "DR, OOF, AutoReply", "RN;AutoReply", "NDR,AutoReply")
    return _header(rng, draft, {"x-auto-response-suppress": values})


def _nobody(rng: Random, draft: Draft) -> Draft:
    return replace(
        draft, return_path=rng.choice(("<>", "", "< >", "<> (nobody)", "<MAILER-DAEMON>"))
    )


def _mail_server(rng: Random, draft: Draft) -> Draft:
    local = rng.choice(("MAILER-DAEMON", "postmaster", "Mail-Daemon", "mailer-daemon+7"))
    return replace(draft, local=local, name="Mail Delivery System")


def _failure_header(rng: Random, draft: Draft) -> Draft:
    return draft.having((rng.choice(sorted(RULES.delivery.headers)), "jo@example.net"))


def _report(rng: Random, draft: Draft) -> Draft:
    kind = rng.choice(("delivery-status", "disposition-notification", "feedback-report"))
    status = "Final-Recipient: rfc822; jo@example.net\nAction: {}\nStatus: {}\n".format(
        *rng.choice((("failed", "5.1.1"), ("delayed", "4.4.1"), ("delivered", "2.0.0")))
    )
    text = (
        f"--b\nContent-Type: text/plain\n\n{draft.text}\n--b\nContent-Type: message/{kind}\n\n"
        f"Reporting-MTA: dns; mx.example.net\n\n{status}\n--b--\n"
    )
    content_type = f'multipart/report; Report-Type="{kind}"; boundary=b'
    return replace(draft, content_type=content_type, text=text)


def _bounce_in_words(rng: Random, draft: Draft) -> Draft:
    subject = rng.choice(RULES.delivery.subjects)
    return replace(draft, subject=subject, text=f"{rng.choice(RULES.delivery.bodies)}: jo")


def _delay_in_words(rng: Random, draft: Draft) -> Draft:
    subject = rng.choice(RULES.delivery.delay_subjects)
    return replace(draft, subject=subject, text=f"It {rng.choice(RULES.delivery.delay_bodies)}.")


def _challenge(rng: Random, draft: Draft) -> Draft:
    return draft.having((rng.choice(sorted(RULES.receipts.challenge_headers)), "1"))


def _calendar(rng: Random, draft: Draft) -> Draft:
    method = rng.choice(("REPLY", "COUNTER", "CANCEL", "REQUEST"))
    return replace(
        draft,
        content_type=f"text/calendar; method={method}",
        text=f"BEGIN:VCALENDAR\nMETHOD:{method}\nEND:VCALENDAR",
    )


def _list(rng: Random, draft: Draft) -> Draft:
    names = ("list-id", "list-post", "list-unsubscribe", "list-help", "list-owner", "list-archive")
    return draft.having((rng.choice(names), "<https://lists.example.net/carers>"))


def _list_software(rng: Random, draft: Draft) -> Draft:
    return draft.having((rng.choice(sorted(RULES.bulk.list_software_headers)), "1"))


def _campaign(rng: Random, draft: Draft) -> Draft:
    prefixes = tuple(f"{prefix}x" for prefix in RULES.bulk.campaign_prefixes)
    names = (*sorted(RULES.bulk.campaign_headers), *prefixes, "list-unsubscribe-post")
    return draft.having((rng.choice(names), "One-Click"))


def _service(rng: Random, draft: Draft) -> Draft:
    prefixes = tuple(f"{prefix}x" for prefix in RULES.bulk.service_prefixes)
    return draft.having((rng.choice((*sorted(RULES.bulk.service_headers), *prefixes)), "1:2:3"))


def _not_to_us(rng: Random, draft: Draft) -> Draft:
    other = rng.choice(("undisclosed-recipients:;", "carers@example.net", "Jo <jo@example.com>"))
    return draft.having(("to", _instead(other)), ("delivered-to", _instead("jo@example.com")))


def _robot_address(rng: Random, draft: Draft) -> Draft:
    robots = RULES.robots
    local = rng.choice(
        (
            *sorted(robots.local_parts),
            *(f"{prefix}carers" for prefix in robots.prefixes),
            *(f"carers{suffix}" for suffix in robots.suffixes),
            *(f"{marker}{rng.choice(('', '2', '-forms', '.forms'))}" for marker in robots.markers),
            *(f"{part}+{rng.randrange(100)}" for part in sorted(robots.local_parts)),
            "no-reply",
            "no.reply",
            "No_Reply",
            "do-not-reply",
            "SRS0=ab=cd=example.net=jo",
            "prvs=123=jo",
        )
    )
    return replace(draft, local=local)


def _no_sender(rng: Random, draft: Draft) -> Draft:
    author = rng.choice(("<>", "", "Forms", "undisclosed:;"))
    return replace(draft, author=author, return_path=rng.choice(("<>", "<x@example.net>")))


def _forged(rng: Random, draft: Draft) -> Draft:
    results = f"mx.google.com; spf=pass; dmarc=fail (p=NONE) header.from={draft.domain}"
    return draft.having(("authentication-results", results))


def _spam(rng: Random, draft: Draft) -> Draft:
    return _header(rng, draft, {"x-spam-flag": ("yes",), "x-spam-status": ("yes, score=9",)})


def _several_authors(rng: Random, draft: Draft) -> Draft:
    return replace(draft, author=f"{draft.name} <{draft.address}>, jo@example.com")


def _two_addresses(rng: Random, draft: Draft) -> Draft:
    return replace(draft, author=f'"jo.price@example.com" <{draft.address}>')


def _answers_elsewhere(rng: Random, draft: Draft) -> Draft:
    return draft.having(
        ("reply-to", rng.choice(("jo@gmail.com", "tickets@desk.example.com.invalid")))
    )


def _ourselves(rng: Random, draft: Draft) -> Draft:
    local, _, domain = draft.to.partition("@")
    own = rng.choice((draft.to, draft.to.upper(), f"{local}+k7f32q.a{rng.randrange(99)}@{domain}"))
    if rng.random() < 0.3:
        return draft.having((rng.choice(("sender", "reply-to")), own))
    return replace(draft, author=f"{draft.name} <{own}>")


def _round_and_round(rng: Random, draft: Draft) -> Draft:
    passed = (("received", f"from a by b; {format_datetime(draft.date)}"),) * rng.randrange(26, 60)
    return draft.having(*passed)


def _long_ago(rng: Random, draft: Draft) -> Draft:
    return replace(draft, date=draft.date - timedelta(days=rng.randrange(8, 900)))


def _dead_end(rng: Random, draft: Draft) -> Draft:
    return replace(
        draft, domain=rng.choice(("pc.local", "localhost", "host.invalid", "a..example"))
    )


def _passed_on(rng: Random, draft: Draft) -> Draft:
    return draft.having(("x-loop", "procmail@example.net"))


MARKS: dict[str, Mark] = {
    "auto-submitted": _auto_submitted,
    "auto-reply header": _auto_reply_header,
    "precedence": _precedence,
    "absence subject": _absence,
    "out-of-office class": _out_of_office_class,
    "inbox rule": _inbox_rule,
    "for autoresponder": _for_autoresponder,
    "responses suppressed": _suppressing,
    "null return path": _nobody,
    "mail server": _mail_server,
    "failure header": _failure_header,
    "report": _report,
    "bounce in words": _bounce_in_words,
    "delay in words": _delay_in_words,
    "challenge": _challenge,
    "calendar": _calendar,
    "list": _list,
    "list software": _list_software,
    "campaign": _campaign,
    "sending service": _service,
    "not to us": _not_to_us,
    "robot address": _robot_address,
    "no sender": _no_sender,
    "forged": _forged,
    "spam": _spam,
    "several authors": _several_authors,
    "two addresses": _two_addresses,
    "answers elsewhere": _answers_elsewhere,
    "ourselves": _ourselves,
    "round and round": _round_and_round,
    "long ago": _long_ago,
    "dead end": _dead_end,
    "passed on": _passed_on,
}
