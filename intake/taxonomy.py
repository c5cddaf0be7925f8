"""The nine kinds a message can be of, in the field's words."""

from enum import StrEnum


class Kind(StrEnum):
    """What a message is about; the last two are decided by content where headers do not tell."""

    PRIVACY_REQUEST = "privacy_request"
    CASE_REPORT = "case_report"
    PARTNERSHIP = "partnership"
    SUPPORT_OFFER = "support_offer"
    JOIN_REQUEST = "join_request"
    CONTRIBUTION = "contribution"
    ENQUIRY = "enquiry"
    AUTOMATED = "automated"
    SPAM = "spam"

    @property
    def is_human(self) -> bool:
        """Return whether a person wrote it to us."""
        return self not in {Kind.AUTOMATED, Kind.SPAM}


PRECEDENCE: tuple[Kind, ...] = tuple(kind for kind in Kind if kind.is_human)
"""Which kind is primary when several are present alike: the one that most needs a person."""
