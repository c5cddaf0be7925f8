"""The scan: all text of a message against all rules, before and apart from its kind."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from intake.evidence import Evidence
from intake.message import Message
from intake.risk.boilerplate import is_about_nobody, is_boilerplate, is_robots_request
from intake.risk.finder import Hit
from intake.risk.judgement import KeyDate, Risk, RiskLevel
from intake.risk.key_dates import DatedEvent, day_of_writing, find_dated_events
from intake.risk.rules import RiskRules, Signal, SignalLevel
from intake.risk.wording import Wording, read_wordings

MOST_EVIDENCE = 40
"""Stretches shown at most, the gravest first; a hostile mail cannot make the list endless."""
MOST_DATES = 20
SCANNED_ATTACHMENTS = 100

_RAISES = {
    SignalLevel.NOW: RiskLevel.NOW,
    SignalLevel.TODAY: RiskLevel.TODAY,
    SignalLevel.DEADLINE: RiskLevel.DEADLINE,
    SignalLevel.UNSAFE_REPLY: RiskLevel.TODAY,
    SignalLevel.CHILD_SENDER: RiskLevel.TODAY,
}
"""A child who writes, or a person who is watched, is to be looked at today."""


@dataclass(frozen=True, slots=True)
class _Finding:
    level: SignalLevel
    evidence: Evidence


def scan_risk(message: Message, rules: RiskRules) -> Risk:
    """Return the risk in all text of `message`: subject, whole text with its quotes, attachments.

    Pure, total and deterministic; the cost grows with the length of the text and no faster.
    """
    written = day_of_writing(message.date)
    findings: dict[tuple[str, str, int, int], _Finding] = {}
    dates: dict[tuple[str, date], KeyDate] = {}
    for wording, is_text in _all_wordings(message):
        hits = rules.finder.find(wording)
        for finding in _findings(hits, wording, rules, is_text=is_text):
            key = finding.evidence
            findings.setdefault((key.label, key.text, key.start, key.end), finding)
        for dated in find_dated_events(hits, wording, written, rules):
            _note_dated(dated, wording, findings, dates, is_text=is_text)
    return _judge(findings.values(), dates.values())


def _all_wordings(message: Message) -> Iterator[tuple[Wording, bool]]:
    """Yield every text of `message`, and whether its places are places of `Message.text`."""
    yield from ((wording, False) for wording in read_wordings(message.subject))
    yield from ((wording, True) for wording in read_wordings(message.text))
    for attachment in message.attachments[:SCANNED_ATTACHMENTS]:
        yield from ((wording, False) for wording in read_wordings(attachment.name))
        if attachment.text:
            yield from ((wording, False) for wording in read_wordings(attachment.text))


def _findings(
    hits: Iterable[Hit], wording: Wording, rules: RiskRules, *, is_text: bool
) -> Iterator[_Finding]:
    for hit in hits:
        if hit.owner >= len(rules.signals):
            continue
        signal = rules.signals[hit.owner]
        if not _is_exempt(wording, hit, signal, rules):
            yield _Finding(signal.level, _evidence(signal.id, wording, hit, is_text=is_text))


def _is_exempt(wording: Wording, hit: Hit, signal: Signal, rules: RiskRules) -> bool:
    if signal.level is SignalLevel.UNSAFE_REPLY:
        return is_robots_request(wording, hit.first, hit.last, rules.boilerplate)
    if signal.needs_person and is_about_nobody(wording, hit.first, hit.last, rules.boilerplate):
        return True
    return is_boilerplate(wording, hit.first, hit.last, rules.boilerplate)


def _evidence(label: str, wording: Wording, hit: Hit, *, is_text: bool) -> Evidence:
    start, end = wording.span(hit.first, hit.last) if is_text else (-1, -1)
    return Evidence(label, wording.written(hit.first, hit.last), start, end)


def _note_dated(
    dated: DatedEvent,
    wording: Wording,
    findings: dict[tuple[str, str, int, int], _Finding],
    dates: dict[tuple[str, date], KeyDate],
    *,
    is_text: bool,
) -> None:
    """Keep the day of `dated`, and what made it a deadline when it is soon."""
    named, event = dated.named, dated.event
    is_ahead = dated.day is not None and (named.days_ahead or 0) >= 0
    if dated.day is not None and is_ahead and len(dates) < MOST_DATES:
        start, end = wording.span(named.first, named.last) if is_text else (-1, -1)
        text = wording.written(named.first, named.last)
        dates.setdefault((dated.type, dated.day), KeyDate(dated.type, dated.day, text, start, end))
    if dated.soon:
        both = Hit(event.owner, min(event.first, named.first), max(event.last, named.last))
        evidence = _evidence(f"date-{dated.type}", wording, both, is_text=is_text)
        key = (evidence.label, evidence.text, evidence.start, evidence.end)
        findings.setdefault(key, _Finding(SignalLevel.DEADLINE, evidence))


def _judge(findings: Iterable[_Finding], dates: Iterable[KeyDate]) -> Risk:
    gravest = sorted(findings, key=lambda finding: -_RAISES[finding.level].rank)
    levels = {finding.level for finding in gravest}
    return Risk(
        level=_RAISES[gravest[0].level] if gravest else RiskLevel.NONE,
        unsafe_reply=SignalLevel.UNSAFE_REPLY in levels,
        child_sender=SignalLevel.CHILD_SENDER in levels,
        key_dates=tuple(sorted(dates, key=lambda one: (one.date, one.type))),
        evidence=tuple(finding.evidence for finding in gravest[:MOST_EVIDENCE]),
    )
