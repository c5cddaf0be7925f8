"""The page of what lies outside of all cases, and who may press its buttons."""

import re
from datetime import datetime

import pytest
from sqlalchemy import select, update
from starlette.testclient import TestClient

from casework.judging import Judged, judge
from casework.models import Case, CaseEvent, OutboxEmail
from casework.pulses import pulse_of
from casework.status.reading import SPAM_LOOKED_AT
from casework.web.app import make_app
from config.database import Sessions
from intake.inbox import RAWS, RECEIVED, MailState, count_by_state
from tests.casework.desks import a_mail, receive, the_desk

# What these pages read and write is tested on both databases beside the rooms that do it.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

HOST = "http://localhost"


def judge_it(raw: bytes, received_at: datetime) -> Judged:
    return judge(raw, received_at=received_at, judges=the_desk().judges, now=received_at)


@pytest.fixture
def client(sessions: Sessions, now: datetime) -> TestClient:
    app = make_app(sessions, lambda: now, "Northfield", judge=judge_it)
    return TestClient(app, base_url=HOST, follow_redirects=False)


@pytest.fixture
def shelves(sessions: Sessions, now: datetime) -> None:
    """Put a mail on each shelf: 1 set aside, 2 in the spam folder, 3 screened out."""
    mails = [
        a_mail(now, f"Words {n}", sender=f"Zebedee <zebedee@shop{n}.example.com>", subject="Secret")
        for n in (1, 2, 3)
    ]
    receive(sessions, now, *mails)
    lines = [
        (MailState.SET_ASIDE, None, "failed", "Kith failed on it 3 times."),
        (MailState.SCREENED_OUT, "spam", "spam-folder", "It was in the spam folder."),
        (MailState.SCREENED_OUT, "bulk", "campaign", "It was sent to many."),
    ]
    with sessions.begin() as session:
        for uid, (state, verdict, rule, reason) in enumerate(lines, start=1):
            values = {"state": state.value, "verdict": verdict, "rule": rule, "reason": reason}
            session.execute(update(RECEIVED).where(RECEIVED.c.uid == uid).values(**values))


def token_on(page: str) -> str:
    found = re.search(r'name="token" value="([^"]+)"', page)
    assert found is not None
    return found.group(1)


def press(client: TestClient, path: str, token: str | None = None, **headers: str) -> int:
    sent = {"Sec-Fetch-Site": "same-origin", "Origin": "null"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    given = token_on(client.get("/set-aside").text) if token is None else token
    return client.post(path, data={"token": given}, headers=sent).status_code


@pytest.mark.usefixtures("shelves")
def test_the_page_says_why_each_mail_lies_there_and_nothing_of_what_it_says(
    client: TestClient,
) -> None:
    page = client.get("/set-aside").text
    for words in (
        "Kith failed on it 3 times.",
        "shop2.example.com",
        "Sent from shop3.example.com.",
        "Sent to many",
    ):
        assert words in page
    for secret in ("Zebedee", "zebedee", "Secret", "Words"):
        assert secret not in page
    assert page.count("Try again") == 2  # the button and its name for screen readers
    assert page.count("File as a case</button>") == 3


@pytest.mark.usefixtures("shelves")
def test_a_mail_is_filed_at_the_press_of_a_button_and_nobody_is_answered(
    client: TestClient, sessions: Sessions
) -> None:
    assert press(client, "/set-aside/3/file") == 303
    with sessions() as session:
        reference = session.execute(select(Case.reference)).scalar_one()
        assert session.execute(select(OutboxEmail)).first() is None
        assert "a volunteer" in set(session.execute(select(CaseEvent.by)).scalars())
    assert reference in client.get("/").text
    assert "It is filed" in client.get("/set-aside?done=filed").text
    assert press(client, "/set-aside/3/file") == 409


@pytest.mark.usefixtures("shelves")
def test_a_mail_that_was_set_aside_is_tried_again(client: TestClient, sessions: Sessions) -> None:
    assert press(client, "/set-aside/1/retry") == 303
    with sessions() as session:
        assert count_by_state(session)[MailState.RECEIVED] == 1
    assert press(client, "/set-aside/1/retry") == 409
    assert press(client, "/set-aside/3/retry") == 409
    assert press(client, f"/set-aside/{2**70}/retry") == 409
    assert press(client, f"/set-aside/{2**70}/file") == 409


@pytest.mark.usefixtures("shelves")
def test_somebody_has_looked_through_the_spam_folder(
    client: TestClient, sessions: Sessions, now: datetime
) -> None:
    assert press(client, "/set-aside/looked") == 303
    with sessions() as session:
        pulse = pulse_of(session, SPAM_LOOKED_AT)
    assert pulse is not None
    assert pulse.well_at == now


@pytest.mark.usefixtures("shelves")
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
        {"Origin": "https://evil.example.com"},
        {"Origin": "http://localhost.evil.example.com"},
        {"Origin": "http://localhost:9999"},
        {"Origin": "https://localhost"},
    ],
)
def test_no_other_site_may_press_a_button_even_if_it_knew_the_token(
    client: TestClient, sessions: Sessions, headers: dict[str, str]
) -> None:
    for act in ("1/retry", "1/file", "looked"):
        assert press(client, f"/set-aside/{act}", **headers) == 403
    with sessions() as session:
        assert count_by_state(session)[MailState.SET_ASIDE] == 1
        assert session.execute(select(Case)).first() is None
        assert pulse_of(session, SPAM_LOOKED_AT) is None


