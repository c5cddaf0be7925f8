"""What we were told: settings as one typed, frozen value, made once at the start."""

from config.settings.errors import SettingsError
from config.settings.loading import load_settings
from config.settings.problems import value_problem
from config.settings.sections import (
    DatabaseSettings,
    GroupSettings,
    LimitSettings,
    ScreeningSettings,
    ServiceSettings,
    Settings,
    WebSettings,
)
from config.settings.servers import MailboxSettings, SmtpSettings
from config.settings.values import Mode, Security
from config.settings.writing import new_settings_text

__all__ = [
    "DatabaseSettings",
    "GroupSettings",
    "LimitSettings",
    "MailboxSettings",
    "Mode",
    "ScreeningSettings",
    "Security",
    "ServiceSettings",
    "Settings",
    "SettingsError",
    "SmtpSettings",
    "WebSettings",
    "load_settings",
    "new_settings_text",
    "value_problem",
]
