"""What each pure stage of the journey costs by itself."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from casework.bootstrap import make_desk
from casework.judging import Judges
from config.settings import GroupSettings, Settings
from intake.classification import classify
from intake.parsing import parse_message
from intake.risk import scan_risk
from intake.screening import Surroundings, screen
from replies.acknowledgement import (
    AcknowledgementRequest,
    AcknowledgementTemplate,
    compose_acknowledgement,
)
from replies.outgoing import to_mime

Item = TypeVar("Item")


def stage_costs(raws: Sequence[bytes]) -> dict[str, float]:
    """Return CPU milliseconds per message for each stage, each run over all mails."""
    settings = Settings(group=GroupSettings(address="hello@kith.example.org"))
    desk = make_desk(settings)
    judges, now = desk.judges, datetime.now(UTC)
    messages = [parse_message(raw) for raw in raws]
    surroundings = _surroundings(judges, now)
    request = AcknowledgementRequest(
        template=AcknowledgementTemplate.GENERIC,
        reference="K7F3-2Q",
        to_address="sam@example.org",
        in_reply_to="<a@example.org>",
        references=("<a@example.org>",),
        now=now,
        group=desk.group,
    )
    letter = compose_acknowledgement(request, desk.templates, desk.signposts)
    return {
        "parse": cost(parse_message, raws),
        "screen": cost(lambda message: screen(message, surroundings), messages),
        "risk": cost(lambda message: scan_risk(message, judges.risk_rules), messages),
        "classify": cost(lambda message: classify(message, judges.model), messages),
        "compose": cost(
            lambda _: compose_acknowledgement(request, desk.templates, desk.signposts), raws
        ),
        "to MIME (in deliver)": cost(lambda _: to_mime(letter, now).as_bytes(), raws),
    }


def cost(work: Callable[[Item], object], items: Sequence[Item]) -> float:
    """Return CPU milliseconds per item."""
    started = time.process_time()
    for item in items:
        work(item)
    return (time.process_time() - started) * 1000 / len(items)


def _surroundings(judges: Judges, now: datetime) -> Surroundings:
    return Surroundings(
        now=now,
        rules=judges.screening_rules,
        own_addresses=judges.own_addresses,
        trusted_authserv_ids=judges.trusted_authserv_ids,
    )
