"""The order of the rules. The first that hits decides."""

from collections.abc import Callable

from intake.message import Message
from intake.screening import automatic, bulk, doubts, forgery, loops, reports, robots
from intake.screening.surroundings import Surroundings
from intake.screening.verdict import Screening, Verdict

Rule = Callable[[Message, Surroundings], Screening | None]

PERSONAL = Screening(
    Verdict.PERSONAL,
    acknowledge=True,
    rule="personal",
    reason="Nothing suggests that it was written by anyone but a person.",
)

RULES: tuple[Rule, ...] = (
    # what we signed is ours, whatever else it says
    loops.our_own_letter,
    # a website's form shares the marks of machines, even our own address, but holds a person's
    # words: it comes early, and since it is never acknowledged it cannot start a loop
    automatic.website_form,
    # ours again
    loops.own_address,
    loops.too_many_servers,
    # what became of our letters; good news first, since it comes in the same form as bad news
    reports.delivery_progress,
    reports.delay_notice,
    reports.delivery_status,
    reports.disposition_notification,
    reports.feedback_report,
    reports.failure_header,
    reports.mail_server,
    reports.failure_in_words,
    reports.calendar_answer,
    reports.challenge,
    # answering machines
    automatic.auto_submitted,
    automatic.auto_reply_header,
    automatic.auto_reply_precedence,
    automatic.out_of_office_class,
    automatic.inbox_rule_reply,
    automatic.for_autoresponder,
    automatic.absence_note,
    reports.nobody_to_answer,
    reports.other_report,
    # sent to many
    bulk.discussion_list,
    bulk.campaign,
    bulk.list_header,
    bulk.bulk_precedence,
    bulk.sending_service,
    bulk.not_addressed_to_us,
    # nobody there
    robots.nothing_readable,
    robots.no_sender,
    robots.robot_address,
    # not from whom it says
    forgery.failed_authentication,
    forgery.spam_flag,
    forgery.several_authors,
    forgery.claims_our_address,
    # a person, but an automatic answer would be unwise
    # the sender may not be who it seems: first, since `casework.belief` goes by the rule
    doubts.sender_not_in_from,
    doubts.headers_not_read,
    doubts.unusual_spelling,
    doubts.seen_as_another,
    doubts.two_addresses,
    doubts.automatic_subject,
    doubts.suppressed_responses,
    doubts.passed_on_by_rule,
    doubts.calendar_invitation,
    doubts.suspended_address,
    doubts.undeliverable_sender,
    doubts.answers_go_elsewhere,
    doubts.old_mail,
    doubts.before_go_live,
)


def screen(message: Message, surroundings: Surroundings) -> Screening:
    """Return what the first rule that hits says; a personal mail if none does."""
    for rule in RULES:
        if (screening := rule(message, surroundings)) is not None:
            return screening
    return PERSONAL
