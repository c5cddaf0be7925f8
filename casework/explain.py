"""`kith explain`: what Kith would do with a mail and why; touches no database, sends nothing."""

import base64
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any, BinaryIO

import click

from casework.belief import asks_to_stop
from casework.disposition import Action, Disposition, dispose, is_human
from casework.judging import Judged, Judges, judge, load_judges
from casework.references import has_reference_shape
from config.errors import KithError
from config.scrubbing import scrub
from intake.classification import Classification
from intake.evidence import Evidence
from intake.message import Message
from intake.risk import Risk
from intake.screening import Screening

STAND_IN_ADDRESS = "group@example.org"
"""Whom a mail given as fields is taken to be addressed to where no address of ours is set."""
TEXT_FIELDS = ("from_name", "from_email", "subject", "body")


class ExplainInputError(KithError):
    """A line of the stream is not what it should be."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(
            f"Line {line}: {problem}. Each line is a JSON object with id and raw_base64, or with "
            "id, from_name, from_email, subject, body and headers."
        )


@click.command("explain")
@click.argument("file", default="-", metavar="[FILE.eml or -]")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@click.option("--jsonl", is_flag=True, help="A stream: one JSON object per line, in and out.")
def explain(*, file: str, as_json: bool, jsonl: bool) -> int:
    """Say what Kith would do with this mail, and why."""
    judges = judges_in_force(os.environ)
    if jsonl:
        return _stream(file, judges)
    with _opened(file) as stream:
        raw = stream.read()
    judged = judge_now(raw, judges)
    if as_json:
        click.echo(json.dumps(as_answer(None, judged), ensure_ascii=False, indent=2))
    else:
        click.echo(in_words(judged))
    return 0


def judges_in_force(environ: Mapping[str, str]) -> Judges:
    """Return the judges of the settings, or the shipped ones where nothing is set.

    Reading settings costs as much as a third of a short run, so it is done if there are any.
    """
    is_set_up = Path("kith.toml").exists() or any(name.startswith("KITH_") for name in environ)
    if not is_set_up:
        return load_judges()
    from casework.settled_judges import judges_of
    from config.settings import load_settings

    return judges_of(load_settings(None, environ))


def _stream(file: str, judges: Judges) -> int:
    faults = 0
    with _opened(file) as stream:
        for answer in explain_stream(stream, judges):
            faults += "error" in answer
            # Half a character in an id cannot be UTF-8; with its backslash it is JSON again.
            line = json.dumps(answer, ensure_ascii=False).encode(errors="backslashreplace")
            sys.stdout.buffer.write(line + b"\n")
            sys.stdout.buffer.flush()
    return 1 if faults else 0


def explain_stream(lines: BinaryIO, judges: Judges) -> Iterator[dict[str, Any]]:
    """Yield one answer per line, in order; for a line that cannot be read, {"id", "error"}."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        identity: object = None
        try:
            given = _parse_line(number, line)
            identity = given.get("id")
            raw = _raw_of(number, given, judges)
        except ExplainInputError as error:
            yield {"id": identity, "error": str(error)}
            continue
        yield as_answer(identity, judge_now(raw, judges))


def judge_now(raw: bytes, judges: Judges) -> Judged:
    """Judge a mail as if it had arrived this moment."""
    now = datetime.now(UTC)
    return judge(raw, received_at=now, judges=judges, now=now)


def as_answer(identity: object, judged: Judged) -> dict[str, Any]:
    """Return the answer in the shape of the contract (docs/explain.md)."""
    return {
        "id": identity,
        "message": _message_part(judged.message),
        "screening": _screening_part(judged.screening),
        "risk": _risk_part(judged.risk),
        "classification": _classification_part(judged.classification),
    }


