"""The console: people log in, see why a signal waits, decide with a reason, and nobody else."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection
from starlette.testclient import TestClient

from tests.api.conftest import Bearer
from tests.api.rows import add_organization
from tests.kit.postgres import Database
from tests.kit.signal_rows import a_rationale, a_review, normalized
from tests.kit.trading_desk import TOKEN, ask, rows

LogIn = Callable[..., TestClient]

AXES = {
    "smc_confluence": "0.72",
    "regime_fit": "0.4",
    "flow_alignment": "0.5",
    "flow_known": False,
}
CONTRIBUTIONS = [
    {"feature": "structure_break", "axis": "smc_confluence", "value": "1", "weight": "-0.07"},
    {"feature": "session_fit", "axis": "regime_fit", "value": "0.6", "weight": "0.024"},
]


@pytest.fixture
def review_id(desk: Database, inside: Connection[Any]) -> Generator[UUID]:
    """Let a scored signal wait, whose alert carries what a browser must never run."""
    body = (
        b'{"ticker":"EURUSD","action":"buy","alert_id":"a-1","comment":"<script>alert(1)</script>"}'
    )
    sessions: dict[str, Connection[Any]] = {}

    def as_role(role: str) -> Connection[Any]:
        if role not in sessions:
            sessions[role] = psycopg.connect(desk.role_url(role), autocommit=True)
        return sessions[role]

    signal = normalized(as_role, body)
    rationale = a_rationale(
        signal,
        score="0.41",
        axes=AXES,
        contributions=CONTRIBUTIONS,
        conflicts=["structure_break"],
        unknown=["volume_delta"],
        sentence="BUY scores 0.41: a fresh break contradicts it.",
    )
    ask(as_role("rationale_scorer_agent"), "intake.record_rationales", rationale)
    review = a_review("signal", str(signal["signal_id"]))
    ask(as_role("rationale_scorer_agent"), "intake.open_reviews", review)
    inside.execute("truncate bus.deliveries")
    yield review["review_id"]
    for session in sessions.values():
        session.close()


@pytest.fixture
def log_in(client: TestClient, bearer: Bearer) -> Generator[LogIn]:
    """Log in at the console's door."""

    def enter(role: str = "desk_operator", **options: str) -> TestClient:
        token = bearer(role, **options)["Authorization"].removeprefix("Bearer ")
        answer = client.post("/console/login", data={"token": token}, follow_redirects=False)
        assert answer.status_code == 303
        return client

    client.cookies.clear()
    yield enter
    client.cookies.clear()


def csrf_in(page: str) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', page)
    assert found is not None
    return found[1]


def decide(client: TestClient, review_id: UUID, **changes: str) -> Any:
    page = client.get(f"/console/reviews/{review_id}").text
    form = {"csrf": csrf_in(page), "decision": "approved", "reason": "I looked"} | changes
    return client.post(f"/console/reviews/{review_id}", data=form, follow_redirects=False)


def test_whoever_is_not_known_is_sent_to_the_door(client: TestClient, review_id: UUID):
    client.cookies.clear()
    answer = client.get(f"/console/reviews/{review_id}", follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/console/login?target=/console/reviews/")
    form = {"decision": "approved", "reason": "me"}
    answer = client.post(f"/console/reviews/{review_id}", data=form, follow_redirects=False)
    assert answer.status_code == 303


def test_token_that_does_not_hold_opens_nothing(client: TestClient):
    client.cookies.clear()
    answer = client.post("/console/login", data={"token": "desk_wrong"})
    assert answer.status_code == 401
    assert "unknown, revoked or over" in answer.text
    assert not client.cookies


def test_cookie_is_out_of_reach_of_scripts_and_other_sites(client: TestClient, bearer: Bearer):
    token = bearer("desk_operator")["Authorization"].removeprefix("Bearer ")
    answer = client.post("/console/login", data={"token": token}, follow_redirects=False)
    cookie = answer.headers["set-cookie"].lower()
    assert all(word in cookie for word in ("httponly", "samesite=strict", "path=/console"))
    client.cookies.clear()


def test_login_leads_to_no_other_site(client: TestClient, bearer: Bearer):
    token = bearer("desk_operator")["Authorization"].removeprefix("Bearer ")
    for target in ("https://evil.test/", "//evil.test/", "/console//evil.test", "/docs"):
        answer = client.post(
            "/console/login", data={"token": token, "target": target}, follow_redirects=False
        )
        assert answer.headers["location"] == "/console/reviews"
    client.cookies.clear()


def test_queue_lists_what_waits(log_in: LogIn, review_id: UUID):
    page = log_in().get("/console/reviews").text
    assert f"/console/reviews/{review_id}" in page
    assert "EURUSD" in page
    assert "0.41" in page
    assert "Waiting (1)" in page


def test_review_shows_why_and_the_alert_as_it_came_and_runs_none_of_it(
    log_in: LogIn, review_id: UUID
):
    answer = log_in().get(f"/console/reviews/{review_id}")
    page = answer.text
    assert "a fresh break contradicts it" in page
    assert "volume delta" in page
    assert "Smart money structure" in page
    assert "-0.070" in page
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)" in page
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert not re.search(r'(?:src|href)="(?!/console)', page)
    assert 'style="' not in page


