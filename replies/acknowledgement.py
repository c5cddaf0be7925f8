"""The one automatic reply to a new case: may it be sent, which words, and the letter itself."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from intake.risk import Risk
from intake.taxonomy import Kind
from replies.outgoing import (
    OutgoingEmail,
    Purpose,
    clean_id,
    conversation,
    is_sendable,
)
from replies.signing import UNSIGNED, Signer
from replies.signposting import Signposts
from replies.templates import ReplyTemplates, TemplateContext
from replies.working_days import british_date, local_day, next_working_day, one_month_after


class AcknowledgementTemplate(StrEnum):
    """The letters there are; each value is the template's folder."""

    GENERIC = "generic"
    JOIN = "join"
    OFFER = "offer"
    CASE = "case"
    PARTNERSHIP = "partnership"
    CONTRIBUTION = "contribution"
    PRIVACY = "privacy"
    RISK = "risk"


@dataclass(frozen=True, slots=True)
class GroupVoice:
    """What letters say of the group. Empty URLs leave their sentences out."""

    name: str
    address: str
    reply_days: int
    privacy_url: str = ""
    help_url: str = ""
    regulator: str = ""
    regulator_url: str = ""


@dataclass(frozen=True, slots=True)
class AcknowledgementRequest:
    """One letter to write; nothing of the mail it answers but its address and ids.

    `show_days` is False where no time may be promised. A privacy request's month runs from
    `received_at` (`now` when that is not given). With `reply_address_is_signed`, answers go to an
    address that proves which case they belong to; From stays the address that people know.
    """

    template: AcknowledgementTemplate
    reference: str
    to_address: str
    in_reply_to: str | None
    references: tuple[str, ...]
    now: datetime
    group: GroupVoice
    show_days: bool = True
    received_at: datetime | None = None
    signer: Signer = UNSIGNED
    reply_address_is_signed: bool = False


@dataclass(frozen=True, slots=True)
class Permission:
    """Whether an acknowledgement may be sent, and the reason, for a volunteer to read."""

    allowed: bool
    reason: str


def choose_template(
    kind: Kind, *, sure: bool, level_is_now_or_today: bool
) -> AcknowledgementTemplate:
    """Return the letter for a mail: in danger the same for every kind, unsure the neutral one."""
    if level_is_now_or_today:
        return AcknowledgementTemplate.RISK
    if not sure:
        return AcknowledgementTemplate.GENERIC
    return _BY_KIND.get(kind, AcknowledgementTemplate.GENERIC)


def compose_acknowledgement(
    request: AcknowledgementRequest, templates: ReplyTemplates, signposts: Signposts
) -> OutgoingEmail:
    """Return the letter, ready for the outbox.

    Raises `ReplyTemplateError` when the group's own template is broken.
    """
    letter = templates.render(request.template, letter_context(request, signposts))
    return OutgoingEmail(
        purpose=Purpose.ACKNOWLEDGEMENT,
        from_name=request.group.name,
        from_address=request.group.address,
        to_address=request.to_address,
        subject=letter.subject,
        body=letter.body,
        message_id=request.signer.message_id(request.group.address.rpartition("@")[2]),
        in_reply_to=clean_id(request.in_reply_to),
        references=conversation(request.in_reply_to, request.references),
        automatic=True,
        reply_to=_reply_to(request),
    )


def _reply_to(request: AcknowledgementRequest) -> str:
    if not request.reply_address_is_signed:
        return ""
    group, person = request.group.address, request.to_address
    return request.signer.reply_address(group, request.reference, person)


def may_acknowledge(
    *,
    screening_allows: bool,
    screening_reason: str,
    risk: Risk,
    is_new_case: bool,
    kind_is_human: bool,
    to_address: str | None,
    correspondent_opted_out: bool,
    address_unsafe: bool,
) -> Permission:
    """Return whether this mail may be acknowledged; the first thing that forbids it is the reason.

    Caps, breakers and suspended addresses come later: `casework.gate`.
    """
    no_address = to_address is None or not is_sendable(to_address)
    refusals = (
        (not screening_allows, screening_reason),
        (risk.unsafe_reply, "It says that a reply may not be safe: a person must decide how."),
        (address_unsafe, "Somebody else may read this address: nothing goes there by itself."),
        (risk.child_sender, "A child or young person may have written: a person must answer."),
        (not is_new_case, "It belongs to a case that was there before."),
        (not kind_is_human, "By its content it is automatic mail or spam."),
        (no_address, "It gives no address that an answer can be sent to."),
        (correspondent_opted_out, "The correspondent has asked for no automatic mail."),
    )
    for refused, reason in refusals:
        if refused:
            return Permission(allowed=False, reason=reason)
    return Permission(allowed=True, reason="A person has written to us about something new.")


def letter_context(request: AcknowledgementRequest, signposts: Signposts) -> TemplateContext:
    """Return everything that the request's letter may say."""
    group = request.group
    today = local_day(request.now)
    received = local_day(request.received_at or request.now)
    return TemplateContext(
        reference=request.reference,
        reply_time=_reply_time(group.reply_days) if request.show_days else "",
        due_date=british_date(next_working_day(one_month_after(received))),
        group_name=group.name,
        privacy_url=group.privacy_url,
        help_url=group.help_url,
        regulator=group.regulator,
        regulator_url=group.regulator_url,
        numbers=signposts.numbers_for_letters(today),
    )


def _reply_time(days: int) -> str:
    if days <= 0:
        return ""
    return "1 working day" if days == 1 else f"{days} working days"


_BY_KIND = {
    Kind.JOIN_REQUEST: AcknowledgementTemplate.JOIN,
    Kind.SUPPORT_OFFER: AcknowledgementTemplate.OFFER,
    Kind.CASE_REPORT: AcknowledgementTemplate.CASE,
    Kind.PARTNERSHIP: AcknowledgementTemplate.PARTNERSHIP,
    Kind.CONTRIBUTION: AcknowledgementTemplate.CONTRIBUTION,
    Kind.PRIVACY_REQUEST: AcknowledgementTemplate.PRIVACY,
}
