"""Is somebody in danger? Whole mails and their levels; every person here is invented."""

import json
from datetime import UTC, datetime
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.message import Address, Attachment, Mark, MarkKind, Message
from intake.risk import (
    COULD_NOT_CHECK,
    Risk,
    RiskLevel,
    could_not_check,
    scan_risk,
    shipped_risk_rules,
)
from intake.risk.wording import CHUNK

RULES = shipped_risk_rules()
WRITTEN = datetime(2026, 3, 5, 22, 40, tzinfo=UTC)  # a Thursday
OUR_ACKNOWLEDGEMENT = """> Thank you for your email. This is an automatic reply from a small team of
> volunteers. Your reference is K7F3-2Q.
> Our inbox is not watched all the time, so we cannot help in an emergency. If anyone is in danger
> now, call 999. If you are worried about a child, call children's services at the council where the
> child is. Or call the NSPCC on 0808 800 5000. To talk to someone at any hour, call Samaritans on
> 116 123. If you are under 19, Childline is on 0800 1111."""


def mail(text: str, subject: str = "", attachments: tuple[Attachment, ...] = ()) -> Message:
    return Message(
        subject=subject,
        sender=Address("Jo Harker", "jo.harker@example.org"),
        text=text,
        date=WRITTEN,
        attachments=attachments,
    )


def scan(text: str, subject: str = "") -> Risk:
    return scan_risk(mail(text, subject), RULES)


NOW = [
    "She has been missing since Tuesday night and the police don't seem bothered.",
    "hes not come home and his phones off since 6 last night",
    "I don't know where my daughter is. Her placement will not tell me.",
    "Our Kieran legged it out of the unit and ran off again this evening.",
    "he has took a whole box of his nans heart tablets",
    "She's swallowed twenty paracetamol and is trying to leave.",
    "Ive got the pills counted out on the side",
    "PS. I have been saving up my amitriptyline.",
    "I don’t want to be here any more. Sorry it is late.",
    "im not sleeping and i cant see a way out",
    "The children would be better off without me, everybody says so.",
    "by the time you read this it will be done",
    "He told the nurse he will kill himself as soon as he is home.",
    "She is suicidal and CAMHS closed the referral.",
    "He was on the bridge twice this week, the second time on the wrong side of the rail.",
    "She has chosen the day and she's given away her hamster.",
    "i wont be around after friday, tell my mum it was not her fault",
    "Found a rope round the beam in the garage, he says it is for a swing.",
    "He is stood in the kitchen with the bread knife and we are upstairs.",
    "We lock the knives away now. He came at us with scissors.",
    "she sleeps with a blade under her pillow and has a list of names",
    "Two lads in a car outside with a machete asking for my son.",
    "He strangled me on Sunday until I passed out.",
    "I was on the floor with his hands round my neck.",
    "He tried to smother his little brother with a cushion.",
    "He said he'd burn it down with us inside and he has been buying petrol.",
    "My ex says he will find us and finish me off.",
    "He threatened to kill my mum with a brick.",
    "He’s outside my house right now, sat in his van.",
    "hes at the front door shouting, we are locked in the bathroom",
    "He just texted, he is on his way back now.",
    "Someone is trying to get in, the boys are hiding under the bed.",
    "The baby won't wake up properly and feels floppy.",
    "My granddaughter is covered in bruises again.",
    "He pushed my daughter down the stairs yesterday and her ear is bleeding.",
    "The home has run out of her insulin and she was sick in the night.",
    "She had four seizures this morning and nobody has called an ambulance.",
    "My uncle comes into my room at night.",
    "She told me that her stepdad has been touching her.",
    "He raped me and I have told nobody.",
    "He makes me send nudes or he will put them on everything.",
    "I might hurt him. I went to the garage so that I would not.",
    "I am scared of what I will do to her if she screams again.",
    "im going to shake this baby",
    "They have left the little ones on their own in there again.",
    "He locks her in the shed when she cries.",
    "There is no food in and nobody to feed them.",
    "She is in a flat with older men and they will not let her leave.",
    "Hes driving up to meet her on Saturday, she gave him the address.",
    "My girl is fourteen and she is living with a man who is thirty one.",
    "He owes them money and they say they will hurt his brother.",
    "She has been taken out of the country to marry a man she has not met.",
    "This system is killing me lol. Happy to do your accounts.",
    "Mae fy merch ar goll ers neithiwr.",
    "Mae o eisiau marw.",
    "I CANT GO ON",
    "he punched me again last night and my ribs hurt",
    "I can hear her screaming next door, then nothing.",
    "overdose. 16 paracetamol. waiting for someone",
    "Our boy has gone missing and it is snowing.",
    "He goes missing again and again.",
    "My son is missing a week now.",
]
TODAY = [
    "He has only pushed me twice.",
    "She is self-harming most nights and I find the tissues.",
    "She cuts her arms and hides it.",
    "He hits his little sister when I leave the room.",
    "I'm frightened of my own son.",
    "He smashed up the living room on Sunday.",
    "We think that he is being groomed by a gang.",
    "It's county lines, our son is thirteen, nobody listens.",
    "We have nowhere to go tonight, the council offices are shut.",
    "She has been kicked out of the house by her aunt.",
    "We are at breaking point and can't keep her safe.",
    "I am at the end of my tether, I can't cope.",
    "My husband controls everything I do.",
    "The LADO is looking at an allegation against me.",
    "A member of staff at the unit grabbed him.",
    "She has been sectioned and hears voices.",
    "Please don't reply to this address, he checks it. Ring me.",
    "im 15 my mum says u help adopted kids",
]
DEADLINE = [
    "Our review is on Thursday and I have no papers.",
    "They are moving her on Friday to a home two hundred miles away.",
    "Final hearing tomorrow at ten, I am on my own.",
    "The governors' exclusion panel is on Tuesday 10th.",
    "The placement has given 28 days notice.",
]
NONE = [
    "Could I join your group? We live near Ludlow and adopted two boys.",
    "Happy to help with your accounts or make tea at the meeting.",
    "An advocate for every family at LAC reviews!",
    "What time does the picnic start?",
    "We would like to invite you to our steering group next autumn.",
    "Please take my name off the mailing list.",
    "Our boy came home after two years in care. His reviewing officer was brilliant.",
    "Do you cover Scotland?",
]


