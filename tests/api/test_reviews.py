"""A review is decided once, by whoever may, and a repeated request changes nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from psycopg import Connection
from starlette.testclient import TestClient

from tests.api.conftest import Bearer
from tests.api.rows import add_organization
from tests.kit.signals import NOW
from tests.kit.trading_desk import BODY, TOKEN, rows

APPROVED = {"decision": "approved", "reason": "I looked at it"}


@pytest.fixture
def review_id(client: TestClient, inside: Connection[Any]) -> str:
    """Post an alert and open its review, as intake does."""
    inside.execute("delete from ops.idempotency_keys")
    alert = client.post(f"/webhooks/tradingview/{TOKEN}", content=BODY).json()
    inside.execute("delete from bus.deliveries")
    inside.execute(
        "insert into review_queue (review_id, correlation_id, org_id, kind, subject_id,"
        " reason_code, opened_at)"
        " values (%(id)s, %(id)s, 'demo', 'alert', %(id)s, 'TR228', %(at)s)",
        {"id": alert["alert_id"], "at": NOW},
    )
    return alert["alert_id"]


def decide(
    client: TestClient,
    review_id: str,
    headers: dict[str, str],
    key: str = "key-0001",
    body: dict[str, Any] = APPROVED,
):
    """Ask for a decision."""
    return client.post(
        f"/reviews/{review_id}/decision",
        json=body,
        headers={**headers, "Idempotency-Key": key},
    )


def test_approved_review_goes_on_and_names_who_decided(
    client: TestClient, bearer: Bearer, inside: Connection[Any], review_id: str
):
    answer = decide(client, review_id, bearer("desk_operator"))
    assert (answer.status_code, answer.json()) == (
        200,
        {"review_id": review_id, "state": "approved"},
    )
    assert rows(inside, "select decided_by, decision_reason from review_queue") == [
        ("maria", "I looked at it")
    ]
    assert rows(inside, "select agent, row_kind from bus.deliveries") == [("intake", "review")]


def test_refused_review_ends_the_alert_as_denied(
    client: TestClient, bearer: Bearer, inside: Connection[Any], review_id: str
):
    body = {"decision": "refused", "reason": "no"}
    assert decide(client, review_id, bearer("desk_operator"), body=body).status_code == 200
    assert rows(inside, "select outcome, code from alert_outcomes") == [("denied", "TR241")]
    assert rows(inside, "select count(*) from bus.deliveries") == [(0,)]


def test_same_key_again_gives_the_same_answer_and_does_nothing(
    client: TestClient, bearer: Bearer, inside: Connection[Any], review_id: str
):
    maria = bearer("desk_operator")
    answers = [decide(client, review_id, maria) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert len({answer.text for answer in answers}) == 1
    assert rows(inside, "select count(*) from bus.deliveries") == [(1,)]


def test_same_key_at_once_decides_once(
    client: TestClient, bearer: Bearer, inside: Connection[Any], review_id: str
):
    maria = bearer("desk_operator")
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: decide(client, review_id, maria), range(6)))
    assert {answer.status_code for answer in answers} == {200}
    assert rows(inside, "select count(*) from bus.deliveries") == [(1,)]


def test_same_key_with_another_body_is_409(client: TestClient, bearer: Bearer, review_id: str):
    maria = bearer("desk_operator")
    decide(client, review_id, maria)
    answer = decide(client, review_id, maria, body={"decision": "refused", "reason": "no"})
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency.other_body")


def test_review_that_somebody_else_decided_is_409(
    client: TestClient, bearer: Bearer, review_id: str
):
    decide(client, review_id, bearer("desk_operator"))
    answer = decide(client, review_id, bearer("desk_operator", person="jo"), key="key-0002")
    assert answer.status_code == 409
    assert (answer.json()["code"], answer.json()["name"]) == ("TR240", "REVIEW_DECIDED")


def test_key_of_a_request_that_was_refused_may_be_used_again(
    client: TestClient, bearer: Bearer, review_id: str
):
    maria = bearer("desk_operator")
    unknown = decide(client, str(uuid4()), maria)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "TR239")
    assert decide(client, review_id, maria).status_code == 200


@pytest.mark.parametrize("role", ["auditor", "treasury_operator"])
def test_roles_that_do_not_decide_are_403(
    client: TestClient, bearer: Bearer, inside: Connection[Any], review_id: str, role: str
):
    answer = decide(client, review_id, bearer(role))
    assert (answer.status_code, answer.json()["code"]) == (403, "access.denied")
    assert rows(inside, "select state from review_queue") == [("open",)]


def test_review_of_another_organisation_is_404(
    client: TestClient, bearer: Bearer, inside: Connection[Any], review_id: str
):
    add_organization(inside, "other")
    answer = decide(client, review_id, bearer("desk_operator", org_id="other"))
    assert (answer.status_code, answer.json()["code"]) == (404, "TR239")


@pytest.mark.parametrize(
    ("key", "body"),
    [
        ("short", APPROVED),
        ("key-0001", {"decision": "perhaps", "reason": "x"}),
        ("key-0001", {"decision": "approved", "reason": ""}),
        ("key-0001", {"decision": "approved"}),
    ],
)
def test_malformed_decision_is_422(
    client: TestClient, bearer: Bearer, review_id: str, key: str, body: dict[str, Any]
):
    answer = decide(client, review_id, bearer("desk_operator"), key, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "request.malformed")


def test_decision_without_a_key_is_422(client: TestClient, bearer: Bearer, review_id: str):
    answer = client.post(
        f"/reviews/{review_id}/decision", json=APPROVED, headers=bearer("desk_operator")
    )
    assert answer.status_code == 422
    assert answer.json()["faults"][0]["where"] == "header.idempotency-key"


def test_what_was_answered_is_committed(
    client: TestClient, bearer: Bearer, inside: Connection[Any], review_id: str
):
    # A commit that fails must not have been answered with a yes.
    inside.execute(
        "create function public.fail() returns trigger language plpgsql as"
        " $$ begin raise exception 'no commit' using errcode = '40001'; end $$;"
        "create constraint trigger fails after update on review_queue"
        " deferrable initially deferred for each row execute function public.fail()"
    )
    try:
        answer = decide(client, review_id, bearer("desk_operator"))
        assert (answer.status_code, answer.json()["code"]) == (503, "database.unavailable")
    finally:
        inside.execute("drop trigger fails on review_queue; drop function public.fail()")
    assert rows(inside, "select state from review_queue") == [("open",)]
