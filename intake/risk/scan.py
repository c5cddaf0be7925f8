"""The scan: all text of a message against all rules, before and apart from its kind."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date

from intake.evidence import Evidence
from intake.message import Message
from intake.risk.boilerplate import (
    is_about_nobody,
    is_boilerplate,
    is_robots_request,
    sentence_around,
)
from intake.risk.finder import Hit
from intake.risk.judgement import KeyDate, Risk, RiskLevel
from intake.risk.key_dates import DatedEvent, day_of_writing, find_dated_events
from intake.risk.rules import RiskRules, SignalLevel
from intake.risk.wording import Wording, read_wordings

MOST_EVIDENCE = 40
"""Stretches shown at most, the gravest first; a hostile mail cannot make the list endless."""
MOST_SHOWN = 4
"""Stretches of one signal, or of one type of day, shown in one text."""
MOST_DATES = 100
"""Key dates kept of one mail, the soonest of more; no honest timetable has as many."""
SCANNED_ATTACHMENTS = 100

_RAISES = {
    SignalLevel.NOW: RiskLevel.NOW,
    SignalLevel.TODAY: RiskLevel.TODAY,
    SignalLevel.DEADLINE: RiskLevel.DEADLINE,
    SignalLevel.UNSAFE_REPLY: RiskLevel.TODAY,
    SignalLevel.CHILD_SENDER: RiskLevel.TODAY,
}
"""A child who writes, or a person who is watched, is to be looked at today."""

_Findings = dict[Evidence, SignalLevel]
_Verdicts = dict[tuple[int, int, bool], bool]
"""Which sentences exempt, each judged once: from, to, and whether a person must be in it."""
_Dates = dict[tuple[date, str], KeyDate]


def scan_risk(message: Message, rules: RiskRules) -> Risk:
    """Return the risk in all text of `message`: subject, whole text with its quotes, attachments.

    Pure, total and deterministic; the cost grows with the length of the text and no faster.
    """
    written = day_of_writing(message.date)
    findings: _Findings = {}
    dates: _Dates = {}
    for wording, is_text in _all_wordings(message):
        hits = tuple(_counted(wording, rules))
        for level, evidence in _signals(hits, wording, rules, is_text=is_text):
            findings.setdefault(evidence, level)
        dated = tuple(find_dated_events(hits, wording, written, rules))
        _note_dates(dated, wording, dates, is_text=is_text)
        for evidence in _deadlines(dated, wording, is_text=is_text):
            findings.setdefault(evidence, SignalLevel.DEADLINE)
    return _judge(findings, _soonest(dates.values()))


def _all_wordings(message: Message) -> Iterator[tuple[Wording, bool]]:
    """Yield every text of `message`, and whether its places are places of `Message.text`."""
    yield from ((wording, False) for wording in read_wordings(message.subject))
    yield from ((wording, True) for wording in read_wordings(message.text))
    for attachment in message.attachments[:SCANNED_ATTACHMENTS]:
        yield from ((wording, False) for wording in read_wordings(attachment.name))
        if attachment.text:
            yield from ((wording, False) for wording in read_wordings(attachment.text))


def _counted(wording: Wording, rules: RiskRules) -> Iterator[Hit]:
    """Yield the hits that count: all of events, and of each signal the first that are not exempt.

    Only what counts is counted: a list of helplines above must not hide a plea below.
    """
    shown: Counter[int] = Counter()
    enough: set[int] = set()
    known: _Verdicts = {}
    for hit in rules.finder.find(wording, enough):
        if hit.owner >= len(rules.signals):
            yield hit
        elif hit.owner not in enough and not _is_exempt(wording, hit, rules, known):
            yield hit
            shown[hit.owner] += 1
            if shown[hit.owner] == MOST_SHOWN:
                enough.add(hit.owner)


def _signals(
    hits: Iterable[Hit], wording: Wording, rules: RiskRules, *, is_text: bool
) -> Iterator[tuple[SignalLevel, Evidence]]:
    for hit in hits:
        if hit.owner < len(rules.signals):
            signal = rules.signals[hit.owner]
            yield signal.level, _evidence(signal.id, wording, hit, is_text=is_text)


def _is_exempt(wording: Wording, hit: Hit, rules: RiskRules, known: _Verdicts) -> bool:
    signal = rules.signals[hit.owner]
    if signal.level is SignalLevel.UNSAFE_REPLY:
        return is_robots_request(wording, hit.first, hit.last, rules.boilerplate)
    start, end = sentence_around(wording, hit.first, hit.last)
    key = (start, end, signal.needs_person)
    if key not in known:
        known[key] = (
            signal.needs_person and is_about_nobody(wording, start, end, rules.boilerplate)
        ) or is_boilerplate(wording, start, end, rules.boilerplate)
    return known[key]


def _evidence(label: str, wording: Wording, hit: Hit, *, is_text: bool) -> Evidence:
    start, end = wording.span(hit.first, hit.last) if is_text else (-1, -1)
    return Evidence(label, wording.written(hit.first, hit.last), start, end)


def _note_dates(
    found: Iterable[DatedEvent], wording: Wording, dates: _Dates, *, is_text: bool
) -> None:
    """Add to `dates` the days of `found` that are still ahead."""
    for dated in found:
        named, key = dated.named, (dated.day, dated.type)
        if dated.day is None or (named.days_ahead or 0) < 0 or key in dates:
            continue
        start, end = wording.span(named.first, named.last) if is_text else (-1, -1)
        text = wording.written(named.first, named.last)
        dates[dated.day, dated.type] = KeyDate(dated.type, dated.day, text, start, end)
    if len(dates) > 2 * MOST_DATES:
        kept = {(one.date, one.type): one for one in _soonest(dates.values())}
        dates.clear()
        dates.update(kept)


def _deadlines(
    found: Iterable[DatedEvent], wording: Wording, *, is_text: bool
) -> Iterator[Evidence]:
    """Yield what makes a deadline among `found`, of each type only as often as it is shown."""
    shown: Counter[str] = Counter()
    for dated in found:
        if dated.soon and shown[dated.type] < MOST_SHOWN:
            shown[dated.type] += 1
            event, named = dated.event, dated.named
            both = Hit(event.owner, min(event.first, named.first), max(event.last, named.last))
            yield _evidence(f"date-{dated.type}", wording, both, is_text=is_text)


def _soonest(dates: Iterable[KeyDate]) -> tuple[KeyDate, ...]:
    return tuple(sorted(dates, key=lambda one: (one.date, one.type))[:MOST_DATES])


def _judge(findings: _Findings, dates: tuple[KeyDate, ...]) -> Risk:
    gravest = sorted(findings.items(), key=lambda finding: -_RAISES[finding[1]].rank)
    levels = set(findings.values())
    return Risk(
        level=_RAISES[gravest[0][1]] if gravest else RiskLevel.NONE,
        unsafe_reply=SignalLevel.UNSAFE_REPLY in levels,
        child_sender=SignalLevel.CHILD_SENDER in levels,
        key_dates=dates,
        evidence=tuple(evidence for evidence, _ in gravest[:MOST_EVIDENCE]),
    )