@pytest.mark.parametrize("text", NOW)
def test_danger_to_life_is_never_missed(text: str) -> None:
    assert scan(text).level is RiskLevel.NOW


@pytest.mark.parametrize("text", TODAY)
def test_serious_harm_is_for_today(text: str) -> None:
    assert scan(text).level is RiskLevel.TODAY


@pytest.mark.parametrize("text", DEADLINE)
def test_a_near_day_is_a_deadline(text: str) -> None:
    assert scan(text).level is RiskLevel.DEADLINE


@pytest.mark.parametrize("text", NONE)
def test_an_ordinary_mail_has_no_risk(text: str) -> None:
    assert scan(text) == Risk(RiskLevel.NONE)


@pytest.mark.parametrize("text", NOW)
def test_a_plea_hides_nowhere(text: str) -> None:
    history = "We adopted her when she was three. The school was kind. I keep a diary.\n\n" * 40
    quote = "\n".join(f"> {line}" for line in text.splitlines())
    attachment = Attachment("notes.txt", "text/plain", len(text), 2, text)
    for message in (
        mail(f"{history}{text}"),
        mail(f"{text}\n\n{history}"),
        mail(text.upper().replace("!", "")),
        mail("Thank you.", subject=text),
        mail(f"Thoughts?\n\nOn Monday someone wrote:\n{quote}"),
        mail("Please see the notes.", attachments=(attachment,)),
        mail(f"Thank you for the leaflet.\n\nP.S. {text}\n\n{OUR_ACKNOWLEDGEMENT}"),
        mail(f"{'x' * (CHUNK - 20)}. {text} {'y' * 100}"),
    ):
        assert scan_risk(message, RULES).level is RiskLevel.NOW


def test_an_attachment_is_found_out_by_its_name() -> None:
    attachment = Attachment("his suicide note.jpg", "image/jpeg", 12, 2)
    assert scan_risk(mail("See attached.", attachments=(attachment,)), RULES).level is RiskLevel.NOW


