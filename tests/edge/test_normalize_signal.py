"""A signal asked about at the edge comes out as the Normalizer has it, and is not stored."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from psycopg import Connection

from backend.contracts.denials import Code
from backend.contracts.envelope import canonical
from tests.kit.edge import EdgeFunction
from tests.kit.trading_desk import TOKEN, add_quote, rows

SIGNAL = {"symbol_raw": "OANDA:EURUSD.m", "side": "BUY", "order_type": "market", "timeframe": "15"}


def body(**more: Any) -> bytes:
    return json.dumps({**SIGNAL, **more}).encode()


def test_a_signal_is_answered_in_the_desks_words(
    normalizing: EdgeFunction, inside: Connection[Any]
):
    answer = normalizing.post(TOKEN, body(price="1.100004", stop_loss="1.09"))
    found = answer.document
    assert (found["outcome"], found["symbol"], found["timeframe"]) == (
        "normalized",
        "EURUSD",
        "M15",
    )
    assert (found["price"], found["stop_loss"]) == ("1.10000", "1.09000")
    assert answer.body == canonical(found)
    assert rows(inside, "select count(*) from signals_raw") == [(0,)]
    assert rows(inside, "select count(*) from signals_normalized") == [(0,)]


def test_distances_are_measured_from_the_desks_quote(
    normalizing: EdgeFunction, inside: Connection[Any]
):
    add_quote(inside)
    inside.execute("update latest_quotes set received_at = clock_timestamp()")
    ((ask,),) = rows(inside, "select ask from latest_quotes where symbol = 'EURUSD'")
    distance = {"value": "20", "unit": "pips"}
    found = normalizing.post(TOKEN, body(stop_distance=distance)).document
    assert Decimal(found["stop_loss"]) == ask - Decimal("0.002")


def test_an_instrument_that_is_not_open_for_trading_says_so(
    normalizing: EdgeFunction, inside: Connection[Any]
):
    inside.execute("update instruments set state = 'watchlist_only' where symbol = 'GBPUSD'")
    found = normalizing.post(TOKEN, body(symbol_raw="GBPUSD")).document
    inside.execute("update instruments set state = 'tradable' where symbol = 'GBPUSD'")
    assert (found["outcome"], found["code"]) == ("denied", "SYMBOL_NOT_TRADABLE")


def test_what_would_have_to_be_guessed_goes_to_a_person(normalizing: EdgeFunction, inside: Any):
    found = normalizing.post(TOKEN, body(symbol_raw="NYSE:EURUSD")).document
    assert (found["outcome"], found["code"]) == ("review", "SYMBOL_UNKNOWN")


def test_nobody_without_a_token_learns_anything(normalizing: EdgeFunction, inside: Connection[Any]):
    answer = normalizing.post("nobody", body())
    assert (answer.status, answer.document["code"]) == (404, Code.TOKEN_UNKNOWN)
    inside.execute("update intake.source_tokens set revoked_at = clock_timestamp()")
    answer = normalizing.post(TOKEN, body())
    assert (answer.status, answer.document["code"]) == (410, Code.TOKEN_REVOKED)


def test_a_malformed_signal_is_refused(normalizing: EdgeFunction):
    answer = normalizing.post(TOKEN, body(price=1.1))
    assert (answer.status, answer.document["title"]) == (422, "price: a string is needed")
