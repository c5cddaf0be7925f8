"""What screening knows besides the mail itself: the hour, our addresses, whom we trust."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from intake.address_text import fold_address
from intake.screening.rules_file import ScreeningRules


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

    @cached_property
    def own_folded(self) -> frozenset[str]:
        """Return our addresses without their spelling variants."""
        return frozenset(map(fold_address, self.own_addresses))

    def is_own(self, email: str) -> bool:
        """Return whether `email` is one of our addresses, in whatever spelling."""
        return fold_address(email) in self.own_folded
