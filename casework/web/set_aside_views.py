"""The page of what lies outside of all cases, with what a volunteer can do about it."""

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from casework.pulses import beat
from casework.refiling import Judge, refile
from casework.shelves import MOST_ROWS, Shelf, how_many, shelved
from casework.status.reading import SPAM_LOOKED_AT
from casework.web.guard import FormGuard
from casework.web.status_views import PagesLike
from config.database import Sessions
from config.errors import KithError
from intake.inbox import take_up_again

HERE = "/set-aside"
SOMEBODY = "a volunteer"
"""Who did it, as long as nobody signs in."""
DONE = {
    "retried": "Kith will try it again within a minute.",
    "filed": "It is filed, and waits in the queue to be sorted. Nobody was answered.",
    "looked": "Noted: the spam folder has been looked through.",
}
NOT_FROM_HERE = (
    "This was not sent from this page, or Kith has been started anew since the page was opened. "
    "Nothing was changed. Open the page again and press the button once more."
)
GONE = "That mail is not set aside any more: somebody else was quicker, or Kith has it in hand."
HIGHEST_ID = 2**62


class SetAsidePages:
    """The views: each reads the request, calls one function, shows the result."""

    def __init__(self, pages: PagesLike, sessions: Sessions, judge: Judge | None) -> None:
        self._pages = pages
        self._sessions = sessions
        self._judge = judge
        self._guard = FormGuard()

    def routes(self) -> tuple[Route, ...]:
        """Return the routes; mail can be filed only where there is a judge."""
        return (
            Route(HERE, self.show),
            Route(f"{HERE}/looked", self.looked, methods=["POST"]),
            Route(f"{HERE}/{{number:int}}/retry", self.retry, methods=["POST"]),
            Route(f"{HERE}/{{number:int}}/file", self.file, methods=["POST"]),
        )

    def show(self, request: Request) -> Response:
        """Show the three shelves, or further mails of one of them."""
        shelf = next((s for s in Shelf if s.value == request.query_params.get("shelf")), None)
        before = _number(request.query_params.get("before", ""))
        with self._pages.sessions() as session:
            shelves = {
                each: shelved(session, each, before=before if shelf is each else None)
                for each in Shelf
                if shelf in (None, each)
            }
            counts = {each: how_many(session, each) for each in shelves}
        page = self._pages.render(
            "set_aside.html",
            here=HERE,
            shelves=shelves,
            counts=counts,
            page_size=MOST_ROWS,
            is_later_page=before is not None,
            done=DONE.get(request.query_params.get("done", ""), ""),
            token=self._guard.token,
            can_file=self._judge is not None,
        )
        return HTMLResponse(page)

    async def retry(self, request: Request) -> Response:
        """Let Kith try a mail again."""
        number = request.path_params["number"]
        return await self._act(request, lambda: self._retry(number), "retried")

    async def file(self, request: Request) -> Response:
        """File a mail as a case."""
        number = request.path_params["number"]
        return await self._act(request, lambda: self._file(number), "filed")

    async def looked(self, request: Request) -> Response:
        """Note that somebody has looked through the spam folder's list."""
        return await self._act(request, self._note_look, "looked")

    async def _act(self, request: Request, act: Callable[[], object], done: str) -> Response:
        if not await self._guard.lets_in(request):
            return self._refuse(NOT_FROM_HERE, 403)
        try:
            await run_in_threadpool(act)
        except KithError as error:
            return self._refuse(str(error), 409)
        return RedirectResponse(f"{HERE}?done={done}", status_code=303)

    def _retry(self, number: int) -> None:
        if number > HIGHEST_ID:
            raise KithError(GONE)
        with self._sessions.begin() as session:
            if not take_up_again(session, number):
                raise KithError(GONE)

    def _file(self, number: int) -> None:
        if self._judge is None or number > HIGHEST_ID:
            raise KithError(GONE)
        refile(self._sessions, number, judge=self._judge, by=SOMEBODY, now=self._pages.now())

    def _note_look(self) -> None:
        with self._sessions.begin() as session:
            beat(session, SPAM_LOOKED_AT, self._pages.now())

    def _refuse(self, words: str, status: int) -> Response:
        page = self._pages.render("refused.html", here=HERE, problem=words)
        return HTMLResponse(page, status_code=status)


def _number(text: str) -> int | None:
    is_number = text.isascii() and text.isdigit() and len(text) <= 18
    return int(text) if is_number else None