def test_decision_is_made_under_the_persons_name_and_kept_as_a_label(
    log_in: LogIn, inside: Connection[Any], review_id: UUID
):
    client = log_in(person="maria")
    assert decide(client, review_id).headers["location"] == f"/console/reviews/{review_id}"
    assert rows(inside, "select label, labelled_by, reason from review_labels") == [
        ("approved", "maria", "I looked")
    ]
    assert rows(inside, "select agent, row_kind from bus.deliveries") == [
        ("rationale_scorer", "review")
    ]
    page = client.get(f"/console/reviews/{review_id}").text
    assert "maria" in page
    assert "<textarea" not in page


def test_decision_needs_a_reason(log_in: LogIn, inside: Connection[Any], review_id: UUID):
    answer = decide(log_in(), review_id, reason="  ")
    assert (answer.status_code, "TR507" in answer.text) == (409, True)
    assert rows(inside, "select state from review_queue") == [("open",)]


def test_form_of_another_site_decides_nothing(
    log_in: LogIn, inside: Connection[Any], review_id: UUID
):
    client = log_in()
    form = {"decision": "approved", "reason": "forged", "csrf": "0" * 64}
    path = f"/console/reviews/{review_id}"
    assert client.post(path, data=form).status_code == 403
    form["csrf"] = csrf_in(client.get(path).text)
    headers = {"Origin": "https://evil.test"}
    assert client.post(path, data=form, headers=headers).status_code == 403
    assert rows(inside, "select state from review_queue") == [("open",)]


def test_auditor_reads_and_does_not_decide(log_in: LogIn, inside: Connection[Any], review_id: UUID):
    client = log_in("auditor")
    assert "Your role reads" in client.get(f"/console/reviews/{review_id}").text
    assert decide(client, review_id).status_code == 403
    assert rows(inside, "select state from review_queue") == [("open",)]


def test_another_organisation_sees_nothing_of_it(
    log_in: LogIn, inside: Connection[Any], review_id: UUID
):
    add_organization(inside, "other")
    client = log_in(org_id="other")
    assert client.get(f"/console/reviews/{review_id}").status_code == 404
    assert str(review_id) not in client.get("/console/reviews").text


def test_token_that_was_revoked_ends_the_visit(
    log_in: LogIn, inside: Connection[Any], review_id: UUID
):
    client = log_in()
    inside.execute("update ops.api_tokens set revoked_at = clock_timestamp()")
    answer = client.get("/console/reviews", follow_redirects=False)
    assert answer.status_code == 303
    assert "/console/login" in answer.headers["location"]


def test_logging_out_forgets_the_token(log_in: LogIn, review_id: UUID):
    client = log_in()
    csrf = csrf_in(client.get("/console/reviews").text)
    assert client.post("/console/logout", data={"csrf": csrf}).url.path == "/console/login"
    assert client.get("/console/reviews", follow_redirects=False).status_code == 303


def test_pages_are_for_people_and_in_no_api_document(client: TestClient):
    assert not [path for path in client.get("/openapi.json").json()["paths"] if "console" in path]
    assert client.get("/console/style.css").headers["content-type"].startswith("text/css")


def test_page_that_is_not_there_is_told_in_words(log_in: LogIn):
    for path in ("/console/nothing", "/console/reviews/1/2/3"):
        answer = log_in().get(path)
        assert answer.status_code == 404
        assert "no such page" in answer.text


def test_market_of_the_moment_is_drawn_beside_the_review(
    log_in: LogIn, inside: Connection[Any], review_id: UUID
):
    client = log_in()
    path = f"/console/reviews/{review_id}/chart"
    assert f'src="{path}"' in client.get(f"/console/reviews/{review_id}").text
    missing = client.get(path)
    assert (missing.status_code, "no bars of EURUSD M15" in missing.text) == (404, True)
    ((opened_at,),) = rows(
        inside, "select opened_at from review_queue where review_id = %s", (review_id,)
    )
    length = timedelta(minutes=15)
    start = opened_at.replace(minute=0, second=0, microsecond=0) - 60 * length
    for index in range(64):
        inside.execute(
            "insert into market_bars (symbol, timeframe, opened_at, open, high, low, close, volume,"
            " source) values ('EURUSD', 'M15', %s, 1.1, 1.102, 1.099, 1.101, 10, 'tests')",
            (start + index * length,),
        )
    drawn = client.get(path)
    assert drawn.headers["content-type"] == "image/png"
    assert drawn.content.startswith(b"\x89PNG")
    assert client.get(f"/console/reviews/{uuid4()}/chart").status_code == 404
    client.cookies.clear()
    assert client.get(path, follow_redirects=False).status_code == 303


def test_alert_that_nobody_understands_names_its_source(
    log_in: LogIn, client: TestClient, inside: Connection[Any], desk: Database
):
    posted = client.post(f"/webhooks/tradingview/{TOKEN}", content=b"who knows").json()
    with psycopg.connect(desk.role_url("intake_agent"), autocommit=True) as intake:
        ask(intake, "intake.open_reviews", a_review("alert", posted["alert_id"]))
    page = log_in().get("/console/reviews").text
    ((source_id,),) = rows(inside, "select source_id from signals_raw")
    assert f'An alert <span class="soft">{source_id}</span>' in page
    ((review_id,),) = rows(inside, "select review_id from review_queue")
    shown = client.get(f"/console/reviews/{review_id}").text
    assert "What was not understood cannot go on" in shown
    assert 'value="approved"' not in shown
    assert 'value="refused"' in shown
