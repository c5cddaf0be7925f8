"""`kith explain`, in all its forms."""

import base64
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from casework.explain import explain, explain_stream, in_words, judge_now
from casework.judging import Judges
from casework.settled_judges import judges_of
from config.settings import GroupSettings, Settings
from intake.classification import Classification
from intake.risk import Risk, RiskLevel
from intake.taxonomy import Kind

ROOT = Path(__file__).parents[2]
MAIL = (
    b"From: Bronwen Pugh <bron@example.org>\r\nTo: hello@kith.example.org\r\n"
    b"Subject: Joining\r\nDate: Tue, 24 Nov 2026 21:05:00 +0000\r\nMessage-ID: <a@example.org>\r\n"
    b"\r\nHello, please may I join your group? My daughter has been missing since last night.\r\n"
    b"\r\n> quoted\r\n"
)


@pytest.fixture(scope="module")
def judges() -> Judges:
    return judges_of(Settings(group=GroupSettings(address="hello@kith.example.org")))


def run(*arguments: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    environ = {k: v for k, v in os.environ.items() if not k.startswith("KITH_")}
    return subprocess.run(
        [sys.executable, "-m", "casework.start", "explain", *arguments],
        input=stdin,
        capture_output=True,
        check=False,
        cwd=ROOT,
        env=environ,
    )


def stream(judges: Judges, *lines: object) -> list[dict[str, Any]]:
    raw = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    return list(explain_stream(iter(raw), judges))  # type: ignore[arg-type]


def test_a_file_is_explained_as_json_in_the_shape_of_the_contract(tmp_path: Path) -> None:
    file = tmp_path / "mail.eml"
    file.write_bytes(MAIL)
    done = run(str(file), "--json")
    assert done.returncode == 0, done.stderr.decode()
    answer = json.loads(done.stdout)
    assert answer["message"]["from_email"] == "bron@example.org"
    assert answer["message"]["from_name"] == "Bronwen Pugh"
    assert answer["message"]["date"] == "2026-11-24T21:05:00+00:00"
    assert answer["message"]["to"] == ["hello@kith.example.org"]
    assert answer["message"]["new_text"].endswith("last night.")
    assert answer["screening"]["verdict"] == "personal"
    assert answer["risk"]["level"] == "now"
    text = answer["message"]["text"]
    for each in answer["risk"]["evidence"] + answer["classification"]["evidence"]:
        assert text[each["start"] : each["end"]] == each["text"]
    assert set(answer) == {"id", "message", "screening", "risk", "classification"}


def test_the_standard_input_is_explained_in_words() -> None:
    done = run(stdin=MAIL)
    said = done.stdout.decode()
    assert done.returncode == 0, done.stderr.decode()
    assert "Screening: personal" in said
    assert "Acknowledgement: would be sent." in said
    assert "Risk: now" in said
    assert "Kind: " in said


def test_a_missing_file_is_told() -> None:
    done = run("/no/such/file.eml")
    assert done.returncode != 0
    assert b"/no/such/file.eml" in done.stderr


@pytest.mark.parametrize(
    ("deed", "absent"),
    [
        ("", ("sqlalchemy", "numpy", "jinja2")),
        ("e.as_answer(1, judged)", ("sqlalchemy", "numpy", "jinja2")),
        ("e.in_words(judged)", ("sqlalchemy", "numpy")),
    ],
)
def test_nothing_of_the_database_is_even_imported(deed: str, absent: tuple[str, ...]) -> None:
    script = (
        "import sys, casework.explain as e\n"
        "judged = e.judge_now(sys.stdin.buffer.read(), e.load_judges())\n"
        f"{deed}\n"
        "loaded = {m.split('.')[0] for m in sys.modules}\n"
        f"print(sorted(loaded & {{*{absent}, 'alembic', 'starlette', 'uvicorn', 'sklearn'}}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], input=MAIL, capture_output=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == b"[]"


def test_a_stream_answers_line_by_line_in_order(judges: Judges) -> None:
    answers = stream(
        judges,
        {"id": "1", "raw_base64": base64.b64encode(MAIL).decode()},
        {
            "id": "2",
            "from_name": 'Jo "JJ" Bloggs, Esq',
            "from_email": "jo@example.org",
            "subject": "Café — help",
            "body": "I would like to help.\n",
            "headers": {"auto-submitted": "auto-replied"},
        },
        b"\n",
        {"id": 3, "subject": "no sender", "body": ""},
    )
    assert [answer["id"] for answer in answers] == ["1", "2", 3]
    assert answers[0]["message"]["subject"] == "Joining"
    assert answers[1]["message"]["from_name"] == 'Jo "JJ" Bloggs, Esq'
    assert answers[1]["message"]["subject"] == "Café — help"
    assert answers[1]["message"]["text"] == "I would like to help."
    assert answers[1]["screening"]["verdict"] == "auto_reply"
    assert not answers[1]["screening"]["acknowledge"]


def test_a_mail_given_as_fields_is_taken_as_written_to_us(judges: Judges) -> None:
    [answer] = stream(
        judges,
        {
            "id": "1",
            "from_name": "Jo",
            "from_email": "jo@example.org",
            "subject": "Joining",
            "body": "Please may I join your group?",
            "headers": {},
        },
    )
    assert answer["screening"] == {
        "verdict": "personal",
        "acknowledge": True,
        "rule": answer["screening"]["rule"],
        "reason": answer["screening"]["reason"],
    }


def test_a_line_that_cannot_be_read_is_answered_by_its_fault_and_the_rest_goes_on(
    judges: Judges,
) -> None:
    answers = stream(
        judges,
        b"not json",
        b"[1]",
        {"id": "3", "raw_base64": "%%%"},
        {"id": "4", "headers": {"X\r\nInjected": "y"}},
        {"id": "5", "headers": [1]},
        {"id": "6", "subject": "fine\r\nBcc: everybody@example.org", "body": "hello"},
    )
    assert [answer["id"] for answer in answers] == [None, None, "3", "4", "5", "6"]
    assert [("error" in answer) for answer in answers] == [True, True, True, True, True, False]
    assert "Line 1" in answers[0]["error"]
    assert answers[5]["message"]["subject"] == "fine Bcc: everybody@example.org"
    assert answers[5]["message"]["cc"] == []


@pytest.mark.parametrize(
    "given",
    [
        {"raw_base64": "@@"},
        {"raw_base64": "%%%"},
        {"raw_base64": "Rnjå"},
        {"raw_base64": "RnJvbTo"},
        {"raw_base64": 12},
        {"raw_base64": None},
        {"body": 12},
        {"subject": ["Hello"]},
        {"from_name": {"name": "Jo"}},
        {"from_email": True},
        {"headers": {"X-Priority": 1}},
        {"headers": []},
        {"headers": ""},
    ],
)
def test_what_is_no_base64_and_no_text_is_a_fault_of_its_line(
    given: dict[str, object], judges: Judges
) -> None:
    [answer] = stream(judges, {"id": "x", **given})
    assert set(answer) == {"id", "error"}
    assert answer["error"].startswith("Line 1: ")


def test_base64_may_be_broken_into_lines(judges: Judges) -> None:
    [answer] = stream(judges, {"id": "1", "raw_base64": base64.encodebytes(MAIL).decode()})
    assert answer["message"]["subject"] == "Joining"


def test_a_field_that_is_null_is_empty(judges: Judges) -> None:
    [answer] = stream(
        judges,
        {"from_name": None, "from_email": "jo@example.org", "subject": "Hi", "headers": None},
    )
    assert answer["message"]["from_name"] == ""
    assert answer["message"]["from_email"] == "jo@example.org"


def words_on(judges: Judges, body: str, *, sender: str = "jo@example.org", head: str = "") -> str:
    raw = (
        f"From: {sender}\nTo: hello@kith.example.org\nSubject: Joining\n"
        f"Date: Tue, 24 Nov 2026 21:05:00 +0000\nMessage-ID: <b@example.org>\n{head}\n{body}\n"
    )
    return in_words(judge_now(raw.encode(), judges))


ASKS_TO_JOIN = "Hello, please may I join your group? My son is in care and I would like to help."


def test_a_mail_that_would_be_filed_and_acknowledged_is_said_to_be(judges: Judges) -> None:
    said = words_on(judges, ASKS_TO_JOIN)
    assert "Filing: would be filed" in said
    assert "Acknowledgement: would be sent. A person has written" in said


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("Please do not reply to this address, he reads my emails.", "may not be safe"),
        ("I am 13 years old and I live in a children's home.", "child or young person"),
    ],
)
def test_a_mail_that_must_not_be_answered_is_not_said_to_be(
    more: str, reason: str, judges: Judges
) -> None:
    said = words_on(judges, f"{ASKS_TO_JOIN} {more}")
    assert "Filing: would be filed" in said
    assert "Acknowledgement: would not be sent." in said
    assert reason in said


