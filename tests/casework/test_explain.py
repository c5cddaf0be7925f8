"""`kith explain`, in all its forms."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from casework.explain import explain_stream
from casework.judging import Judges
from casework.settled_judges import judges_of
from config.settings import GroupSettings, Settings

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
    assert "Risk: now" in said
    assert "Kind: " in said


def test_a_missing_file_is_told() -> None:
    done = run("/no/such/file.eml")
    assert done.returncode != 0
    assert b"/no/such/file.eml" in done.stderr


def test_nothing_of_the_database_is_even_imported() -> None:
    script = (
        "import sys, casework.explain\n"
        "loaded = sorted({m.split('.')[0] for m in sys.modules} & {'sqlalchemy', 'alembic', "
        "'starlette', 'uvicorn', 'sklearn', 'numpy'})\n"
        "print(loaded)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"


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
    assert [("error" in answer) for answer in answers] == [True, True, False, True, True, False]
    assert "Line 1" in answers[0]["error"]
    assert answers[5]["message"]["subject"] == "fine Bcc: everybody@example.org"
    assert answers[5]["message"]["cc"] == []


def test_the_stream_through_the_command_ends_with_a_fault_when_a_line_had_one() -> None:
    good = json.dumps({"id": "1", "from_email": "a@example.org", "subject": "x", "body": "y"})
    assert run("--jsonl", stdin=good.encode() + b"\n").returncode == 0
    done = run("--jsonl", stdin=good.encode() + b"\nbroken\n")
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 2
