"""The API describes itself: every route, every error, names that stay."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

OPERATIONS = {
    "take_alert",
    "health",
    "ready",
    "list_signals",
    "list_rationales",
    "list_orders",
    "cancel_order",
    "modify_order",
    "tell_decision",
    "list_reviews",
    "decide_review",
    "list_pending_votes",
    "list_votes",
    "cast_vote",
    "draw_chart",
    "list_structures",
}


@pytest.fixture(scope="module")
def described(client: TestClient) -> dict[str, Any]:
    return client.get("/openapi.json").json()


def operations(described: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """List every operation with its path."""
    return [
        (path, operation)
        for path, found in described["paths"].items()
        for operation in found.values()
    ]


def test_operations_keep_their_names(described: dict[str, Any]):
    assert {operation["operationId"] for _, operation in operations(described)} == OPERATIONS


def test_every_route_is_described(client: TestClient, described: dict[str, Any]):
    app = client.app
    assert isinstance(app, FastAPI)
    for path, operation in operations(described):
        assert operation["summary"], path
        assert operation["description"], path
        assert operation["tags"], path


def test_errors_are_described_as_they_are_sent(described: dict[str, Any]):
    for path, operation in operations(described):
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"], (path, status)
    schemas = described["components"]["schemas"]
    assert "code" in schemas["ProblemDocument"]["required"]
    assert "HTTPValidationError" not in schemas


def test_every_reference_leads_somewhere(described: dict[str, Any]):
    names = set(re.findall(r"#/components/schemas/(\w+)", str(described)))
    assert names <= described["components"]["schemas"].keys()


def test_bearer_is_described_where_it_is_needed(described: dict[str, Any]):
    for path, operation in operations(described):
        needs = path not in ("/health", "/ready", "/webhooks/tradingview/{token}")
        assert ("security" in operation) is needs, path


def test_page_renders_from_this_server_alone(client: TestClient):
    page = client.get("/docs")
    assert page.status_code == 200
    sources = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(sources) >= 2
    for source in sources:
        assert "//" not in source
        asset = client.get(f"/{source}")
        assert (asset.status_code, len(asset.content) > 500) == (200, True), source
    assert client.get("/docs/other.js").status_code == 404