def _message_part(message: Message) -> dict[str, Any]:
    return {
        "subject": message.subject,
        "from_name": message.sender.name if message.sender else "",
        "from_email": message.sender.email if message.sender else "",
        "to": [address.email for address in message.to],
        "cc": [address.email for address in message.cc],
        "date": message.date.astimezone(UTC).isoformat() if message.date else None,
        "message_id": message.message_id,
        "text": message.text,
        "new_text": message.new_text,
        "attachments": [
            {"name": a.name, "content_type": a.content_type, "size": a.size}
            for a in message.attachments
        ],
        "defects": list(message.defects),
    }


def _screening_part(screening: Screening) -> dict[str, Any]:
    return {
        "verdict": screening.verdict,
        "acknowledge": screening.acknowledge,
        "rule": screening.rule,
        "reason": screening.reason,
    }


def _risk_part(risk: Risk) -> dict[str, Any]:
    return {
        "level": risk.level,
        "unsafe_reply": risk.unsafe_reply,
        "child_sender": risk.child_sender,
        **_evidence_part(risk.evidence, "signal"),
        "dates": [
            {"type": d.type, "date": d.date.isoformat(), "text": d.text} for d in risk.key_dates
        ],
    }


def _classification_part(kinds: Classification) -> dict[str, Any]:
    return {
        "kind": kinds.kind,
        "confidence": round(kinds.confidence, 4),
        "sure": kinds.sure,
        "also": [
            {"kind": also.kind, "confidence": round(also.confidence, 4)} for also in kinds.also
        ],
        **_evidence_part(kinds.evidence, "kind"),
    }


def _evidence_part(evidence: Iterable[Evidence], label: str) -> dict[str, Any]:
    """Return the evidence in the message's text, and that which has no place there."""
    found: dict[str, Any] = {"evidence": [], "evidence_elsewhere": []}
    for each in evidence:
        if each.start >= 0:
            place = {"text": each.text, "start": each.start, "end": each.end, label: each.label}
            found["evidence"].append(place)
        else:
            found["evidence_elsewhere"].append({"text": each.text, label: each.label})
    return found


def in_words(judged: Judged) -> str:
    """Return the answer as a few lines for a person."""
    screening, risk, kinds = judged.screening, judged.risk, judged.classification
    also = "".join(f", also {each.kind} ({each.confidence:.2f})" for each in kinds.also)
    sureness = "sure" if kinds.sure else "not sure"
    flags = [name for name in ("unsafe_reply", "child_sender") if getattr(risk, name)]
    lines = [
        f"Screening: {screening.verdict} (rule {screening.rule}). {screening.reason}",
        f"Risk: {risk.level}{''.join(f', {flag}' for flag in flags)}",
        *(f"  {each.label}: “{each.text}”" for each in risk.evidence),
        *(f"  {d.type} on {d.date.isoformat()}: “{d.text}”" for d in risk.key_dates),
        f"Kind: {kinds.kind} ({kinds.confidence:.2f}, {sureness}){also}",
        *(f"  {each.label}: “{each.text}”" for each in kinds.evidence),
        *what_would_follow(judged),
        *(f"Defect: {defect}" for defect in judged.message.defects),
    ]
    return "\n".join(lines)


def what_would_follow(judged: Judged) -> tuple[str, str]:
    """Return whether the mail would be filed and whether acknowledged, each with the reason.

    It is taken to begin something new and to come from somebody unknown.
    """
    disposition = _disposed(judged, answers_a_case=False)
    filing = f"Filing: {_deed(judged, disposition)}. {disposition.reason}"
    if disposition.action is not Action.FILE:
        return filing, "Acknowledgement: would not be sent. Only a mail that is filed gets one."
    return filing, f"Acknowledgement: {_answer_to(judged)}"


def _disposed(judged: Judged, *, answers_a_case: bool) -> Disposition:
    return dispose(
        judged.screening,
        judged.classification,
        judged.risk,
        known_sender=False,
        answers_a_case=answers_a_case,
    )


NAMES_A_CASE = "Its subject has what looks like a reference, and the sender may be a stranger."


