"""The judges as the settings want them; apart from the database, to keep `kith explain` quick."""

from casework.judging import Judges, load_judges
from config.settings import Settings


def judges_of(settings: Settings) -> Judges:
    """Return the judges of these settings."""
    return load_judges(
        settings.site_dir,
        own_addresses=settings.own_addresses,
        trusted_authserv_ids=frozenset(settings.screening.trusted_authserv_ids),
        go_live=settings.group.go_live,
    )
