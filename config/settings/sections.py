"""Every setting: its name, its default and what it means. Frozen, and nothing is read here.

A description is what people read in `kith.toml` and in docs/settings.md; tests hold the three
together. The first example of a setting is what an error message shows.
"""

from datetime import date
from pathlib import Path

from pydantic import Field

from config.settings.limits import LimitSettings
from config.settings.oauth import OAuthSettings
from config.settings.section import Section
from config.settings.servers import MailboxSettings, ServerSettings, SmtpSettings
from config.settings.values import (
    Auth,
    Cap,
    Count,
    Directory,
    Line,
    LoopbackHost,
    MailAddress,
    MailAddresses,
    Mode,
    Moment,
    OptionalPath,
    Port,
    ReplyAddress,
    Seconds,
    Text,
    WebAddress,
    Words,
    is_mail_address,
)


class DatabaseSettings(Section):
    """Where cases and mails are kept."""

    url: Text = Field(
        "",
        description=(
            "The database. Empty means a SQLite file, kith.sqlite3, in the data directory. "
            "PostgreSQL lets several machines work together."
        ),
        examples=["postgresql://kith@localhost/kith"],
        repr=False,
    )


class GroupSettings(Section):
    """Who we are, as our letters say it."""

    name: Line = Field(
        "our group", description="The group's name, as letters give it.", examples=["our group"]
    )
    address: MailAddress = Field(
        "",
        description="The address people write to. Letters come from it.",
        examples=["help@ourgroup.example.org"],
    )
    aliases: MailAddresses = Field(
        (),
        description=(
            "Other addresses that arrive in the same inbox. Mail from our own addresses is never "
            "answered."
        ),
        examples=[["hello@ourgroup.example.org", "info@ourgroup.example.org"]],
    )
    go_live: Moment = Field(
        None,
        description=(
            "A date, or a date and time (UTC unless it says otherwise). Mail that arrived before "
            "it is filed without an acknowledgement. Empty means all mail may be acknowledged."
        ),
        examples=[date(2026, 12, 1)],
    )
    reply_days: Count = Field(
        5, description="How many days we ask people to allow for a reply.", examples=[5]
    )
    reply_address: ReplyAddress = Field(
        ReplyAddress.AUTO,
        description=(
            "signed asks for answers at an address that is signed for its case "
            "(help+k7f32q...@ourgroup.example.org), so that a reply finds its case even when the "
            "mail program drops everything else. The provider must take such plus addresses. "
            "plain never does so; auto does where the provider is known to take them."
        ),
        examples=["auto"],
    )
    privacy_url: WebAddress = Field(
        "",
        description="Our privacy notice. Empty leaves the sentence out of letters.",
        examples=["https://ourgroup.example.org/privacy"],
    )
    help_url: WebAddress = Field(
        "",
        description="Our page of help lines. Empty leaves the sentence out of letters.",
        examples=["https://ourgroup.example.org/help"],
    )
    regulator: Line = Field(
        "the Information Commissioner's Office",
        description="Whom people may complain to about how we handle information.",
        examples=["the Information Commissioner's Office"],
    )
    regulator_url: WebAddress = Field(
        "https://ico.org.uk/make-a-complaint/",
        description="That body's page for complaints.",
        examples=["https://ico.org.uk/make-a-complaint/"],
    )


class ScreeningSettings(Section):
    """What the screening of mail is told about our provider."""

    trusted_authserv_ids: Words = Field(
        (),
        description=(
            "Servers whose Authentication-Results header is believed: our own provider's, no "
            "others. For Gmail mx.google.com."
        ),
        examples=[["mx.google.com"]],
    )


class ServiceSettings(Section):
    """The rhythm of `kith run`."""

    poll_seconds: Seconds = Field(
        60, description="Seconds between two looks into the inbox.", examples=[60]
    )
    lease_seconds: Seconds = Field(
        120,
        description=(
            "After this many seconds of silence, work that a process had claimed may be taken up "
            "by another. At least twice the timeout of smtp."
        ),
        examples=[120],
    )
    reconcile_hours: Cap = Field(
        24,
        description=(
            "Hours between two comparisons of the whole inbox with the ledger. 0 means only at the "
            "start and on request (kith status --compare)."
        ),
        examples=[24],
    )


class AlarmSettings(Section):
    """How those who run Kith are told that something is wrong."""

    addresses: MailAddresses = Field(
        (),
        description=(
            "Who is told by mail, in words without any name or content. Better not an address in "
            "the inbox that Kith reads. Nothing is sent in shadow mode."
        ),
        examples=[["sam@example.org"]],
    )
    command: Words = Field(
        (),
        description=(
            "A program that is started with each alarm, and its arguments: the words are on its "
            "standard input. It works when mail does not."
        ),
        examples=[["/usr/local/bin/tell-us"]],
    )
    silence_minutes: Cap = Field(
        15,
        description="Minutes without a successful look into an inbox before the alarm. 0: never.",
        examples=[15],
    )
    canary_hours: Cap = Field(
        0,
        description=(
            "Hours between two test mails that Kith sends to itself, which prove the whole circle: "
            "sending, delivery, reading. 24 is a good choice; 0 means none."
        ),
        examples=[24],
    )


