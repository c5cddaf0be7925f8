"""The pages: the queue, what was set aside, and the status; nothing on them names a person.

They are served on this machine only. Until volunteers can sign in they show references, kinds and
waits, never a name, a subject or a text. All that they change is where a mail lies.
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

from casework.queue import MOST_PAGES, Band, Queue, read_queue
from casework.refiling import Judge
from casework.status.model import Watching
from casework.status.words import ago, moment_words
from casework.web.headers import SafeHeaders
from casework.web.set_aside_views import SetAsidePages
from casework.web.status_views import StatusPage
from casework.web.words import (
    british_day,
    kind_words,
    short_moment,
    verdict_words,
    waited,
)
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
    pages.filters.update(
        waited=waited,
        kind_words=kind_words,
        verdict_words=verdict_words,
        british_day=british_day,
        moment=moment_words,
        short_moment=short_moment,
        ago=ago,
    )
    return pages


class Pages:
    """The views: each reads the request, calls one function, shows the result."""

    def __init__(
        self,
        sessions: Sessions,
        now: Callable[[], datetime],
        group_name: str,
        menu: Sequence[tuple[str, str]],
        *,
        is_demo: bool = False,
    ) -> None:
        self.sessions = readers(sessions)
        self.now = now
        self._group_name = group_name
        self._menu = menu
        self._is_demo = is_demo
        self._templates = make_environment()

    def queue(self, request: Request) -> Response:
        """Show the queue, or a further page of it."""
        queue = self.read_queue(page_number(request.query_params.get("page", "")))
        return HTMLResponse(self.render("queue.html", here="/", queue=queue, bands=Band))

    def read_queue(self, page: int = 1) -> Queue:
        """Return a page of the queue as of now."""
        with self.sessions() as session:
            today = self.now().astimezone(LONDON).date()
            return read_queue(session, today, page=page)

    def render(self, template: str, *, here: str = "", **values: object) -> str:
        """Return a page; `here` is the link of the menu that it is."""
        page = self._templates.get_template(template)
        return page.render(
            group_name=self._group_name,
            menu=self._menu,
            is_demo=self._is_demo,
            here=here,
            now=self.now(),
            **values,
        )


def page_number(text: str) -> int:
    """Return the number of a page in an address; 1 for anything else."""
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(MOST_PAGES))
    return int(text) if is_number else 1


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
    watching: Callable[[], Watching] | None = None,
    judge: Judge | None = None,
) -> Starlette:
    """Return the application; `links` are the demo's own, and `more` adds its routes.

    The status page is there when `watching` is given. With a `judge`, mail can be filed by hand.
    """
    menu = _menu(links, has_status=watching is not None)
    pages = Pages(sessions, now, group_name, menu, is_demo=bool(links))
    routes = [
        Route("/", pages.queue),
        Route("/static/kith.css", stylesheet),
        Route("/favicon.ico", icon),
        *SetAsidePages(pages, sessions, judge).routes(),
        *(StatusPage(pages, watching).routes() if watching else ()),
        *more(pages),
    ]
    middleware = [
        Middleware(TrustedHostMiddleware, allowed_hosts=OUR_HOSTS),
        Middleware(SafeHeaders),
    ]
    return Starlette(routes=routes, middleware=middleware)


def _menu(links: Sequence[tuple[str, str]], *, has_status: bool) -> tuple[tuple[str, str], ...]:
    ours = [("Queue", "/"), *links, ("Set aside", "/set-aside")]
    if has_status:
        ours.append(("Status", "/status"))
    return tuple(dict.fromkeys(ours))
