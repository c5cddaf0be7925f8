"""What is said when the mailbox cannot be read, and when to try again."""

import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from intake.mailbox import ImapServer, MailboxError, explain_failure
from intake.mailbox.server_words import BUSY_S, LONGEST_BACKOFF_S, backoff_in
from tests.intake.test_mailbox_glimpses import MAIL, mailbox_at
from tests.intake.test_mailbox_sign_in import failure_of
from tests.services.certificates import Certificate, make_certificate
from tests.services.scripted_faults import Bye, Dribbles, Drops, Hangs, Says
from tests.services.scripted_imap import ScriptedImap


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


def test_a_throttling_server_says_when_to_come_back() -> None:
    with ScriptedImap() as server:
        words = "BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds"
        server.spoil("EXAMINE", Says(words))
        error = failure_of(server)
    assert error.retry_after == pytest.approx(299.961)
    assert "asks to be left alone for 5 minutes" in str(error)


def test_a_throttled_fetch_ends_the_poll_and_withholds_no_mail() -> None:
    with ScriptedImap() as server:
        server.add(MAIL)
        words = "NO Server Busy. Suggested Backoff Time: 61000 milliseconds"
        server.spoil("FETCH", Says(words), times=None, containing="BODY")
        mailbox = mailbox_at(server)
        mailbox.open()
        with pytest.raises(MailboxError) as caught:
            list(mailbox.fetch([1]))
    assert caught.value.retry_after == 61


@pytest.mark.parametrize("command", ["LOGIN", "EXAMINE"])
def test_too_many_connections_are_waited_out(command: str) -> None:
    with ScriptedImap() as server:
        server.spoil(command, Says("NO [ALERT] Too many simultaneous connections. (Failure)"))
        error = failure_of(server)
    assert error.retry_after == BUSY_S
    assert not error.needs_sign_in
    assert "[ALERT] Too many simultaneous connections." in str(error)


def test_a_bye_is_told_with_its_reason_on_one_clean_line() -> None:
    with ScriptedImap() as server:
        server.spoil("GREETING", Bye("Come\x1b[31m back\x07 later, sam@example.org " + "x" * 500))
        said = str(failure_of(server))
        server.spoil("EXAMINE", Bye("Upgrading"))
        assert "ended the connection (it says: Upgrading)" in str(failure_of(server))
    assert "it says: Come [31m back later, …" in said
    assert said.isprintable()
    assert len(said) < 300
    assert "sam@" not in said


def test_a_bye_instead_of_mails_is_told_too() -> None:
    with ScriptedImap() as server:
        server.add(MAIL)
        server.spoil("SEARCH", Bye("Autologout"))
        mailbox = mailbox_at(server)
        mailbox.open()
        with pytest.raises(MailboxError, match="it says: Autologout"):
            mailbox.uids_from(1)
        mailbox.open()
        assert mailbox.uids_from(1) == [1]


def test_a_connection_dropped_in_the_middle_is_told() -> None:
    with ScriptedImap() as server:
        server.spoil("EXAMINE", Drops(after=10))
        assert "dropped in the middle" in str(failure_of(server))


def test_a_server_that_falls_silent_is_told() -> None:
    with ScriptedImap() as server:
        server.spoil("EXAMINE", Hangs(after=10))
        assert "did not answer in time" in str(failure_of(server, read_timeout=0.2))


def test_half_lines_that_come_slowly_are_read_to_their_end() -> None:
    with ScriptedImap() as server:
        server.add(MAIL)
        server.spoil("FETCH", Dribbles(size=11), times=None)
        mailbox = mailbox_at(server)
        mailbox.open()
        assert [mail.raw for batch in mailbox.fetch([1]) for mail in batch] == [MAIL]


def test_a_connection_that_went_stale_between_polls_is_made_anew_at_once() -> None:
    with ScriptedImap() as server:
        mailbox = mailbox_at(server)
        mailbox.open()
        server.say_to_all("BYE Autologout; idle for too long")
        server.cut_all()
        assert mailbox.open() == 1
        assert server.connections == 2


def test_plain_text_on_a_tls_port_is_told() -> None:
    with ScriptedImap() as server:
        said = str(failure_of(server, host="localhost", security="tls"))
    assert "No secure connection" in said
    assert "check port and security" in said


