"""Every letter of a group, read against the rules: before go-live and when a wording is changed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from replies.acknowledgement import (
    AcknowledgementRequest,
    AcknowledgementTemplate,
    GroupVoice,
    letter_context,
)
from replies.linting import Fault, lint_letter
from replies.signposting import Signposts
from replies.templates import ReplyTemplates

SAMPLE_REFERENCE = "K7F3-2Q"


@dataclass(frozen=True, slots=True)
class LetterFault:
    """A fault, and the letter that has it."""

    template: AcknowledgementTemplate
    fault: Fault


def check_letters(
    group: GroupVoice, templates: ReplyTemplates, signposts: Signposts, now: datetime
) -> tuple[LetterFault, ...]:
    """Return what is wrong with the group's letters, each written with and without its days.

    Raises `ReplyTemplateError` for one that cannot be written at all.
    """
    return tuple(
        dict.fromkeys(
            LetterFault(request.template, fault)
            for request in _requests(group, now)
            for fault in _faults(request, templates, signposts)
        )
    )


def _requests(group: GroupVoice, now: datetime) -> Iterator[AcknowledgementRequest]:
    for template in AcknowledgementTemplate:
        request = AcknowledgementRequest(
            template=template,
            reference=SAMPLE_REFERENCE,
            to_address="someone@example.org",
            in_reply_to=None,
            references=(),
            now=now,
            group=group,
        )
        yield request
        yield replace(request, show_days=False)


def _faults(
    request: AcknowledgementRequest, templates: ReplyTemplates, signposts: Signposts
) -> tuple[Fault, ...]:
    context = letter_context(request, signposts)
    letter = templates.render(request.template, context)
    return lint_letter(
        letter.subject,
        letter.body,
        reference=request.reference,
        numbers=context.numbers,
        blocks=(letter.safety, letter.privacy),
        reply_time=context.reply_time,
    )
