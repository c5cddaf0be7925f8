from datetime import datetime, timedelta, timezone
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replies.outgoing import (
    LOOP_HEADER,
    OutgoingEmail,
    Purpose,
    UnsendableError,
    address_key,
    ascii_address,
    clean_id,
    conversation,
    is_sendable,
    new_message_id,
    one_line,
    to_mime,
)
from tests.replies.letters import NOW, make_email

AUTO_MARKS = {"auto-submitted", "x-auto-response-suppress", "precedence", LOOP_HEADER.lower()}


def as_received(email: OutgoingEmail, now: datetime = NOW) -> EmailMessage:
    received = message_from_bytes(to_mime(email, now).as_bytes(), policy=default)
    assert isinstance(received, EmailMessage)
    return received


def text_of(mail: EmailMessage) -> str:
    return str(mail.get_content()).replace("\r\n", "\n")


def test_an_acknowledgement_says_that_no_machine_should_answer() -> None:
    mail = as_received(make_email())
    assert mail["Auto-Submitted"] == "auto-replied"
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail[LOOP_HEADER] == mail["Message-ID"]  # a relay may put another Message-ID there
    assert mail["Precedence"] is None


def test_a_notice_is_marked_as_bulk_and_generated() -> None:
    mail = as_received(make_email(purpose=Purpose.NOTICE))
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Precedence"] == "bulk"
    assert mail["X-Auto-Response-Suppress"] == "All"


def test_a_canary_is_marked_like_a_notice() -> None:
    mail = as_received(make_email(purpose=Purpose.CANARY))
    assert mail["Auto-Submitted"] == "auto-generated"


def test_answers_go_where_the_letter_says() -> None:
    assert as_received(make_email())["Reply-To"] is None
    answers_to = "desk+kk7f32q.babcdefghijklmnop@hazelrow.example.org"
    assert as_received(make_email(reply_to=answers_to))["Reply-To"] == answers_to
    with pytest.raises(UnsendableError):
        to_mime(make_email(reply_to="desk@hazelrow.example.org\r\nBcc: x@example.net"), NOW)


def test_what_a_person_wrote_carries_no_mark_of_a_machine() -> None:
    mail = as_received(make_email(purpose=Purpose.REPLY, automatic=False))
    assert not AUTO_MARKS.intersection(name.lower() for name in mail)


def test_a_letter_has_one_recipient_and_every_header_once() -> None:
    mail = as_received(make_email(references=("<a@example.com>",)))
    assert [address.addr_spec for address in mail["To"].addresses] == ["rowan@example.com"]
    assert not {"cc", "bcc", "reply-to"}.intersection(name.lower() for name in mail)
    assert len(mail.keys()) == len({name.lower() for name in mail})


def test_a_letter_is_dated_named_and_in_english() -> None:
    mail = as_received(make_email(), NOW.astimezone(timezone(timedelta(hours=5))))
    assert mail["Date"].datetime == NOW
    assert mail["Message-ID"] == "<k.1@hazelrow.example.org>"
    assert mail["Content-Language"] == "en-GB"
    assert mail["From"].addresses[0].display_name == "Hazel Row Families"
    assert mail["Subject"] == "Thank you for your email (ref K7F3-2Q)"
    assert mail.get_content_type() == "text/plain"


def test_a_plain_letter_travels_unencoded() -> None:
    mail = as_received(make_email(body="One.\nTwo.\n"))
    assert mail["Content-Transfer-Encoding"] == "7bit"
    assert text_of(mail) == "One.\nTwo.\n"


@pytest.mark.parametrize("body", ["Croeso i’r grŵp, £5.\n", "long " * 400 + "\n", "a" * 5000])
def test_accents_and_long_lines_travel_encoded_and_whole(body: str) -> None:
    raw = to_mime(make_email(body=body), NOW).as_bytes()
    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 78
    mail = as_received(make_email(body=body))
    assert text_of(mail).rstrip("\n") == body.rstrip("\n")


@given(st.text(max_size=300))
def test_any_text_comes_out_as_it_went_in(body: str) -> None:
    kept = body.replace("\x00", "").encode("utf-8", "replace").decode()
    raw = to_mime(make_email(body=body), NOW).as_bytes()
    assert raw.isascii()
    got = message_from_bytes(raw, policy=default).get_payload(decode=True)
    assert isinstance(got, bytes)
    lines = got.decode().replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")
    assert lines == kept.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")


@given(subject=st.text(max_size=300), name=st.text(max_size=120))
def test_no_text_can_add_a_header(subject: str, name: str) -> None:
    raw = to_mime(make_email(subject=subject, from_name=name), NOW).as_bytes()
    plain = to_mime(make_email(), NOW).as_bytes()
    mail, usual = (message_from_bytes(text, policy=default) for text in (raw, plain))
    assert sorted(mail.keys()) == sorted(usual.keys())
    assert mail.get_payload(decode=True) == usual.get_payload(decode=True)


@pytest.mark.parametrize(
    "hostile",
    [
        "Hi\r\nBcc: eve@example.org",
        "Hi\n\nBody",
        "=?utf-8?q?Hi=0d=0aBcc:_eve@example.org?=",
        "=?utf-8?b?SGkNCkJjYzogZXZlQGV4YW1wbGUub3Jn?=",
        "Hi\x00\x0b\x0c\x85\u2028there",
    ],
)
def test_a_hostile_subject_stays_a_subject(hostile: str) -> None:
    raw = to_mime(make_email(subject=hostile, from_name=hostile), NOW).as_bytes()
    assert b"\nBcc:" not in raw
    assert message_from_bytes(raw, policy=default)["Bcc"] is None


