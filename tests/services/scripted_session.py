"""One connection to the scripted IMAP server: the protocol, as far as imapclient speaks it."""

import base64
import json
import re
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from imapclient.imap_utf7 import decode as from_utf7
from imapclient.imap_utf7 import encode as to_utf7

if TYPE_CHECKING:
    from tests.services.scripted_imap import ScriptedFolder, ScriptedImap, ScriptedMail

_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\([^)]*\))|(\S+)')
_ITEM = re.compile(r"BODY\.PEEK\[[^\]]*\](?:<\d+\.\d+>)?|[A-Z0-9.-]+")
_PART = re.compile(r"<(\d+)\.(\d+)>")


@dataclass(frozen=True)
class Exchange:
    """One SASL exchange: what the client sent, and what it answered to the error (None: none)."""

    mechanism: str
    username: str
    secret: str
    answer_to_error: bytes | None = None


class Session:
    """A client's connection, on a thread of its own."""

    def __init__(self, server: "ScriptedImap", sock: socket.socket) -> None:
        self.is_idle = False
        self._server = server
        self._sock = sock
        self._file = sock.makefile("rb")
        self._sending = threading.Lock()
        self._folder: ScriptedFolder | None = None
        self._told = 0
        self._is_over = False

    def run(self) -> None:
        """Talk until the client or a fault ends it."""
        with suppress(OSError, ValueError):
            capabilities = f"[CAPABILITY {self._capabilities()}]"
            self._answer("GREETING", "*", "", f"* OK {capabilities} Scripted.\r\n".encode())
            while not self._is_over and (line := self._file.readline()):
                self._obey(line.decode("utf-8", "replace").rstrip("\r\n"))
        self.hang_up()
        self._server.forget(self)

    def send(self, data: bytes) -> None:
        """Send bytes as they are; a client that has gone is no error."""
        with self._sending, suppress(OSError):
            self._sock.sendall(data)

    def hang(self) -> None:
        """Say nothing more until the client goes or the server stops."""
        while not self._server.stopping.is_set() and self._file.read(1):
            pass
        self._is_over = True

    def hang_up(self) -> None:
        """Close the connection."""
        self._is_over = True
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        with suppress(OSError):
            self._sock.close()

    def tell_of_news(self, folder: "ScriptedFolder") -> None:
        """Tell a client that waits in IDLE how many mails there are now."""
        if not self.is_idle or folder is not self._folder:
            return
        news = self._news()
        if self._server.exists_in_pieces and news:
            self.send(news[: len(news) // 2])
            time.sleep(0.05)
            self.send(news[len(news) // 2 :])
        else:
            self.send(news)

    def _obey(self, line: str) -> None:
        tag, _, rest = line.partition(" ")
        command, _, arguments = rest.partition(" ")
        command = command.upper()
        if command == "UID":
            command, _, arguments = arguments.partition(" ")
            command = command.upper()
        self._server.commands.append(command)
        self._server.lines.append(rest)
        act: Callable[[str, str], None] | None = getattr(self, f"_do_{command.lower()}", None)
        if act is None:
            self._answer(command, tag, rest, f"{tag} BAD Unknown command\r\n".encode())
        else:
            act(tag, arguments)

    def _answer(
        self, command: str, tag: str, line: str, answer: bytes, uids: frozenset[int] = frozenset()
    ) -> bool:
        """Send the answer, or let the fault play whose turn it is; return whether none played."""
        fault = self._server.fault_for(command, line, uids)
        if fault is None:
            self.send(answer)
            return True
        fault.play(self, tag, answer)
        return False

    def _done(self, command: str, tag: str, line: str, data: bytes = b"") -> None:
        self._answer(command, tag, line, data + f"{tag} OK {command} done\r\n".encode())

    def _capabilities(self) -> str:
        return " ".join(("IMAP4rev1", "AUTH=PLAIN", "AUTH=XOAUTH2", *self._server.capabilities))

    def _news(self) -> bytes:
        """Return the untagged line on how many mails there are, if the client was not told yet."""
        if self._folder is None or len(self._folder.mails) <= self._told:
            return b""
        self._told = len(self._folder.mails)
        return f"* {self._told} EXISTS\r\n".encode()

    # Commands, in any state

    def _do_capability(self, tag: str, line: str) -> None:
        self._done("CAPABILITY", tag, line, f"* CAPABILITY {self._capabilities()}\r\n".encode())

    def _do_id(self, tag: str, line: str) -> None:
        self._done("ID", tag, line, b'* ID ("name" "Scripted")\r\n')

    def _do_noop(self, tag: str, line: str) -> None:
        self._done("NOOP", tag, line, self._news())

    def _do_logout(self, tag: str, line: str) -> None:
        self._done("LOGOUT", tag, line, b"* BYE Goodbye\r\n")
        self.hang_up()

    # Signing in

    def _do_login(self, tag: str, line: str) -> None:
        words = _words(line)
        is_right = words == [self._server.username, self._server.password]
        self._answer("LOGIN", tag, line, _verdict(tag, is_right=is_right))

    def _do_authenticate(self, tag: str, line: str) -> None:
        mechanism, _, at_once = line.partition(" ")
        fault = self._server.fault_for("AUTHENTICATE", line, frozenset())
        if fault is not None:
            fault.play(self, tag, _verdict(tag, is_right=True))
            return
        if not at_once:
            self.send(b"+ \r\n")
            at_once = self._file.readline().decode("ascii", "replace").strip()
        said = base64.b64decode(at_once).decode("utf-8", "replace")
        if mechanism.upper() == "XOAUTH2":
            self._judge_token(tag, said)
        else:
            _, name, secret = (*said.split("\0"), "", "", "")[:3]
            self._note(mechanism, name, secret, None)
            is_right = (name, secret) == (self._server.username, self._server.password)
            self.send(_verdict(tag, is_right=is_right))

    def _judge_token(self, tag: str, said: str) -> None:
        match = re.fullmatch(r"user=([^\x01]*)\x01auth=Bearer ([^\x01]*)\x01\x01", said)
        name, token = match.groups() if match else ("", "")
        if name == self._server.username and token in self._server.tokens:
            self._note("XOAUTH2", name, token, None)
            self.send(_verdict(tag, is_right=True))
            return
        error = {"status": "400", "schemes": "Bearer", "scope": "https://mail.example.org/"}
        self.send(b"+ " + base64.b64encode(json.dumps(error).encode()) + b"\r\n")
        answer = self._file.readline().rstrip(b"\r\n")
        self._note("XOAUTH2", name, token, answer)
        if answer:
            self.send(f"{tag} BAD An empty answer was expected\r\n".encode())
        else:
            self.send(_verdict(tag, is_right=False))

    def _note(self, mechanism: str, name: str, secret: str, answer: bytes | None) -> None:
        self._server.exchanges.append(Exchange(mechanism.upper(), name, secret, answer))

    # Folders

    def _do_namespace(self, tag: str, line: str) -> None:
        self._done("NAMESPACE", tag, line, b'* NAMESPACE (("" "/")) NIL NIL\r\n')

    def _do_list(self, tag: str, line: str) -> None:
        pattern = from_utf7(_words(line)[-1].encode()).replace("%", "*")
        listed = b"".join(
            b"* LIST ("
            + " ".join(folder.uses).encode()
            + b') "/" '
            + _quoted(folder.name)
            + b"\r\n"
            for folder in self._server.folders.values()
            if fnmatchcase(folder.name, pattern)
        )
        self._done("LIST", tag, line, listed)

    def _do_status(self, tag: str, line: str) -> None:
        folder = self._server.folders.get(from_utf7(_words(line)[0].encode()))
        if folder is None:
            self._answer("STATUS", tag, line, f"{tag} NO [NONEXISTENT] None such\r\n".encode())
            return
        told = f"(MESSAGES {len(folder.mails)} UIDNEXT {folder.next_uid}"
        told += f" UIDVALIDITY {folder.uid_validity})" if folder.uid_validity else ")"
        data = b"* STATUS " + _quoted(folder.name) + f" {told}\r\n".encode()
        self._done("STATUS", tag, line, data)

    def _do_select(self, tag: str, line: str) -> None:
        self._open("SELECT", tag, line)

    def _do_examine(self, tag: str, line: str) -> None:
        self._open("EXAMINE", tag, line)

    def _open(self, command: str, tag: str, line: str) -> None:
        with self._server.lock:
            folder = self._server.folders.get(from_utf7(_words(line)[0].encode()))
            self._folder = folder
            if folder is None:
                self._answer(command, tag, line, f"{tag} NO [NONEXISTENT] None such\r\n".encode())
                return
            self._told = len(folder.mails)
            parts = [
                "* FLAGS (\\Seen)",
                f"* {self._told} EXISTS",
                "* 0 RECENT",
                f"* OK [UIDNEXT {folder.next_uid}] Next",
            ]
            if folder.uid_validity is not None:
                parts.append(f"* OK [UIDVALIDITY {folder.uid_validity}] Valid")
            mode = "READ-ONLY" if command == "EXAMINE" else "READ-WRITE"
            parts.append(f"{tag} OK [{mode}] Open")
        self._answer(command, tag, line, "".join(part + "\r\n" for part in parts).encode())

    # Mails

    def _do_search(self, tag: str, line: str) -> None:
        with self._server.lock:
            wanted = self._wanted(line.removeprefix("UID ") if line.startswith("UID ") else "1:*")
            numbers = "".join(f" {mail.uid}" for _, mail in wanted)
            data = f"* SEARCH{numbers}\r\n".encode() + self._news()
        self._done("SEARCH", tag, line, data)

    def _do_fetch(self, tag: str, line: str) -> None:
        uid_set, _, items = line.partition(" ")
        asked = _ITEM.findall(items)
        missing = _extension_of(asked) - set(self._server.capabilities)
        if missing:
            self._answer("FETCH", tag, line, f"{tag} BAD Unknown item\r\n".encode())
            return
        with self._server.lock:
            wanted = self._wanted(uid_set)
            data = b"".join(_fetched(place, mail, asked) for place, mail in wanted) + self._news()
        uids = frozenset(mail.uid for _, mail in wanted)
        done = data + f"{tag} OK FETCH done\r\n".encode()
        self._answer("FETCH", tag, line, done, uids)

    def _wanted(self, uid_set: str) -> list[tuple[int, "ScriptedMail"]]:
        """Return (sequence number, mail); `n:*` has the last mail in it, whatever n is."""
        mails = sorted(self._folder.mails if self._folder else (), key=lambda mail: mail.uid)
        last = mails[-1].uid if mails else 0
        ranges = [_range(part, last) for part in uid_set.split(",")]
        numbered = enumerate(mails, start=1)
        return [(n, m) for n, m in numbered if any(low <= m.uid <= high for low, high in ranges)]

    # Waiting

    def _do_idle(self, tag: str, line: str) -> None:
        with self._server.lock:
            go_ahead = b"+ idling\r\n"
            news = self._news()
            first = news + go_ahead if self._server.exists_ahead else go_ahead + news
            if not self._answer("IDLE", tag, line, first) and self._is_over:
                return
            self.is_idle = True
        said = self._file.readline().strip().upper()
        with self._server.lock:
            self.is_idle = False
        if said == b"DONE":
            self._server.commands.append("DONE")
            self._answer("DONE", tag, "", f"{tag} OK IDLE done\r\n".encode())
        else:
            self.hang_up()


def _words(line: str) -> list[str]:
    return [
        re.sub(r"\\(.)", r"\1", quoted) if not (group or plain) else group or plain
        for quoted, group, plain in _WORD.findall(line)
    ]


def _quoted(name: str) -> bytes:
    return b'"' + bytes(to_utf7(name)).replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def _verdict(tag: str, *, is_right: bool) -> bytes:
    words = "OK Welcome" if is_right else "NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)"
    return f"{tag} {words}\r\n".encode()


def _range(part: str, last: int) -> tuple[int, int]:
    low, colon, high = part.partition(":")
    ends = [last if end == "*" else int(end) for end in ((low, high) if colon else (low, low))]
    return min(ends), max(ends)


def _extension_of(items: list[str]) -> set[str]:
    needed = {"X-GM-EXT-1" for item in items if item.startswith("X-GM-")}
    return needed | {"OBJECTID" for item in items if item in ("EMAILID", "THREADID")}


def _fetched(place: int, mail: "ScriptedMail", items: list[str]) -> bytes:
    parts = [f"UID {mail.uid}".encode(), *(_told(mail, item) for item in items)]
    return f"* {place} FETCH (".encode() + b" ".join(parts) + b")\r\n"


def _told(mail: "ScriptedMail", item: str) -> bytes:
    if item.startswith("BODY.PEEK["):
        return _body(mail.raw, item)
    labels = " ".join('"' + label.replace("\\", "\\\\") + '"' for label in mail.labels)
    known: dict[str, object] = {
        "RFC822.SIZE": len(mail.raw),
        "INTERNALDATE": f'"{mail.internal_date:%d-%b-%Y %H:%M:%S %z}"',
        "FLAGS": "()",
        "X-GM-MSGID": mail.gmail_id or 0,
        "X-GM-THRID": mail.gmail_thread or 0,
        "X-GM-LABELS": f"({labels})",
        "EMAILID": f"({mail.email_id})" if mail.email_id else "NIL",
        "THREADID": f"({mail.thread_id})" if mail.thread_id else "NIL",
        "UID": mail.uid,
    }
    return f"{item} {known.get(item, 'NIL')}".encode()


def _body(raw: bytes, item: str) -> bytes:
    section = item.removeprefix("BODY.PEEK[").partition("]")[0]
    if section.startswith("HEADER.FIELDS"):
        message_id = BytesHeaderParser().parsebytes(raw)["Message-ID"]
        header = b"" if message_id is None else f"Message-ID: {message_id}\r\n".encode()
        return _literal('BODY[HEADER.FIELDS ("MESSAGE-ID")]', header + b"\r\n")
    part = _PART.search(item)
    if part is None:
        return _literal("BODY[]", raw)
    first, count = map(int, part.groups())
    return _literal(f"BODY[]<{first}>", raw[first : first + count])


def _literal(name: str, data: bytes) -> bytes:
    return f"{name} {{{len(data)}}}\r\n".encode() + data
