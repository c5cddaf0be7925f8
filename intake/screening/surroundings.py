"""What screening knows besides the mail itself: the hour, our addresses, whom we trust."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from intake.address_text import fold_address
from intake.screening.rules_file import ScreeningRules


def never(_message_id: str) -> bool:
    """Return False: without our keys no Message-ID is known as ours."""
    return False


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Everything a rule may ask about; all addresses are lower-cased, all moments aware."""

    now: datetime
    rules: ScreeningRules
    own_addresses: frozenset[str] = frozenset()
    trusted_authserv_ids: frozenset[str] = frozenset()
    go_live: datetime | None = None
    suspended: frozenset[str] = frozenset()
    received_at: datetime | None = None
    is_our_id: Callable[[str], bool] = never
    """Whether a Message-ID carries the signature of one of our keys."""

    @cached_property
    def own_folded(self) -> frozenset[str]:
        """Return our addresses without their spelling variants."""
        return frozenset(map(fold_address, self.own_addresses))

    @cached_property
    def suspended_folded(self) -> frozenset[str]:
        """Return the addresses that letters failed to reach, without their spelling variants."""
        return frozenset(map(fold_address, self.suspended))

    def is_own(self, email: str) -> bool:
        """Return whether `email` is one of our addresses, in whatever spelling."""
        return fold_address(email) in self.own_folded
