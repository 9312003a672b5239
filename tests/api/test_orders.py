"""Working orders are changed and cancelled over HTTP by operators of their organisation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import Connection
from starlette.testclient import TestClient

from tests.api.conftest import Bearer
from tests.kit.order_flow import a_report, an_order, clear_orders, open_attempt, record
from tests.kit.trading_desk import rows


@pytest.fixture(autouse=True)
def _clean(inside: Connection[Any]) -> Iterator[None]:
    inside.execute("delete from ops.idempotency_keys")
    clear_orders(inside)
    yield
    clear_orders(inside)


def test_terms_change_and_a_cancel_follows_each_once_per_key(
    client: TestClient, bearer: Bearer, inside: Connection[Any]
):
    order = an_order(inside, order_type="limit", limit_price="1.0990", time_in_force="GTC")
    record(inside, open_attempt(inside, order), a_report("accepted"))
    headers = {**bearer("desk_operator"), "Idempotency-Key": "key-0001"}
    body = {"limit_price": "1.0980", "reason": "the level moved"}
    for _ in range(2):
        answer = client.post(f"/orders/{order}/modify", json=body, headers=headers)
        assert (answer.status_code, answer.json()["status"]) == (200, "pending_update")
    other = {**headers, "Idempotency-Key": "key-0002"}
    again = client.post(f"/orders/{order}/modify", json=body, headers=other)
    assert (again.status_code, again.json()["code"]) == (409, "TR420")
    third = {**headers, "Idempotency-Key": "key-0003"}
    ended = client.post(f"/orders/{order}/cancel", json={"reason": "enough"}, headers=third)
    assert (ended.status_code, ended.json()["status"]) == (200, "pending_cancel")
    assert rows(inside, "select distinct requested_by from execution.order_changes") == [("maria",)]


def test_others_may_neither_change_nor_cancel(
    client: TestClient, bearer: Bearer, inside: Connection[Any]
):
    order = an_order(inside)
    path, body = f"/orders/{order}/cancel", {"reason": "mine"}
    auditor = {**bearer("auditor"), "Idempotency-Key": "key-0004"}
    assert client.post(path, json=body, headers=auditor).status_code == 403
    assert client.post(path, json=body, headers={"Idempotency-Key": "key-5555"}).status_code == 401
    assert rows(inside, "select status from orders") == [("initialized",)]
