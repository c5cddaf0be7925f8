"""The caps and limits: what one mail, one person or one bad day may do at most."""

from pydantic import Field

from config.settings.section import Section
from config.settings.values import Cap, Count, Seconds


def _cap(default: int, description: str) -> int:
    made: int = Field(default, description=f"{description} 0 means no cap.", examples=[default])
    return made


class LimitSettings(Section):
    """Caps that keep one mail, one person or one bad day from doing harm."""

    acknowledgements_per_address_per_day: Cap = _cap(
        3, "Automatic letters to one address in 24 hours."
    )
    acknowledgements_per_address_and_letter_per_day: Cap = _cap(
        1, "The same automatic letter to one address in 24 hours."
    )
    acknowledgements_per_address_per_week: Cap = _cap(
        5, "Automatic letters to one address in 7 days."
    )
    acknowledgements_per_domain_per_hour: Cap = _cap(
        20,
        "Automatic letters to addresses of one domain in an hour; the large free providers are "
        "left out.",
    )
    acknowledgements_per_subject_per_hour: Cap = _cap(
        5, "Automatic letters to mails of the same subject in an hour."
    )
    acknowledgements_per_hour: Cap = _cap(
        60, "Automatic letters in an hour. At the cap all of them stop until there is room again."
    )
    acknowledgements_per_day: Cap = _cap(
        300, "Automatic letters in 24 hours. Gmail lets an account send about 500 mails a day."
    )
    reopens_per_case_per_hour: Cap = _cap(
        5, "How often mail may reopen one case in an hour; then a person must look."
    )
    same_text_per_hour: Cap = _cap(
        3,
        "Mails of the same text from one sender in an hour; then nothing more is answered to them "
        "for a day.",
    )
    mails_per_case_per_10_minutes: Cap = _cap(
        10,
        "Mails to one case in ten minutes; then nothing more is answered to their sender for a "
        "day.",
    )
    soft_failures_per_week: Cap = _cap(
        3,
        "How many letters in 7 days may fail to reach an address for now before nothing goes there "
        "by itself.",
    )
    message_bytes: Cap = Field(
        50_000_000,
        description=(
            "Of a mail larger than this only the beginning is read and filed. 0 means no cap."
        ),
        examples=[50000000],
    )
    batch_messages: Count = Field(
        50, description="How many mails are fetched at once at most.", examples=[50]
    )
    batch_bytes: Count = Field(
        8_000_000,
        description="How many bytes of mail are fetched at once; a larger mail comes alone.",
        examples=[8000000],
    )
    attempts: Count = Field(
        3, description="How often a mail is tried before it is set aside.", examples=[3]
    )
    judge_seconds: Seconds = Field(
        20,
        description=(
            "Seconds that reading and sorting one mail may take; a mail that takes longer is set "
            "aside, and the others go on."
        ),
        examples=[20],
    )
