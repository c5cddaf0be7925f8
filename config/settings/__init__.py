"""What we were told: settings as one typed, frozen value, made once at the start."""

from config.settings.errors import SettingsError
from config.settings.limits import LimitSettings
from config.settings.loading import load_settings
from config.settings.oauth import OAuthSettings
from config.settings.problems import value_problem
from config.settings.sections import (
    AlarmSettings,
    DatabaseSettings,
    GroupSettings,
    ScreeningSettings,
    ServiceSettings,
    Settings,
    WebSettings,
)
from config.settings.servers import MailboxSettings, SmtpSettings
from config.settings.values import (
    Auth,
    Mode,
    OAuthFlow,
    OAuthProvider,
    ReplyAddress,
    Security,
    Watch,
)
from config.settings.writing import new_settings_text

__all__ = [
    "AlarmSettings",
    "Auth",
    "DatabaseSettings",
    "GroupSettings",
    "LimitSettings",
    "MailboxSettings",
    "Mode",
    "OAuthFlow",
    "OAuthProvider",
    "OAuthSettings",
    "ReplyAddress",
    "ScreeningSettings",
    "Security",
    "ServiceSettings",
    "Settings",
    "SettingsError",
    "SmtpSettings",
    "Watch",
    "WebSettings",
    "load_settings",
    "new_settings_text",
    "value_problem",
]
