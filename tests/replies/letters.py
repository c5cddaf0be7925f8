"""Sample values for the tests of letters; all people and addresses are invented."""

from datetime import UTC, datetime
from pathlib import Path

from config.files import read_text
from replies.acknowledgement import AcknowledgementRequest, AcknowledgementTemplate, GroupVoice
from replies.outgoing import OutgoingEmail, Purpose
from replies.signing import Signer, SigningKey
from replies.signposting import load_signposts

NOW = datetime(2026, 11, 24, 23, 41, tzinfo=UTC)
REFERENCE = "K7F3-2Q"
SIGNER = Signer((SigningKey(1, b"a secret of the tests, 32 bytes."),))
SIGNPOSTS = load_signposts(read_text("signposting.toml"))
BARE_GROUP = GroupVoice(
    name="Hazel Row Families", address="desk@hazelrow.example.org", reply_days=5
)
FULL_GROUP = GroupVoice(
    name="Hazel Row Families",
    address="desk@hazelrow.example.org",
    reply_days=5,
    privacy_url="https://hazelrow.example.org/how-we-look-after-what-you-send",
    help_url="https://hazelrow.example.org/help",
    regulator="the Information Commission",
    regulator_url="https://regulator.example.org/complain",
)


def make_request(
    template: AcknowledgementTemplate = AcknowledgementTemplate.GENERIC,
    *,
    group: GroupVoice = FULL_GROUP,
    show_days: bool = True,
    now: datetime = NOW,
    reply_address_is_signed: bool = False,
) -> AcknowledgementRequest:
    return AcknowledgementRequest(
        template=template,
        reference=REFERENCE,
        to_address="rowan@example.com",
        in_reply_to="<first@example.com>",
        references=(),
        now=now,
        group=group,
        signer=SIGNER,
        show_days=show_days,
        reply_address_is_signed=reply_address_is_signed,
    )


def make_email(
    *,
    to_address: str = "rowan@example.com",
    message_id: str = "<k.1@hazelrow.example.org>",
    purpose: Purpose = Purpose.ACKNOWLEDGEMENT,
    automatic: bool = True,
    subject: str = "Thank you for your email (ref K7F3-2Q)",
    body: str = "Thank you for writing to us.\n",
    in_reply_to: str | None = "<first@example.com>",
    references: tuple[str, ...] = (),
    from_name: str = "Hazel Row Families",
    from_address: str = "desk@hazelrow.example.org",
    reply_to: str = "",
) -> OutgoingEmail:
    return OutgoingEmail(
        purpose=purpose,
        from_name=from_name,
        from_address=from_address,
        to_address=to_address,
        subject=subject,
        body=body,
        message_id=message_id,
        in_reply_to=in_reply_to,
        references=references,
        automatic=automatic,
        reply_to=reply_to,
    )


def write_template(site_dir: Path, name: str, text: str) -> None:
    file = site_dir / "templates" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
