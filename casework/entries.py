"""What is written down of a mail when it is filed: its rows, and its lines in the history."""

from collections.abc import Iterable
from dataclasses import dataclass

from casework.history import Line, What
from casework.judging import Judged
from casework.threading import Match
from intake.evidence import Evidence
from intake.risk import RiskLevel
from intake.taxonomy import Kind
from replies.acknowledgement import Permission

FIRST_STAGE = "new"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A judged mail on its way into the tracker, and what was decided about acknowledging it."""

    received_id: int
    judged: Judged
    permission: Permission
    needs_look: bool = False


def message_row(case_id: int, incoming: Incoming) -> dict[str, object]:
    """Return a received mail as correspondence of a case, with what judged it."""
    judged = incoming.judged
    message, risk, kinds = judged.message, judged.risk, judged.classification
    sender = message.sender
    return {
        "case_id": case_id,
        "received_id": incoming.received_id,
        "at": judged.received_at,
        "message_id": message.message_id,
        "sender_name": sender.name if sender else "",
        "sender_email": sender.email if sender else "",
        "subject": message.subject,
        "text": message.text,
        "marks": [[mark.kind, mark.start, mark.end] for mark in message.marks],
        "attachments": [[a.name, a.content_type, a.size, a.part] for a in message.attachments],
        "defects": list(message.defects),
        "screening_verdict": judged.screening.verdict,
        "screening_rule": judged.screening.rule,
        "risk_level": risk.level,
        "risk_evidence": _rows(risk.evidence),
        "kind": kinds.kind,
        "confidence": kinds.confidence,
        "kind_evidence": _rows(kinds.evidence),
        "acknowledgement": incoming.permission.reason,
    }


def strand_row(case_id: int, kind: Kind, confidence: float) -> dict[str, object]:
    """Return what all strands have in common."""
    return {"case_id": case_id, "kind": kind, "stage": FIRST_STAGE, "confidence": confidence}


def opening_lines(incoming: Incoming, match: Match) -> list[Line]:
    """Return the history of a case that a mail opens."""
    judged = incoming.judged
    kinds = judged.classification
    how_sure = "sure" if kinds.sure else "not sure"
    lines = [
        Line(What.OPENED, "A mail came in."),
        Line(What.SORTED, f"As {plain(kinds.kind)}, {how_sure} ({kinds.confidence:.2f})."),
    ]
    if judged.risk.level is not RiskLevel.NONE:
        lines.append(Line(What.RISK_RAISED, f"To {judged.risk.level}, by rule."))
    if match.may_belong_to is not None and match.hint is not None:
        words = f"It may belong to another case: {match.hint}, but who wrote it is not certain."
        lines.append(Line(What.SORTED, words))
    lines += flag_lines(incoming)
    if not incoming.permission.allowed:
        lines.append(Line(What.NOT_ACKNOWLEDGED, incoming.permission.reason))
    return lines


def flag_lines(incoming: Incoming) -> list[Line]:
    """Return a line for each flag that the mail sets."""
    flags = (
        (incoming.judged.risk.unsafe_reply, "It may not be safe to answer."),
        (incoming.judged.risk.child_sender, "A child or young person may have written."),
        (incoming.needs_look, "It could not be read whole: please look."),
    )
    return [Line(What.FLAGGED, words) for is_set, words in flags if is_set]


def plain(kind: Kind) -> str:
    """Return a kind in the words of the history."""
    return str(kind).replace("_", " ")


def _rows(evidence: Iterable[Evidence]) -> list[list[str | int]]:
    return [[each.label, each.text, each.start, each.end] for each in evidence]
