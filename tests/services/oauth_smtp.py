"""An SMTP server for tests that lets in by XOAUTH2 only, and says why not as Google does."""

import base64
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.services.places import LOOPBACK

GOOGLE_REFUSAL = {"status": "401", "schemes": "Bearer", "scope": "https://mail.google.com/"}


@dataclass
class OAuthSmtp:
    """A running server. `accepts` decides about user name and token.

    `refusal` is its last word when it does not; `mechanisms` what it offers; `challenge` what it
    says before (None: nothing). `hangs_up`: it ends the connection after a refusal.
    """

    accepts: Callable[[str, str], bool]
    host: str = LOOPBACK
    port: int = 0
    mechanisms: str = "PLAIN XOAUTH2"
    refusal: str = "535 5.7.8 Not accepted"
    challenge: bytes | None = base64.b64encode(json.dumps(GOOGLE_REFUSAL).encode())
    hangs_up: bool = False
    mail_answer: str = "250 OK"
    tried: list[str] = field(default_factory=list)
    answered_challenge: list[bytes] = field(default_factory=list)
    letters: list[bytes] = field(default_factory=list)
    connections: int = 0


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    smtp: OAuthSmtp

    def handle_error(self, _request: Any, _client_address: Any) -> None:
        pass  # a client that hangs up is part of the tests


class _Conversation(socketserver.StreamRequestHandler):
    server: _Server

    def say(self, words: str) -> None:
        self.wfile.write(words.encode() + b"\r\n")

    def handle(self) -> None:
        self.server.smtp.connections += 1
        self.is_in = False
        self.say("220 oauth.example.org")
        while line := self.rfile.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            if not self._answer(verb.upper(), rest):
                return

    def _answer(self, verb: str, rest: str) -> bool:
        smtp = self.server.smtp
        if verb == "AUTH":
            return self._sign_in(rest)
        if verb == "DATA" and self.is_in:
            self.say("354 go on")
            smtp.letters.append(b"".join(iter(self.rfile.readline, b".\r\n")))
        if verb == "EHLO":
            self.say("250-oauth.example.org")
            self.say(f"250 AUTH {smtp.mechanisms}")
        elif verb == "MAIL":
            self.say(smtp.mail_answer if self.is_in else "530 5.7.0 Sign in first")
        else:
            self.say("221 bye" if verb == "QUIT" else "250 OK")
        return verb != "QUIT"

    def _sign_in(self, rest: str) -> bool:
        smtp = self.server.smtp
        mechanism, _, response = rest.partition(" ")
        assert mechanism == "XOAUTH2", mechanism
        user, bearer, *end = base64.b64decode(response, validate=True).decode().split("\x01")
        assert end == ["", ""], end
        token = bearer.removeprefix("auth=Bearer ")
        smtp.tried.append(token)
        if smtp.accepts(user.removeprefix("user="), token):
            self.is_in = True
            self.say("235 2.7.0 Accepted")
            return True
        if smtp.challenge is not None:
            self.wfile.write(b"334 " + smtp.challenge + b"\r\n")
            smtp.answered_challenge.append(self.rfile.readline())
        self.say(smtp.refusal)
        return not smtp.hangs_up


@contextmanager
def oauth_smtp(accepts: Callable[[str, str], bool]) -> Iterator[OAuthSmtp]:
    """Run a server on loopback for the length of a `with` block."""
    server = _Server((LOOPBACK, 0), _Conversation)
    server.smtp = OAuthSmtp(accepts, port=server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.smtp
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
