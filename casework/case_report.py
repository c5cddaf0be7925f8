"""`kith case list` and `kith case show`: what is known of a case, for a terminal or a program."""

import json
from collections.abc import Collection, Mapping
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from casework.case_moves import COMMANDS
from casework.environment import current_settings
from casework.finding import NoSuchCaseError, find
from casework.models import Case, CaseMessage, OutboxEmail, ReceivedMail
from casework.queue import flags_of
from casework.schema import open_database
from casework.threading import Source
from config.database import readers

__all__ = [
    "NoSuchCaseError",
    "all_cases",
    "as_json",
    "case",
    "find",
    "in_words",
    "line_of",
]


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
        "needs_glance": case.needs_glance,
        "new_subject": case.new_subject,
        "unconfirmed_sender": case.unconfirmed_sender,
        "flags": list(flags_of(case)),
        **_related(session, case),
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
        "received_mails": _mails_in_full(session, case),
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


def _mails_in_full(session: Session, case: Case) -> list[dict[str, Any]]:
    mails = _mails(session, case)
    numbers = {number for message, _ in mails for number in _cases_named_by(message)}
    references = _references(session, numbers)
    return [_mail(message, received, references) for message, received in mails]


def _cases_named_by(message: CaseMessage) -> set[int]:
    pointers = {int(number) for _, number in message.filed_evidence or ()}
    return pointers | set(message.filed_alternatives or ())


def _references(session: Session, numbers: Collection[int]) -> dict[int, str]:
    if not numbers:
        return {}
    rows = session.execute(select(Case.id, Case.reference).where(Case.id.in_(numbers)))
    return {row.id: row.reference for row in rows.all()}


def _related(session: Session, case: Case) -> dict[str, str | None]:
    """Return the references of the cases that this one has to do with."""
    numbers = {
        "may_belong_to": case.may_belong_to,
        "follows": case.follows,
        "merged_into": case.merged_into,
    }
    references = _references(session, {number for number in numbers.values() if number})
    return {name: references.get(number or 0) for name, number in numbers.items()}


def _placing(message: CaseMessage, references: Mapping[int, str]) -> dict[str, Any]:
    """Return why the mail is in this case: the rule, its evidence, and what else was possible."""
    evidence = [
        {"case": references.get(int(number)), "because": Source[str(name)]}
        for name, number in message.filed_evidence or ()
    ]
    return {
        "rule": message.filed_rule,
        "reason": message.filed_words,
        "evidence": evidence,
        "alternatives": [references.get(number) for number in message.filed_alternatives or ()],
        "unconfirmed_sender": message.is_unconfirmed,
        "forwarded": message.is_forwarded,
    }


def _mail(
    message: CaseMessage, received: ReceivedMail, references: Mapping[int, str]
) -> dict[str, Any]:
    return {
        "id": received.id,
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
        "filed": _placing(message, references),
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


def line_of(case: Case) -> str:
    """Return a case as one line of a list."""
    kinds = ", ".join(
        strand.kind for strand in sorted(case.strands, key=lambda each: not each.is_primary)
    )
    marks = [*flags_of(case), *(["please sort"] if case.please_sort else [])]
    risk = "" if case.risk_level == "none" else f"risk {case.risk_level}"
    parts = [case.reference, case.status, risk, kinds, "; ".join(marks)]
    return "  ".join(part for part in parts if part)


_RELATIONS = (("joined", "merged_into"), ("follows", "follows"), ("near", "may_belong_to"))


def in_words(report: dict[str, Any]) -> str:
    """Return one case's report as lines for a person."""
    lines = [
        f"{report['reference']}  {report['status']}  risk {report['risk_level']}",
        *(f"  flag     {flag}" for flag in report["flags"]),
        *(f"  {name:<8} {report[key]}" for name, key in _RELATIONS if report[key]),
        *(f"  strand   {s['kind']}, {s['stage']}" for s in report["strands"]),
        *(line for mail in report["received_mails"] for line in _mail_lines(mail)),
        *(line for letter in report["letters"] for line in _letter_lines(letter)),
        *(f"  date     {d['date']}  {d['type']}" for d in report["key_dates"]),
        *(
            f"  history  {h['at']}  {h['by']}: {h['what']}. {h['detail']}"
            for h in report["history"]
        ),
    ]
    return "\n".join(lines)


def _mail_lines(mail: dict[str, Any]) -> list[str]:
    filed = mail["filed"]
    head = f"  mail {mail['id']}  {mail['received_at']}  {mail['state']}"
    lines = [head, f"           {filed['rule'] or 'no rule'}: {filed['reason'] or 'not kept'}"]
    lines += [f"           {each['case']}: {each['because']}" for each in filed["evidence"]]
    if filed["alternatives"]:
        lines.append(f"           or else {', '.join(map(str, filed['alternatives']))}")
    if filed["unconfirmed_sender"]:
        lines.append("           sender not confirmed: `kith case confirm`, or `split`")
    return lines


def _letter_lines(letter: dict[str, Any]) -> list[str]:
    head = f"  letter   {letter['purpose']}, {letter['state']}: {letter['subject']}"
    return [head, *(f"           | {line}" for line in letter["body"].splitlines())]


@click.group()
def case() -> None:
    """Look at cases, and put right what was filed."""


for _command in COMMANDS:
    case.add_command(_command)


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
