"""Our own signatures: what we signed is known again, and not one altered sign of it is."""

import pickle
import string
from dataclasses import replace
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from config.database import Sessions
from replies.acknowledgement import compose_acknowledgement
from replies.outgoing import clean_id, is_sendable
from replies.signing import MAC_LENGTH, Signer, SigningKey, reply_token
from replies.signing_keys import SigningKeyRow, ensure_key, load_signer, rotate
from replies.templates import ReplyTemplates
from tests.replies.letters import SIGNER, SIGNPOSTS, make_request

GROUP = "desk@hazelrow.example.org"
PERSON = "rowan@example.com"
OTHER_KEY = SigningKey(2, b"another secret, also of 32 bytes")

signs = st.one_of(st.sampled_from(string.printable), st.characters())


def proves(signer: Signer, address: str, person: str = PERSON) -> bool:
    token = signer.read_reply_address(address, GROUP)
    return token is not None and signer.proves(token, person)


def altered(text: str, place: int, sign: str) -> str:
    place %= len(text)
    return text[:place] + sign + text[place + 1 :]


def test_a_message_id_of_ours_is_known_again_however_it_is_wrapped_or_spelt() -> None:
    made = SIGNER.message_id("hazelrow.example.org")
    for spelling in (made, made.strip("<>"), made.upper(), f" {made} "):
        assert SIGNER.is_ours(spelling)
    assert clean_id(made) == made
    assert made != SIGNER.message_id("hazelrow.example.org")


@given(st.integers(0, 10**6), signs)
def test_altering_any_sign_of_a_message_id_makes_it_a_strangers(place: int, sign: str) -> None:
    made = SIGNER.message_id("hazelrow.example.org").strip("<>")
    other = altered(made, place, sign)
    assert SIGNER.is_ours(other) == (other.strip().strip("<>").lower() == made and other.isascii())


def test_every_single_sign_of_a_token_counts() -> None:
    made = SIGNER.message_id("hazelrow.example.org").strip("<>")
    address = SIGNER.reply_address(GROUP, "K7F3-2Q", PERSON)
    for place in range(len(made)):
        assert not SIGNER.is_ours(altered(made, place, "9"))
        assert not SIGNER.is_ours(made[:place] + made[place + 1 :])
    for place in range(len(address)):
        assert not proves(SIGNER, altered(address, place, "1"))
        assert not proves(SIGNER, address[:place] + address[place + 1 :])


@given(st.integers(0, 10**6), signs)
def test_altering_any_sign_of_a_reply_address_proves_nothing(place: int, sign: str) -> None:
    made = SIGNER.reply_address(GROUP, "K7F3-2Q", PERSON)
    other = altered(made, place, sign)
    if proves(SIGNER, other):
        assert other.strip().lower() == made
        assert other.isascii()


@given(st.text(max_size=400))
def test_no_text_whatever_breaks_the_reading_of_tokens(text: str) -> None:
    assert not SIGNER.is_ours(text)
    assert not proves(SIGNER, text)


def test_a_reply_address_proves_one_case_and_one_person_only() -> None:
    address = SIGNER.reply_address(GROUP, "K7F3-2Q", PERSON)
    token = SIGNER.read_reply_address(address.upper(), GROUP)
    assert token is not None
    assert token.reference == "K7F3-2Q"
    assert SIGNER.proves(token, "Rowan+home@EXAMPLE.com")
    assert not SIGNER.proves(token, "rowena@example.com")
    assert not SIGNER.proves(replace(token, reference="K7F3-2R"), PERSON)
    assert SIGNER.read_reply_address(address, "other@hazelrow.example.org") is None


def test_one_kind_of_token_is_no_token_of_the_other_kind() -> None:
    address = SIGNER.reply_address(GROUP, "K7F3-2Q", PERSON)
    assert not SIGNER.is_ours(f"<{address}>")
    assert reply_token(SIGNER.message_id("hazelrow.example.org")) is None


def test_a_reply_address_can_be_sent_to_and_a_long_group_name_has_none() -> None:
    address = SIGNER.reply_address(GROUP, "K7F3-2Q", PERSON)
    assert is_sendable(address)
    assert address.startswith("desk+kk7f32q.b")
    assert SIGNER.reply_address(f"{'d' * 50}@example.org", "K7F3-2Q", PERSON) == ""


def test_without_a_key_nothing_is_signed_and_nothing_is_ours() -> None:
    nobody = Signer()
    made = nobody.message_id("hazelrow.example.org")
    assert clean_id(made) == made
    assert not nobody.is_ours(made)
    assert not nobody.is_ours(SIGNER.message_id("hazelrow.example.org"))
    assert nobody.reply_address(GROUP, "K7F3-2Q", PERSON) == ""


def test_another_installations_signature_is_not_ours_though_its_key_has_our_number() -> None:
    stranger = Signer((SigningKey(1, OTHER_KEY.secret),))
    assert not SIGNER.is_ours(stranger.message_id("hazelrow.example.org"))
    assert not proves(SIGNER, stranger.reply_address(GROUP, "K7F3-2Q", PERSON))


def test_a_key_has_one_name_and_no_two_have_the_same() -> None:
    names = [SigningKey(number, b"").name for number in range(2000)]
    assert len(set(names)) == len(names)
    assert "secret" not in repr(OTHER_KEY)


def test_a_signer_can_be_handed_to_another_process() -> None:
    again = pickle.loads(pickle.dumps(SIGNER))
    assert again.is_ours(SIGNER.message_id("hazelrow.example.org"))


def test_after_a_rotation_the_newest_key_signs_and_the_old_ones_still_verify(
    sessions: Sessions, now: datetime
) -> None:
    with sessions.begin() as session:
        ensure_key(session, now)
        ensure_key(session, now)
        old = load_signer(session)
        rotate(session, now)
        new = load_signer(session)
    assert (len(old.keys), len(new.keys)) == (1, 2)
    old_id, new_id = old.message_id("example.org"), new.message_id("example.org")
    assert new.is_ours(old_id)
    assert new.is_ours(new_id)
    assert not old.is_ours(new_id)
    assert proves(new, old.reply_address(GROUP, "K7F3-2Q", PERSON))
    with sessions() as session:
        secrets = session.execute(select(SigningKeyRow.secret)).scalars().all()
    assert {len(secret) for secret in secrets} == {32}
    assert len(set(secrets)) == 2


def test_an_acknowledgement_is_signed_and_has_a_reply_address_where_that_is_wanted() -> None:
    templates = ReplyTemplates()
    plain = compose_acknowledgement(make_request(), templates, SIGNPOSTS)
    assert SIGNER.is_ours(plain.message_id)
    assert plain.reply_to == ""
    signed = compose_acknowledgement(
        make_request(reply_address_is_signed=True), templates, SIGNPOSTS
    )
    assert proves(SIGNER, signed.reply_to)
    assert len(signed.reply_to.partition("@")[0].rpartition(".")[2]) == MAC_LENGTH + 1
