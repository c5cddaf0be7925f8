"""The page of the status: is any mail missing, does anything wait too long?"""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from casework.status.model import Watching
from casework.status.reading import read_status
from casework.status.report import box_words, canary_words, look_words
from casework.status.words import mode_words
from config.database import Sessions

HERE = "/status"


class PagesLike(Protocol):
    """What these views need of the pages they belong to."""

    sessions: Sessions
    now: Callable[[], datetime]

    def render(self, template: str, *, here: str = "", **values: object) -> str:
        """Return a page."""


class StatusPage:
    """The one view of it."""

    def __init__(self, pages: PagesLike, watching: Callable[[], Watching]) -> None:
        self._pages = pages
        self._watching = watching

    def routes(self) -> tuple[Route, ...]:
        """Return its route."""
        return (Route(HERE, self.show),)

    def show(self, _request: Request) -> Response:
        """Show how everything is."""
        with self._pages.sessions() as session:
            status = read_status(session, self._watching(), self._pages.now())
        page = self._pages.render(
            "status.html",
            here=HERE,
            status=status,
            box_words=box_words,
            look_words=look_words,
            canary_words=canary_words,
            mode_words=mode_words,
        )
        return HTMLResponse(page)
