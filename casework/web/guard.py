"""Is a form really sent from our own page? Another site must not act in the volunteer's name.

Nobody signs in yet, so there is no cookie to steal; but a page of another site, open in the same
browser, could send a form to this machine. It cannot read our pages, and so not the token in them.
"""

import secrets

from starlette.exceptions import HTTPException
from starlette.requests import Request

MOST_BYTES = 4_096
FIELD = "token"
FORM = "application/x-www-form-urlencoded"
HEADERS_THAT_COUNT_ONCE = ("origin", "sec-fetch-site", "host")


class FormGuard:
    """Knows the token of this start; it changes with each."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(32)

    async def lets_in(self, request: Request) -> bool:
        """Return whether the request is a form that our own page has sent."""
        if not (_is_from_here(request) and _is_small_form(request)):
            return False
        try:
            form = await request.form(max_files=0, max_fields=4)
        except HTTPException:
            return False
        given = form.get(FIELD)
        return isinstance(given, str) and secrets.compare_digest(
            given.encode("utf-8", "replace"), self.token.encode()
        )


def _is_from_here(request: Request) -> bool:
    """Judge by what the browser says: both headers are out of a page's reach.

    Our own forms have the Origin "null", since our pages ask for no referrer; then Sec-Fetch-Site
    tells, and where an old browser sends neither, the token alone does.
    """
    headers = request.headers
    if any(len(headers.getlist(name)) > 1 for name in HEADERS_THAT_COUNT_ONCE):
        return False
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    origin = headers.get("origin", "null")
    return origin == "null" or origin.lower() == f"http://{headers.get('host', '').lower()}"


def _is_small_form(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    length = request.headers.get("content-length", "")
    is_short = length.isascii() and length.isdigit() and int(length[:6]) <= MOST_BYTES
    return kind == FORM and is_short and len(length) <= len(str(MOST_BYTES))
