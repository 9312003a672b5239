"""Limits on the worst of the recorded days: at their border, trimmed to it, never guessed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection
from psycopg.types.json import Jsonb

from backend.domain.scenarios import tail_losses
from tests.kit import money_sessions
from tests.kit.conditions import WORST, judged, scenarios
from tests.kit.money import (
    a_pack,
    authorize_one,
    hold,
    quote_all,
    use,
)

desk, conn = money_sessions.desk, money_sessions.conn


@pytest.mark.parametrize(
    ("kind", "side", "allowed", "denied", "code"),
    [
        ("scenario_var_pct", "BUY", "1.1001", "1.1", "TR324"),
        ("scenario_var_pct", "SELL", "0.11001", "0.11", "TR324"),
        ("expected_shortfall_pct", "BUY", "3.3003", "3.3", "TR344"),
        ("expected_shortfall_pct", "SELL", "0.11001", "0.11", "TR344"),
    ],
)
def test_tails_hold_at_their_border(
    conn: Any, kind: str, side: str, allowed: str, denied: str, code: str
) -> None:
    scenarios(conn, {"EURUSD": WORST})
    assert judged(conn, {kind: allowed}, side=side) is None
    conn.execute("delete from risk.reservations")
    assert judged(conn, {kind: denied}, side=side) == code


def test_a_tail_trims_to_what_fits_where_the_pack_trims(conn: Any) -> None:
    scenarios(conn, {"EURUSD": WORST})
    use(conn, a_pack({"scenario_var_pct": "1.1", "expected_shortfall_pct": "1000"}))
    answer = authorize_one(conn)
    # One lot's is 1.1001 per cent: a step less holds.
    assert (answer["authorized_quantity"], answer["trimmed_by"]) == (
        "0.99",
        ["platform.scenario_var_pct"],
    )
    rows = conn.execute(
        "select limit_kind, outcome, observed, projected from public.risk_checks"
        " where intent_id = %s and limit_kind in ('scenario_var_pct', 'expected_shortfall_pct')",
        (answer["intent_id"],),
    ).fetchall()
    assert {kind: outcome for kind, outcome, _, _ in rows} == {
        "scenario_var_pct": "trimmed",
        "expected_shortfall_pct": "passed",
    }
    assert all(observed == 0 and projected < Decimal("3.3") for _, _, observed, projected in rows)
    # What stands fills the limit: nothing more of it fits, and the code says so.
    assert authorize_one(conn)["code"] == "TR324"


def test_what_other_limits_leave_is_within_the_tail_too(conn: Any) -> None:
    scenarios(conn, {"EURUSD": WORST})
    limits = {"expected_shortfall_pct": "2", "order_quantity": "0.5"}
    use(conn, a_pack(limits))
    answer = authorize_one(conn)
    assert answer["authorized_quantity"] == "0.50"
    assert answer["trimmed_by"] == ["platform.expected_shortfall_pct", "platform.order_quantity"]


_MOVES = st.lists(st.floats(-0.1, 0.1), min_size=120, max_size=120)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    _MOVES, _MOVES, st.sampled_from([-3, -1, 2]), st.sampled_from(["BUY", "SELL"]),
    st.sampled_from(["scenario_var_pct", "expected_shortfall_pct"]), st.integers(1, 60),
)  # fmt: skip
def test_a_trim_by_a_tail_is_the_largest_that_holds(
    conn: Connection[Any], euro: list[float], yen: list[float], held: int, side: str, kind: str,
    limit: int,
) -> None:  # fmt: skip
    scenarios(conn, {"EURUSD": euro, "USDJPY": yen})
    hold(conn, "EURUSD", str(held))
    hold(conn, "USDJPY", "1")
    use(conn, a_pack({kind: str(limit)}))
    answer = authorize_one(conn, side=side, quantity="5")
    fits = Decimal(answer["authorized_quantity"])
    conn.execute("delete from risk.reservations")
    use(conn, a_pack({kind: str(limit)}, trim=False, cooldown_s=1))
    if answer["decision"] == "trimmed":
        assert authorize_one(conn, side=side, quantity=str(fits))["code"] is None
        conn.execute("delete from risk.reservations")
    if fits < 5:
        more = fits + Decimal("0.01")
        assert authorize_one(conn, side=side, quantity=str(more))["code"] is not None
    conn.rollback()
    quote_all(conn)


@pytest.mark.parametrize("kind", ["scenario_var_pct", "expected_shortfall_pct"])
def test_stale_or_missing_scenarios_deny(conn: Any, kind: str) -> None:
    assert judged(conn, {kind: "99999"}) == "TR326"
    scenarios(conn, {"EURUSD": WORST}, good_until="2020-01-01T00:00:00Z")
    assert judged(conn, {kind: "99999"}) == "TR326"
    scenarios(conn, {"EURUSD": WORST})
    assert judged(conn, {kind: "99999"}) is None
    hold(conn, "USDJPY", "1")
    assert judged(conn, {kind: "99999"}) == "TR326"


_RETURNS = st.lists(st.floats(-0.1, 0.1), min_size=120, max_size=120)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(_RETURNS, _RETURNS, st.integers(-300, 300), st.integers(1, 300))
def test_tails_are_those_of_the_worst_book(
    conn: Connection[Any], euro: list[float], yen: list[float], held: int, lots: int
) -> None:
    book = [
        {
            "account_id": "paper-1", "symbol": symbol, "quantity": quantity, "buys": buys,
            "sells": 0, "lot": "1000",
        }
        for symbol, quantity, buys in (("EURUSD", held, 7), ("USDJPY", 5, 0))
    ]  # fmt: skip
    scenarios(conn, {"EURUSD": euro, "USDJPY": yen})
    row = conn.execute(
        "select * from risk.book_tails(%s, 'paper-1', 'EURUSD', 'BUY', 1000, %s)",
        (Jsonb(book), lots),
    ).fetchone()
    conn.rollback()
    assert row is not None

    def worst(extra: int) -> list[float]:
        return [
            1000 * (min((held + 7 + extra) * e, held * e) + 5 * y)
            for e, y in zip(euro, yen, strict=True)
        ]

    (var_before, loss_before), (var_after, loss_after) = (
        tail_losses(worst(0)),
        tail_losses(worst(lots)),
    )
    expected = (var_before, var_after, loss_before, loss_after)
    assert [float(value) for value in row] == pytest.approx(expected, rel=1e-6, abs=0.01)
