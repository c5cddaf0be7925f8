"""`make fuzz` finds what it is for, says where the mail is, and makes it small."""

import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from casework.judging import load_judges
from tests.fuzz import __main__ as fuzzing
from tests.fuzz.checking import check

ROOT = Path(__file__).parent.parent


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.fuzz", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_short_run_ends_well_and_leaves_nothing(tmp_path: Path) -> None:
    ended = run("--seconds", "1", "--seed", "5", "--into", str(tmp_path))

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "all read as promised (seed 5)" in ended.stdout
    assert list(tmp_path.iterdir()) == []


def test_given_files_it_checks_those(tmp_path: Path) -> None:
    mail = tmp_path / "mail.eml"
    mail.write_bytes(b"From: ada@example.org\r\n\r\nHello")

    ended = run(str(mail))

    assert (ended.returncode, ended.stdout) == (0, "sound\n")


def test_the_same_seed_makes_the_same_mails() -> None:
    some = [list(islice(fuzzing.mails(seed), 320, 380)) for seed in (1, 1, 2)]

    assert some[0] == some[1] != some[2]


def test_a_culprit_is_made_small_saved_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def touchy(raw, judges):  # type: ignore[no-untyped-def]
        if b"From" in raw:
            raise ValueError("a mail with a sender")

    monkeypatch.setattr(fuzzing, "check", touchy)

    assert fuzzing.fuzz(1, 60, tmp_path, load_judges()) == 1

    [culprit] = tmp_path.glob("culprit-*.eml")
    assert culprit.read_bytes() == b"From"
    told = capsys.readouterr().out
    assert "a mail with a sender" in told
    assert str(culprit) in told


def test_a_mail_that_takes_too_long_is_a_culprit(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(raw, judges):  # type: ignore[no-untyped-def]
        while True:
            pass

    monkeypatch.setattr(fuzzing, "check", endless)
    monkeypatch.setattr(fuzzing, "SECONDS_A_MAIL", 0.05)

    assert "takes more than" in fuzzing.problem_with(b"x", load_judges())


def test_the_check_catches_a_broken_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.checking.new_text", lambda _: "something else")

    with pytest.raises(AssertionError):
        check(b"From: ada@example.org\r\n\r\nHello", load_judges())
