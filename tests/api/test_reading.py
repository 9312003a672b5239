"""What people read: their organisation's rows, exact, page by page, and whole stories."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from psycopg import Connection
from starlette.testclient import TestClient

from tests.api.conftest import Bearer
from tests.api.rows import add_organization, tell
from tests.kit.signals import NOW

LISTS = ("/signals", "/rationales", "/orders", "/reviews")
ROLES = ("auditor", "treasury_operator", "desk_operator")


@pytest.fixture
def two(inside: Connection[Any]) -> dict[str, str]:
    """Tell one story of each of two organisations."""
    add_organization(inside, "other")
    return {org: str(tell(inside, org)) for org in ("demo", "other")}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("path", LISTS)
def test_list_shows_the_rows_of_the_tokens_organisation_only(
    client: TestClient, bearer: Bearer, two: dict[str, str], role: str, path: str
):
    for org_id in ("demo", "other"):
        answer = client.get(path, headers=bearer(role=role, org_id=org_id))
        assert answer.status_code == 200
        assert two[org_id] in _ids(answer.json())
        assert two["other" if org_id == "demo" else "demo"] not in _ids(answer.json())


@pytest.mark.parametrize("role", ROLES)
def test_story_of_another_organisation_is_404(
    client: TestClient, bearer: Bearer, two: dict[str, str], role: str
):
    ours = bearer(role=role)
    assert client.get(f"/decisions/{two['demo']}", headers=ours).status_code == 200
    answer = client.get(f"/decisions/{two['other']}", headers=ours)
    assert (answer.status_code, answer.json()["code"]) == (404, "decision.unknown")


def test_claims_of_one_request_do_not_reach_the_next(
    client: TestClient, bearer: Bearer, two: dict[str, str]
):
    for org_id in ("demo", "other") * 5:
        answer = client.get("/orders", headers=bearer(org_id=org_id)).json()
        assert two[org_id] in _ids(answer)
        assert len({item["order_id"] for item in answer["items"]} & set(two.values())) == 1


def test_story_tells_everything_from_bytes_to_profit(
    client: TestClient, bearer: Bearer, inside: Connection[Any]
):
    story = client.get(f"/decisions/{tell(inside)}", headers=bearer()).json()
    assert bytes.fromhex(story["alert"]["bytes_hex"]) == b"buy EURUSD"
    assert story["outcome"]["outcome"] == "filled"
    assert story["rationale"]["sentence"] == "BUY scores 0.70."
    assert "feature_vector" not in story["rationale"]
    assert story["reviews"][0]["reason_code"] == "TR235"
    (intent,) = story["intents"]
    assert intent["checks"][0]["limit_kind"] == "leverage"
    (order,) = story["orders"]
    assert order["events"][0]["to_status"] == "filled"
    assert len(order["fills"]) == 1
    assert story["decisions"][0]["explanation"] == "It names EURUSD."


def test_money_in_a_story_is_exact(client: TestClient, bearer: Bearer, inside: Connection[Any]):
    story = client.get(f"/decisions/{tell(inside)}", headers=bearer()).json()
    assert story["signal"]["price"] == "1.10000"
    assert story["intents"][0]["notional"] == "11000.123456789012345678"
    assert story["intents"][0]["checks"][0]["limit_value"] == "30"
    assert story["orders"][0]["fills"][0]["realized_pnl"] == "-0.350000000000000001"
    assert story["orders"][0]["limit_price"] is None
    assert story["decisions"][0]["seed"] == "9007199254740993"
    assert _floats(story) == []


def test_money_in_lists_is_exact(client: TestClient, bearer: Bearer, inside: Connection[Any]):
    tell(inside)
    for path in LISTS:
        answer = client.get(path, headers=bearer()).json()
        assert _floats(answer) == [], path
    newest = client.get("/orders", headers=bearer()).json()["items"][0]
    assert (newest["quantity"], newest["average_price"]) == ("0.10", "1.10007")


def test_pages_follow_one_another_without_gap_or_repeat_even_at_one_instant(
    client: TestClient, bearer: Bearer, inside: Connection[Any]
):
    at = NOW - timedelta(days=30)
    add_organization(inside, "paged")
    told = {str(tell(inside, "paged", at + timedelta(seconds=n // 5))) for n in range(12)}
    reader = bearer(org_id="paged")
    for path, key in zip(
        LISTS, ("signal_id", "rationale_id", "order_id", "review_id"), strict=True
    ):
        seen: list[str] = []
        sizes: list[int] = []
        cursor: dict[str, str] = {}
        while True:
            answer = client.get(path, params={"limit": "5", **cursor}, headers=reader).json()
            seen += [item[key] for item in answer["items"]]
            sizes.append(len(answer["items"]))
            if answer["cursor"] is None:
                break
            cursor = {"cursor": answer["cursor"]}
        assert (len(seen), set(seen), sizes) == (12, told, [5, 5, 2]), path


def test_lists_are_cut_by_symbol_and_status(
    client: TestClient, bearer: Bearer, inside: Connection[Any]
):
    tell(inside)
    for parameters, expected in (
        ({"symbol": "EURUSD", "status": "filled"}, True),
        ({"symbol": "GBPUSD"}, False),
        ({"status": "rejected"}, False),
    ):
        items = client.get("/orders", params=parameters, headers=bearer()).json()["items"]
        assert bool(items) is expected, parameters


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=501", "limit=x", "cursor=nonsense", "cursor=MjAyNi0wMS0wMQ==", "state=odd"],
)
def test_malformed_question_is_422(client: TestClient, bearer: Bearer, query: str):
    answer = client.get(f"/reviews?{query}", headers=bearer())
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_id_that_is_none_is_422(client: TestClient, bearer: Bearer):
    assert client.get("/decisions/42", headers=bearer()).status_code == 422


def _ids(page: dict[str, Any]) -> set[str]:
    return {item["correlation_id"] for item in page["items"]}


def _floats(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [found for item in value.values() for found in _floats(item)]
    if isinstance(value, list):
        return [found for item in value for found in _floats(item)]
    return [value] if isinstance(value, float) else []
