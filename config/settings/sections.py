"""Every setting: its name, its default and what it means. Frozen, and nothing is read here.

A description is what people read in `kith.toml` and in docs/settings.md; tests hold the three
together. The first example of a setting is what an error message shows.
"""

from datetime import date
from pathlib import Path

from pydantic import Field

from config.settings.section import Section
from config.settings.servers import MailboxSettings, SmtpSettings
from config.settings.values import (
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


class LimitSettings(Section):
    """Caps that keep one mail, one person or one bad day from doing harm."""

    acknowledgements_per_address_per_day: Cap = Field(
        1,
        description="Automatic letters to one address in 24 hours. 0 means no cap.",
        examples=[1],
    )
    message_bytes: Cap = Field(
        50_000_000,
        description=(
            "Of a mail larger than this only the beginning is read and filed. 0 means no cap."
        ),
        examples=[50000000],
    )
    batch_messages: Count = Field(
        50, description="How many mails are fetched at once at most.", examples=[50]
    )
    batch_bytes: Count = Field(
        8_000_000,
        description="How many bytes of mail are fetched at once; a larger mail comes alone.",
        examples=[8000000],
    )
    attempts: Count = Field(
        3, description="How often a mail is tried before it is set aside.", examples=[3]
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
    smtp: SmtpSettings = SmtpSettings()
    group: GroupSettings = GroupSettings()
    limits: LimitSettings = LimitSettings()
    screening: ScreeningSettings = ScreeningSettings()
    service: ServiceSettings = ServiceSettings()
    web: WebSettings = WebSettings()

    @property
    def database_url(self) -> str:
        """The database's URL, with the default worked out. It may hold a password."""
        return self.database.url or f"sqlite:///{self.data_dir / 'kith.sqlite3'}"

    @property
    def own_addresses(self) -> frozenset[str]:
        """Every address that is ours, in lower case: mail from these is our own."""
        sign_in = self.mailbox.username
        named = (
            self.group.address,
            *self.group.aliases,
            sign_in if is_mail_address(sign_in) else "",
        )
        return frozenset(address.lower() for address in named if address)

    def missing_for_service(self) -> tuple[str, ...]:
        """What must be set before the inbox can be worked, one plain sentence each."""
        wanted = [
            (self.group.address, "the address people write to", "group", "address"),
            (self.mailbox.host, "the server of the inbox", "mailbox", "host"),
            (self.mailbox.username, "the name to sign in to the inbox", "mailbox", "username"),
            (self.mailbox.password, "the password of the inbox", "mailbox", "password_file"),
        ]
        if self.mode is Mode.LIVE:
            wanted.append((self.smtp.host, "the server that takes our letters", "smtp", "host"))
        if self.smtp.username:
            wanted.append((self.smtp.password, "the password for sending", "smtp", "password_file"))
        return tuple(
            f"Missing: {what}. Set {key} in [{section}] of kith.toml, "
            f"or KITH_{section.upper()}__{key.upper()}."
            for value, what, section, key in wanted
            if not value
        )
