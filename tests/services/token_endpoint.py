"""A provider of sign-ins for tests, on loopback: it checks all that it is asked, and fails at will.

`/authorize` sends the browser on at once, `/device` gives codes, `/token` gives tokens.
"""

import base64
import hashlib
import http.server
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from tests.services.places import LOOPBACK

CLIENT_ID = "kith-for-tests"
CLIENT_SECRET = "a secret of the tests"
ACCOUNT = "desk@hazelrow.example.org"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


class Trouble(StrEnum):
    """How the token path may behave."""

    NONE = "none"
    UNAVAILABLE = "503"
    TOO_MANY = "429"
    HANG_UP = "hang up"
    CUT = "cut in the middle"
    GARBAGE = "garbage"
    NO_OBJECT = "no object"
    DEEP = "deep"
    ENDLESS = "endless"
    DRIP = "drip"
    STRANGE_TOKEN = "strange token"
    NO_TOKEN = "no token"
    REDIRECT = "redirect"


@dataclass
class TokenEndpoint:
    """A running provider; what it gave and was asked can be looked at.

    `lifetime`: seconds of an access token, None to leave it out. `refusal`: an OAuth error that
    every question for a token is answered with.
    """

    url: str = ""
    client_id: str = CLIENT_ID
    client_secret: str = CLIENT_SECRET
    account: str = ACCOUNT
    lifetime: float | str | None = 3600
    refresh_lifetime: int | None = None
    rotates: bool = False
    gives_refresh_tokens: bool = True
    trouble: Trouble = Trouble.NONE
    refusal: str = ""
    description: str = ""
    slowness: float = 0.0
    device_answers: list[str] = field(default_factory=list)
    device_interval: Any = 1
    asked: list[dict[str, str]] = field(default_factory=list)
    given: list[str] = field(default_factory=list)
    refresh_tokens: set[str] = field(default_factory=set)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)
    _count: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def authorize_url(self) -> str:
        """Return where a browser begins."""
        return f"{self.url}/authorize"

    @property
    def device_url(self) -> str:
        """Return where device codes are given."""
        return f"{self.url}/device"

    @property
    def token_url(self) -> str:
        """Return where tokens are given."""
        return f"{self.url}/token"

    def is_good(self, access_token: str) -> bool:
        """Return whether the token is the newest that was given."""
        return bool(self.given) and access_token == self.given[-1]

    def new_refresh_token(self) -> str:
        """Return a refresh token, as a sign-in would."""
        token = self._name("refresh")
        self.refresh_tokens.add(token)
        return token

    def revoke_all(self) -> None:
        """Forget every refresh token, as a change of the password does."""
        self.refresh_tokens.clear()

    def allow(self, query: dict[str, str]) -> str:
        """Return where the browser is sent when the person has allowed it."""
        assert query["response_type"] == "code", query
        assert query["client_id"] == self.client_id
        assert query["code_challenge_method"] == "S256"
        code = self._name("code")
        self._codes[code] = query
        return f"{query['redirect_uri']}/?{urlencode({'code': code, 'state': query['state']})}"

    def answer(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Return status and JSON for a question for a token."""
        with self._lock:
            self.asked.append(form)
            if self.refusal:
                return 400, {"error": self.refusal, "error_description": self.description}
            if problem := self._stranger(form):
                return 401, {"error": problem}
            kinds = {
                "refresh_token": self._refresh,
                "authorization_code": self._exchange,
                "client_credentials": lambda _: self._grant(),
                DEVICE_GRANT: self._device,
            }
            kind = kinds.get(form.get("grant_type", ""))
            return kind(form) if kind else (400, {"error": "unsupported_grant_type"})

    def _stranger(self, form: dict[str, str]) -> str:
        if form.get("client_id") != self.client_id:
            return "unauthorized_client"
        return "invalid_client" if form.get("client_secret", "") != self.client_secret else ""

    def _refresh(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if form.get("refresh_token") not in self.refresh_tokens:
            words = f"AADSTS70008: the grant of {self.account} has expired"
            return 400, {"error": "invalid_grant", "error_description": words}
        if not self.rotates:
            return self._grant()
        self.refresh_tokens.discard(form["refresh_token"])
        return self._grant(refresh_token=self.new_refresh_token())

    def _exchange(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        query = self._codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if query is None or query["code_challenge"] != challenge:
            return 400, {"error": "invalid_grant"}
        if form.get("redirect_uri") != query["redirect_uri"]:
            return 400, {"error": "redirect_uri_mismatch"}
        return self._signed_in()

    def _device(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if form.get("device_code") not in self._codes:
            return 400, {"error": "bad_verification_code"}
        if self.device_answers and (error := self.device_answers.pop(0)):
            return 400, {"error": error}
        return self._signed_in()

    def device_code(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Return status and JSON for a question for a device code."""
        if self.refusal:
            return 400, {"error": self.refusal}
        if form.get("client_id") != self.client_id:
            return 401, {"error": "invalid_client"}
        code = self._name("device")
        self._codes[code] = form
        return 200, {
            "device_code": code,
            "user_code": "WDJB-MJHT",
            "verification_uri": f"{self.url}/device",
            "interval": self.device_interval,
            "expires_in": 900,
        }

    def _signed_in(self) -> tuple[int, dict[str, Any]]:
        claims = base64.urlsafe_b64encode(json.dumps({"email": self.account}).encode())
        more: dict[str, Any] = {"id_token": f"e30.{claims.rstrip(b'=').decode()}.c2lnbmF0dXJl"}
        if self.gives_refresh_tokens:
            more["refresh_token"] = self.new_refresh_token()
        return self._grant(**more)

    def _grant(self, **more: Any) -> tuple[int, dict[str, Any]]:
        token = "with space" if self.trouble is Trouble.STRANGE_TOKEN else self._name("access")
        fields: dict[str, Any] = {"access_token": token, "token_type": "Bearer", **more}
        if self.trouble is Trouble.NO_TOKEN:
            del fields["access_token"]
        if self.lifetime is not None:
            fields["expires_in"] = self.lifetime
        if self.refresh_lifetime is not None:
            fields["refresh_token_expires_in"] = self.refresh_lifetime
        self.given.append(token)
        return 200, fields

    def _name(self, sort: str) -> str:
        self._count += 1
        return f"{sort}-{self._count}-for-tests"


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    endpoint: TokenEndpoint

    def handle_error(self, _request: Any, _client_address: Any) -> None:
        pass  # a client that hangs up is part of the tests


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        assert url.path == "/authorize", url.path
        self.send_response(302)
        self.send_header("Location", self.server.endpoint.allow(dict(parse_qsl(url.query))))
        self.end_headers()

    def do_POST(self) -> None:
        endpoint = self.server.endpoint
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        assert self.headers["Content-Type"] == "application/x-www-form-urlencoded"
        form = {name: values[0] for name, values in parse_qs(body).items()}
        time.sleep(endpoint.slowness)
        if self.path == "/device":
            self._send(*endpoint.device_code(form))
        elif endpoint.trouble in TROUBLES:
            endpoint.asked.append(form)
            TROUBLES[endpoint.trouble](self)
        else:
            self._send(*endpoint.answer(form))

    def _send(self, status: int, fields: dict[str, Any]) -> None:
        body = json.dumps(fields).encode()
        self.send_raw(status, body, {"Content-Length": str(len(body))})

    def send_raw(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        """Send an answer as it stands."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def hang_up(self) -> None:
        """Say nothing at all."""
        self.close_connection = True

    def be_endless(self) -> None:
        """Send more than anybody should read."""
        self.send_response(200)
        self.end_headers()
        for _ in range(200):
            self.wfile.write(b" " * 4096)

    def drip(self) -> None:
        """Never end an answer, never fall silent."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for _ in range(500):
            self.wfile.write(b"X")
            time.sleep(0.02)


TROUBLES: dict[Trouble, Callable[[_Handler], None]] = {
    Trouble.UNAVAILABLE: lambda it: it.send_raw(503, b"<html>", {"Retry-After": "120"}),
    Trouble.TOO_MANY: lambda it: it.send_raw(429, b'{"error": "slow"}', {"Retry-After": "30"}),
    Trouble.HANG_UP: _Handler.hang_up,
    Trouble.CUT: lambda it: it.send_raw(200, b'{"access_', {"Content-Length": "500"}),
    Trouble.GARBAGE: lambda it: it.send_raw(200, b"\xff\x00 what?"),
    Trouble.NO_OBJECT: lambda it: it.send_raw(200, b"[1, 2]"),
    Trouble.DEEP: lambda it: it.send_raw(200, b"[" * 60_000),
    Trouble.ENDLESS: _Handler.be_endless,
    Trouble.DRIP: _Handler.drip,
    Trouble.REDIRECT: lambda it: it.send_raw(302, b"", {"Location": "http://192.0.2.1/"}),
}


@contextmanager
def token_endpoint(tls: ssl.SSLContext | None = None) -> Iterator[TokenEndpoint]:
    """Run a provider on loopback for the length of a `with` block, over TLS if told how."""
    server = _Server((LOOPBACK, 0), _Handler)
    scheme = "http" if tls is None else "https"
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.endpoint = TokenEndpoint(f"{scheme}://{LOOPBACK}:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.endpoint
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
