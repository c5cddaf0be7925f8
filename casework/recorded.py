"""The names that were given to cases and letters once before, so that a replay gives them again.

People know these: a reference stands in the subject of every letter, a Message-ID in each answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from casework.references import CaseReference


@dataclass(frozen=True, slots=True)
class Recorded:
    """Names by the received mail that led to them; of other mails new ones are drawn."""

    references: Mapping[int, CaseReference] = field(default_factory=dict)
    """Of the case that the mail opened."""
    letter_ids: Mapping[int, str] = field(default_factory=dict)
    """The Message-ID of the acknowledgement that it was given."""


NOTHING_RECORDED = Recorded()
