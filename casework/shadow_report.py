"""`kith shadow`: what would have been sent in shadow mode, to be read before going live."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import click
from sqlalchemy import Select, and_, select
from sqlalchemy.orm import Session

from casework.environment import current_settings
from casework.models import CASE_MESSAGES, CASES, STRANDS
from casework.schema import open_database
from config.database import readers
from config.settings import Mode
from intake.inbox import RECEIVED, MailState
from intake.inbox.ledger import NOT_IN_HAND
from replies.outbox import LETTERS, LetterState
from replies.outgoing import Purpose

WITHHELD = "A draft that was taken back. "
WHAT_TO_CHECK = """What to check before going live:
- Read the drafts (--letters shows the words). Would you send each to this person, on that day?
- Is there a draft to somebody who must not get one: a machine, one of yourselves, anybody at risk?
- Look at the reasons for which nothing was drafted. Is there a person among them who should have
  had an answer? `kith mail list --state screened_out` lists the mails that made no case.
- Where the kind is often wrong or not sure, the neutral letter goes; that is as it should be."""
HOW_TO_GO_LIVE = """To go live: set mode = "live" in the settings, run `kith check`, and start Kith
anew. The drafts stay drafts: no machine ever sends them, also not after going live, and their cases
get no other acknowledgement. Whoever still waits must be written to by a person."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One letter that would have left. `to` is masked; `words` only if they were asked for."""

    at: datetime
    reference: str | None
    letter: str
    kind: str | None
    sure: bool | None
    risk: str | None
    to: str
    subject: str | None = None
    words: str | None = None


@dataclass(frozen=True, slots=True)
class ShadowReport:
    """What would have been sent since `since` (None: ever), and what not, and why."""

    since: datetime | None
    mails: int
    drafts: tuple[Draft, ...]
    left: int
    """Automatic letters that did leave in that time, or wait to: Kith was live then."""
    letters: Mapping[str, int]
    reasons: Mapping[str, int]
    kinds: Mapping[str, int]
    risks: Mapping[str, int]


def shadow_report(
    session: Session, since: datetime | None = None, *, with_words: bool = False
) -> ShadowReport:
    """Return the report of all mails that were worked at or after `since`."""
    rows = session.execute(_since(_ANSWERS, since)).all()
    drafts = [_draft(row, with_words=with_words) for row in rows if row.state == LetterState.DRAFT]
    unread = session.execute(_since(_SCREENED_OUT, since)).scalars().all()
    taken_back = (LetterState.CANCELLED, LetterState.FAILED)
    return ShadowReport(
        since=since,
        mails=len(rows) + len(unread),
        drafts=tuple(drafts),
        left=sum(row.state not in (None, LetterState.DRAFT, *taken_back) for row in rows),
        letters=_counted([each.letter for each in drafts]),
        reasons=_counted([*(why for row in rows if (why := _why_not(row))), *map(_told, unread)]),
        kinds=_counted([row.kind or "none" for row in rows]),
        risks=_counted([row.risk_level or "none" for row in rows]),
    )


def masked(address: str) -> str:
    """Return an address so that whoever knows it recognises it, and nobody else learns it.

    >>> masked("bron@example.org")
    'b...@example.org'
    """
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}...{at}{domain}" if at else "..."


def as_json(report: ShadowReport) -> str:
    """Return the report as JSON."""
    return json.dumps(asdict(report), default=lambda moment: moment.isoformat(), indent=2)


def in_words(report: ShadowReport, *, is_live: bool) -> str:
    """Return the report for a person."""
    when = f"since {report.since:%d %B %Y}" if report.since else "so far"
    drafts = len(report.drafts)
    lines = [
        f"{report.mails} mails were worked {when}. Live, Kith would have sent {drafts} letters.",
        *_table("Letters:", report.letters),
        *_table("Nothing was drafted, because:", report.reasons),
        *_table("Kinds of the mails in cases:", report.kinds),
        *_table("Risk of the mails in cases:", report.risks),
    ]
    if report.left:
        lines.append(f"\n{report.left} letters were sent, or wait: they are not listed here.")
    if drafts:
        lines.append("\nThe drafts:")
        lines += [line for each in report.drafts for line in _draft_lines(each)]
    lines += ["", WHAT_TO_CHECK, ""]
    lines.append("Kith is live. The drafts stay drafts." if is_live else HOW_TO_GO_LIVE)
    return "\n".join(lines)


