"""Mails in files come out as they were sent."""

import mailbox
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casework.importing import NoMailFilesError, NotMboxError, fingerprint, read_mails
from casework.importing.files import FileMail, UnreadableFileError

ONE = (
    b"From bron@example.org Tue Nov 24 23:41:00 2026\n"
    b"From: Bron <bron@example.org>\nSubject: One\nDate: Mon, 23 Nov 2026 10:00:00 +0000\n\n"
    b"Hello\n\nFrom the start I wondered.\n>From here on it was quoted.\n>>From twice.\n"
)
TWO = (
    b"From 1234@xxx Mon Nov 23 12:00:00 +0100 2026\r\n"
    b"X-GM-THRID: 1\r\nReceived: from a by b; Sun, 22 Nov 2026 08:00:00 +0000\r\n"
    b"Subject: Two\r\n\r\nHi\r\n"
)


def mails(path: Path, most_bytes: int = 0) -> list[FileMail]:
    return list(read_mails(path, most_bytes=most_bytes))


def an_mbox(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "old.mbox"
    path.write_bytes(content)
    return path


def test_an_mbox_file_gives_its_mails_without_what_the_file_added(tmp_path: Path) -> None:
    one, two = mails(an_mbox(tmp_path, ONE + b"\n" + TWO + b"\r\n"))
    assert one.raw == (
        b"From: Bron <bron@example.org>\r\nSubject: One\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000"
        b"\r\n\r\nHello\r\n\r\nFrom the start I wondered.\r\nFrom here on it was quoted.\r\n"
        b">From twice.\r\n"
    )
    assert (one.position, one.size, one.is_whole) == (1, len(one.raw), True)
    assert one.came_at == datetime(2026, 11, 24, 23, 41, tzinfo=UTC)
    assert two.raw == TWO.partition(b"\r\n")[2]
    assert two.came_at == datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def test_the_date_of_the_line_from_gmail_is_understood(tmp_path: Path) -> None:
    [mail] = mails(an_mbox(tmp_path, TWO.replace(b"Received", b"X-Other")))
    assert mail.came_at == datetime(2026, 11, 23, 11, 0, tzinfo=UTC)


def test_an_outsized_mail_is_read_to_its_limit_and_the_next_one_whole(tmp_path: Path) -> None:
    large = ONE + b"x" * 200_000 + b"\n\n"
    one, two = mails(an_mbox(tmp_path, large + TWO), most_bytes=1_000)
    assert not one.is_whole
    assert len(one.raw) < 1_100
    assert one.size > 200_000
    assert two.raw == TWO.partition(b"\r\n")[2]


def test_eml_files_are_read_by_name(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "2.EML").write_bytes(b"Subject: B\r\n\r\nb\r\n")
    (tmp_path / "1.eml").write_bytes(b"Subject: A\n\na\n")
    (tmp_path / "notes.txt").write_bytes(b"no mail")
    assert [mail.raw for mail in mails(tmp_path)] == [
        b"Subject: A\r\n\r\na\r\n",
        b"Subject: B\r\n\r\nb\r\n",
    ]


def test_what_is_no_mail_is_refused_in_plain_words(tmp_path: Path) -> None:
    with pytest.raises(NotMboxError, match="not an mbox file"):
        mails(an_mbox(tmp_path, b"Subject: a single mail\n\nHello\n"))
    with pytest.raises(NoMailFilesError):
        mails(an_mbox(tmp_path, b""))
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoMailFilesError):
        fingerprint(tmp_path / "empty")
    with pytest.raises(UnreadableFileError, match="No such file"):
        fingerprint(tmp_path / "nowhere")
    with pytest.raises(UnreadableFileError):
        mails(tmp_path / "nowhere")


def test_a_changed_file_is_another_one(tmp_path: Path) -> None:
    path = an_mbox(tmp_path, ONE)
    before = fingerprint(path)
    assert fingerprint(path) == before
    path.write_bytes(ONE + b"\n" + TWO)
    assert fingerprint(path) != before
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "1.eml").write_bytes(ONE)
    directory = fingerprint(tmp_path / "d")
    (tmp_path / "d" / "1.eml").rename(tmp_path / "d" / "2.eml")
    assert fingerprint(tmp_path / "d") != directory


def test_what_the_standard_library_writes_is_read(tmp_path: Path) -> None:
    box = mailbox.mbox(tmp_path / "std.mbox")
    for number in range(3):
        message = EmailMessage()
        message["Subject"] = f"Mail {number}"
        message.set_content("Dear all,\n\nFrom here it goes on.\n\nBye\n")
        box.add(message)
    box.flush()
    read = mails(tmp_path / "std.mbox")
    assert [f"Mail {n}".encode() in mail.raw for n, mail in enumerate(read)] == [True] * 3
    assert all(b"\r\nFrom here it goes on." in mail.raw for mail in read)


BODY = st.lists(st.sampled_from([b"", b"From ", b">From me", b"Hello", b"From x May 1 10:00 2026"]))


@settings(max_examples=25, deadline=None)
@given(bodies=st.lists(BODY, min_size=1, max_size=4))
def test_whatever_is_written_by_the_rules_is_read_again(
    bodies: list[list[bytes]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("mbox") / "x.mbox"
    content = b""
    for lines in bodies:
        quoted = [b">" + x if x.lstrip(b">").startswith(b"From ") else x for x in lines]
        body = b"".join(line + b"\n" for line in quoted)
        content += b"From a@example.org Tue Nov 24 23:41:00 2026\nSubject: x\n\n" + body + b"\n"
    path.write_bytes(content)
    expected = [
        b"Subject: x\r\n\r\n" + b"".join(line + b"\r\n" for line in lines) for lines in bodies
    ]
    assert [mail.raw for mail in mails(path)] == expected


@settings(max_examples=25, deadline=None)
@given(content=st.binary(max_size=400))
def test_no_bytes_break_the_reading(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("mbox") / "x.mbox"
    path.write_bytes(b"From \n" + content)
    assert mails(path)
