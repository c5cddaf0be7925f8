"""The page of the queue."""

from datetime import datetime, timedelta

import pytest
from starlette.testclient import TestClient

from casework.queue import MOST_ROWS
from casework.web.app import make_app, make_environment
from casework.web.server import WebServer, WebServerError
from casework.web.words import british_day, kind_words, waited
from config.database import Sessions
from intake.taxonomy import Kind
from tests.casework.cases import make_case


@pytest.fixture
def client(sessions: Sessions, now: datetime) -> TestClient:
    return TestClient(make_app(sessions, lambda: now, "Northfield"), base_url="http://localhost")


def test_the_page_names_cases_and_no_person(
    client: TestClient, sessions: Sessions, now: datetime
) -> None:
    with sessions.begin() as session:
        case = make_case(session, now, Kind.CASE_REPORT, name="Zebedee Quill", risk_level="now")
        reference = case.reference
    page = client.get("/")
    assert page.status_code == 200
    assert reference in page.text
    assert "Look now" in page.text
    assert "Case report" in page.text
    assert "Zebedee" not in page.text
    assert "example.org" not in page.text
    assert "<title>Queue</title>" in page.text


def test_an_empty_queue_says_so(client: TestClient) -> None:
    assert "Nothing is waiting" in client.get("/").text


def test_the_queue_goes_on_over_pages(
    client: TestClient, sessions: Sessions, now: datetime
) -> None:
    with sessions.begin() as session:
        for _ in range(MOST_ROWS + 1):
            make_case(session, now)
    first, second = client.get("/").text, client.get("/?page=2").text
    assert "page 1 of 2" in first
    assert 'href="/?page=2"' in first
    assert "page 2 of 2" in second
    assert 'href="/?page=1"' in second
    for odd in ("0", "-1", "x", "9" * 400, "²"):
        assert client.get("/", params={"page": odd}).status_code == 200


def test_the_page_is_for_this_machine_only(client: TestClient) -> None:
    # A stranger's page could point a name of its own at 127.0.0.1 and read ours.
    assert client.get("/", headers={"Host": "evil.example.com"}).status_code == 400


def test_the_page_may_load_nothing_from_elsewhere_and_is_kept_nowhere(client: TestClient) -> None:
    headers = client.get("/").headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    assert headers["x-frame-options"] == "DENY"
    for path, content_type in (("/static/kith.css", "text/css"), ("/favicon.ico", "image/svg+xml")):
        answer = client.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(content_type)


def test_nothing_can_be_changed_by_the_page(client: TestClient) -> None:
    assert client.post("/").status_code == 405
    assert client.get("/write").status_code == 404
    assert client.get("/conversation/K7F3-2Q").status_code == 404


def test_a_taken_port_is_told_with_the_remedy(sessions: Sessions, now: datetime) -> None:
    app = make_app(sessions, lambda: now, "Northfield")
    first = WebServer(app, "127.0.0.1", 0)
    url = first.start()
    try:
        port = int(url.rstrip("/").rpartition(":")[2])
        with pytest.raises(WebServerError, match=r"Set web\.port"):
            WebServer(app, "127.0.0.1", port).start()
    finally:
        first.stop()


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(0, "0 min"), (59, "59 min"), (60, "1 hour"), (125, "2 hours"), (48 * 60, "2 days")],
)
def test_waits_are_told_in_the_largest_unit(minutes: int, words: str, now: datetime) -> None:
    assert waited(now - timedelta(minutes=minutes), now) == words


def test_every_kind_has_words_and_days_are_british(now: datetime) -> None:
    assert len({kind_words(kind) for kind in Kind}) == len(Kind)
    assert british_day(now.date()) == "Tuesday 24 November"


def test_commands_in_a_sentence_are_marked_and_all_else_is_escaped() -> None:
    words = make_environment().get_template("words.html").module
    told = words.with_commands("Run `kith <check>` & wait.")  # type: ignore[attr-defined]
    assert told == "Run <code>kith &lt;check&gt;</code> &amp; wait."
