"""The servers that other tests stand on: are they what those tests take them for?"""

import imaplib
import smtplib
import ssl
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, inspect, text

from casework.models import Correspondent
from config.database import Base, Sessions, make_engine
from tests.services import dovecot_config
from tests.services.certificates import Certificate, make_certificate
from tests.services.dovecot import DovecotServer
from tests.services.fast_smtp_sink import sink_process
from tests.services.places import run_as
from tests.services.postgres import PostgresServer
from tests.services.smtp import SmtpSink, Stage

PROJECT = Path(__file__).resolve().parents[1]
MAIL = (
    b"From: Ann Example <ann@example.org>\r\nMessage-ID: <1@example.org>\r\n"
    b"\r\nHello.\r\n.\r\nBye\r\n"
)


def test_dovecot_keeps_a_delivered_mail_with_its_date_and_flags(dovecot: DovecotServer) -> None:
    dovecot.deliver("kept@kith.example.org", MAIL, datetime(2026, 1, 2, tzinfo=UTC), ["\\Seen"])
    with dovecot.connect("kept@kith.example.org") as client:
        client.select("INBOX", readonly=True)
        _, answer = client.uid("FETCH", "1", "(INTERNALDATE BODY.PEEK[])")
    described, raw = answer[0]
    assert raw == MAIL
    assert b'INTERNALDATE "02-Jan-2026 00:00:00 +0000"' in described
    assert dovecot.flags("kept@kith.example.org") == {1: ("\\Recent", "\\Seen")}


def test_dovecot_numbers_filled_in_mails_in_their_order(dovecot: DovecotServer) -> None:
    user = "filled@kith.example.org"
    dovecot.fill(user, [b"Subject: %d\r\n\r\n" % number for number in range(50)])
    dovecot.fill(user, [b"Subject: %d\r\n\r\n" % number for number in range(50, 60)])
    with dovecot.connect(user) as client:
        client.select("INBOX", readonly=True)
        _, answer = client.uid("FETCH", "1:*", "(BODY.PEEK[])")
    bodies = [part[1] for part in answer if isinstance(part, tuple)]
    assert sorted(bodies[50:]) == [b"Subject: %d\r\n\r\n" % number for number in range(50, 60)]
    assert bodies[:50] == [b"Subject: %d\r\n\r\n" % number for number in range(50)]


def test_dovecot_refuses_a_wrong_password(dovecot: DovecotServer) -> None:
    client = imaplib.IMAP4(dovecot.host, dovecot.port, timeout=30)
    with pytest.raises(imaplib.IMAP4.error):
        client.login("somebody@kith.example.org", "wrong")
    client.shutdown()


def test_dovecot_speaks_tls_with_a_certificate_that_verifies(dovecot: DovecotServer) -> None:
    trusting = ssl.create_default_context(cafile=str(dovecot.certificate.certificate))
    wrapped = imaplib.IMAP4_SSL(dovecot.host, dovecot.tls_port, ssl_context=trusting, timeout=30)
    assert wrapped.login("tls@kith.example.org", dovecot.password)[0] == "OK"
    wrapped.logout()
    upgraded = imaplib.IMAP4("localhost", dovecot.port, timeout=30)
    upgraded.starttls(trusting)
    assert upgraded.login("tls@kith.example.org", dovecot.password)[0] == "OK"
    upgraded.logout()


def test_dovecots_certificate_is_not_trusted_by_default(dovecot: DovecotServer) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        imaplib.IMAP4_SSL(
            dovecot.host,
            dovecot.tls_port,
            ssl_context=ssl.create_default_context(),
            timeout=30,
        )


@pytest.mark.parametrize(
    ("version", "first_words"),
    [((2, 3), "base_dir = "), ((2, 4), "dovecot_config_version = ")],
    ids=["2.3", "2.4"],
)
def test_dovecots_configuration_is_in_the_words_of_its_version(
    tmp_path: Path, version: tuple[int, int], first_words: str
) -> None:
    config = dovecot_config.render(
        version=version,
        directory=tmp_path,
        ports=(1143, 1993),
        certificate=Certificate(tmp_path / "certificate.pem", tmp_path / "key.pem"),
        owner=run_as("nobody"),
        password="secret",
    )
    assert config.startswith(first_words)  # 2.4 wants its version on the very first line
    assert "listen = 127.0.0.1" in config


def test_a_postgresql_database_is_new_and_holds_what_is_put_in(postgres: PostgresServer) -> None:
    url = postgres.create_database()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE notes (text text)")
        connection.execute("INSERT INTO notes VALUES ('Siân')")
    copy = postgres.create_database(template=url)
    with psycopg.connect(copy) as connection:
        assert connection.execute("SELECT text FROM notes").fetchone() == ("Siân",)
    postgres.drop_database(copy)
    postgres.drop_database(url)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


def test_a_forgotten_connection_can_be_ended(postgres: PostgresServer) -> None:
    url = postgres.create_database()
    forgotten = psycopg.connect(url)
    postgres.disconnect_all(url)
    with pytest.raises(psycopg.OperationalError):
        forgotten.execute("SELECT 1")
    postgres.drop_database(url)


