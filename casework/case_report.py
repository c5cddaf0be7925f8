"""`kith case list` and `kith case show`: what is known of a case, for a terminal or a program."""

import json
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from casework.environment import current_settings
from casework.models import Case, CaseMessage, OutboxEmail, ReceivedMail
from casework.queue import flags_of
from casework.references import is_reference
from casework.schema import open_database
from config.database import readers
from config.errors import KithError


class NoSuchCaseError(KithError):
    """There is no case with this reference."""

    def __init__(self, reference: str) -> None:
        slip = "" if is_reference(reference) else " It is mistyped: the check character is wrong."
        super().__init__(f"There is no case {reference}.{slip} `kith case list` shows them.")


def as_json(session: Session, case: Case) -> dict[str, Any]:
    """Return a case in the shape of the contract."""
    person = case.correspondent
    return {
        "reference": case.reference,
        "status": case.status,
        "risk": {
            "level": case.risk_level,
            "unsafe_reply": case.unsafe_reply,
            "child_sender": case.child_sender,
        },
        "risk_level": case.risk_level,
        "please_sort": case.please_sort,
        "needs_look": case.needs_look,
        "owner": case.owner,
        "next_action": case.next_action,
        "next_action_on": case.next_action_on.isoformat() if case.next_action_on else None,
        "opened_at": case.opened_at.isoformat(),
        "last_received_at": case.last_received_at.isoformat(),
        "correspondent": None
        if person is None
        else {"name": person.name, "addresses": [each.address for each in person.addresses]},
        "strands": [
            {
                "kind": strand.kind,
                "stage": strand.stage,
                "outcome": strand.outcome,
                "primary": strand.is_primary,
                "confidence": round(strand.confidence, 4),
            }
            for strand in case.strands
        ],
        "received_mails": [_mail(message, received) for message, received in _mails(session, case)],
        "letters": [_letter(email) for email in _letters(session, case)],
        "key_dates": [
            {"type": each.type, "date": each.on.isoformat(), "confirmed": each.is_confirmed}
            for each in case.key_dates
        ],
        "history": [
            {"at": line.at.isoformat(), "by": line.by, "what": line.what, "detail": line.detail}
            for line in case.events
        ],
    }


def _mails(session: Session, case: Case) -> list[tuple[CaseMessage, ReceivedMail]]:
    statement = (
        select(CaseMessage, ReceivedMail)
        .join(ReceivedMail, ReceivedMail.id == CaseMessage.received_id)
        .where(CaseMessage.case_id == case.id)
        .order_by(CaseMessage.id)
    )
    return [(message, received) for message, received in session.execute(statement).all()]


def _mail(message: CaseMessage, received: ReceivedMail) -> dict[str, Any]:
    return {
        "mailbox": received.mailbox,
        "uid_validity": received.uid_validity,
        "uid": received.uid,
        "sha256": received.sha256,
        "state": received.state,
        "message_id": message.message_id,
        "subject": message.subject,
        "from_name": message.sender_name,
        "from_email": message.sender_email,
        "received_at": message.at.isoformat(),
        "verdict": message.screening_verdict,
        "rule": message.screening_rule,
        "acknowledgement": message.acknowledgement,
    }


def _letters(session: Session, case: Case) -> list[OutboxEmail]:
    statement = (
        select(OutboxEmail)
        .join(CaseMessage, CaseMessage.outbox_id == OutboxEmail.id)
        .where(CaseMessage.case_id == case.id)
        .order_by(OutboxEmail.id)
    )
    return list(session.execute(statement).scalars())


def _letter(email: OutboxEmail) -> dict[str, Any]:
    return {
        "purpose": email.purpose,
        "state": email.state,
        "to": email.to_address,
        "subject": email.subject,
        "body": email.body,
        "message_id": email.message_id,
        "attempts": email.attempts,
        "sent_at": email.sent_at.isoformat() if email.sent_at else None,
        "last_error": email.last_error,
    }


def all_cases(session: Session) -> list[Case]:
    """Return every case, oldest first, with what its line in a list needs."""
    statement = (
        select(Case)
        .options(
            selectinload(Case.strands),
            selectinload(Case.events),
            selectinload(Case.key_dates),
            selectinload(Case.correspondent),
        )
        .order_by(Case.id)
    )
    return list(session.execute(statement).scalars())


def find(session: Session, reference: str) -> Case:
    """Return the case with this reference, however it is capitalised; raises `NoSuchCaseError`."""
    wanted = reference.strip().upper()
    found = session.execute(select(Case).where(Case.reference == wanted)).scalar_one_or_none()
    if found is None:
        raise NoSuchCaseError(wanted)
    return found


def line_of(case: Case) -> str:
    """Return a case as one line of a list."""
    kinds = ", ".join(
        strand.kind for strand in sorted(case.strands, key=lambda each: not each.is_primary)
    )
    marks = [*flags_of(case), *(["please sort"] if case.please_sort else [])]
    risk = "" if case.risk_level == "none" else f"risk {case.risk_level}"
    parts = [case.reference, case.status, risk, kinds, "; ".join(marks)]
    return "  ".join(part for part in parts if part)


def in_words(report: dict[str, Any]) -> str:
    """Return one case's report as lines for a person."""
    lines = [
        f"{report['reference']}  {report['status']}  risk {report['risk_level']}",
        *(f"  strand   {s['kind']}, {s['stage']}" for s in report["strands"]),
        *(f"  mail     {m['received_at']}  {m['state']}" for m in report["received_mails"]),
        *(line for letter in report["letters"] for line in _letter_lines(letter)),
        *(f"  date     {d['date']}  {d['type']}" for d in report["key_dates"]),
        *(
            f"  history  {h['at']}  {h['by']}: {h['what']}. {h['detail']}"
            for h in report["history"]
        ),
    ]
    return "\n".join(lines)


def _letter_lines(letter: dict[str, Any]) -> list[str]:
    head = f"  letter   {letter['purpose']}, {letter['state']}: {letter['subject']}"
    return [head, *(f"           | {line}" for line in letter["body"].splitlines())]


@click.group()
def case() -> None:
    """Look at cases."""


@case.command("list")
@click.option("--json", "wants_json", is_flag=True, help="Print all of each case as JSON.")
def list_command(*, wants_json: bool) -> None:
    """List all cases, oldest first."""
    with readers(open_database(current_settings()))() as session:
        cases = all_cases(session)
        if wants_json:
            reports = [as_json(session, each) for each in cases]
            click.echo(json.dumps(reports, ensure_ascii=False, indent=2))
            return
        for each in cases:
            click.echo(line_of(each))


@case.command("show")
@click.argument("reference")
@click.option("--json", "wants_json", is_flag=True, help="Print it as JSON.")
def show_command(*, reference: str, wants_json: bool) -> None:
    """Show one case: strands, mails, letters, dates and history."""
    with readers(open_database(current_settings()))() as session:
        report = as_json(session, find(session, reference))
    if wants_json:
        click.echo(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        click.echo(in_words(report))