def _deed(judged: Judged, disposition: Disposition) -> str:
    if disposition.action is Action.FILE:
        return "would be filed" + (", for a person to sort" if disposition.please_sort else "")
    if _disposed(judged, answers_a_case=True).action is Action.NOTE:
        return "would be noted on the case if it is about a letter of ours, else screened out"
    return "would be screened out"


def _answer_to(judged: Judged) -> str:
    # Only here: this brings the templates' engine with it, a third of the time of a short run.
    from replies.acknowledgement import may_acknowledge

    message, screening = judged.message, judged.screening
    names_a_case = has_reference_shape(message.subject)
    permission = may_acknowledge(
        screening_allows=screening.acknowledge and not names_a_case,
        screening_reason=screening.reason if not screening.acknowledge else NAMES_A_CASE,
        risk=judged.risk,
        is_new_case=True,
        kind_is_human=is_human(judged.classification),
        to_address=message.sender.email if message.sender else None,
        correspondent_opted_out=asks_to_stop(judged, is_known=False),
        address_unsafe=False,
    )
    return f"would {'' if permission.allowed else 'not '}be sent. {permission.reason}"


def _opened(file: str) -> BinaryIO:
    if file == "-":
        return sys.stdin.buffer
    try:
        return Path(file).open("rb")
    except OSError as error:
        raise click.FileError(file, hint=error.strerror or "it cannot be read") from None


def _parse_line(number: int, line: bytes) -> dict[str, Any]:
    try:
        given = json.loads(line)
    except (ValueError, RecursionError):
        raise ExplainInputError(number, "it is not JSON") from None
    if not isinstance(given, dict):
        raise ExplainInputError(number, "it is not a JSON object")
    return given


def _raw_of(number: int, given: dict[str, Any], judges: Judges) -> bytes:
    if "raw_base64" not in given:
        return mail_from_fields(number, given, judges)
    encoded = given["raw_base64"]
    if not isinstance(encoded, str):
        raise ExplainInputError(number, "raw_base64 is not a string")
    try:
        return base64.b64decode("".join(encoded.split()), validate=True)
    except ValueError:
        raise ExplainInputError(number, "raw_base64 is not base64") from None


def mail_from_fields(number: int, given: dict[str, Any], judges: Judges) -> bytes:
    """Return the mail that a correspondent would have sent with these fields.

    A field that is missing or null is empty. Raises `ExplainInputError`.
    """
    fields = _texts(number, {name: given.get(name) for name in TEXT_FIELDS})
    lines = {
        "From": _mailbox(fields["from_name"], fields["from_email"]),
        "To": min(judges.own_addresses, default=STAND_IN_ADDRESS),
        "Subject": fields["subject"],
        "Date": format_datetime(datetime.now(UTC)),
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Transfer-Encoding": "8bit",
        **_headers(number, given),
    }
    head = "".join(f"{name}: {_one_line(value)}\n" for name, value in lines.items())
    return f"{head}\n{scrub(fields['body'])}".encode()


def _texts(number: int, given: dict[str, Any]) -> dict[str, str]:
    for name, value in given.items():
        if not isinstance(value, str | None):
            raise ExplainInputError(number, f"{name} is not a string")
    return {name: value or "" for name, value in given.items()}


def _headers(number: int, given: dict[str, Any]) -> dict[str, str]:
    headers = given.get("headers")
    if headers is None:
        return {}
    if not isinstance(headers, dict):
        raise ExplainInputError(number, "headers is not an object")
    if not all(map(_is_header_name, headers)):
        raise ExplainInputError(number, "headers has a name that is no header's name")
    texts = _texts(number, headers)
    return {_header_case(name): value for name, value in texts.items()}


def _mailbox(name: str, email: str) -> str:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{email}>' if name else email


def _header_case(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))


def _is_header_name(name: str) -> bool:
    # RFC 5322 3.6.8: printable ASCII but the colon.
    return bool(name) and all("!" <= character <= "~" and character != ":" for character in name)


def _one_line(value: str) -> str:
    return scrub(" ".join(value.split()))