def test_tls_on_a_plain_port_is_told(certificate: Certificate) -> None:
    with ScriptedImap(certificate=certificate) as server:
        said = str(failure_of(server, connect_timeout=0.3, read_timeout=0.3))
    assert "did not answer in time. A server that waits for TLS does so too" in said


def test_a_server_without_starttls_is_told() -> None:
    with ScriptedImap() as server:
        assert "offers no STARTTLS" in str(failure_of(server, security="starttls"))


def test_a_self_made_certificate_is_told(certificate: Certificate) -> None:
    with ScriptedImap(certificate=certificate) as server:
        said = str(failure_of(server, host="localhost", security="tls"))
    assert "a certificate that cannot be trusted (self-signed certificate)" in said
    assert "Nobody whom this machine trusts vouches for it" in said


def test_a_certificate_for_another_host_is_told(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.certificate))
    with ScriptedImap(certificate=certificate, host="127.0.0.2") as server:
        said = str(failure_of(server, security="tls"))
    assert "It is for another host: check the host name." in said


def test_an_expired_certificate_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expired = make_certificate_of_no_time(tmp_path)
    time.sleep(1.1)
    monkeypatch.setenv("SSL_CERT_FILE", str(expired.certificate))
    with ScriptedImap(certificate=expired) as server:
        said = str(failure_of(server, host="localhost", security="tls"))
    assert "Its time is over, or this machine's clock is wrong." in said


def make_certificate_of_no_time(directory: Path) -> Certificate:
    """Return a certificate whose time was over as it was made."""
    made = make_certificate(directory)
    openssl = shutil.which("openssl")
    assert openssl is not None
    again = ["x509", "-in", str(made.certificate), "-signkey", str(made.key), "-days", "0"]
    subprocess.run(
        [openssl, *again, "-out", str(made.certificate)], check=True, capture_output=True
    )
    return made


@contextmanager
def closed_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_what_is_wrong_with_the_network_is_told() -> None:
    with ScriptedImap() as server, closed_port() as port:
        assert "refused the connection" in str(failure_of(server, port=port))
        for host in ("no-such-host.invalid", "a" * 70 + ".example.org", "..."):
            assert "was not found" in str(failure_of(server, host=host))


def test_every_sentence_names_the_host_and_fits_on_a_screen() -> None:
    server = ImapServer("imap.example.org", 993, "tls", "hello", "secret")
    mismatch = ssl.SSLCertVerificationError("no")
    mismatch.verify_code, mismatch.verify_message = 62, "Hostname mismatch"
    for error in (
        mismatch,
        ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER]"),
        socket.gaierror(-2, "Name or service not known"),
        TimeoutError(),
        ConnectionResetError(),
        OSError(101, "Network is unreachable"),
        EOFError(),
        ValueError("strange"),
        Exception(),
    ):
        words = explain_failure(error, server)
        assert "imap.example.org" in words
        assert 20 < len(words) < 300
        assert "secret" not in words


def test_microsofts_reasons_are_passed_on() -> None:
    with ScriptedImap() as server:
        server.spoil("EXAMINE", Says("BAD User is authenticated but not connected."))
        assert "it says: User is authenticated but not connected." in str(failure_of(server))


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("Suggested Backoff Time: 299961 milliseconds", 299.961),
        ("suggested backoff time: 5 milliseconds", 1),
        ("Suggested Backoff Time: 99999999999 milliseconds", LONGEST_BACKOFF_S),
        ("Suggested Backoff Time: soon", BUSY_S),
        ("Suggested Backoff Time: ", BUSY_S),
        ("Suggested Backoff Time: " + "9" * 5000, BUSY_S),
        ("[ALERT] Account exceeded command or bandwidth limits. (Failure)", 600),
        ("[OVERQUOTA] Account exceeded command or bandwidth limits.", 600),
        ("Invalid credentials", None),
        ("", None),
    ],
)
def test_the_time_that_a_server_asks_for_is_understood(said: str, seconds: float | None) -> None:
    assert backoff_in(said) == seconds


def test_several_mailboxes_on_one_server_have_a_connection_each() -> None:
    with ScriptedImap() as server:
        server.add_folder("Spam", "\\Junk")
        boxes = [mailbox_at(server), mailbox_at(server, special_use="\\Junk")]
        threads = [threading.Thread(target=box.open) for box in boxes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert server.connections == 2
        assert replace(boxes[0]._server, folder="x").name != boxes[1].name
