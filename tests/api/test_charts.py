"""GET /charts/{symbol}: a picture or a page of the bars that the desk holds."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import Connection
from starlette.testclient import TestClient

from tests.api.conftest import Bearer
from tests.kit.structures import add_structure
from tests.kit.trading_desk import add_bars

URL = "/charts/EURUSD"


@pytest.fixture
def bars(inside: Connection[Any]) -> None:
    add_bars(inside)


@pytest.mark.usefixtures("bars")
def test_chart_comes_as_what_was_asked_for(client: TestClient, bearer: Bearer):
    headers = bearer(role="desk_operator")
    asked = (
        ({}, {}, "image/png", b"\x89PNG"),
        ({}, {"Accept": "image/svg+xml"}, "image/svg+xml", b"<?xml"),
        ({}, {"Accept": "text/html,image/png;q=0.5"}, "text/html", b"<!doctype html>"),
        ({}, {"Accept": "*/*"}, "image/png", b"\x89PNG"),
        ({"format": "svg"}, {"Accept": "text/html"}, "image/svg+xml", b"<?xml"),
    )
    for query, wanted, media, begins in asked:
        answer = client.get(URL, params=query, headers=headers | wanted)
        assert answer.status_code == 200
        assert answer.headers["content-type"].partition(";")[0] == media
        assert answer.content.startswith(begins)


@pytest.mark.usefixtures("bars")
def test_chart_of_an_earlier_moment_ends_there(client: TestClient, bearer: Bearer):
    query = {"format": "html", "bars": 40}
    now = client.get("/charts/eurusd", params=query, headers=bearer())
    assert now.status_code == 200
    long_ago = query | {"until": "2001-01-01T00:00:00Z"}
    answer = client.get(URL, params=long_ago, headers=bearer())
    assert (answer.status_code, answer.json()["code"]) == (404, "chart.no_bars")


@pytest.mark.usefixtures("bars")
@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"timeframe": "H4"}, 404, "chart.no_bars"),
        ({"timeframe": "fortnight"}, 422, "timeframe.unknown"),
        ({"until": "2026-01-01T00:00:00"}, 422, "until.local"),
        ({"bars": "5"}, 422, "request.malformed"),
        ({"format": "gif"}, 422, "request.malformed"),
    ],
)
def test_what_cannot_be_drawn_says_why(
    client: TestClient, bearer: Bearer, query: dict[str, str], status: int, code: str
):
    answer = client.get(URL, params=query, headers=bearer())
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.usefixtures("bars")
def test_chart_needs_a_bearer(client: TestClient):
    assert client.get(URL).status_code == 401


def test_structures_are_listed_with_their_votes(
    client: TestClient, bearer: Bearer, inside: Connection[Any]
):
    inside.execute("truncate public.structures")
    add_structure(inside)
    odd = add_structure(inside, "GBPUSD", outlier=True)
    found = client.get("/structures", params={"limit": 1}, headers=bearer()).json()
    rest = client.get("/structures", params={"cursor": found["cursor"]}, headers=bearer()).json()
    assert len(found["items"]) == len(rest["items"]) == 1
    assert found["items"] != rest["items"]
    (waiting,) = client.get("/structures", params={"odd": True}, headers=bearer()).json()["items"]
    assert (waiting["structure_id"], waiting["votes"][0]["vote"]) == (str(odd), "agree")
    assert client.get("/structures", params={"symbol": "XAUUSD"}, headers=bearer()).json()[
        "items"
    ] == []  # fmt: skip
    assert client.get("/structures").status_code == 401
