"""Voting by API: under a person's token, counted as that person's, once."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import Connection
from starlette.testclient import TestClient

from tests.api.conftest import Bearer
from tests.api.rows import add_organization
from tests.kit.governance import open_proposal
from tests.kit.trading_desk import rows

APPROVE = {"decision": "approve", "reason": "I looked at it"}


@pytest.fixture
def proposal_id(inside: Connection[Any]) -> str:
    """Open a proposal that waits for two people, and register maria."""
    inside.execute("set session_replication_role = replica")
    inside.execute(
        "truncate public.proposals, public.proposal_events, public.votes,"
        " ops.idempotency_keys cascade"
    )
    inside.execute("set session_replication_role = origin")
    inside.execute(
        "insert into governance.voters (voter, kind, role_name, display_name, org_id)"
        " values ('maria', 'human', 'treasury_operator', 'Maria', 'demo')"
        " on conflict (voter) do nothing"
    )
    return open_proposal(inside, "loosen_limit", "leverage", payload={"to": "40"})


def vote(
    client: TestClient,
    proposal_id: str,
    headers: dict[str, str],
    key: str = "key-0001",
    body: dict[str, Any] = APPROVE,
):
    return client.post(
        f"/proposals/{proposal_id}/vote", json=body, headers={**headers, "Idempotency-Key": key}
    )


def test_a_vote_is_cast_once_under_the_persons_name(
    client: TestClient, bearer: Bearer, inside: Connection[Any], proposal_id: str
):
    maria = bearer("treasury_operator")
    answers = [vote(client, proposal_id, maria) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == {"proposal_id": proposal_id, "state": "open"}
    assert rows(inside, "select voter, decision, reason from votes") == [
        ("maria", "approve", "I looked at it")
    ]
    (pending,) = client.get("/votes/pending", headers=maria).json()["items"]
    assert (pending["humans_needed"], pending["humans_approved"]) == (2, 1)
    assert "1 of treasury_operator" in pending["waits_for"]
    (cast,) = client.get("/votes", headers=bearer("auditor")).json()["items"]
    assert (cast["voter"], cast["counts"], cast["state"]) == ("maria", True, "open")


def test_a_refusal_decides_and_a_later_vote_is_409(
    client: TestClient, bearer: Bearer, inside: Connection[Any], proposal_id: str
):
    maria = bearer("treasury_operator")
    body = {"decision": "refuse", "reason": "too loose"}
    assert vote(client, proposal_id, maria, body=body).json()["state"] == "refused"
    late = vote(client, proposal_id, maria, key="key-0002")
    assert (late.status_code, late.json()["code"]) == (409, "TR502")
    assert client.get("/votes/pending", headers=maria).json()["items"] == []


@pytest.mark.parametrize("role", ["auditor", "desk_operator"])
def test_roles_that_do_not_vote_are_403(
    client: TestClient, bearer: Bearer, inside: Connection[Any], proposal_id: str, role: str
):
    answer = vote(client, proposal_id, bearer(role))
    assert (answer.status_code, answer.json()["code"]) == (403, "access.denied")
    assert rows(inside, "select count(*) from votes") == [(0,)]


def test_a_token_of_nobody_registered_does_not_vote(
    client: TestClient, bearer: Bearer, proposal_id: str
):
    answer = vote(client, proposal_id, bearer("treasury_operator", person="jo"))
    assert (answer.status_code, answer.json()["code"]) == (403, "TR509")


def test_a_token_of_another_organisation_neither_votes_nor_sees(
    client: TestClient, bearer: Bearer, inside: Connection[Any], proposal_id: str
):
    add_organization(inside, "other")
    elsewhere = bearer("treasury_operator", org_id="other")
    answer = vote(client, proposal_id, elsewhere)
    assert (answer.status_code, answer.json()["code"]) == (403, "TR501")
    assert client.get("/votes/pending", headers=elsewhere).json()["items"] == []


def test_a_vote_without_a_reason_is_422(client: TestClient, bearer: Bearer, proposal_id: str):
    body = {"decision": "approve", "reason": ""}
    assert vote(client, proposal_id, bearer("treasury_operator"), body=body).status_code == 422
