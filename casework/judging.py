"""What Kith makes of one mail: parse, screen, scan for risk, classify. Touches no database.

Each step may fail on a mail nobody foresaw. Then the next one still runs, the failure is logged,
and the answer is the careful one: a person must look.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from intake.classification import Classification, KindModel, classify, shipped_model
from intake.message import Message
from intake.parsing import UnreadableMailError, parse_message
from intake.risk import Risk, RiskRules, could_not_check, scan_risk, shipped_risk_rules
from intake.screening import (
    Screening,
    ScreeningRules,
    Surroundings,
    Verdict,
    screen,
    shipped_screening_rules,
    unreadable,
)
from intake.screening.surroundings import never
from intake.taxonomy import Kind

log = logging.getLogger(__name__)

UNREADABLE_SUBJECT = "(unreadable message)"
ONLY_THE_BEGINNING = "Too large: only the beginning was read. The whole mail is in the mailbox."


@dataclass(frozen=True, slots=True)
class Judges:
    """What judging needs to know; made once, the same for every mail."""

    screening_rules: ScreeningRules
    risk_rules: RiskRules
    model: KindModel
    own_addresses: frozenset[str] = frozenset()
    trusted_authserv_ids: frozenset[str] = frozenset()
    go_live: datetime | None = None
    is_our_id: Callable[[str], bool] = never
    """Whether we signed that Message-ID; must be picklable, since mails are judged apart too."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A message with all that was found out about it."""

    message: Message
    received_at: datetime
    screening: Screening
    risk: Risk
    classification: Classification

    @property
    def is_readable(self) -> bool:
        """Return whether the mail could be parsed at all."""
        return self.screening.verdict is not Verdict.UNREADABLE


def judge(
    raw: bytes, *, received_at: datetime, judges: Judges, now: datetime, is_whole: bool = True
) -> Judged:
    """Return what is to be thought of the mail; total: whatever the bytes are."""
    try:
        message = parse_message(raw, received_at=received_at)
    except UnreadableMailError:
        return _unreadable(received_at)
    if not is_whole:
        message = replace(message, defects=(*message.defects, ONLY_THE_BEGINNING))
    return Judged(
        message=message,
        received_at=received_at,
        screening=screen(message, _surroundings(judges, received_at, now)),
        risk=scan_or_look(message, judges.risk_rules),
        classification=classify_or_look(message, judges.model),
    )


def scan_or_look(message: Message, rules: RiskRules) -> Risk:
    """Return the risk; a scan that fails counts as `today` (domain rule SG-1)."""
    try:
        return scan_risk(message, rules)
    except Exception:
        log.exception("the risk scan failed")
        return could_not_check()


def classify_or_look(message: Message, model: KindModel) -> Classification:
    """Return the kind; when classifying fails, an enquiry that nobody is sure of."""
    try:
        return classify(message, model)
    except Exception:
        log.exception("classifying failed")
        return UNSORTED


UNSORTED = Classification(kind=Kind.ENQUIRY, confidence=0.0, sure=False, also=(), evidence=())


def _surroundings(judges: Judges, received_at: datetime, now: datetime) -> Surroundings:
    return Surroundings(
        now=now,
        rules=judges.screening_rules,
        own_addresses=judges.own_addresses,
        trusted_authserv_ids=judges.trusted_authserv_ids,
        go_live=judges.go_live,
        received_at=received_at,
        is_our_id=judges.is_our_id,
    )


def _unreadable(received_at: datetime) -> Judged:
    return Judged(
        message=Message(subject=UNREADABLE_SUBJECT, sender=None, date=received_at),
        received_at=received_at,
        screening=unreadable(),
        risk=could_not_check(),
        classification=UNSORTED,
    )


def load_judges(
    site_dir: Path | None = None,
    *,
    own_addresses: frozenset[str] = frozenset(),
    trusted_authserv_ids: frozenset[str] = frozenset(),
    go_live: datetime | None = None,
    is_our_id: Callable[[str], bool] = never,
) -> Judges:
    """Return the judges with the rules and the model in force, the site's own before ours."""
    return Judges(
        screening_rules=shipped_screening_rules(site_dir),
        risk_rules=shipped_risk_rules(site_dir),
        model=shipped_model(site_dir),
        own_addresses=own_addresses,
        trusted_authserv_ids=trusted_authserv_ids,
        go_live=go_live,
        is_our_id=is_our_id,
    )
