"""The one place where commands read the environment."""

import os
from datetime import UTC, datetime

from config.settings import Settings, load_settings


def current_settings() -> Settings:
    """Return the settings of this process; raises `SettingsError`."""
    return load_settings(None, os.environ)


def clock() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)
