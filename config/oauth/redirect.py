"""The end of a sign-in in the browser: one page on this computer, open to this computer only.

The answer is in the page's address, so nothing is logged of it, and the page leads nowhere.
"""

import http.server
import queue
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from config.errors import KithError
from config.oauth.client import OAuthClient
from config.oauth.signing_in import Attempt, answer_in, begin, is_for

HERE = "127.0.0.1"
REQUEST_S = 5.0
"""A browser opens connections in advance and says nothing on them."""
LONGEST_PATH = 16 * 1024

DONE = "Thank you. You can close this window and go back to the terminal."
NOT_DONE = "The mail account was not opened to Kith. The terminal says why; you can close this."
NOT_OURS = "This is not the page you were looking for."
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Kith</title>
<p style="font: 1.2rem sans-serif; margin: 3rem auto; max-width: 30rem">{words}</p>
</html>
"""


class PortError(KithError):
    """No page can be opened on that port of this computer."""

    def __init__(self, port: int, reason: str) -> None:
        super().__init__(
            f"Port {port} of this computer cannot be used ({reason}). Choose another with --port."
        )


class Redirect:
    """The page that is waited at, and the answer that came to it."""

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt
        self._answers: queue.SimpleQueue[Mapping[str, str]] = queue.SimpleQueue()

    def offer(self, url: str) -> bool:
        """Take an address that the browser was sent to; return whether it is the awaited one."""
        answer = answer_in(url)
        if not is_for(self.attempt, answer) or not ("code" in answer or "error" in answer):
            return False
        self._answers.put(answer)
        return True

    def wait(self, seconds: float) -> Mapping[str, str] | None:
        """Return the answer, None if it has not come in time."""
        try:
            return self._answers.get(timeout=seconds)
        except queue.Empty:
            return None


@contextmanager
def waiting_for(client: OAuthClient, port: int = 0) -> Iterator[Redirect]:
    """Wait for the browser on `port` of 127.0.0.1 (0: any free one). Raises `PortError`."""
    try:
        server = _Server((HERE, port), _Page)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or "no such port"
        raise PortError(port, reason) from None
    server.redirect = Redirect(begin(client, server.server_address[1]))
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
    thread.start()
    try:
        yield server.redirect
    finally:
        server.shutdown()
        server.server_close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    redirect: Redirect

    def handle_error(self, _request: Any, _client_address: Any) -> None:
        """Say nothing: the usual words would show the request, and with it the answer."""


class _Page(http.server.BaseHTTPRequestHandler):
    timeout = REQUEST_S
    server: _Server

    def version_string(self) -> str:
        return "Kith"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        if len(self.path) > LONGEST_PATH or not self.server.redirect.offer(self.path):
            self._show(404, NOT_OURS)
            return
        self._show(200, DONE if "code" in answer_in(self.path) else NOT_DONE)

    def _show(self, status: int, words: str) -> None:
        body = PAGE.format(words=words).encode("utf-8")
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
