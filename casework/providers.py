"""What `kith init` knows about the companies that keep a group's inbox."""

from collections.abc import Mapping
from dataclasses import dataclass

GMAIL_HELP = """
Kith signs in to Gmail with an app password, never with the account's own password.
  1. Turn on 2-Step Verification for the account: https://myaccount.google.com/security
  2. Make an app password and call it Kith: https://myaccount.google.com/apppasswords
  3. Google shows 16 letters, once. Copy them for the question below.
If Google says that app passwords are not available, the account uses Advanced Protection or only
security keys, or your organisation's administrator has turned them off.
A change of the account's password ends its app passwords: then make a new one.
"""
MICROSOFT_HELP = """
Microsoft 365 takes no password for reading mail. Kith signs in with Microsoft's own service
instead (OAuth). That needs an app registration, which somebody who administers your Microsoft 365
makes once: docs/oauth.md shows each step. At its end stands the app's client id.
"""
OTHER_HELP = """
Your provider's help pages name two servers: one for reading mail (IMAP), one for sending (SMTP).
If your provider offers app passwords, make one for Kith.
"""


@dataclass(frozen=True, slots=True)
class Provider:
    """One sort of inbox. A host that differs from group to group is empty: it is asked for.

    With an `oauth_provider` no password is taken: `kith login` has a person allow Kith in.
    """

    title: str
    advice: str
    imap_host: str = ""
    smtp_host: str = ""
    trusted_authserv_ids: tuple[str, ...] = ()
    oauth_provider: str = ""
    takes_plus_addresses: bool = False
    app_password_letters: int = 0


PROVIDERS: Mapping[str, Provider] = {
    "gmail": Provider(
        title="Gmail or Google Workspace",
        advice=GMAIL_HELP,
        imap_host="imap.gmail.com",
        smtp_host="smtp.gmail.com",
        trusted_authserv_ids=("mx.google.com",),
        app_password_letters=16,
        takes_plus_addresses=True,
    ),
    "microsoft365": Provider(
        title="Microsoft 365",
        advice=MICROSOFT_HELP,
        imap_host="outlook.office365.com",
        smtp_host="smtp.office365.com",
        oauth_provider="microsoft",
        takes_plus_addresses=True,
    ),
    "other": Provider(title="another provider", advice=OTHER_HELP),
}


def takes_plus_addresses(imap_host: str) -> bool:
    """Return whether mail to `name+anything@` is known to reach `name@` at this host."""
    known = {each.imap_host for each in PROVIDERS.values() if each.takes_plus_addresses}
    return imap_host.lower() in known
