"""risk.toml: what a safeguarding lead may write, and what is said when it is wrong."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.message import Message
from intake.risk import RiskRulesError, load_risk_rules, scan_risk, shipped_risk_rules
from intake.risk.finder import Finder
from intake.risk.phrases import PhraseError, compile_phrase
from intake.risk.rules import Event, Signal
from intake.risk.wording import Wording, read_wordings

RULES = shipped_risk_rules()
LISTS = {"who": ("he", "she", "my son")}
TEMPLATE = """
deadline_within_days = 7
[words]
who = ["he", "she"]
[[signals]]
id = "dragon"
level = "{level}"
why = "Dragons bite."
example = "A dragon."
phrases = ["{phrase}"]
[[events]]
type = "ball"
reach = 5
example = "The ball is on Friday."
phrases = ["ball"]
[boilerplate]
helplines = ["999"]
invitations = ["if you"]
newsletter = ["unsubscribe"]
robot = ["automated"]
people = ["he"]
personal = ["i"]
"""


def labels(text: str) -> set[str]:
    message = Message(subject="", sender=None, text=text)
    return {found.label for found in scan_risk(message, RULES).evidence}


@pytest.mark.parametrize("signal", RULES.signals, ids=lambda signal: signal.id)
def test_the_example_of_a_signal_gives_that_signal_away_and_no_other(signal: Signal) -> None:
    assert labels(signal.example) == {signal.id}


@pytest.mark.parametrize("event", RULES.events, ids=lambda event: event.type)
def test_the_example_of_an_event_is_a_deadline_of_its_kind(event: Event) -> None:
    assert labels(event.example) == {f"date-{event.type}"}


@pytest.mark.parametrize("signal", RULES.signals, ids=lambda signal: signal.id)
def test_a_signal_says_why_in_a_sentence(signal: Signal) -> None:
    assert signal.why.endswith(".")
    assert len(signal.why.split()) >= 3


def test_no_signal_is_found_in_an_ordinary_mail() -> None:
    assert labels("We adopted two girls and live in Leeds. Could we come to your picnic?") == set()


def spans(phrase: str, text: str) -> list[tuple[int, int]]:
    hits = Finder.of([(compile_phrase(phrase, LISTS),)]).find(Wording(text))
    return [(hit.first, hit.last) for hit in hits]


def matches(phrase: str, text: str) -> bool:
    return bool(spans(phrase, text))


@pytest.mark.parametrize(
    ("phrase", "text", "expected"),
    [
        ("knife", "a Knife!", True),
        ("knife", "knifes", False),
        ("cant cope", "I can’t cope", True),
        ("cant cope", "CAN'T  COPE", True),
        ("stab*", "stabbing", True),
        ("stab*", "constable", False),
        ("(knife|bread knife) here", "the bread knife here", True),
        ("with <2> knife", "with a bread knife", True),
        ("with <2> knife", "with a very big knife", False),
        ("with <2> knife", "come with. A knife", False),
        ("with <2> knife", "with, a, knife", True),
        ("{who} fell", "my son fell", True),
        ("(we|{who}) fell", "my son fell", True),
        ("(we|{who}) fell", "they fell", False),
        ("he may? run", "he run and he may run", True),
        ("im 15 !(stone|kg)", "im 15 stone", False),
        ("im 15 !(stone|kg)", "im 15", True),
        ("missing !(a|his|from school)", "missing a sock", False),
        ("missing !(a|his|from school)", "missing and cold", True),
        ("missing !(a|his|from school)", "missing again", True),
        ("missing !(a|his|from school)", "missing history", True),
        ("missing !(a|his|from school)", "missing from school", False),
        ("missing !(a|his|from school)", "missing from schooling", True),
        ("missing !(sock*)", "missing socks", False),
        ("run away", "run\n> away", True),
    ],
)
def test_a_phrase_matches_what_the_file_says(phrase: str, text: str, *, expected: bool) -> None:
    assert matches(phrase, text) is expected


def test_a_phrase_is_found_however_often_its_trigger_is_repeated() -> None:
    assert matches("with <2> knife", "knife " * 500 + "with a knife" + " knife" * 500)


@pytest.mark.parametrize(
    ("phrase", "text", "expected"),
    [
        ("a <2> b", "a b b", [(0, 2)]),  # the longest gap first
        ("a <2> b", "a b x b", [(0, 3)]),
        ("(a|a b) c? d", "a b d", [(0, 2)]),
        ("a <1> b? <1> c", "a x c c", [(0, 3)]),
        ("(cut off|off it)", "cut it off it", [(2, 3)]),
        ("(me or him|gun)", "me. Or him", []),
        ("(me or him|gun)", "or me or him gun", [(1, 3), (4, 4)]),
        ("a <3> b", "a. b", []),
        ("a <3> b", "a 14/03 b", []),
        ("hear* voices", "she hears voices", [(1, 2)]),
        ("stab* him", "stab him stabbing him", [(0, 1), (2, 3)]),
        ("a b", "a a b b", [(1, 2)]),
    ],
)
def test_a_phrase_takes_the_words_that_it_says(
    phrase: str, text: str, expected: list[tuple[int, int]]
) -> None:
    assert spans(phrase, text) == expected


@pytest.mark.parametrize("before", range(190, 206))
def test_a_phrase_is_found_anywhere_in_an_endless_sentence(before: int) -> None:
    text = "so " * before + "she has gone and taken the big knife" + " so" * before
    assert spans("has <5> (kitchen knife|knife)", text) == [(before + 1, before + 7)]


@given(st.lists(st.sampled_from(["cat", "cats", "b", "c", "so", "."]), max_size=12))
def test_a_phrase_is_found_exactly_where_its_words_stand(words: list[str]) -> None:
    text = f" {' '.join(words)} "
    pattern = re.compile(r" (?:cat|b c)(?: [a-z]+){0,2} cat[a-z]*(?: so)? c(?= )")
    places = [
        (text[: found.start()].count(" "), text[: found.end()].count(" ") - 1)
        for found in pattern.finditer(text)
    ]
    assert spans("(cat|b c) <2> cat* so? c", text) == places


def test_an_owner_of_whom_there_is_enough_is_not_looked_for_any_more() -> None:
    finder = Finder.of([(compile_phrase(word, LISTS),) for word in ("cat", "dog")])
    enough: set[int] = set()
    found = []
    for hit in finder.find(Wording("A cat. A dog. A cat. A dog."), enough):
        found.append((hit.owner, hit.first))
        enough.add(0)
    assert found == [(0, 1), (1, 4), (1, 10)]


@pytest.mark.parametrize(
    ("phrase", "fault"),
    [
        ("", "must begin"),
        ("<3> knife", "must begin"),
        ("maybe? knife", "must begin"),
        ("knife <3>", "must begin and end"),
        ("knife maybe?", "must begin and end"),
        ("a <9> b", "gap of 9"),
        ("a <0> b", "gap of 0"),
        ("a <1> b <1> c <1> d <1> e", "4 gaps"),
        ("{whom} fell", "{whom}"),
        ("Knife", "small letters"),
        ("(a|) b", "empty choice"),
        ("can't", "cannot be read"),
        ("(a <2> b)", "cannot be read"),
        ("a.*b", "cannot be read"),
        ("ab* c", "at least 3"),
        ("(a|b", "cannot be read"),
    ],
)
def test_a_phrase_that_cannot_be_read_is_refused_with_the_reason(phrase: str, fault: str) -> None:
    with pytest.raises(PhraseError) as caught:
        compile_phrase(phrase, LISTS)
    assert fault in str(caught.value)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (TEMPLATE.format(level="now", phrase="(a|"), "signal 'dragon'"),
        (TEMPLATE.format(level="soon", phrase="dragon"), "level must be one of now"),
        (TEMPLATE.format(level="now", phrase="dragon").replace('why = "Dragons bite."', ""), "why"),
        (TEMPLATE.format(level="now", phrase="dragon").replace("why", "wy"), "why is missing"),
        (TEMPLATE.format(level="now", phrase="dragon") + "\nwhim = 1", "whim is not known"),
        (TEMPLATE.format(level="now", phrase="dragon").replace("= 7", "= 99"), "from 0 to 60"),
        (TEMPLATE.format(level="now", phrase="dragon").replace('["ball"]', '"ball"'), "'ball'"),
        (TEMPLATE.replace("[[events]]", "[[event"), "not valid TOML"),
        (
            TEMPLATE.format(level="now", phrase="dragon").replace(
                "level =", "needs_person = 'yes'\nlevel ="
            ),
            "true or false",
        ),
        ("", "is missing"),
        (
            TEMPLATE.format(level="now", phrase="dragon").replace("[[events]]", "[events]"),
            "[[events]]",
        ),
        ("words = 1\n" + TEMPLATE.replace("[words]", "").replace("who =", "#"), "[words]"),
    ],
)
def test_wrong_rules_are_refused_and_the_place_is_named(text: str, fault: str) -> None:
    with pytest.raises(RiskRulesError) as caught:
        load_risk_rules(text)
    assert fault in str(caught.value)


def test_two_signals_of_one_name_are_refused() -> None:
    rules = TEMPLATE.format(level="now", phrase="dragon")
    start, end = rules.index("[[signals]]"), rules.index("[[events]]")
    with pytest.raises(RiskRulesError, match="'dragon'"):
        load_risk_rules(rules[:end] + rules[start:end] + rules[end:])


def test_a_site_may_have_rules_of_its_own(tmp_path: Path) -> None:
    own = TEMPLATE.format(level="now", phrase="dragon")
    (tmp_path / "risk.toml").write_text(own, encoding="utf-8")
    rules = shipped_risk_rules(tmp_path)
    message = Message(subject="", sender=None, text="A dragon! The knife!")
    assert [found.text for found in scan_risk(message, rules).evidence] == ["dragon"]


def test_long_text_is_read_in_pieces_that_overlap() -> None:
    text = "word " * 40_000
    pieces = list(read_wordings(text))
    assert len(pieces) > 1
    assert all(text[p.offset : p.offset + len(p.text)] == p.text for p in pieces)
    assert pieces[-1].offset + len(pieces[-1].text) == len(text)


def test_words_are_traced_back_to_their_characters() -> None:
    wording = Wording("İ Can’t — cope, on 14/03!", 100)
    assert wording.tokens[1:] == ["can't", "cope", "on", "14/03", "!"]
    start, end = wording.span(1, 2)
    assert wording.text[start - 100 : end - 100] == "Can’t — cope" == wording.written(1, 2)