def test_what_is_marked_as_a_quote_is_read_too() -> None:
    text = "Thoughts?\n\n> she took an overdose and is not waking"
    marked = Message(
        subject="Fw: notes",
        sender=None,
        text=text,
        marks=(Mark(MarkKind.QUOTE, 11, len(text)),),
    )
    assert scan_risk(marked, RULES).level is RiskLevel.NOW


# -- the twelve hard messages -------------------------------------------------------------------


def test_hard_1_a_join_request_with_a_missing_child() -> None:
    risk = scan(
        "Hi,\n\nhow do I join? We adopted Ruby when she was two. Sorry it's late. She's 14 now,"
        " been missing since Tuesday night, police don't seem bothered.\n\nSam"
    )
    assert risk.level is RiskLevel.NOW
    assert not risk.child_sender


def test_hard_2_a_professional_writes_for_a_family_at_breaking_point() -> None:
    risk = scan(
        "Dear all,\n\nI am a social worker. A family I support would like to tell their story."
        " Dad is at breaking point.\n\nKind regards\nDee Marsh",
        "Offer of help",
    )
    assert risk.level is RiskLevel.TODAY


def test_hard_3_a_one_line_suggestion() -> None:
    assert scan("An advocate for every family at LAC reviews!").level is RiskLevel.NONE


def test_hard_4_a_withdrawal_in_the_middle_of_a_court_case() -> None:
    risk = scan("Please take down what I told you last spring, I'm in court now.")
    assert risk.level is RiskLevel.DEADLINE


def test_hard_5_a_birth_relative_who_searches() -> None:
    risk = scan("I'm trying to find out if my daughter is in your group, she was adopted in 2015.")
    assert risk.level is RiskLevel.NONE


def test_hard_6_a_child_writes() -> None:
    risk = scan("im 15 my mum says u help adopted kids, i hate it here")
    assert risk.level is RiskLevel.TODAY
    assert risk.child_sender


def test_hard_7_an_answer_would_be_read_by_somebody_else() -> None:
    risk = scan("Please don't reply to this address, he checks it. Ring me.")
    assert risk.level is RiskLevel.TODAY
    assert risk.unsafe_reply


def test_hard_8_a_forwarded_set_of_minutes() -> None:
    minutes = (
        "---------- Forwarded message ---------\nFrom: M. Oduya\nSubject: Minutes\n\n"
        "The strategy meeting heard that he was strangled by another resident on Monday."
    )
    assert scan(f"Thoughts?\n\n{minutes}", "Fwd: minutes").level is RiskLevel.NOW


def test_hard_9_an_idiom_is_left_for_a_person_to_clear() -> None:
    assert scan("This system is killing me lol. Happy to do your accounts.").level is RiskLevel.NOW


def test_hard_10_a_good_outcome() -> None:
    risk = scan("Jake came home after 2 years in care, the IRO was brilliant, use it if it helps.")
    assert risk.level is RiskLevel.NONE


def test_hard_11_an_out_of_office_that_names_risk_to_children() -> None:
    risk = scan(
        "I am out of the office. If a child is at risk of harm, call the police on 999 or the"
        " emergency duty team. If your child has taken an overdose or is suicidal, go to A&E."
    )
    assert risk.level is RiskLevel.NONE


def test_hard_12_a_history_is_flagged_for_a_person_to_clear() -> None:
    risk = scan("When he was 6 he ran off. Now 19 and doing well. Could I talk at your event?")
    assert risk.level is RiskLevel.NOW


# -- what is never a signal ---------------------------------------------------------------------


def test_our_own_quoted_acknowledgement_is_no_signal() -> None:
    assert scan(f"Thank you, Saturday is fine.\n\n{OUR_ACKNOWLEDGEMENT}") == Risk(RiskLevel.NONE)


@pytest.mark.parametrize(
    "footer",
    [
        "If you are feeling suicidal, call Samaritans on 116 123.",
        "If someone has taken an overdose, call 999.",
        "In an emergency, or if a child is missing from home, dial 999.",
        "Worried about self-harm? Text SHOUT to 85258, any hour. NSPCC helpline 0808 800 5000.",
    ],
)
def test_a_helpline_footer_is_no_signal(footer: str) -> None:
    assert scan(f"See you on Tuesday.\n\n--\n{footer}").level is RiskLevel.NONE