def _draft(row: Any, *, with_words: bool) -> Draft:
    return Draft(
        at=row.created_at,
        reference=row.reference,
        letter=row.template or "unknown",
        kind=row.kind,
        sure=row.sure,
        risk=row.risk_level,
        to=masked(row.to_address),
        subject=row.subject if with_words else None,
        words=row.body if with_words else None,
    )


def _why_not(row: Any) -> str:
    if row.state in (LetterState.CANCELLED, LetterState.FAILED):
        return f"{WITHHELD}{row.last_error or ''}".strip()
    return _told(row.acknowledgement) if row.state is None else ""


def _told(reason: str | None) -> str:
    return reason or "No reason was kept."


def _counted(names: Sequence[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())


def _table(title: str, counts: Mapping[str, int]) -> list[str]:
    if not counts:
        return []
    lines = [f"{count:>6}  {str(name).replace('_', ' ')}" for name, count in counts.items()]
    return ["", title, *lines]


def _draft_lines(draft: Draft) -> list[str]:
    sure = {True: "sure", False: "not sure", None: ""}[draft.sure]
    parts = [
        f"{draft.at:%Y-%m-%d %H:%M}",
        draft.reference or "no case",
        f"letter {draft.letter}",
        " ".join(filter(None, ((draft.kind or "").replace("_", " "), sure))),
        f"risk {draft.risk}" if draft.risk not in (None, "none") else "",
        draft.to,
    ]
    head = "  ".join(part for part in parts if part)
    words = [draft.subject or "", "", *(draft.words or "").splitlines()] if draft.words else []
    return [head, *(f"    | {line}" for line in words)]


def _since(statement: Select[Any], since: datetime | None) -> Select[Any]:
    return statement if since is None else statement.where(RECEIVED.c.settled_at >= since)


@click.command("shadow")
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), help="Only from this day on (YYYY-MM-DD)."
)
@click.option("--letters", is_flag=True, help="Show the words of each draft.")
@click.option("--json", "wants_json", is_flag=True, help="Print it as JSON.")
def shadow(*, since: datetime | None, letters: bool, wants_json: bool) -> None:
    """Report what would have been sent in shadow mode, to be read before going live."""
    settings = current_settings()
    moment = since.replace(tzinfo=UTC) if since else None
    with readers(open_database(settings))() as session:
        report = shadow_report(session, moment, with_words=letters)
    is_live = settings.mode is Mode.LIVE
    click.echo(as_json(report) if wants_json else in_words(report, is_live=is_live))


_R, _M, _L = RECEIVED.c, CASE_MESSAGES.c, LETTERS.c
_ANSWERS = (
    select(
        _L.created_at,
        _L.state,
        _L.template,
        _L.to_address,
        _L.subject,
        _L.body,
        _L.last_error,
        CASES.c.reference,
        _M.kind,
        _M.risk_level,
        _M.acknowledgement,
        STRANDS.c.sure,
    )
    .select_from(RECEIVED)
    .join(CASE_MESSAGES, _M.received_id == _R.id)
    .join(CASES, CASES.c.id == _M.case_id)
    .outerjoin(STRANDS, and_(STRANDS.c.case_id == CASES.c.id, STRANDS.c.kind == _M.kind))
    .outerjoin(LETTERS, and_(_L.received_id == _R.id, _L.purpose == Purpose.ACKNOWLEDGEMENT.value))
    .order_by(_R.id)
)
_SCREENED_OUT = (
    select(_R.reason)
    .where(_R.state == MailState.SCREENED_OUT.value, _R.rule.not_in(NOT_IN_HAND))
    .order_by(_R.id)
)
