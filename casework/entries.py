"""What is written down of a mail when it is filed: its rows, and its lines in the history."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from casework.history import Line, What
from casework.judging import Judged
from casework.threading import NOTHING, Decision, Placing, is_forward, sender_key, subject_stem
from casework.threading.evidence import kept_id, thread_index
from intake.evidence import Evidence
from intake.risk import RiskLevel
from intake.taxonomy import Kind
from replies.acknowledgement import Permission

FIRST_STAGE = "new"
MOST_HASHED = 100_000
"""Of a longer text only the beginning is compared."""
LONGEST_KEY = 254


@dataclass(frozen=True, slots=True)
class Incoming:
    """A judged mail on its way into the tracker: where it goes, and why it is (not) answered."""

    received_id: int
    judged: Judged
    permission: Permission
    decision: Decision = NOTHING
    needs_look: bool = False


def body_hash(new_text: str) -> str:
    """Return 32 characters that two mails share if they say the same, but for spaces and case."""
    plain_text = " ".join(new_text[:MOST_HASHED].casefold().split())
    return hashlib.sha256(plain_text.encode()).hexdigest()[:32]


def message_row(
    case_id: int, incoming: Incoming, ancestors: Sequence[str], text_hash: str
) -> dict[str, object]:
    """Return a received mail as correspondence of a case, with what judged and placed it."""
    return {"case_id": case_id, "received_id": incoming.received_id} | (
        _as_written(incoming, ancestors, text_hash) | _as_judged(incoming) | _as_placed(incoming)
    )


def _as_written(incoming: Incoming, ancestors: Sequence[str], text_hash: str) -> dict[str, object]:
    message = incoming.judged.message
    sender = message.sender
    key = sender_key(message)
    return {
        "at": incoming.judged.received_at,
        "message_id": kept_id(message.message_id),
        "sender_name": sender.name if sender else "",
        "sender_email": sender.email if sender else "",
        "sender_key": key if 0 < len(key) <= LONGEST_KEY else None,
        "subject": message.subject,
        "subject_stem": subject_stem(message.subject),
        "text": message.text,
        "body_hash": text_hash,
        "marks": [[mark.kind, mark.start, mark.end] for mark in message.marks],
        "attachments": [[a.name, a.content_type, a.size, a.part] for a in message.attachments],
        "defects": list(message.defects),
        "thread_index": thread_index(message),
        "ancestors": list(ancestors),
    }


def _as_judged(incoming: Incoming) -> dict[str, object]:
    judged = incoming.judged
    risk, kinds = judged.risk, judged.classification
    return {
        "screening_verdict": judged.screening.verdict,
        "screening_rule": judged.screening.rule,
        "risk_level": risk.level,
        "risk_evidence": _rows(risk.evidence),
        "kind": kinds.kind,
        "confidence": kinds.confidence,
        "kind_evidence": _rows(kinds.evidence),
        "acknowledgement": incoming.permission.reason,
    }


def _as_placed(incoming: Incoming) -> dict[str, object]:
    decision = incoming.decision
    return {
        "is_unconfirmed": decision.placing is Placing.APPEND_UNCONFIRMED,
        "is_forwarded": decision.is_forwarded or is_forward(incoming.judged.message),
        "filed_rule": decision.rule,
        "filed_words": decision.words,
        "filed_evidence": [[each.source.name, each.case_id] for each in decision.evidence],
        "filed_alternatives": list(decision.alternatives),
    }


def strand_row(case_id: int, kind: Kind, confidence: float) -> dict[str, object]:
    """Return what all strands have in common."""
    return {"case_id": case_id, "kind": kind, "stage": FIRST_STAGE, "confidence": confidence}


def opening_lines(incoming: Incoming) -> list[Line]:
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
    if incoming.decision.case_id is not None:
        lines.append(Line(What.SORTED, incoming.decision.words))
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
        (incoming.decision.needs_look, incoming.decision.words),
    )
    return [Line(What.FLAGGED, words) for is_set, words in flags if is_set]


def plain(kind: Kind) -> str:
    """Return a kind in the words of the history."""
    return str(kind).replace("_", " ")


def _rows(evidence: Iterable[Evidence]) -> list[list[str | int]]:
    return [[each.label, each.text, each.start, each.end] for each in evidence]
