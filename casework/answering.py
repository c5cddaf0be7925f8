"""Which letter would answer a mail: as the gate counts it, and as it is written. Pure."""

from datetime import datetime

from casework.belief import is_believed
from casework.entries import body_hash
from casework.gate import Ask, Sighting
from casework.judging import Judged
from casework.references import CaseReference
from casework.threading import subject_stem
from intake.message import Message
from intake.risk import RiskLevel
from replies.acknowledgement import (
    AcknowledgementRequest,
    AcknowledgementTemplate,
    GroupVoice,
    choose_template,
)
from replies.signing import Signer


def ask_of(judged: Judged) -> Ask | None:
    """Return the letter that might answer the mail, as the gate counts it."""
    sender = judged.message.sender
    if sender is None or not judged.screening.acknowledge:
        return None
    return Ask(sender.email, _template(judged), subject_stem(judged.message.subject))


def sighting_of(judged: Judged) -> Sighting | None:
    """Return the mail as the watchdog sees it; what may be forged silences nobody."""
    sender = judged.message.sender
    if sender is None or not is_believed(judged):
        return None
    return Sighting(sender.email, body_hash(judged.message.new_text), judged.received_at)


def _template(judged: Judged) -> AcknowledgementTemplate:
    return choose_template(
        judged.classification.kind,
        sure=judged.classification.sure,
        level_is_now_or_today=judged.risk.level in {RiskLevel.NOW, RiskLevel.TODAY},
    )


def request_for(
    judged: Judged,
    reference: CaseReference,
    *,
    group: GroupVoice,
    signer: Signer,
    reply_address_is_signed: bool,
    now: datetime,
) -> AcknowledgementRequest:
    """Return the letter to write for a mail that was filed under this reference."""
    message = judged.message
    return AcknowledgementRequest(
        template=_template(judged),
        show_days=judged.risk.level is RiskLevel.NONE,
        reference=reference,
        to_address=message.sender.email if message.sender else "",
        in_reply_to=message.message_id,
        references=_ancestors(message),
        received_at=judged.received_at,
        now=now,
        group=group,
        signer=signer,
        reply_address_is_signed=reply_address_is_signed,
    )


def _ancestors(message: Message) -> tuple[str, ...]:
    # RFC 5322 3.6.4: the parent's References (or else its In-Reply-To), then the parent itself.
    before = message.references or message.in_reply_to[:1]
    return (*before, message.message_id) if message.message_id else before