def test_the_tests_database_has_every_table(engine: Engine) -> None:
    assert set(inspect(engine).get_table_names()) == set(Base.metadata.tables)


@pytest.mark.parametrize("_round", [1, 2])
def test_the_tests_database_is_empty_for_each_test(
    sessions: Sessions, now: datetime, _round: int
) -> None:
    with sessions.begin() as session:
        for table in Base.metadata.sorted_tables:
            assert session.execute(text(f"SELECT count(*) FROM {table.name}")).scalar_one() == 0
        session.add(Correspondent(name="Ann Example", created_at=now))


def test_a_database_without_tables_has_none(empty_database_url: str) -> None:
    engine = make_engine(empty_database_url)
    assert inspect(engine).get_table_names() == []
    engine.dispose()


def test_the_smtp_sink_keeps_envelope_and_bytes(smtp_sink: SmtpSink) -> None:
    with smtplib.SMTP(smtp_sink.host, smtp_sink.port, timeout=30) as client:
        client.sendmail("kith@example.org", ["ann@example.org"], MAIL)
        client.sendmail("kith@example.org", ["bob@example.org"], MAIL)
    first, second = smtp_sink.letters
    assert (first.sender, first.recipients) == ("kith@example.org", ("ann@example.org",))
    assert second.raw == MAIL


@pytest.mark.parametrize("stage", list(Stage))
def test_the_smtp_sink_refuses_when_told_to(smtp_sink: SmtpSink, stage: Stage) -> None:
    smtp_sink.refuse_at(stage, "451 4.3.0 try later")
    with smtplib.SMTP(smtp_sink.host, smtp_sink.port, timeout=30) as client:
        with pytest.raises(smtplib.SMTPException):
            client.sendmail("kith@example.org", ["ann@example.org"], MAIL)
        assert smtp_sink.letters == []
        smtp_sink.behave()
        client.sendmail("kith@example.org", ["ann@example.org"], MAIL)
    assert len(smtp_sink.letters) == 1


def test_the_smtp_sink_can_hang_up_after_taking_the_letter(smtp_sink: SmtpSink) -> None:
    smtp_sink.hang_up_after_data()
    client = smtplib.SMTP(smtp_sink.host, smtp_sink.port, timeout=30)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.sendmail("kith@example.org", ["ann@example.org"], MAIL)
    assert len(smtp_sink.letters) == 1


def test_the_smtp_sink_can_cut_a_kept_connection(smtp_sink: SmtpSink) -> None:
    client = smtplib.SMTP(smtp_sink.host, smtp_sink.port, timeout=30)
    client.ehlo()
    smtp_sink.drop_connections()
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        client.noop()


def test_the_smtp_sink_speaks_tls_and_wants_its_password(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(certificate.certificate, certificate.key)
    trusting = ssl.create_default_context(cafile=str(certificate.certificate))
    with (
        SmtpSink(tls=serving, password="secret") as sink,
        smtplib.SMTP("localhost", sink.port, timeout=30) as client,
    ):
        client.starttls(context=trusting)
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("kith", "wrong")
        client.login("kith", "secret")
        client.sendmail("kith@example.org", ["ann@example.org"], MAIL)
        assert len(sink.letters) == 1
    with (
        SmtpSink(tls=serving, implicit_tls=True) as sink,
        smtplib.SMTP_SSL("localhost", sink.port, timeout=30, context=trusting) as wrapped,
    ):
        assert wrapped.noop()[0] == 250


def test_the_fast_sink_counts_letters_and_reads_their_ids() -> None:
    with (
        sink_process() as sink,
        smtplib.SMTP(sink.host, sink.port, timeout=30) as client,
    ):
        for number in range(100):
            raw = b"Subject: x\r\nMessage-Id: <%d@example.org>\r\n\r\nHello\r\n.\r\nx" % number
            client.sendmail("kith@example.org", [f"a{number}@example.org"], raw)
        client.sendmail("kith@example.org", ["empty@example.org"], b"")
        client.sendmail("kith@example.org", ["big@example.org"], MAIL + b"x" * 3_000_000)
    assert [letter.recipient for letter in sink.letters[98:]] == [
        "a98@example.org",
        "a99@example.org",
        "empty@example.org",
        "big@example.org",
    ]
    ids = [letter.message_id for letter in sink.letters]
    assert ids[99:] == ["<99@example.org>", "", "<1@example.org>"]


def test_the_installer_does_nothing_when_all_is_there(dovecot: DovecotServer) -> None:
    done = subprocess.run(
        [PROJECT / ".ci" / "services"],
        env={"PATH": "/usr/bin:/bin", "KITH_TEST_PG_URL": "postgresql://given"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_fast_sink_is_a_program_of_its_own() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.services.fast_smtp_sink", "--help"],
        cwd=PROJECT,
        capture_output=True,
        check=True,
    )
    assert b"--report" in done.stdout
