"""The web server, in a thread of the service; on this machine only until people sign in."""

import socket
import threading

import uvicorn
from starlette.applications import Starlette

from config.errors import KithError


class WebServerError(KithError):
    """The page cannot be served."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(
            f"The page cannot be served at {host}:{port}: {reason}. Set web.port to a free one."
        )


class WebServer:
    """Serves an application at a loopback address; port 0 lets the system choose one."""

    def __init__(self, app: Starlette, host: str, port: int) -> None:
        self._host = host
        self._port = port
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
        )
        self._server = uvicorn.Server(config)
        self._thread: threading.Thread | None = None

    def start(self) -> str:
        """Begin to serve and return the page's URL; raises `WebServerError` if it cannot."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self._host, self._port))
            listener.listen()
        except OSError as error:
            listener.close()
            reason = error.strerror or "it is not to be had"
            raise WebServerError(self._host, self._port, reason) from None
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name="web", daemon=True
        )
        self._thread.start()
        host = f"[{self._host}]" if family is socket.AF_INET6 else self._host
        return f"http://{host}:{listener.getsockname()[1]}/"

    def stop(self) -> None:
        """End the server and wait for it."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(timeout=10)
