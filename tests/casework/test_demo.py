"""The demo, as somebody sees it who has just cloned Kith."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEMO = (sys.executable, "-m", "casework.start", "demo")
REFERENCE = re.compile(r"\b[2-9B-DF-HJ-NP-TV-Z]{4}-[2-9B-DF-HJ-NP-TV-Z]{2}\b")


def test_once_works_the_sample_inbox_to_the_end(tmp_path: Path) -> None:
    done = subprocess.run(
        [*DEMO, "--once", "--data-dir", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=environment(),
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = [line for line in done.stdout.splitlines() if "acknowledged" in line]
    per_message, totals = lines[:-1], lines[-1]
    assert len(per_message) >= 40
    for line in per_message:
        verdict, kind, risk = line.split()[:3]
        assert verdict in {
            "personal", "auto_reply", "delivery_report", "receipt", "bulk", "robot", "loop",
            "spam", "unreadable",
        }  # fmt: skip
        assert risk in {"now", "today", "deadline", "none"}
        assert kind
    acknowledged = [line for line in per_message if line.endswith(" acknowledged")]
    assert all(REFERENCE.search(line) for line in acknowledged)
    assert totals.startswith(f"{len(acknowledged)} acknowledged, {len(acknowledged)} letters")
    assert len({line.split()[0] for line in per_message}) >= 7
    assert (tmp_path / "kith.sqlite3").exists()


def test_a_mail_written_on_the_page_is_acknowledged_on_the_page(tmp_path: Path) -> None:
    demo = subprocess.Popen(
        [*DEMO, "--data-dir", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=tmp_path,
        env=environment() | {"PYTHONUNBUFFERED": "1"},
    )
    try:
        url = opened_url(demo)
        queue = read(url)
        assert "What needs someone now" in queue
        conversation = REFERENCE.search(queue)
        assert conversation is not None
        assert "History" in read(f"{url}conversation/{conversation[0]}")
        form = {
            "name": "Sam Okoro",
            "address": "sam.okoro@example.org",
            "subject": "Joining",
            "text": "Hello, please may I join your group? I am a special guardian.",
        }
        answer = read(f"{url}write", form)
        assert "The acknowledgement that arrived" in answer
        assert "Thank you for your email" in answer
        assert "999" in answer
        refused = read(f"{url}write", form | {"address": "nobody"}, wanted=422)
        assert "Give an e-mail address" in refused
        assert "Sam Okoro" in refused  # what was filled in is not lost
    finally:
        demo.send_signal(signal.SIGTERM)
        demo.communicate(timeout=30)
    assert demo.returncode == 0


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT)}


def opened_url(demo: "subprocess.Popen[str]") -> str:
    assert demo.stdout is not None
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        line = demo.stdout.readline()
        if line.startswith("open: "):
            return line.removeprefix("open: ").strip()
        assert demo.poll() is None, line
    raise AssertionError("the demo opened no page")


def read(url: str, form: dict[str, str] | None = None, wanted: int = 200) -> str:
    data = urllib.parse.urlencode(form).encode() if form else None
    try:
        with urllib.request.urlopen(url, data, timeout=60) as answer:
            status, page = answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        status, page = error.code, error.read().decode()
    assert status == wanted, page
    return str(page)
