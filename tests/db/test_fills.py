"""Positions are what the fills make them, in any order and however often they are told."""

from __future__ import annotations

from collections.abc import Generator
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection

from backend.db.master_data import add_instruments
from backend.domain.pnl import FillFacts, Position, apply_fill
from backend.values import Side
from tests.kit.order_flow import (
    a_fill,
    a_report,
    an_order,
    clear_orders,
    open_attempt,
    order_desk,
    record,
)
from tests.kit.postgres import Database
from tests.kit.trading_desk import an_instrument, rows

CLOSE_ENOUGH = Decimal("0.00001")


@pytest.fixture(scope="module")
def desk() -> Generator[Database]:
    with order_desk() as database:
        with psycopg.connect(database.superuser_url) as conn:
            conn.execute("set local role desk_owner")
            add_instruments(conn, [an_instrument("USDJPY", tick_size=Decimal("0.001"), digits=3)])
            add_instruments(conn, [an_instrument("EURCHF")])
        yield database


def trade(
    bridge: Connection[Any],
    inside: Connection[Any],
    side: str,
    quantity: str,
    price: str,
    **changes: Any,
) -> dict[str, Any]:
    order_id = an_order(inside, quantity, side, **changes)
    attempt = open_attempt(bridge, order_id)
    return record(bridge, attempt, a_report("filled", a_fill(quantity, price)))


def position(inside: Connection[Any]) -> tuple[Any, ...]:
    return rows(inside, "select quantity, average_price, realized_pnl, commission from positions")[
        0
    ]


def test_closing_realises_the_difference_and_the_account_has_it(
    bridge: Connection[Any], inside: Connection[Any]
):
    trade(bridge, inside, "BUY", "2", "1.1000")
    trade(bridge, inside, "SELL", "1", "1.1020")
    quantity, average, realized, commission = position(inside)
    assert (quantity, average, realized, commission) == (1, Decimal("1.1"), 200, 7)
    assert rows(
        inside,
        "select equity, peak_equity, realized_today from risk.account_state"
        " where account_id = 'paper-1'",
    ) == [(Decimal(100_193), Decimal("100193.00000000"), 193)]


def test_average_price_keeps_twenty_places_however_many_fills_make_it(
    bridge: Connection[Any], inside: Connection[Any]
):
    for price in ("1.1000", "1.1001", "1.1003", "1.1004", "1.1000", "1.1001", "1.1005"):
        trade(bridge, inside, "BUY", "1", price)
    _, average, _, _ = position(inside)
    assert abs(average - Decimal("1.1002")) < Decimal("1e-18")
    assert -average.as_tuple().exponent <= 20


def test_position_that_turns_begins_at_the_turning_price(
    bridge: Connection[Any], inside: Connection[Any]
):
    trade(bridge, inside, "BUY", "1", "1.1000")
    trade(bridge, inside, "SELL", "3", "1.0990")
    quantity, average, realized, _ = position(inside)
    assert (quantity, average, realized) == (-2, Decimal("1.0990"), -100)


def test_flat_position_has_no_price(bridge: Connection[Any], inside: Connection[Any]):
    trade(bridge, inside, "SELL", "1", "1.1000")
    trade(bridge, inside, "BUY", "1", "1.1000")
    assert position(inside)[:3] == (0, None, 0)


def test_money_of_a_pair_quoted_in_another_currency_is_converted_at_the_fill(
    bridge: Connection[Any], inside: Connection[Any]
):
    changes = {"symbol": "USDJPY", "reference_price": Decimal(150), "stop_loss": None}
    changes["take_profit"] = None
    trade(bridge, inside, "BUY", "1", "150.000", **changes)
    trade(bridge, inside, "SELL", "1", "150.300", **changes)
    ((realized,),) = rows(inside, "select realized_pnl from positions where symbol = 'USDJPY'")
    assert realized == round(Decimal("0.3") * 100_000 / Decimal("150.3"), 8)


def test_fill_without_a_conversion_rate_is_booked_and_its_money_is_unknown(
    bridge: Connection[Any], inside: Connection[Any]
):
    changes = {"symbol": "EURCHF", "stop_loss": None, "take_profit": None}
    trade(bridge, inside, "BUY", "1", "0.9500", **changes)
    assert rows(inside, "select value_per_point, realized_pnl from fills") == [(None, 0)]
    assert rows(inside, "select quantity from positions") == [(1,)]


def test_new_day_starts_its_result_anew(bridge: Connection[Any], inside: Connection[Any]):
    inside.execute(
        "update risk.account_state set day = day - 1, realized_today = 50, day_start_equity = 1"
    )
    trade(bridge, inside, "BUY", "1", "1.1000")
    assert rows(
        inside,
        "select day_start_equity, realized_today from risk.account_state"
        " where account_id = 'paper-1'",
    ) == [(100_000, Decimal("-3.5"))]


def test_fills_are_append_only(bridge: Connection[Any], inside: Connection[Any]):
    trade(bridge, inside, "BUY", "1", "1.1000")
    for statement in ("update public.fills set price = 2", "delete from public.fills"):
        with pytest.raises(psycopg.errors.Error):
            bridge.execute(statement)


legs = st.lists(
    st.tuples(
        st.sampled_from(("BUY", "SELL")),
        st.integers(1, 300).map(lambda n: Decimal(n) / 100),
        st.integers(10_500, 11_500).map(lambda n: Decimal(n) / 10_000),
    ),
    min_size=1,
    max_size=5,
)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(legs=legs, repeats=st.data())
def test_position_equals_the_sum_of_fills_in_any_order_and_under_repetition(
    bridge: Connection[Any],
    inside: Connection[Any],
    legs: list[tuple[str, Decimal, Decimal]],
    repeats: st.DataObject,
):
    clear_orders(inside)
    held = Position()
    realized = Decimal(0)
    told: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for side, quantity, price in legs:
        attempt = open_attempt(bridge, an_order(inside, str(quantity), side))
        report = a_report("filled", a_fill(str(quantity), str(price)))
        record(bridge, attempt, report)
        told.append((attempt, report))
        again = repeats.draw(st.sampled_from(told))
        record(bridge, *again)
        result = apply_fill(
            held, FillFacts(Side(side), quantity, price, Decimal(100_000), Decimal(0))
        )
        held, realized = result.position, realized + result.realized
    found, average, booked, commission = position(inside)
    signed = sum((q if s == "BUY" else -q for s, q, _ in legs), Decimal(0))
    spent = sum((q * p if s == "BUY" else -q * p for s, q, p in legs), Decimal(0))
    assert found == signed == held.quantity
    assert commission == Decimal("3.5") * len(legs)
    # The same as the domain's own arithmetic …
    assert abs((average or 0) - held.average_price) < CLOSE_ENOUGH
    assert abs(booked - realized) < CLOSE_ENOUGH
    # … and no order of fills makes or loses money: realised less cost is what was spent.
    assert abs(booked / 100_000 - found * (average or 0) + spent) < CLOSE_ENOUGH