@pytest.mark.parametrize(
    "text",
    [
        "I rang Samaritans on 116 123 and told them I have taken an overdose.",
        "If I call 999 he will kill me.",
        "My son has taken an overdose, 999 say two hours.",
    ],
)
def test_a_person_who_names_a_helpline_still_counts(text: str) -> None:
    assert scan(text).level is RiskLevel.NOW


def test_a_newsletters_frame_is_no_signal() -> None:
    text = (
        "You are receiving this because people have now signed: end violence at home. Unsubscribe"
    )
    assert scan(text).level is RiskLevel.NONE


def test_titles_of_services_and_surveys_are_no_signal() -> None:
    text = "Sections completed in the survey of professionals: violence at home, weapons, suicide."
    assert scan(text).level is RiskLevel.NONE


ROBOT = "This is an automated message. Please do not reply. "
HELPLINE = "If someone has taken an overdose, call 999. "
PLEA = "She has taken an overdose."


@pytest.mark.parametrize("count", [4, 5, 60])
def test_helplines_above_do_not_hide_a_plea_below(count: int) -> None:
    risk = scan(f"{HELPLINE * count}{PLEA}")
    assert risk.level is RiskLevel.NOW
    assert {evidence.text for evidence in risk.evidence} == {"taken an overdose"}


def test_a_helpline_after_helpline_without_full_stops_does_not_hide_a_plea() -> None:
    assert scan(f"{HELPLINE.replace('.', '') * 40}. {PLEA}").level is RiskLevel.NOW


def test_our_own_acknowledgement_quoted_often_does_not_hide_a_plea() -> None:
    acknowledgements = f"{OUR_ACKNOWLEDGEMENT}\n\n{HELPLINE}\n" * 8
    assert scan(acknowledgements + PLEA).level is RiskLevel.NOW


def test_the_line_of_an_unwatched_mailbox_does_not_hide_an_unsafe_address() -> None:
    between = "We look forward to it. " * 10
    assert scan(f"{ROBOT * 5}{between}Please do not reply.").unsafe_reply


def test_of_one_signal_only_a_few_stretches_are_shown() -> None:
    assert len(scan("She has taken an overdose. " * 30).evidence) == 4


# -- unsafe to reply ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "do not reply",
        "PLEASE DONT EMAIL BACK",
        "Please do not answer, he reads my email.",
        "My husband goes through my phone every night.",
        "we have a shared account so be careful",
        "He set this account up for me and has the password.",
        "I will delete this after sending.",
        "everything comes up on his ipad",
        "If you answer, make it look like homework club.",
        "It is not safe to reply here.",
        "Typing this on his phone while he is in the shower.",
        "mum can see my inbox on her phone",
        "Read then delete.",
    ],
)
def test_an_unsafe_address_is_noticed(text: str) -> None:
    risk = scan(text)
    assert risk.unsafe_reply
    assert risk.level.rank >= RiskLevel.TODAY.rank


@pytest.mark.parametrize(
    "text",
    [
        "This is an automated message. Please do not reply.",
        "Please do not reply to this email as this mailbox is not monitored.",
        "No need to reply.",
        "I look forward to your reply.",
        "Has anyone read my email of last week?",
    ],
)
def test_ordinary_words_about_replies_are_not_unsafe(text: str) -> None:
    assert not scan(text).unsafe_reply


# -- a child writes -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "hi im 14 and i live with my foster carers",
        "I am thirteen and I want to see my mum.",
        "My name is Leah and I am in Year 9.",
        "I’m nearly 12",
        "i am 16 years old and my social worker never comes",
        "My foster carer says you can help.",
        "is there a group for kids my age",
        "pls dont tell my mum i wrote",
    ],
)
def test_a_child_who_writes_is_noticed(text: str) -> None:
    risk = scan(text)
    assert risk.child_sender
    assert risk.level.rank >= RiskLevel.TODAY.rank