class WebSettings(Section):
    """The page the volunteers work from."""

    host: LoopbackHost = Field(
        "127.0.0.1",
        description="Where the page listens. For now only on this computer itself.",
        examples=["127.0.0.1"],
    )
    port: Port = Field(8025, description="The port of the page.", examples=[8025])


class Settings(Section):
    """Everything Kith was told, made once at the start and never changed."""

    mode: Mode = Field(
        Mode.SHADOW,
        description=(
            "shadow files mail and drafts letters but sends nothing; live sends. "
            "Stay in shadow for the first two weeks."
        ),
        examples=["shadow"],
    )
    data_dir: Directory = Field(
        Path("data"),
        description=(
            "Where Kith keeps its own files. Without a leading / it is taken from the directory "
            "of this file."
        ),
        examples=["data"],
    )
    site_dir: OptionalPath = Field(
        None,
        description=(
            "A directory of your own letters and lists. A file there takes the place of the one "
            "of the same name that Kith brings."
        ),
        examples=["site"],
    )
    database: DatabaseSettings = DatabaseSettings()
    mailbox: MailboxSettings = MailboxSettings()
    mailboxes: dict[str, MailboxSettings] = Field(default_factory=dict)
    smtp: SmtpSettings = SmtpSettings()
    oauth: OAuthSettings = OAuthSettings()
    group: GroupSettings = GroupSettings()
    limits: LimitSettings = LimitSettings()
    screening: ScreeningSettings = ScreeningSettings()
    service: ServiceSettings = ServiceSettings()
    alarms: AlarmSettings = AlarmSettings()
    web: WebSettings = WebSettings()

    @property
    def database_url(self) -> str:
        """The database's URL, with the default worked out. It may hold a password."""
        return self.database.url or f"sqlite:///{self.data_dir / 'kith.sqlite3'}"

    @property
    def all_mailboxes(self) -> dict[str, MailboxSettings]:
        """Every inbox that is read, by the name of its section."""
        more = {f"mailboxes.{name}": mailbox for name, mailbox in self.mailboxes.items()}
        return {"mailbox": self.mailbox, **more}

    @property
    def uses_oauth(self) -> bool:
        """Whether any server is signed in to with OAuth."""
        servers = (*self.all_mailboxes.values(), self.smtp)
        return any(server.host and server.auth is Auth.OAUTH for server in servers)

    @property
    def own_addresses(self) -> frozenset[str]:
        """Every address that is ours, in lower case: mail from these is our own."""
        names = [mailbox.username for mailbox in self.all_mailboxes.values()]
        sign_ins = [name for name in names if is_mail_address(name)]
        named = (self.group.address, *self.group.aliases, *sign_ins)
        return frozenset(address.lower() for address in named if address)

    def missing_for_service(self) -> tuple[str, ...]:
        """What must be set before the inbox can be worked, one plain sentence each."""
        wanted: list[tuple[object, str, str, str]] = [
            (self.group.address, "the address people write to", "group", "address")
        ]
        for section, mailbox in self.all_mailboxes.items():
            wanted += [
                (mailbox.host, "the server of the inbox", section, "host"),
                (mailbox.username, "the name to sign in to the inbox", section, "username"),
                (_secret(mailbox), "the password of the inbox", section, "password_file"),
            ]
        if self.mode is Mode.LIVE:
            wanted.append((self.smtp.host, "the server that takes our letters", "smtp", "host"))
        if self.smtp.username:
            password = _secret(self.smtp)
            wanted.append((password, "the password for sending", "smtp", "password_file"))
        if self.smtp.host and self.smtp.auth is Auth.OAUTH:
            wanted.append(
                (self.smtp.username, "the name to sign in for sending", "smtp", "username")
            )
        if self.uses_oauth:
            wanted += [
                (
                    self.oauth.provider,
                    "whose sign-in is used (gmail or microsoft)",
                    "oauth",
                    "provider",
                ),
                (self.oauth.client_id, "the app's client id", "oauth", "client_id"),
            ]
        return tuple(
            f"Missing: {what}. Set {key} in [{section}] of kith.toml, "
            f"or KITH_{section.replace('.', '__').upper()}__{key.upper()}."
            for value, what, section, key in wanted
            if not value
        )


def _secret(server: ServerSettings) -> object:
    """Return the server's password, or that none is needed."""
    return server.auth is Auth.OAUTH or server.password
