"""Every screening rule: what it hits, what it leaves alone, and the reason it gives."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.message import Address, Attachment, Header, Message
from intake.screening import (
    RULES,
    Screening,
    Surroundings,
    Verdict,
    screen,
    shipped_screening_rules,
    unreadable,
)
from tests.factories import GROUP_ADDRESS, WRITTEN_AT, make_message

SHIPPED = shipped_screening_rules()
AROUND = Surroundings(
    now=WRITTEN_AT + timedelta(minutes=5),
    rules=SHIPPED,
    own_addresses=frozenset({GROUP_ADDRESS, "kith.group@gmail.com"}),
    trusted_authserv_ids=frozenset({"mx.google.com"}),
    go_live=WRITTEN_AT - timedelta(days=30),
    suspended=frozenset({"dead.box@example.net", "Jo.Dead+forms@googlemail.com"}),
    is_our_id=lambda name: name == OURS,
    received_at=WRITTEN_AT + timedelta(minutes=1),
)
OURS = "<k.7f3a.k1signed@kith.example.org>"
DSN = ("multipart/report", "text/plain", "message/delivery-status", "message/rfc822")
FAILED = "Final-Recipient: rfc822; jo@example.net\nAction: failed\nStatus: 5.1.1\n"
DELAYED = "Final-Recipient: rfc822; jo@example.net\nAction: delayed\nStatus: 4.4.1\n"
ROBOT = Address("Forms", "noreply-forms@example.com")
WRITER = Address("Bethan Rees", "bethan.rees@example.net")
LIST = [("list-id", "<carers.example.net>"), ("list-post", "<mailto:carers@example.net>")]


def mail(*headers: tuple[str, str], **fields: Any) -> Message:
    return make_message(headers=headers, **fields)


def from_(email: str, name: str = "Someone") -> Address:
    return Address(name, email)


@dataclass(frozen=True)
class Example:
    """What a rule decides, mails that it hits and mails that are near but not meant."""

    verdict: Verdict
    hits: tuple[Message, ...]
    misses: tuple[Message, ...]
    around: Surroundings = field(default=AROUND)


EXAMPLES: dict[str, Example] = {
    "our-own-letter": Example(
        Verdict.LOOP,
        hits=(
            mail(message_id=OURS),
            mail(("x-kith-loop", OURS)),
            mail(("x-kith-loop", "<forged@example.net>"), ("x-kith-loop", f" {OURS} ")),
            mail(*LIST, message_id=OURS, sender=from_("carers@example.net")),
            mail(("x-form-name", "contact-us"), message_id=OURS, sender=ROBOT),
            mail(message_id=OURS, sender=from_(GROUP_ADDRESS)),
        ),
        misses=(
            mail(message_id="<k.7f3a.k1forged@kith.example.org>"),
            mail(("x-kith-loop", "5d0c2e91b7a64f38")),
            mail(in_reply_to=(OURS,), references=(OURS,)),
        ),
    ),
    "own-address": Example(
        Verdict.LOOP,
        hits=(
            mail(sender=from_(GROUP_ADDRESS)),
            mail(sender=from_("Hello+K7F3@kith.example.org")),
            mail(sender=from_("K.I.T.H.group+x@googlemail.com")),
            mail(sender=from_("kithgroup@gmail.com")),
            mail(reply_to=(WRITER, from_(GROUP_ADDRESS))),
            mail(reply_to=(from_("hello+k7f32q.k1abc@kith.example.org"),)),
            mail(("sender", "K.ith.Group+lists@googlemail.com")),
            mail(("sender", f"Kith <{GROUP_ADDRESS}>")),
            mail(
                *LIST, ("x-original-from", f"Kith <{GROUP_ADDRESS}>"), sender=from_("c@example.net")
            ),
        ),
        misses=(
            mail(sender=from_("hello.group@kith.example.org")),
            mail(sender=from_("hello@other.example.org")),
            mail(*LIST, ("x-original-from", "m@example.com"), sender=from_(GROUP_ADDRESS)),
            mail(*LIST, reply_to=(from_(GROUP_ADDRESS),)),
        ),
    ),
    "too-many-servers": Example(
        Verdict.LOOP,
        hits=(mail(*[("received", "from a by b")] * 26),),
        misses=(mail(*[("received", "from a by b")] * 25),),
    ),
    "delivery-progress": Example(
        Verdict.RECEIPT,
        hits=(
            mail(content_types=DSN, delivery_status=DELAYED),
            mail(content_types=DSN, delivery_status=DELAYED.replace("delayed", "Relayed")),
        ),
        misses=(
            mail(content_types=DSN, delivery_status=FAILED),
            mail(content_types=DSN, delivery_status=DELAYED + "\n" + FAILED),
            mail(content_types=DSN),
        ),
    ),
    "delay-notice": Example(
        Verdict.RECEIPT,
        hits=(
            mail(("return-path", "<>"), subject="Delivery Status Notification (Delay)"),
            mail(
                sender=from_("mailer@example.com"),
                subject="Warning: message delayed 24 hours",
                text="Your message has not been delivered yet. We will keep trying.",
            ),
        ),
        misses=(mail(subject="Delayed: our review meeting"),),
    ),
    "delivery-status": Example(
        Verdict.DELIVERY_REPORT,
        hits=(
            mail(content_types=DSN, delivery_status=FAILED),
            mail(
                ("content-type", 'multipart/report; Report-Type="delivery-status"; boundary=x'),
                content_types=("multipart/report", "text/plain"),
            ),
            mail(
                content_types=("multipart/mixed", "text/plain", "message/delivery-status"),
                subject="Undeliverable: your letter",
            ),
        ),
        misses=(
            mail(content_types=("multipart/mixed", "text/plain", "message/rfc822", *DSN)),
            mail(
                content_types=("multipart/mixed", "text/plain", "message/delivery-status"),
                subject="FW: Returned mail, what does this mean?",
            ),
        ),
    ),
    "read-receipt": Example(
        Verdict.RECEIPT,
        hits=(
            mail(
                content_types=("multipart/report", "text/plain", "message/disposition-notification")
            ),
            mail(
                ("content-type", "multipart/report; report-type=disposition-notification"),
                content_types=("multipart/report", "text/plain"),
            ),
        ),
        misses=(mail(("disposition-notification-to", "marion.ashworth@example.org")),),
    ),
    "feedback-report": Example(
        Verdict.RECEIPT,
        hits=(mail(content_types=("multipart/report", "text/plain", "message/feedback-report")),),
        misses=(mail(subject="Feedback report from our open day"),),
    ),
    "failure-header": Example(
        Verdict.DELIVERY_REPORT,
        hits=(
            mail(("x-failed-recipients", "jo@example.net")),
            mail(("x-ms-exchange-message-is-ndr", "")),
        ),
        misses=(mail(("x-recipients", "jo@example.net")),),
    ),
    "mail-server": Example(
        Verdict.DELIVERY_REPORT,
        hits=(
            mail(sender=from_("MAILER-DAEMON@mx.example.net")),
            mail(sender=from_("postmaster@example.net")),
            mail(sender=from_("MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@example.com")),
            mail(("from", "MAILER-DAEMON (Mail Delivery System)"), sender=None),
            mail(("from", "<MAILER-DAEMON>"), sender=None),
        ),
        misses=(
            mail(sender=from_("post@example.net")),
            mail(sender=from_("mailer.daemon.jones@example.net")),
        ),
    ),
    "failure-in-words": Example(
        Verdict.DELIVERY_REPORT,
        hits=(
            mail(
                ("return-path", "< >"), subject="Undeliverable: your letter", text="See attached."
            ),
            mail(
                subject="Undeliverable: Your letter",
                text="Your message did not reach some or all of the intended recipients.",
            ),
            mail(
                subject="[EXTERNAL] Mail delivery failed: returning message to sender",
                text="A message that you sent could\nnot be delivered.",
            ),
        ),
        misses=(
            mail(subject="Returned mail", text="I posted the forms, they came back. What now?"),
            mail(
                subject="FW: Returned mail: see transcript", text="What does 'user unknown' mean?"
            ),
            mail(subject="Letters", text="My letter could not be delivered to the court."),
        ),
    ),
    "calendar-answer": Example(
        Verdict.RECEIPT,
        hits=tuple(mail(calendar_method=method) for method in ("REPLY", "COUNTER", "CANCEL")),
        misses=(mail(calendar_method="REQUEST"), mail()),
    ),
    "challenge": Example(
        Verdict.RECEIPT,
        hits=(
            mail(("x-boxtrapper", "abc")),
            mail(
                subject="Please confirm your message",
                text="To have it delivered, verify that you are a human.",
            ),
        ),
        misses=(mail(subject="Please confirm your message", text="Did you get my last email?"),),
    ),
    "website-form": Example(
        Verdict.PERSONAL,
        hits=(
            mail(("x-form-name", "contact-us"), ("auto-submitted", "auto-generated"), sender=ROBOT),
            mail(subject='New submission: "Get in touch"', sender=ROBOT, reply_to=(WRITER,)),
            mail(subject="Contact form", sender=from_(GROUP_ADDRESS), reply_to=(WRITER,)),
        ),
        misses=(
            mail(subject="New submission", sender=ROBOT),
            mail(subject="New submission", sender=ROBOT, reply_to=(ROBOT,)),
            mail(subject="This week's offers", sender=ROBOT, reply_to=(WRITER,)),
            mail(*LIST, subject="Contact form tips", sender=ROBOT, reply_to=(WRITER,)),
        ),
    ),
    "auto-submitted": Example(
        Verdict.AUTO_REPLY,
        hits=(
            mail(("auto-submitted", "auto-replied")),
            mail(("auto-submitted", "Auto-Generated; type=x")),
            mail(("auto-submitted", "no"), ("auto-submitted", "(vacation) auto-replied (by us)")),
        ),
        misses=(
            mail(("auto-submitted", "No")),
            mail(("auto-submitted", "no; reason=none")),
            mail(("auto-submitted", "no (a person (really) wrote this)")),
        ),
    ),
    "auto-reply-header": Example(
        Verdict.AUTO_REPLY,
        hits=(
            *(mail((name, "yes")) for name in sorted(SHIPPED.auto_reply.headers)),
            mail(("x-autoreply", "")),
        ),
        misses=(mail(("x-autoreply", "No")), mail(("x-autorespond-to", "yes"))),
    ),
    "auto-reply-precedence": Example(
        Verdict.AUTO_REPLY,
        hits=(mail(("precedence", "auto_reply")), mail(("x-precedence", "Auto_Reply"))),
        misses=(mail(("precedence", "first-class")),),
    ),
    "out-of-office-class": Example(
        Verdict.AUTO_REPLY,
        hits=(mail(("x-post-messageclass", "9; Autoresponder")),),
        misses=(mail(("x-post-messageclass", "0")),),
    ),
    "inbox-rule-reply": Example(
        Verdict.AUTO_REPLY,
        hits=(
            mail(("x-ms-exchange-inbox-rules-loop", "marion.ashworth@example.org")),
            mail(("x-ms-exchange-inbox-rules-loop", "1")),
        ),
        misses=(
            mail(("x-ms-exchange-inbox-rules-loop", "duty@council.example.org")),
            mail(("x-ms-exchange-inbox-rules-loop", "1"), subject="FW: a meeting"),
        ),
    ),
    "for-autoresponder": Example(
        Verdict.AUTO_REPLY,
        hits=(
            mail(("delivered-to", "Autoresponder")),
            mail(("delivered-to", GROUP_ADDRESS), ("delivered-to", "autoresponder@example.net")),
        ),
        misses=(mail(("delivered-to", GROUP_ADDRESS)),),
    ),
    "absence-note": Example(
        Verdict.AUTO_REPLY,
        hits=(mail(("return-path", "<>"), subject="Réponse automatique : réunion"),),
        misses=(mail(subject="Réponse automatique : réunion"),),
    ),
    "null-return-path": Example(
        Verdict.DELIVERY_REPORT,
        hits=(
            mail(("return-path", "<>")),
            mail(("return-path", "")),
            mail(("return-path", " < > ")),
            mail(("return-path", "<> (the null path)")),
            mail(("return-path", "<MAILER-DAEMON>")),
            mail(("x-envelope-from", "<>")),
            mail(("x-original-return-path", "<>")),
        ),
        misses=(mail(), mail(("return-path", "<marion.ashworth@example.org>"))),
    ),
    "other-report": Example(
        Verdict.RECEIPT,
        hits=(mail(content_types=("multipart/report", "text/plain", "message/x-tracking")),),
        misses=(mail(content_types=("multipart/mixed", "text/plain")),),
    ),
    "discussion-list": Example(
        Verdict.BULK,
        hits=(
            mail(*LIST, ("precedence", "list"), ("list-unsubscribe", "<mailto:x@example.net>")),
            mail(
                ("x-google-group-id", "42"), ("list-unsubscribe-post", "List-Unsubscribe=One-Click")
            ),
            mail(("precedence", "list")),
            mail(("sender", "owner-carers@example.net")),
        ),
        misses=(
            mail(*LIST, ("feedback-id", "1:2:3")),
            mail(*LIST, ("x-campaign-id", "7")),
            mail(*LIST, ("list-unsubscribe-post", "List-Unsubscribe=One-Click")),
            mail(*LIST, sender=from_("carers-owner@example.net")),
            mail(),
        ),
    ),
    "campaign": Example(
        Verdict.BULK,
        hits=(
            mail(("x-campaign", "spring")),
            mail(("x-mailchimp-campaign-part", "1")),
            mail(("x-amazon-mail-relay-type", "notification")),
            mail(("list-unsubscribe-post", "List-Unsubscribe=One-Click")),
        ),
        misses=(mail(subject="Our campaign for better contact"),),
    ),
    "list-header": Example(
        Verdict.BULK,
        hits=(
            mail(("list-unsubscribe", "<https://example.net/u>")),
            mail(("list-help", "<https://example.net/h>")),
        ),
        misses=(mail(("x-listening", "yes")),),
    ),
    "bulk-precedence": Example(
        Verdict.BULK,
        hits=(mail(("precedence", "Bulk")), mail(("x-precedence", "junk (really)"))),
        misses=(mail(("precedence", "normal")), mail(("precedence", "bulky"))),
    ),
    "sending-service": Example(
        Verdict.BULK,
        hits=(
            mail(("feedback-id", "a:b:c")),
            mail(("x-mailgun-sid", "x")),
            mail(("x-ses-outgoing", "2026.11.24")),
            mail(("x-sg-eid", "x")),
        ),
        misses=(mail(("x-mailer", "Apple Mail")),),
    ),
    "not-addressed-to-us": Example(
        Verdict.BULK,
        hits=(
            mail(to=()),
            mail(("to", "undisclosed-recipients:;"), to=()),
            mail(("delivered-to", "other@example.net"), to=(WRITER,)),
        ),
        misses=(
            mail(to=(from_("Hello+a@kith.example.org"),)),
            mail(to=(WRITER,), cc=(from_(GROUP_ADDRESS),)),
            mail(("delivered-to", GROUP_ADDRESS), to=()),
            mail(("x-forwarded-to", f"<{GROUP_ADDRESS}>"), to=(WRITER,)),
            mail(("received", f"from a by b with ESMTP id 7 for <{GROUP_ADDRESS}>; today"), to=()),
        ),
    ),
    "unreadable": Example(
        Verdict.UNREADABLE,
        hits=(Message(subject="", sender=None),),
        misses=(mail(subject="", text=""), mail(sender=None, subject="", text="please help")),
    ),
    "no-sender": Example(
        Verdict.ROBOT,
        hits=(mail(sender=None), mail(("return-path", "<x@example.net>"), sender=from_(""))),
        misses=(mail(),),
    ),
    "robot-address": Example(
        Verdict.ROBOT,
        hits=tuple(
            mail(sender=from_(f"{local}@example.com"))
            for local in (
                "noreply",
                "No-Reply",
                "no_reply",
                "do.not.reply",
                "donotreply2",
                "complaints-noreply",
                "efiling.noreply",
                "noreply+123",
                "no-reply-forms",
                "bounce+77",
                "bounces-9",
                "notification",
                "notifications",
                "alert",
                "newsletter",
                "auto-confirm",
                "carers-request",
                "owner-carers",
                "carers-owner",
                "listserv",
                "majordomo",
                "prvs=123=jo",
                "SRS0=ab=cd=example.net=jo",
                "root",
                "hostmaster",
                "abuse",
                "daemon",
                "nobody",
                "calendar-notification",
                "srs1=x=y",
                "SRS0+ab=cd=example.net=jo",
                "SRS0-ab=cd=example.net=jo",
                "SRS1=ab=example.net==cd=ef=example.com=jo",
                "bounces+77-9f",
                "bounces=jo",
                "BTV1==0123==jo",
                "notifications-eu",
                "alerts-school",
            )
        ),
        misses=tuple(
            mail(sender=from_(f"{local}@example.com"))
            for local in (
                "marion",
                "noreen.reply",
                "info",
                "bouncer",
                "alerta.gomez",
                "rooth",
                "antonio.reply",
                "norepl",
                "request",
                "owner",
                "nobody.knows.me",
                "alertness",
                "bounceback",
                "prvs",
                "srs0",
                "office",
            )
        ),
    ),
    "failed-authentication": Example(
        Verdict.SPAM,
        hits=(
            mail(
                (
                    "authentication-results",
                    "mx.google.com; dkim=none; spf=pass (google.com: ok; dmarc=pass) "
                    "smtp.mailfrom=x.example; dmarc=fail (p=NONE dis=NONE) header.from=example.org",
                )
            ),
            mail(
                ("authentication-results", "mx.google.com; dmarc=fail"),
                ("authentication-results", "mx.google.com; dmarc=pass"),
            ),
        ),
        misses=(
            mail(("authentication-results", "mx.google.com; spf=fail; dmarc=pass")),
            mail(("authentication-results", "mx.evil.example; dmarc=fail")),
            mail(
                ("authentication-results", "mx.google.com; dmarc=pass"),
                ("authentication-results", "mx.google.com; dmarc=fail"),
            ),
            mail(("authentication-results", "dmarc=fail action=none header.from=example.org")),
            mail(("arc-authentication-results", "i=1; mx.google.com; dmarc=fail")),
            mail(("authentication-results", "mx.google.com; spf=pass (dmarc=fail)")),
        ),
    ),
    "spam-flag": Example(
        Verdict.SPAM,
        hits=(mail(("x-spam-flag", "YES")), mail(("x-spam-status", "Yes, score=9.1"))),
        misses=(mail(("x-spam-flag", "NO")), mail(("x-spam-status", "No, score=-1 tests=YES"))),
    ),
    "several-authors": Example(
        Verdict.SPAM,
        hits=(mail(from_count=2), mail(from_count=50)),
        misses=(mail(from_count=1), mail(from_count=0)),
    ),
    "claims-our-address": Example(
        Verdict.SPAM,
        hits=(mail(sender=from_("x@example.net", name=f"Kith {GROUP_ADDRESS}")),),
        misses=(mail(sender=from_("x@example.net", name="Kith Group")),),
    ),
    "sender-not-in-from": Example(
        Verdict.PERSONAL,
        hits=(mail(from_count=0),),
        misses=(mail(from_count=1), mail(from_count=0, sender=None)),
    ),
    "automatic-subject": Example(
        Verdict.PERSONAL,
        hits=(
            mail(subject="Out of office: nobody helps us"),
            mail(subject="Abwesenheitsnotiz: Besuch"),
            mail(subject="Ymateb awtomatig: cyfarfod"),
            mail(subject="自动回复：会议"),
        ),
        misses=(
            mail(subject="Out of the Office"),
            mail(subject="Re: Out of office: nobody helps us"),
            mail(subject="Automatic reply from the council, what now?"),
        ),
    ),
    "suppressed-responses": Example(
        Verdict.PERSONAL,
        hits=(
            mail(("x-auto-response-suppress", "All")),
            mail(("x-auto-response-suppress", "DR, OOF,AutoReply")),
            mail(("x-auto-response-suppress", "RN; AutoReply")),
            mail(("x-auto-response-suppress", "DR"), ("x-auto-response-suppress", "oof (away)")),
        ),
        misses=(
            mail(("x-auto-response-suppress", "DR, NDR, RN")),
            mail(("x-auto-response-suppress", "allow")),
            mail(("x-auto-response-suppress", "none")),
        ),
    ),
    "passed-on-by-rule": Example(
        Verdict.PERSONAL,
        hits=(
            mail(("x-ms-exchange-inbox-rules-loop", "duty@council.example.org")),
            mail(("x-loop", "procmail@example.net")),
        ),
        misses=(mail(),),
    ),
    "calendar-invitation": Example(
        Verdict.PERSONAL,
        hits=(mail(calendar_method="REQUEST"),),
        misses=(mail(subject="Invitation: coffee"),),
    ),
    "suspended-address": Example(
        Verdict.PERSONAL,
        hits=(
            mail(sender=from_("Dead.Box@example.net")),
            mail(sender=from_("dead.box+kith@EXAMPLE.net")),
            mail(sender=from_("j.o.dead@gmail.com")),
        ),
        misses=(
            mail(sender=from_("live.box@example.net")),
            mail(sender=from_("deadbox@example.net")),
        ),
    ),
    "undeliverable-sender": Example(
        Verdict.PERSONAL,
        hits=tuple(
            mail(sender=from_(email))
            for email in (
                "jo",
                "jo@localhost",
                "jo@pc.local",
                "jo@example..org",
                "@example.org",
                "jo smith@example.org",
                "jo@a@example.org",
                f"{'j' * 250}@example.org",
                "jo@example.org.",
            )
        ),
        misses=(
            mail(sender=from_("o'brien+kith@sub.example.org")),
            mail(sender=from_("jo@müller.example")),
        ),
    ),
    "answers-go-elsewhere": Example(
        Verdict.PERSONAL,
        hits=(
            mail(reply_to=(WRITER,)),
            mail(sender=from_("jo@gmail.com"), reply_to=(from_("sam@gmail.com"),)),
        ),
        misses=(
            mail(reply_to=(from_("office@example.org"),)),
            mail(reply_to=(from_("marion@mail.example.org"),)),
            mail(sender=from_("jo.b@gmail.com"), reply_to=(from_("JOB+x@googlemail.com"),)),
        ),
    ),
    "headers-not-read": Example(
        Verdict.PERSONAL,
        hits=(
            mail(defects=("it has more headers than Kith reads",)),
            mail(defects=("it names more addresses than Kith reads",)),
        ),
        misses=(mail(defects=("a character set is unknown",)),),
    ),
    "unusual-spelling": Example(
        Verdict.PERSONAL,
        hits=tuple(
            mail(sender=from_(email))
            for email in (
                "jo@faß.example",
                "jo@ｇmail.com",
                "jo@exam\u200dple.org",
                "\u212aate@example.org",
                "jörg@example.org",
                f"jo@{'ä' * 300}.example",
            )
        ),
        misses=(mail(sender=from_("jo@müller.example")), mail(sender=from_("Jo+x@Example.ORG"))),
    ),
    "seen-as-another": Example(
        Verdict.PERSONAL,
        hits=tuple(
            mail(("authentication-results", f"mx.google.com; {told}"))
            for told in (
                "dmarc=pass (p=REJECT) header.from=evil.example",
                "dmarc=pass header.from=example.org; x=y header.from=evil.example",
                'dmarc=pass header.from="example.org"; dmarc=pass header.from="evil.example"',
                "dmarc=pass header.from=notexample.org",
            )
        ),
        misses=(
            mail(("authentication-results", "mx.google.com; dmarc=pass header.from=Example.org")),
            mail(("authentication-results", "mx.google.com; dmarc=pass header.from=@example.org;")),
            mail(("authentication-results", "mx.google.com; spf=pass smtp.mailfrom=evil.example")),
            mail(("authentication-results", "mx.evil.example; dmarc=pass header.from=a.example")),
            mail(
                ("authentication-results", "mx.google.com; dmarc=pass header.from=example.org"),
                ("authentication-results", "mx.google.com; dmarc=pass header.from=evil.example"),
            ),
        ),
    ),
    "two-addresses": Example(
        Verdict.PERSONAL,
        hits=(mail(sender=from_("x@example.net", name="marion.ashworth@example.org")),),
        misses=(
            mail(sender=from_("x@example.net", name="X@Example.net")),
            mail(sender=from_("x@example.net", name="Marion @ home")),
        ),
    ),
    "old-mail": Example(
        Verdict.PERSONAL,
        hits=(mail(date=WRITTEN_AT - timedelta(days=8)),),
        misses=(
            mail(date=WRITTEN_AT - timedelta(days=6)),
            mail(date=None),
            mail(date=WRITTEN_AT + timedelta(days=400)),
        ),
    ),
    "before-go-live": Example(
        Verdict.PERSONAL,
        hits=(mail(),),
        misses=(),
        around=replace(AROUND, go_live=WRITTEN_AT + timedelta(hours=1)),
    ),
}


def hits_of(rule: str) -> list[tuple[Message, Example]]:
    return [(message, EXAMPLES[rule]) for message in EXAMPLES[rule].hits]


@pytest.mark.parametrize("rule", EXAMPLES)
def test_a_rule_hits_what_it_is_meant_for(rule: str) -> None:
    for message, example in hits_of(rule):
        screening = screen(message, example.around)
        assert (screening.rule, screening.verdict) == (rule, example.verdict), message.headers
        assert not screening.acknowledge


@pytest.mark.parametrize("rule", EXAMPLES)
def test_a_rule_leaves_alone_what_only_looks_like_it(rule: str) -> None:
    for message in EXAMPLES[rule].misses:
        assert screen(message, EXAMPLES[rule].around).rule != rule, message


@pytest.mark.parametrize("rule", EXAMPLES)
def test_a_rule_gives_its_reason_in_one_plain_sentence(rule: str) -> None:
    reasons = {screen(message, example.around).reason for message, example in hits_of(rule)}
    assert len(reasons) == 1
    reason = reasons.pop()
    assert reason[0].isupper()
    assert reason.endswith(".")
    assert 20 < len(reason) < 120


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_rule_of_the_table_has_an_example(
    rule: Callable[[Message, Surroundings], Screening | None],
) -> None:
    named = [
        screening.rule
        for example in EXAMPLES.values()
        for message in example.hits
        if (screening := rule(message, example.around))
    ]
    assert set(named) & set(EXAMPLES)


def test_no_two_rules_share_a_name() -> None:
    decided = {
        screen(message, each.around).rule for each in EXAMPLES.values() for message in each.hits
    }
    assert len(decided) == len(EXAMPLES) == len(RULES)


def test_a_personal_mail_may_be_acknowledged() -> None:
    screening = screen(make_message(), AROUND)
    assert (screening.verdict, screening.rule) == (Verdict.PERSONAL, "personal")
    assert screening.acknowledge
    assert screening.reason.endswith(".")


def test_a_mail_that_could_not_be_parsed_is_for_a_person() -> None:
    assert unreadable().verdict is Verdict.UNREADABLE
    assert not unreadable().acknowledge


def test_without_known_addresses_nothing_is_said_about_recipients() -> None:
    around = Surroundings(now=AROUND.now, rules=SHIPPED)
    assert screen(make_message(to=()), around).acknowledge


def test_a_mail_that_shows_no_journey_is_not_called_misaddressed() -> None:
    headers = tuple(each for each in make_message(to=()).headers if each.name != "received")
    assert screen(replace(make_message(to=()), headers=headers), AROUND).acknowledge


def test_an_out_of_office_from_nobody_is_an_auto_reply_not_a_bounce() -> None:
    message = mail(
        ("return-path", "<>"), ("auto-submitted", "auto-replied"), subject="Automatic reply: hello"
    )
    assert screen(message, AROUND).verdict is Verdict.AUTO_REPLY


def test_a_read_receipt_from_nobody_is_a_receipt_not_a_bounce() -> None:
    message = mail(
        ("return-path", "<>"),
        content_types=("multipart/report", "text/plain", "message/disposition-notification"),
    )
    assert screen(message, AROUND).verdict is Verdict.RECEIPT


def test_an_out_of_office_that_comes_through_a_list_is_an_auto_reply() -> None:
    message = mail(*LIST, ("auto-submitted", "auto-replied"))
    assert screen(message, AROUND).verdict is Verdict.AUTO_REPLY


def test_headers_that_name_kith_steer_nothing() -> None:
    steering = [
        ("x-kith-verdict", "personal"),
        ("x-kith-loop", "no"),
        ("auto-submitted", "auto-replied"),
    ]
    assert screen(make_message(headers=steering), AROUND).verdict is Verdict.AUTO_REPLY
    assert screen(make_message(headers=[("x-kith-loop", "abc")]), AROUND).acknowledge


def test_the_day_of_arrival_counts_for_going_live_and_not_the_date_written() -> None:
    around = replace(AROUND, go_live=WRITTEN_AT + timedelta(minutes=1))
    assert screen(
        make_message(), replace(around, received_at=WRITTEN_AT + timedelta(hours=1))
    ).acknowledge


def test_a_mail_that_waited_in_the_inbox_for_long_is_old_whatever_its_date_says() -> None:
    waited = replace(AROUND, received_at=AROUND.now - timedelta(days=8))
    tomorrow = make_message(date=AROUND.now + timedelta(days=1))
    assert screen(tomorrow, waited).rule == "old-mail"
    assert screen(make_message(date=None), waited).rule == "old-mail"


def test_without_keys_no_message_id_is_ours() -> None:
    around = replace(AROUND, is_our_id=Surroundings(now=AROUND.now, rules=SHIPPED).is_our_id)
    assert screen(make_message(message_id=OURS), around).acknowledge


def test_a_loop_header_without_end_is_read_only_so_far() -> None:
    asked: list[int] = []

    def note(name: str) -> bool:
        asked.append(len(name))
        return False

    many = [("x-kith-loop", "k" * 100_000)] * 1_000
    screen(make_message(headers=many), replace(AROUND, is_our_id=note))
    assert len(asked) <= 51
    assert max(asked) <= 1_000


def test_what_a_reason_says_never_comes_from_the_mail() -> None:
    secret = "Zqxwv"
    for example in EXAMPLES.values():
        for message in example.hits:
            renamed = replace(
                message, text=f"{message.text} {secret}", subject=f"{message.subject} {secret}"
            )
            assert secret not in screen(renamed, example.around).reason


NAMES = st.sampled_from(
    sorted(
        {header.name for each in EXAMPLES.values() for hit in each.hits for header in hit.headers}
        | SHIPPED.auto_reply.headers
        | SHIPPED.bulk.campaign_headers
    )
)
ADDRESSES = st.builds(Address, st.text(), st.text())


@given(
    headers=st.lists(st.builds(Header, NAMES, st.text())),
    sender=st.none() | ADDRESSES,
    reply_to=st.lists(ADDRESSES, max_size=2),
    subject=st.text(),
    text=st.text(),
    content_types=st.lists(st.sampled_from(DSN), min_size=1),
    delivery_status=st.text(),
)
def test_whatever_comes_there_is_a_verdict(
    headers: list[Header],
    sender: Address | None,
    reply_to: list[Address],
    subject: str,
    text: str,
    content_types: list[str],
    delivery_status: str,
) -> None:
    message = Message(
        subject=subject,
        sender=sender,
        reply_to=tuple(reply_to),
        headers=tuple(headers),
        text=text,
        content_types=tuple(content_types),
        delivery_status=delivery_status,
        attachments=(Attachment("a.pdf", "application/pdf", 1, 1),),
    )
    screening = screen(message, AROUND)
    assert screening.acknowledge == (screening.rule == "personal")
    assert screening == screen(message, AROUND)
