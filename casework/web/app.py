"""The page of the queue: read-only, and nothing on it was written by a correspondent.

It is served on this machine only. Until volunteers can sign in it shows references, kinds and
waits, never a name, a subject or a text.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from importlib.resources import files
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from casework.queue import Band, Queue, read_queue
from casework.web.headers import SafeHeaders
from casework.web.words import british_day, kind_words, waited
from config.database import Sessions, readers

LONDON = ZoneInfo("Europe/London")
OUR_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
"""Names under which the page answers: another name is a stranger's page playing tricks with DNS."""


def make_environment() -> Environment:
    """Return the templates of the pages: everything is escaped, a misspelt value is an error."""
    pages = Environment(
        loader=PackageLoader("casework.web"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters.update(waited=waited, kind_words=kind_words, british_day=british_day)
    return pages


class Pages:
    """The views: each reads the request, calls one function, shows the result."""

    def __init__(
        self,
        sessions: Sessions,
        now: Callable[[], datetime],
        group_name: str,
        links: Sequence[tuple[str, str]],
    ) -> None:
        self.sessions = readers(sessions)
        self._now = now
        self._group_name = group_name
        self._links = links
        self._templates = make_environment()

    def queue(self, _request: Request) -> Response:
        """Show the queue."""
        return HTMLResponse(
            self.render("queue.html", here="/", queue=self.read_queue(), bands=Band)
        )

    def read_queue(self) -> Queue:
        """Return the queue as of now."""
        with self.sessions() as session:
            return read_queue(session, self._now().astimezone(LONDON).date())

    def render(self, template: str, *, here: str = "", **values: object) -> str:
        """Return a page; `here` is the link of the menu that it is."""
        page = self._templates.get_template(template)
        return page.render(
            group_name=self._group_name, links=self._links, here=here, now=self._now(), **values
        )


def stylesheet(_request: Request) -> Response:
    """Serve the one stylesheet."""
    text = files("casework.web").joinpath("static", "kith.css").read_bytes()
    return Response(text, media_type="text/css", headers={"Cache-Control": "max-age=3600"})


def icon(_request: Request) -> Response:
    """Serve a plain icon that gives nothing away on a shared screen."""
    text = files("casework.web").joinpath("static", "icon.svg").read_bytes()
    return Response(text, media_type="image/svg+xml", headers={"Cache-Control": "max-age=86400"})


def make_app(
    sessions: Sessions,
    now: Callable[[], datetime],
    group_name: str,
    *,
    links: Sequence[tuple[str, str]] = (),
    more: Callable[[Pages], Sequence[BaseRoute]] = lambda _: (),
) -> Starlette:
    """Return the application; `links` is its menu, `more` adds the demo's own routes."""
    pages = Pages(sessions, now, group_name, links)
    routes = [
        Route("/", pages.queue),
        Route("/static/kith.css", stylesheet),
        Route("/favicon.ico", icon),
        *more(pages),
    ]
    middleware = [
        Middleware(TrustedHostMiddleware, allowed_hosts=OUR_HOSTS),
        Middleware(SafeHeaders),
    ]
    return Starlette(routes=routes, middleware=middleware)