@pytest.mark.usefixtures("shelves")
@pytest.mark.parametrize("token", ["", "guess", "é", "x" * 3000])
def test_without_the_token_of_this_start_nothing_happens(
    client: TestClient, sessions: Sessions, token: str
) -> None:
    assert press(client, "/set-aside/1/retry", token) == 403
    with sessions() as session:
        assert count_by_state(session)[MailState.SET_ASIDE] == 1


@pytest.mark.usefixtures("shelves")
def test_the_token_is_another_at_each_start(
    client: TestClient, sessions: Sessions, now: datetime
) -> None:
    before = token_on(client.get("/set-aside").text)
    again = make_app(sessions, lambda: now, "Northfield", judge=judge_it)
    restarted = TestClient(again, base_url=HOST)
    assert press(restarted, "/set-aside/1/retry", before) == 403
    assert "started anew" in restarted.post("/set-aside/1/retry", data={"token": before}).text


@pytest.mark.usefixtures("shelves")
def test_an_old_browser_that_tells_nothing_needs_the_token_alone(client: TestClient) -> None:
    token = token_on(client.get("/set-aside").text)
    assert client.post("/set-aside/1/retry", data={"token": token}).status_code == 303


@pytest.mark.usefixtures("shelves")
def test_only_a_small_plain_form_is_read(client: TestClient) -> None:
    token = token_on(client.get("/set-aside").text)
    for attempt in (
        client.post("/set-aside/1/retry", data={"token": token, "more": "x" * 5000}),
        client.post("/set-aside/1/retry", files={"token": token.encode()}),
        client.post("/set-aside/1/retry", json={"token": token}),
        client.post("/set-aside/1/retry", data={"token": token} | {f"f{n}": "" for n in range(9)}),
        client.post(
            "/set-aside/1/retry",
            content=iter([f"token={token}".encode()]),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        ),
    ):
        assert attempt.status_code == 403
    assert client.get("/set-aside/1/retry").status_code == 405


def test_the_page_is_for_this_machine_only(client: TestClient) -> None:
    assert client.get("/set-aside", headers={"Host": "evil.example.com"}).status_code == 400
    assert client.post("/set-aside/1/file", headers={"Host": "evil.example.com"}).status_code == 400


def test_older_mail_is_on_further_pages(
    client: TestClient, sessions: Sessions, now: datetime
) -> None:
    receive(sessions, now, *[a_mail(now, f"Words {n}") for n in range(53)])
    with sessions.begin() as session:
        values = {"state": MailState.SCREENED_OUT.value, "rule": "campaign", "reason": "Many."}
        session.execute(update(RECEIVED).values(**values))
    page = client.get("/set-aside").text
    assert page.count("File as a case</button>") == 50
    older = re.search(r'href="(/set-aside\?shelf=screened-out&amp;before=\d+)"', page)
    assert older is not None
    further = client.get(older.group(1).replace("&amp;", "&")).text
    assert further.count("File as a case</button>") == 3
    assert "In the spam folder" not in further
    for nonsense in ("shelf=x&before=y", "before=" + "9" * 40, "before=-1", "before=²"):
        assert client.get(f"/set-aside?{nonsense}").status_code == 200


@pytest.mark.usefixtures("shelves")
def test_what_is_not_at_hand_has_no_button_unless_it_was_set_aside(
    client: TestClient, sessions: Sessions
) -> None:
    with sessions.begin() as session:
        session.execute(RAWS.delete())
    page = client.get("/set-aside").text
    assert page.count("File as a case</button>") == 1


@pytest.mark.usefixtures("shelves")
def test_the_queue_leads_to_what_was_set_aside(client: TestClient) -> None:
    page = client.get("/").text
    assert "Set aside: 1 mail" in page
    assert 'href="/set-aside"' in page
