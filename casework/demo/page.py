"""The demo's own pages: read a conversation, write a mail, see the acknowledgement arrive."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import formataddr, formatdate, make_msgid

from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from casework.case_report import NoSuchCaseError, as_json, find
from casework.demo.mail_servers import DemoMail
from casework.models import CaseMessage, OutboxEmail
from casework.pipeline import Outcome
from casework.processing import Processed
from casework.queue import in_plain_words
from casework.web.app import Pages
from config.errors import KithError

DEMO_LINKS = (("Queue", "/"), ("Write a mail", "/write"))
PATIENCE_SECONDS = 12
MOST_CHARACTERS = 100_000


class UnusableFormError(KithError):
    """What was filled in cannot be sent as a mail."""


@dataclass(frozen=True, slots=True)
class Written:
    """A mail that was written on the page."""

    message_id: str
    from_address: str


class DemoPages:
    """The routes of the demo, and what it remembers of the mails written on its page."""

    def __init__(self, mail: DemoMail, group_address: str) -> None:
        self._mail = mail
        self._group_address = group_address
        self._written: list[Written] = []
        self._outcomes: dict[str, Outcome] = {}
        self._pages: Pages | None = None

    def note(self, done: Processed) -> None:
        """Remember what became of a mail (called by the worker's thread)."""
        if done.outcome and done.outcome.judged and done.outcome.judged.message.message_id:
            self._outcomes[done.outcome.judged.message.message_id] = done.outcome

    def routes(self, pages: Pages) -> Sequence[BaseRoute]:
        """Return the routes to add to the page."""
        self._pages = pages
        return [
            Route("/conversation/{reference}", self.conversation),
            Route("/write", self.write, methods=["GET", "POST"]),
            Route("/written/{number:int}", self.written),
        ]

    @property
    def pages(self) -> Pages:
        """Return the pages these were added to."""
        assert self._pages is not None
        return self._pages

    def conversation(self, request: Request) -> Response:
        """Show one sample conversation whole: everybody in it is invented."""
        with self.pages.sessions() as session:
            try:
                case = find(session, request.path_params["reference"])
            except NoSuchCaseError as error:
                page = self.pages.render("problem.html", problem=str(error))
                return HTMLResponse(page, status_code=404)
            report = as_json(session, case)
            items = [item_of(session, message) for message in case.messages]
        return HTMLResponse(self.pages.render("conversation.html", case=report, items=items))

    async def write(self, request: Request) -> Response:
        """Show the form, or send what was written in it."""
        if request.method == "GET":
            return HTMLResponse(
                self.pages.render("write.html", here="/write", problem="", filled={})
            )
        if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return Response("This form is only taken from its own page.", status_code=403)
        form = await request.form(max_files=0, max_fields=8, max_part_size=4 * MOST_CHARACTERS)
        try:
            written = await run_in_threadpool(self._send, form)
        except UnusableFormError as error:
            filled = {name: str(value) for name, value in form.items()}
            page = self.pages.render("write.html", here="/write", problem=str(error), filled=filled)
            return HTMLResponse(page, status_code=422)
        self._written.append(written)
        return RedirectResponse(f"/written/{len(self._written) - 1}", status_code=303)

    async def written(self, request: Request) -> Response:
        """Wait until the mail is worked through, then show what became of it."""
        number = request.path_params["number"]
        if not 0 <= number < len(self._written):
            page = self.pages.render("problem.html", problem="No mail of this number was written.")
            return HTMLResponse(page, status_code=404)
        written = self._written[number]
        for _ in range(PATIENCE_SECONDS * 5):
            outcome = self._outcomes.get(written.message_id)
            if outcome and (not outcome.acknowledged or self._letter_to(written)):
                break
            await asyncio.sleep(0.2)
        outcome = self._outcomes.get(written.message_id)
        letter = self._letter_to(written)
        return HTMLResponse(self.pages.render("written.html", outcome=outcome, letter=letter))

    def _send(self, form: FormData) -> Written:
        email = mail_from_form(form, self._group_address)
        self._mail.deliver(self._group_address, email.as_bytes(policy=policy.SMTP))
        return Written(str(email["Message-ID"]), _field(form, "address"))

    def _letter_to(self, written: Written) -> EmailMessage | None:
        for raw in reversed(self._mail.letters_to(written.from_address)):
            letter = message_from_bytes(raw, policy=policy.default)
            if str(letter["In-Reply-To"] or "").strip() == written.message_id:
                assert isinstance(letter, EmailMessage)
                return letter
        return None


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of a conversation as the page shows it."""

    is_ours: bool
    at: str
    state: str
    subject: str
    text: str
    attachments: tuple[str, ...] = ()
    why: tuple[tuple[str, str], ...] = ()


def item_of(session: Session, message: CaseMessage) -> Item:
    """Return a piece of correspondence: theirs from the mail, ours from the outbox."""
    at = f"{message.at:%d %B %Y, %H:%M} UTC".lstrip("0")
    if message.outbox_id is None:
        return Item(
            is_ours=False,
            at=at,
            state=message.acknowledgement or "",
            subject=message.subject or "(no subject)",
            text=message.text,
            attachments=tuple(str(row[0]) for row in message.attachments),
            why=why(message),
        )
    statement = select(OutboxEmail).where(OutboxEmail.id == message.outbox_id)
    letter = session.execute(statement).scalar_one()
    return Item(
        is_ours=True,
        at=at,
        state=in_plain_words(letter.state),
        subject=letter.subject,
        text=letter.body,
    )


def why(message: CaseMessage) -> tuple[tuple[str, str], ...]:
    """Return (what for, the words) for everything that carried the judgement of a mail."""
    rows = [*message.risk_evidence, *message.kind_evidence]
    return tuple((str(row[0]).replace("_", " ").replace("-", " "), str(row[1])) for row in rows)


def mail_from_form(form: FormData, group_address: str) -> EmailMessage:
    """Return the mail; raises `UnusableFormError` naming what is to be mended."""
    address = _field(form, "address")
    local, at, domain = address.rpartition("@")
    if not (at and local and "." in domain and address.isascii() and " " not in address):
        raise UnusableFormError("Give an e-mail address, such as sam@example.org.")
    text = str(form.get("text") or "")[:MOST_CHARACTERS]
    if not text.strip():
        raise UnusableFormError("Write a few words first.")
    email = EmailMessage()
    try:
        email["From"] = formataddr((_field(form, "name"), address))
        email["To"] = group_address
        email["Subject"] = _field(form, "subject")
        email["Date"] = formatdate()
        email["Message-ID"] = make_msgid(domain="written.example.org")
        email.set_content(text)
    except (ValueError, UnicodeError):
        raise UnusableFormError("The address or the subject cannot be used; change it.") from None
    return email


def _field(form: FormData, name: str) -> str:
    return " ".join(str(form.get(name) or "").split())[:300]