@pytest.mark.parametrize(
    "text",
    [
        "He is 14 and she is 15.",
        "I am 12 weeks into the course.",
        "I'm 16 stone and happy.",
        "I am 15 minutes away.",
        "My son is in Year 9.",
        "I am 47 and a grandmother.",
    ],
)
def test_an_adult_who_writes_is_not_taken_for_a_child(text: str) -> None:
    assert not scan(text).child_sender


# -- the answer itself --------------------------------------------------------------------------


def test_evidence_names_the_signal_and_the_exact_words() -> None:
    text = "Hello.\n\nShe’s been\nMISSING since Tuesday’s tea."
    (evidence,) = scan(text).evidence
    assert (evidence.label, evidence.text) == ("missing", "been\nMISSING since")
    assert text[evidence.start : evidence.end] == evidence.text


def test_evidence_in_the_subject_has_no_place_in_the_text() -> None:
    (evidence,) = scan("hello", "she is missing again").evidence
    assert (evidence.start, evidence.end) == (-1, -1)


def test_the_gravest_evidence_comes_first() -> None:
    risk = scan("Our review is on Monday. He smashed up the house. He has a knife to my throat.")
    assert risk.evidence[0].label == "weapon"
    assert risk.evidence[-1].label == "date-review"


def test_a_scan_that_failed_is_for_today() -> None:
    risk = could_not_check()
    assert risk.level is RiskLevel.TODAY
    assert [evidence.label for evidence in risk.evidence] == [COULD_NOT_CHECK]


def test_levels_have_an_order() -> None:
    ranked = sorted(RiskLevel, key=lambda level: level.rank)
    assert ranked == [RiskLevel.NONE, RiskLevel.DEADLINE, RiskLevel.TODAY, RiskLevel.NOW]


def test_a_hostile_mail_cannot_make_the_answer_endless() -> None:
    risk = scan("he has a knife and the hearing is on Monday. " * 20_000)
    assert risk.level is RiskLevel.NOW
    assert len(risk.evidence) <= 40
    assert len(risk.key_dates) <= 20


ALPHABET = st.one_of(
    st.text(),
    st.sampled_from(
        [*NOW, *TODAY, *DEADLINE, "İ", "ǰ", "’", "\u00a0", "> ", "\n", "31/02/26", "\x00"]
    ),
)


@settings(max_examples=200, deadline=None)
@given(parts=st.lists(ALPHABET, max_size=12), subject=st.text(max_size=60), date=st.datetimes())
def test_any_text_is_scanned_and_every_span_is_exact(
    parts: list[str], subject: str, date: datetime
) -> None:
    message = Message(
        subject=subject, sender=None, text=" ".join(parts), date=date.replace(tzinfo=UTC)
    )
    risk = scan_risk(message, RULES)
    assert risk == scan_risk(message, RULES)
    spans = [(one.start, one.end, one.text) for one in risk.evidence]
    spans += [(one.start, one.end, one.text) for one in risk.key_dates]
    for start, end, written in spans:
        assert start == -1 or message.text[start:end] == written


def labelled() -> list[dict[str, object]]:
    folder = files("intake") / "classification" / "data"
    sets = (folder / f"t{number}.jsonl" for number in range(1, 5))
    return [json.loads(line) for one in sets for line in one.read_text("utf-8").splitlines()]


def test_the_labelled_messages_are_judged_as_well_as_promised() -> None:
    rows = labelled()
    risks = [scan_risk(Message(str(r["subject"]), None, text=str(r["body"])), RULES) for r in rows]

    def recall_and_precision(label: str, found: list[bool]) -> tuple[float, float]:
        true = [bool(row[label]) for row in rows]
        both = sum(one and other for one, other in zip(true, found, strict=True))
        return both / sum(true), both / max(1, sum(found))

    recall, precision = recall_and_precision("urgent", [risk.level.rank >= 2 for risk in risks])
    assert recall >= 0.85
    assert precision >= 0.4
    recall, _ = recall_and_precision("time_critical", [risk.level.rank >= 1 for risk in risks])
    assert recall >= 0.9
    recall, precision = recall_and_precision("unsafe_reply", [risk.unsafe_reply for risk in risks])
    assert recall >= 0.85
    assert precision >= 0.6
    recall, precision = recall_and_precision("child_sender", [risk.child_sender for risk in risks])
    assert recall >= 0.9
    assert precision >= 0.8
