"""The sender is whom a trusted proxy saw, never whom a stranger names."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import Connection
from starlette.datastructures import Headers
from starlette.testclient import TestClient

from backend.api.addresses import networks, sender_of
from backend.api.app import create_app
from backend.settings import Settings
from tests.kit.trading_desk import BODY, add_token, rows

TRUSTED = networks(["127.0.0.1", "10.0.0.0/8"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "sender"),
    [
        ("52.89.214.238", [], "52.89.214.238"),
        ("52.89.214.238", ["1.1.1.1"], "52.89.214.238"),
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["52.89.214.238"], "52.89.214.238"),
        ("127.0.0.1", ["6.6.6.6, 52.89.214.238"], "52.89.214.238"),
        ("127.0.0.1", ["6.6.6.6, 52.89.214.238, 10.1.2.3"], "52.89.214.238"),
        ("127.0.0.1", ["6.6.6.6", "52.89.214.238:4711"], "52.89.214.238"),
        ("::ffff:127.0.0.1", ["[2001:db8::1]:80"], "2001:db8::1"),
        ("127.0.0.1", ["52.89.214.238, unknown"], None),
        ("testclient", ["52.89.214.238"], None),
        (None, [], None),
    ],
)
def test_sender_is_the_first_that_is_no_trusted_proxy(
    peer: str | None, forwarded: list[str], sender: str | None
):
    headers = Headers(raw=[(b"x-forwarded-for", value.encode()) for value in forwarded])
    assert sender_of(peer, headers, TRUSTED) == sender


def test_nobody_is_believed_without_being_told_so():
    headers = Headers({"x-forwarded-for": "1.1.1.1"})
    assert sender_of("127.0.0.1", headers, ()) == "127.0.0.1"


def test_source_with_an_allow_list_is_closed_to_others(settings: Settings, inside: Connection[Any]):
    add_token(inside, "guarded", "guarded", allowed_addresses=["52.89.214.238", "10.9.0.0/16"])
    proxied = settings.model_copy(update={"trusted_proxies": ("127.0.0.0/8",)})
    with TestClient(create_app(proxied), client=("127.0.0.1", 1)) as client:
        answers = [
            client.post(
                "/webhooks/tradingview/guarded", content=body, headers={"X-Forwarded-For": sender}
            )
            for body, sender in (
                (BODY, "1.1.1.1"),
                (BODY, "1.1.1.1, 52.89.214.238"),
                (b"buy EURUSD", "10.9.8.7"),
                (b"sell EURUSD", "who knows"),
            )
        ]
    assert [answer.status_code for answer in answers] == [403, 200, 200, 403]
    assert answers[0].json()["name"] == "ADDRESS_NOT_ALLOWED"
    assert rows(inside, "select host(remote_address) from signals_raw order by received_at") == [
        ("52.89.214.238",),
        ("10.9.8.7",),
    ]
