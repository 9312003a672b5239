"""The webhook answers 200 for what is stored, and names why it stores nothing."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from psycopg import Connection
from starlette.testclient import TestClient

from backend.api.rates import SourceRates
from tests.kit.trading_desk import BODY, TOKEN, add_token, rows

WITH_TIME = b'{"ticker":"EURUSD","action":"buy","timenow":"2026-03-04T10:00:00Z"}'
URL = f"/webhooks/tradingview/{TOKEN}"


@pytest.fixture(autouse=True)
def _clean(inside: Connection[Any]) -> None:
    """Leave nothing between tests."""


def test_alert_is_stored_and_answered(client: TestClient, inside: Connection[Any]):
    answer = client.post(URL, content=BODY)
    assert answer.status_code == 200
    assert answer.json()["status"] == "accepted"
    assert rows(inside, "select alert_id::text, body, content_type from signals_raw") == [
        (answer.json()["alert_id"], BODY, None)
    ]
    assert rows(inside, "select agent, row_kind from bus.deliveries") == [("intake", "alert")]


def test_second_post_of_an_alert_is_a_duplicate_of_the_first(client: TestClient):
    first = client.post(URL, content=BODY).json()
    second = client.post(URL, content=BODY)
    assert second.status_code == 200
    assert second.json() == {"status": "duplicate", "alert_id": first["alert_id"]}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello, is anybody there?",
        b"\xff\xfe\x00\x01\x80 binary",
        b"\x00" * 40,
        b'{"ticker": "EURUSD"',
        b'{"ticker": "EURUSD", "action": "buy", "comment": "a\\u0000b"}',
        b'{"ticker": "EURUSD", "action": "buy", "comment": "a\\ud800b"}',
        b'{"ticker": "EURUSD", "action": "buy", "price": 1e999999999}',
        b"[" * 20_000,
    ],
    ids=[
        "empty",
        "prose",
        "binary",
        "zeros",
        "half a document",
        "NUL in a text",
        "half a surrogate pair",
        "a number beyond numbers",
        "nested without end",
    ],
)
def test_body_that_nobody_understands_is_kept_as_it_came(
    client: TestClient, inside: Connection[Any], body: bytes
):
    answer = client.post(URL, content=body)
    assert (answer.status_code, answer.json()["status"]) == (200, "accepted")
    ((stored, understood, reason),) = rows(
        inside, "select body, understood, reason_code from signals_raw"
    )
    assert bytes(stored) == body
    assert understood is (reason is None)


def test_unknown_token_is_404_and_leaves_nothing(client: TestClient, inside: Connection[Any]):
    answer = client.post("/webhooks/tradingview/somebody-else", content=BODY)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["code"], answer.json()["name"]) == ("TR201", "TOKEN_UNKNOWN")
    assert rows(inside, "select count(*) from signals_raw") == [(0,)]


def test_revoked_token_is_410(client: TestClient, inside: Connection[Any]):
    inside.execute("update intake.sources set state = 'revoked', revoked_at = now()")
    answer = client.post(URL, content=BODY)
    assert (answer.status_code, answer.json()["code"]) == (410, "TR202")


def test_body_of_64_kib_is_taken_and_one_byte_more_is_413(
    client: TestClient, inside: Connection[Any]
):
    assert client.post(URL, content=b"x" * 65_536).status_code == 200
    answer = client.post(URL, content=b"x" * 65_537)
    assert (answer.status_code, answer.json()["code"]) == (413, "TR203")
    assert rows(inside, "select octet_length(body) from signals_raw") == [(65_536,)]


def test_source_that_posts_faster_than_it_may_is_429(client: TestClient, inside: Connection[Any]):
    add_token(inside, "slow", "slow", rate_per_minute=3)
    answers = [
        client.post("/webhooks/tradingview/slow", content=f"buy EURUSD {number}".encode())
        for number in range(6)
    ]
    # The first post tells the rate and three more are within it; the next room opens in 20 s.
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 429, 429]
    assert answers[-1].json()["code"] == "TR204"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert rows(inside, "select count(*) from signals_raw") == [(4,)]


def test_only_post_is_allowed(client: TestClient):
    answer = client.get(URL)
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"


def test_address_of_the_caller_is_kept_where_it_is_one(client: TestClient, inside: Connection[Any]):
    # The test client calls itself "testclient", which is no address.
    client.post(URL, content=BODY)
    assert rows(inside, "select remote_address from signals_raw") == [(None,)]


def test_old_token_is_good_beside_the_new_one_until_its_time_is_over(
    client: TestClient, inside: Connection[Any]
):
    add_token(inside, "turning", "old")
    inside.execute(
        "insert into intake.source_tokens (token_id, source_id, token_sha256)"
        " values (gen_random_uuid(), 'turning', sha256('new'))"
    )
    until = "update intake.source_tokens set valid_until = now() + %s where token_sha256 = %s"
    old = sha256(b"old").digest()
    inside.execute(until, (timedelta(minutes=1), old))
    first = client.post("/webhooks/tradingview/old", content=WITH_TIME)
    again = client.post("/webhooks/tradingview/new", content=WITH_TIME)
    assert (first.status_code, first.json()["status"]) == (200, "accepted")
    # A new token does not make old alerts new.
    assert again.json() == {"status": "duplicate", "alert_id": first.json()["alert_id"]}
    inside.execute(until, (timedelta(seconds=-1), old))
    assert client.post("/webhooks/tradingview/old", content=BODY).status_code == 410
    assert client.post("/webhooks/tradingview/new", content=BODY).status_code == 200


def test_tokens_of_one_source_share_its_rate():
    rates = SourceRates()
    for token in (b"old", b"new"):
        rates.learn(token, "turning", 2)
    assert [rates.spend(token, 0) for token in (b"old", b"new")] == [0, 0]
    assert rates.spend(b"old", 0) == rates.spend(b"new", 0) == 31
    assert rates.spend(b"new", 31_000_000_000) == 0
