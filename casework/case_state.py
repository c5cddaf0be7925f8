"""What a mail changes in the case that it becomes part of. Pure: the state before, then after."""

from dataclasses import dataclass, replace
from datetime import datetime

from casework.entries import Incoming, flag_lines
from casework.history import Line, What
from casework.lifecycle import CaseStatus, after_a_letter_from_the_correspondent
from casework.threading import Decision, Placing
from intake.risk import RiskLevel

UNCONFIRMED = "A mail from an address that we do not know yet. Please confirm who wrote it."
TOO_OFTEN = "Mails have opened it again too often within an hour: it stays closed, please look."
NEW_SUBJECT = "A mail has another subject than before: is it about something new?"


@dataclass(frozen=True, slots=True)
class CaseState:
    """The columns of a case that a mail may change; the fields have their names."""

    status: CaseStatus
    risk_level: RiskLevel
    unsafe_reply: bool
    child_sender: bool
    needs_look: bool
    needs_glance: bool
    new_subject: bool
    unconfirmed_sender: bool
    last_received_at: datetime
    closed_at: datetime | None


def wants_to_reopen(state: CaseState, decision: Decision) -> bool:
    """Return whether the mail would open a closed case again."""
    return not state.status.is_open and decision.reopens and decision.placing is Placing.APPEND


def after_mail(
    state: CaseState, incoming: Incoming, *, may_reopen: bool
) -> tuple[CaseState, list[Line]]:
    """Return the case with one mail more, and what its history says of that.

    The risk only rises. A mail whose sender is not confirmed changes nothing but that.
    """
    decision = incoming.decision
    safer, risk_lines = _with_risk(state, incoming)
    if decision.is_repeat:  # word for word, but for the subject and what is quoted or attached
        return safer, [Line(What.RECEIVED, decision.words), *risk_lines]
    if decision.placing is Placing.APPEND_UNCONFIRMED:
        line = Line(What.RECEIVED, UNCONFIRMED)
        return replace(safer, unconfirmed_sender=True), [line, *risk_lines]
    moved, status_lines = _with_status(safer, decision, may_reopen=may_reopen)
    after = replace(
        moved,
        new_subject=state.new_subject or decision.is_new_subject,
        last_received_at=max(state.last_received_at, incoming.judged.received_at),
    )
    line = Line(What.RECEIVED, "Another mail from the correspondent.")
    return after, [line, *risk_lines, *status_lines]


def _with_risk(state: CaseState, incoming: Incoming) -> tuple[CaseState, list[Line]]:
    risk = incoming.judged.risk
    level = max(state.risk_level, risk.level, key=lambda each: each.rank)
    lines = flag_lines(incoming)
    if level is not state.risk_level:
        lines.insert(0, Line(What.RISK_RAISED, f"From {state.risk_level} to {level}."))
    after = replace(
        state,
        risk_level=level,
        unsafe_reply=state.unsafe_reply or risk.unsafe_reply,
        child_sender=state.child_sender or risk.child_sender,
        needs_look=state.needs_look or incoming.needs_look or incoming.decision.needs_look,
    )
    return after, lines


def _with_status(
    state: CaseState, decision: Decision, *, may_reopen: bool
) -> tuple[CaseState, list[Line]]:
    lines = [Line(What.FLAGGED, NEW_SUBJECT)] if decision.is_new_subject else []
    if not state.status.is_open and not decision.reopens:
        return replace(state, needs_glance=True), [*lines, Line(What.FLAGGED, decision.words)]
    if not state.status.is_open and not may_reopen:
        return replace(state, needs_look=True), [*lines, Line(What.FLAGGED, TOO_OFTEN)]
    status = after_a_letter_from_the_correspondent(state.status)
    if status is not state.status:
        what = What.STATUS_CHANGED if state.status.is_open else What.REOPENED
        lines.append(Line(what, f"From {state.status} to {status}."))
    return replace(state, status=status, closed_at=None), lines