def test_a_mail_of_a_robot_by_its_words_is_not_said_to_be_acknowledged(judges: Judges) -> None:
    judged = replace(
        judge_now(MAIL, judges),
        risk=Risk(RiskLevel.NONE),
        classification=Classification(Kind.SPAM, 0.97, sure=True, also=(), evidence=()),
    )
    said = in_words(judged)
    assert "Filing: would be screened out. Its words are those of spam." in said
    assert "Acknowledgement: would not be sent. Only a mail that is filed" in said


def test_an_out_of_office_may_be_noted_on_its_case(judges: Judges) -> None:
    said = words_on(judges, "I am away until Monday.", head="Auto-Submitted: auto-replied\n")
    assert "would be noted on the case if it is about a letter of ours, else screened out" in said


def test_a_mail_without_an_address_is_not_said_to_be_acknowledged(judges: Judges) -> None:
    assert "Acknowledgement: would not be sent." in words_on(judges, ASKS_TO_JOIN, sender="Jo")


def test_the_stream_through_the_command_ends_with_a_fault_when_a_line_had_one() -> None:
    good = json.dumps({"id": "1", "from_email": "a@example.org", "subject": "x", "body": "y"})
    assert run("--jsonl", stdin=good.encode() + b"\n").returncode == 0
    done = run("--jsonl", stdin=good.encode() + b"\nbroken\n")
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 2


def test_an_id_that_is_half_a_character_comes_back_and_the_stream_goes_on() -> None:
    done = run("--jsonl", stdin=b'{"id": "\\ud83d", "body": "x"}\n{"id": 2, "body": "y"}\n')
    assert done.returncode == 0, done.stderr.decode()
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == ["\ud83d", 2]


def test_a_subject_with_the_shape_of_a_reference_is_not_answered_to_a_stranger(
    tmp_path: Path,
) -> None:
    file = tmp_path / "mail.eml"
    file.write_bytes(
        b"From: Bron <bron@example.org>\r\nTo: hello@kith.example.org\r\n"
        b"Subject: about [K7F3-26]\r\n\r\nPlease may I join your group?\r\n"
    )
    done = CliRunner().invoke(explain, [str(file)])
    assert "would not be sent" in done.output
    assert "the sender may be a stranger" in done.output
