"""The whole journey as an operator runs it: Dovecot in, SMTP out, on both databases."""

import email
import json
import signal
import time
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from casework.demo.sample_inbox import sample_inbox
from tests.casework.service_runs import GROUP_ADDRESS, Site, make_site
from tests.services.dovecot import DovecotServer
from tests.services.smtp import SmtpSink, Stage


def mail(sender: str, subject: str, text: str, **headers: str) -> bytes:
    """Return a mail written a moment ago."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = GROUP_ADDRESS
    message["Subject"] = subject
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = f"<{abs(hash((sender, subject, text)))}@mail.example.org>"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message.as_bytes()


@pytest.fixture
def site(
    dovecot: DovecotServer,
    smtp_sink: SmtpSink,
    empty_database_url: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Site:
    """Return an installation with an empty inbox of its own and an up-to-date database."""
    user = f"site-{abs(hash(request.node.nodeid)):x}"
    made = make_site(tmp_path, dovecot, user, smtp_sink.port, empty_database_url)
    dovecot.fill(user, [])
    assert made.kith("db", "upgrade").returncode == 0
    return made


def deliver(dovecot: DovecotServer, site: Site, *raws: bytes) -> None:
    """Let mails arrive."""
    for raw in raws:
        dovecot.deliver(site.environ["KITH_MAILBOX__USERNAME"], raw)


def poll(site: Site) -> dict[str, Any]:
    """Work the inbox once."""
    report: dict[str, Any] = site.json("poll", "--once", "--json")
    return report


def letters(sink: SmtpSink) -> list[EmailMessage]:
    """Return the letters that left, parsed."""
    parsed = [email.message_from_bytes(each.raw, policy=policy.default) for each in sink.letters]
    return [each for each in parsed if isinstance(each, EmailMessage)]


def test_a_mail_becomes_a_case_and_is_acknowledged_once(
    site: Site, dovecot: DovecotServer, smtp_sink: SmtpSink
) -> None:
    subject = "How do we join the Tuesday group?"
    deliver(
        dovecot,
        site,
        mail("Bronwen Pugh <bron@example.org>", subject, "Hello, please may we join your group?"),
    )
    report = poll(site)
    assert (report["filed"], report["acknowledged"], report["sent"]) == (1, 1, 1)
    [case] = site.json("case", "list", "--json")
    [letter] = letters(smtp_sink)
    assert letter["To"] == "bron@example.org"
    assert letter["Subject"] == f"Thank you for your email (ref {case['reference']})"
    assert letter["Auto-Submitted"] == "auto-replied"
    assert letter["X-Auto-Response-Suppress"] == "All"
    assert letter["In-Reply-To"] == case["received_mails"][0]["message_id"]
    assert "999" in letter.get_content()
    assert "Bronwen" not in letter.as_string()
    assert "Tuesday" not in letter.as_string()
    assert [(each["purpose"], each["state"]) for each in case["letters"]] == [
        ("acknowledgement", "sent")
    ]
    assert [line["what"] for line in case["history"]] == [
        "opened",
        "sorted",
        "acknowledgement queued",
        "letter sent",
    ]
    again = poll(site)
    assert (again["stored"], again["filed"], again["sent"]) == (0, 0, 0)
    assert len(smtp_sink.letters) == 1


def test_an_answer_to_our_letter_joins_the_case_without_another_acknowledgement(
    site: Site, dovecot: DovecotServer, smtp_sink: SmtpSink
) -> None:
    deliver(dovecot, site, mail("bron@example.org", "Joining", "Please may we join your group?"))
    poll(site)
    [first] = letters(smtp_sink)
    deliver(
        dovecot,
        site,
        mail("bron@example.org", "Thanks", "And one more thing.", In_Reply_To=first["Message-ID"]),
        mail("bron@example.org", f"Re: {first['Subject']}", "And another."),
    )
    poll(site)
    [case] = site.json("case", "list", "--json")
    assert len(case["received_mails"]) == 3
    assert len(smtp_sink.letters) == 1


def test_a_stranger_who_knows_the_reference_gets_what_a_stranger_gets_who_made_one_up(
    site: Site, dovecot: DovecotServer, smtp_sink: SmtpSink
) -> None:
    deliver(dovecot, site, mail("bron@example.org", "Joining", "Please may we join your group?"))
    poll(site)
    [case] = site.json("case", "list", "--json")
    text = "I would like to know more about this."
    deliver(
        dovecot,
        site,
        mail("stranger@example.net", f"Re: {case['reference']}", text),
        mail("other@example.net", "Re: ZZZZ-22", text),
    )
    poll(site)
    cases = site.json("case", "list", "--json")
    assert len(cases) == 3
    assert len(cases[0]["received_mails"]) == 1
    assert cases[1]["may_belong_to"] == case["reference"]
    assert len(smtp_sink.letters) == 1
    reasons = {each["received_mails"][0]["acknowledgement"] for each in cases[1:]}
    assert len(reasons) == 1


def test_a_stranger_who_shows_our_message_id_waits_to_be_confirmed_and_is_not_answered(
    site: Site, dovecot: DovecotServer, smtp_sink: SmtpSink
) -> None:
    deliver(dovecot, site, mail("bron@example.org", "Joining", "Please may we join your group?"))
    poll(site)
    [first] = letters(smtp_sink)
    deliver(
        dovecot,
        site,
        mail("bron.work@example.com", "Re", "It is me.", In_Reply_To=first["Message-ID"]),
    )
    poll(site)
    [case] = site.json("case", "list", "--json")
    assert case["unconfirmed_sender"]
    [known, waiting] = case["received_mails"]
    assert not known["filed"]["unconfirmed_sender"]
    assert waiting["filed"]["unconfirmed_sender"]
    assert case["correspondent"]["addresses"] == ["bron@example.org"]
    assert len(smtp_sink.letters) == 1


def test_two_installations_facing_each_other_fall_silent(
    site: Site, dovecot: DovecotServer, smtp_sink: SmtpSink
) -> None:
    deliver(dovecot, site, mail("hello@other.example.org", "Hello", "Please may we join you?"))
    poll(site)
    [ours] = [each.raw for each in smtp_sink.letters]
    # The other Kith's acknowledgement looks as ours does: ours comes back as if from them.
    theirs = ours.replace(b"hello@kith.example.org", b"hello@third.example.org")
    deliver(dovecot, site, theirs)
    report = poll(site)
    assert (report["acknowledged"], report["sent"]) == (0, 0)
    assert len(smtp_sink.letters) == 1


def test_the_same_mail_again_is_not_answered_again(
    site: Site, dovecot: DovecotServer, smtp_sink: SmtpSink
) -> None:
    raw = mail("bron@example.org", "Joining", "Please may we join your group?")
    deliver(dovecot, site, raw, raw)
    report = poll(site)
    assert report["ledger"] == {"received": 0, "filed": 1, "screened_out": 1, "set_aside": 0}
    assert len(smtp_sink.letters) == 1


def test_a_mail_that_cannot_be_read_is_filed_for_a_person(
    site: Site, dovecot: DovecotServer, smtp_sink: SmtpSink
) -> None:
    deliver(dovecot, site, b"\r\n")
    report = poll(site)
    assert report["filed"] == 1
    [case] = site.json("case", "list", "--json")
    assert case["needs_look"]
    assert case["risk_level"] == "today"
    assert smtp_sink.letters == []


def test_someone_who_must_not_be_written_to_is_filed_and_not_answered(
    site: Site, dovecot: DovecotServer, smtp_sink: SmtpSink
) -> None:
    text = "Please don't reply to this address, he reads my email. Ring me on 07700 900123."
    deliver(dovecot, site, mail("jan@example.org", "help", text))
    poll(site)
    [case] = site.json("case", "list", "--json")
    assert case["risk"]["unsafe_reply"]
    assert smtp_sink.letters == []


def test_a_letter_refused_for_now_is_kept_and_one_refused_for_good_is_shown(
    site: Site, dovecot: DovecotServer, smtp_sink: SmtpSink
) -> None:
    smtp_sink.refuse_recipient("busy@example.org", "451 4.3.0 try again later")
    smtp_sink.refuse_recipient("gone@example.org", "550 5.1.1 no such user")
    deliver(
        dovecot,
        site,
        mail("busy@example.org", "Joining", "Please may we join your group?"),
        mail("gone@example.org", "Joining", "Please may I join your group?"),
        mail("fine@example.org", "Joining", "Please may we all join your group?"),
    )
    report = poll(site)
    assert (report["sent"], report["deferred"], report["not_deliverable"]) == (1, 1, 1)
    states = [case["letters"][0]["state"] for case in site.json("case", "list", "--json")]
    assert states == ["queued", "failed", "sent"]


def test_a_letter_of_unknown_fate_is_told_and_not_sent_again(
    site: Site, dovecot: DovecotServer, smtp_sink: SmtpSink
) -> None:
    smtp_sink.hang_up_after_data()
    deliver(dovecot, site, mail("bron@example.org", "Joining", "Please may we join your group?"))
    assert poll(site)["fate_unknown"] == 1
    smtp_sink.behave()
    assert poll(site)["sent"] == 0
    [case] = site.json("case", "list", "--json")
    assert case["letters"][0]["state"] == "unknown"
    assert case["history"][-1]["what"] == "letter's fate unknown"
    assert len(smtp_sink.letters) == 1


def test_in_shadow_mode_letters_are_drafted_and_none_leaves(
    site: Site, dovecot: DovecotServer, smtp_sink: SmtpSink
) -> None:
    site.environ["KITH_MODE"] = "shadow"
    deliver(dovecot, site, mail("bron@example.org", "Joining", "Please may we join your group?"))
    poll(site)
    [case] = site.json("case", "list", "--json")
    assert case["letters"][0]["state"] == "draft"
    site.environ["KITH_MODE"] = "live"
    poll(site)
    assert smtp_sink.letters == []


def test_mail_from_before_going_live_is_filed_in_silence(
    site: Site, dovecot: DovecotServer, smtp_sink: SmtpSink
) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    site.environ["KITH_GROUP__GO_LIVE"] = tomorrow.date().isoformat()
    deliver(dovecot, site, mail("bron@example.org", "Joining", "Please may we join your group?"))
    assert poll(site)["filed"] == 1
    assert smtp_sink.letters == []


def test_the_sample_inbox_is_worked_whole_and_no_flag_changes(
    site: Site, dovecot: DovecotServer, smtp_sink: SmtpSink
) -> None:
    samples = sample_inbox(GROUP_ADDRESS, datetime.now(UTC))
    user = site.environ["KITH_MAILBOX__USERNAME"]
    for number, sample in enumerate(samples):
        flags = ["\\Seen"] if number % 3 == 0 else ["\\Answered", "\\Flagged"][: number % 3]
        dovecot.deliver(user, sample.raw, sample.internal_date, flags)
    before = dovecot.flags(user)
    report = poll(site)
    assert dovecot.flags(user) == before
    assert report["stored"] == len(samples)
    assert report["set_aside"] == report["failed"] == report["ledger"]["received"] == 0
    recipients = [letter.recipients for letter in smtp_sink.letters]
    assert len(recipients) == len(set(recipients)) == report["acknowledged"]
    assert report["acknowledged"] > 20


def test_the_service_works_until_it_is_told_to_stop(
    site: Site, dovecot: DovecotServer, smtp_sink: SmtpSink
) -> None:
    site.environ["KITH_SERVICE__POLL_SECONDS"] = "1"
    smtp_sink.refuse_at(Stage.MAIL, "451 4.3.0 not now")
    service = site.start("run", "--only", "poll,process,deliver")
    deliver(dovecot, site, mail("bron@example.org", "Joining", "Please may we join your group?"))
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not json.loads(
        site.kith("case", "list", "--json").stdout or b"[]"
    ):
        time.sleep(0.3)
    service.send_signal(signal.SIGTERM)
    _, errors = service.communicate(timeout=60)
    assert service.returncode == 0, errors.decode()
    [case] = site.json("case", "list", "--json")
    assert case["letters"][0]["state"] == "queued"


def test_run_refuses_an_out_of_date_schema_with_the_cure(
    dovecot: DovecotServer, smtp_sink: SmtpSink, empty_database_url: str, tmp_path: Path
) -> None:
    site = make_site(tmp_path, dovecot, "nobody", smtp_sink.port, empty_database_url)
    done = site.kith("run")
    assert done.returncode == 1
    assert b"kith db upgrade" in done.stderr


def test_the_log_holds_nothing_that_was_written_to_us(
    site: Site, dovecot: DovecotServer, smtp_sink: SmtpSink
) -> None:
    deliver(
        dovecot,
        site,
        mail("Bronwen Pugh <bron@example.org>", "Zebedee", "Please may we join? Quixotic."),
    )
    done = site.kith("--verbose", "poll", "--once")
    said = (done.stdout + done.stderr).decode()
    assert "outcome=filed" in said
    for word in ("Bronwen", "bron@", "Zebedee", "Quixotic", "join_request"):
        assert word not in said


def test_check_says_in_plain_words_what_is_well_and_what_is_not(
    site: Site, smtp_sink: SmtpSink
) -> None:
    done = site.kith("check")
    said = done.stdout.decode()
    assert done.returncode == 0, said
    assert "FAIL" not in said
    site.environ["KITH_MAILBOX__PASSWORD"] = "wrong"
    site.environ["KITH_SMTP__PORT"] = "1"
    done = site.kith("check")
    said = done.stdout.decode()
    assert done.returncode == 1
    assert "FAIL  Inbox" in said
    assert "refused the user name or password" in said
    assert "FAIL  Sending" in said
