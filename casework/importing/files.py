"""Mails in files: an mbox file, or a directory of .eml files; one mail in memory at a time.

An mbox file (RFC 4155) is a row of mails, each after a line that begins with "From ", an address
and a date. Lines of a mail that begin so have a ">" before them, which is taken away again.
"""

import hashlib
import string
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import BinaryIO

from config.errors import KithError
from intake.parsing.dates import read_date, read_received_date

LONGEST_LINE = 65_536
LONGEST_ENVELOPE = 1_000
MOST_OF_A_HEADER = 65_536
SEPARATOR = b"From "
BLANK = (b"\n", b"\r\n")
_MONTHS = frozenset(
    ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
)
_ZONE_SIGNS = frozenset("+-" + string.digits)


class NotMboxError(KithError):
    """The file is no mbox file."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is not an mbox file: it does not begin with a line `From ...`. A single mail "
            "belongs into a directory, as a file whose name ends in .eml; name the directory then."
        )


class NoMailFilesError(KithError):
    """There is nothing to import there."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"There is no mail in {path}: name an mbox file, or a directory with files whose names "
            "end in .eml."
        )


class UnreadableFileError(KithError):
    """The operating system does not let us read it."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"{path} cannot be read ({error.strerror or 'no access'}). Check its name, and that "
            "this user may read it."
        )


@dataclass(frozen=True, slots=True)
class FileMail:
    """One mail: its place in the file or directory, from 1; of an outsized one the beginning."""

    position: int
    raw: bytes
    size: int
    is_whole: bool
    came_at: datetime | None


def fingerprint(path: Path) -> str:
    """Return what tells these very mails from all others: a hash of the content and the names.

    Whatever is changed in the file or directory, it is another one: places would not agree.
    Raises `UnreadableFileError`, `NoMailFilesError`.
    """
    digest = hashlib.sha256()
    try:
        if path.is_dir():
            for file in _mail_files(path):
                name = str(file.relative_to(path)).encode("utf-8", "surrogateescape")
                digest.update(name + b"\0" + _hash_of(file))
        else:
            digest.update(_hash_of(path))
    except OSError as error:
        raise UnreadableFileError(path, error) from None
    return digest.hexdigest()


def read_mails(path: Path, *, most_bytes: int) -> Iterator[FileMail]:
    """Yield the mails of an mbox file, or of a directory by name; 0 bytes: no limit on a mail.

    Raises `UnreadableFileError`, `NoMailFilesError`, `NotMboxError`.
    """
    try:
        if path.is_dir():
            for position, file in enumerate(_mail_files(path), start=1):
                yield _read_eml(file, position, most_bytes)
            return
        with path.open("rb") as stream:
            yield from _read_mbox(stream, path, most_bytes)
    except OSError as error:
        raise UnreadableFileError(path, error) from None


def _mail_files(directory: Path) -> list[Path]:
    found = sorted(
        file for file in directory.rglob("*") if file.suffix.lower() == ".eml" and file.is_file()
    )
    if not found:
        raise NoMailFilesError(directory)
    return found


def _hash_of(file: Path) -> bytes:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def _read_eml(file: Path, position: int, most_bytes: int) -> FileMail:
    with file.open("rb") as stream:
        raw = stream.read(most_bytes or -1)
        size = file.stat().st_size
    return _mail(position, raw, None, size=max(size, len(raw)))


@dataclass(slots=True)
class _Growing:
    """The mail whose lines are being read."""

    position: int
    envelope: datetime | None
    most_bytes: int
    raw: bytearray
    size: int = 0
    ends_blank: bool = False

    def add(self, line: bytes) -> None:
        self.size += len(line)
        self.ends_blank = line in BLANK
        room = len(line) if not self.most_bytes else self.most_bytes - len(self.raw)
        self.raw += line[: max(room, 0)]

    def finished(self) -> FileMail:
        raw, size = bytes(self.raw), self.size
        if self.ends_blank and len(raw) == size:  # the blank line is of the file, not of the mail
            end = 2 if raw.endswith(b"\r\n") else 1
            raw, size = raw[:-end], size - end
        return _mail(self.position, raw, self.envelope, size=size)


def _read_mbox(stream: BinaryIO, path: Path, most_bytes: int) -> Iterator[FileMail]:
    growing: _Growing | None = None
    position, begins, after_blank = 0, True, True
    while line := stream.readline(LONGEST_LINE):
        is_beginning, begins = begins, line.endswith(b"\n")
        if is_beginning and after_blank and _separates(line, is_first=growing is None):
            if growing is not None:
                yield growing.finished()
            position += 1
            growing = _Growing(position, _envelope_date(line), most_bytes, bytearray())
            after_blank = False
            continue
        if growing is None:
            raise NotMboxError(path)
        growing.add(_unquoted(line) if is_beginning else line)
        after_blank = is_beginning and line in BLANK
    if growing is None:
        raise NoMailFilesError(path)
    yield growing.finished()


def _separates(line: bytes, *, is_first: bool) -> bool:
    """Return whether a new mail begins: a sentence of a mail may begin with `From ` as well."""
    if not line.startswith(SEPARATOR) or len(line) > LONGEST_ENVELOPE:
        return False
    return is_first or _envelope_date(line) is not None


def _envelope_date(line: bytes) -> datetime | None:
    """Return the moment in a line like `From x@example.org Tue Nov 24 23:41:00 +0000 2026`."""
    words = line.decode("ascii", "replace").split()[2:12]
    months = [place for place, word in enumerate(words) if word in _MONTHS]
    if not months:
        return None
    rest = words[months[0] :]
    time = next((word for word in rest if ":" in word), None)
    years = [word for word in rest if len(word) == 4 and word.isdigit()]
    if time is None or not years or len(rest) < 4:
        return None
    zones = [w for w in rest if len(w) == 5 and w[0] in "+-" and _ZONE_SIGNS.issuperset(w)]
    return read_date(f"{rest[1]} {rest[0]} {years[0]} {time} {zones[0] if zones else '+0000'}")


def _unquoted(line: bytes) -> bytes:
    is_quoted = line.startswith(b">") and line.lstrip(b">").startswith(SEPARATOR)
    return line[1:] if is_quoted else line


def _mail(position: int, raw: bytes, envelope: datetime | None, *, size: int) -> FileMail:
    is_whole = len(raw) == size
    kept = _as_it_travelled(raw)
    size = len(kept) if is_whole else size
    return FileMail(position, kept, size, is_whole, _came_at(kept, envelope))


def _as_it_travelled(raw: bytes) -> bytes:
    """Return the mail with the line ends of mail (RFC 5322 2.1), if it has only those of files.

    Its bytes are then those that the mail server has, and the same mail is known as the same.
    """
    return raw if b"\r\n" in raw else raw.replace(b"\n", b"\r\n")


def _came_at(raw: bytes, envelope: datetime | None) -> datetime | None:
    """Return when our provider received it, or else when it says that it was written."""
    head = raw[:MOST_OF_A_HEADER].partition(b"\r\n\r\n")[0]
    headers = BytesHeaderParser().parsebytes(head)
    received = read_received_date(str(headers.get("Received", "")))
    return received or envelope or read_date(str(headers.get("Date", "")))