@pytest.mark.parametrize("name", ["Teulu’r Gelli", "Smith, Jones & Co", 'The "Hut"', "", "x" * 200])
def test_any_group_name_survives(name: str) -> None:
    assert as_received(make_email(from_name=name))["From"].addresses[0].display_name == name


def test_the_conversation_is_the_root_and_the_last_ten_with_the_answered_mail_last() -> None:
    earlier = tuple(f"<{number}@example.com>" for number in range(30))
    mail = as_received(make_email(in_reply_to="<last@example.com>", references=earlier))
    ids = str(mail["References"]).split()
    assert ids[0] == "<0@example.com>"
    assert ids[1:] == [f"<{number}@example.com>" for number in range(21, 30)] + [
        "<last@example.com>"
    ]
    assert mail["In-Reply-To"] == "<last@example.com>"


def test_an_answered_mail_that_is_among_the_references_stands_once_at_the_end() -> None:
    refs = ("<a@example.com>", "<b@example.com>", "<c@example.com>")
    mail = as_received(make_email(in_reply_to="<b@example.com>", references=refs))
    assert str(mail["References"]).split() == [refs[0], refs[2], refs[1]]


def test_a_letter_that_answers_nothing_has_no_conversation() -> None:
    mail = as_received(make_email(in_reply_to=None))
    assert mail["In-Reply-To"] is None
    assert mail["References"] is None


def test_a_message_id_longer_than_a_line_is_not_encoded() -> None:
    long = f"<{'x' * 200}@mail.example.com>"
    raw = to_mime(make_email(in_reply_to=long, references=(long, "<b@example.com>")), NOW)
    assert long.encode() in raw.as_bytes()
    assert b"=?" not in raw.as_bytes()


@given(st.lists(st.text(max_size=40), max_size=30), st.text(max_size=40))
def test_ids_of_a_hostile_mail_cannot_break_the_headers(ids: list[str], answered: str) -> None:
    mail = as_received(make_email(in_reply_to=answered, references=tuple(ids)))
    chain = str(mail["References"] or "").split()
    assert len(chain) <= 11
    assert all(name.startswith("<") and name.endswith(">") for name in chain)
    assert text_of(mail) == make_email().body


@pytest.mark.parametrize(
    "address",
    [
        "",
        "rowan",
        "@example.com",
        "rowan@",
        "rów@example.com",
        "a b@example.com",
        '"a b"@example.com',
        "a@b@example.com",
        "rowan@example.com\r\nBcc: eve@example.org",
        "<rowan@example.com>",
        "rowan@exa mple.com",
        "rowan@.com",
        "rowan@example..com",
        ".rowan@example.com",
        "a,b@example.com",
        "x" * 65 + "@example.com",
        "rowan@" + "x." * 130 + "com",
    ],
)
def test_an_address_that_mail_cannot_be_sent_to_is_a_clear_error(address: str) -> None:
    assert not is_sendable(address)
    with pytest.raises(UnsendableError, match="address") as caught:
        to_mime(make_email(to_address=address), NOW)
    if address:
        assert address not in str(caught.value)
    with pytest.raises(UnsendableError):
        to_mime(make_email(from_address=address), NOW)


def test_a_domain_with_accents_is_written_as_servers_know_it() -> None:
    assert ascii_address("rowan@bücher.example") == "rowan@xn--bcher-kva.example"
    assert is_sendable("rowan+kith@sub.example.com")


def test_message_ids_are_random_and_carry_the_group_s_domain() -> None:
    ids = {new_message_id("hazelrow.example.org") for _ in range(100)}
    assert len(ids) == 100
    for name in ids:
        local, _, domain = name.strip("<>").partition("@")
        assert domain == "hazelrow.example.org"
        assert local.startswith("k.")
        assert len(local) >= 2 + 80 // 4
    assert new_message_id("").endswith("@kith.invalid>")
    assert len(new_message_id("x." * 120 + "org")) < 255


@given(st.text())
def test_one_line_is_one_line(text: str) -> None:
    line = one_line(text)
    assert line == " ".join(line.split())
    assert all(sign.isprintable() for sign in line)
    assert "=?" not in line


def test_addresses_are_counted_whatever_their_case() -> None:
    assert address_key(" Rowan@Example.COM ") == "rowan@example.com"
    assert address_key("row.an+kith@googlemail.com") == "rowan@gmail.com"
    assert address_key("rowan@ｅxample.com") == "rowan@example.com"


@pytest.mark.parametrize(
    "hostile",
    [
        "<=?utf-8?q?Sarah_Smith?=@evil.example.com>",
        "<Sarah Smith was taken@evil.example.com>",
        f"<{'x' * 300}@evil.example.com>",
        "<näme@example.com>",
        '<"quoted words"@example.com>',
    ],
)
def test_an_id_that_could_carry_words_is_not_repeated(hostile: str) -> None:
    assert clean_id(hostile) is None
    assert conversation("<a@example.com>", (hostile,)) == ("<a@example.com>",)
    assert clean_id("<CAF=x+1$2@mail.example.com>") == "<CAF=x+1$2@mail.example.com>"
