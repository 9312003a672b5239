"""Limits that look past the book: at their border, one step past it, and without their figures."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from psycopg import Connection

from backend.policies import PACKS, apply_pack, load_pack, parse_pack
from tests.kit import money_sessions
from tests.kit.conditions import WORST, judged, measured, scenarios
from tests.kit.money import (
    a_pack,
    an_intent,
    authorize,
    authorize_one,
    call,
    hold,
    scalar,
    use,
)

desk, conn = money_sessions.desk, money_sessions.conn
LOTS = {"EURUSD": Decimal(110_010), "USDJPY": Decimal(100_000), "EURJPY": Decimal("110013.33")}


@pytest.mark.parametrize(
    ("kind", "allowed", "denied", "code"),
    [
        ("concentration_pct", "110.01", "110", "TR341"),
        ("free_balance_min", "98899.9", "98900", "TR325"),
        ("counterparty_equity", "200000", "199999", "TR343"),
    ],
)
def test_each_figure_holds_at_its_border(
    conn: Any, kind: str, allowed: str, denied: str, code: str
) -> None:
    assert judged(conn, {kind: allowed}) is None
    conn.execute("delete from risk.reservations")
    assert judged(conn, {kind: denied}) == code


def test_concentration_and_free_balance_trim_to_what_fits(conn: Any) -> None:
    use(conn, a_pack({"concentration_pct": "55.01"}))
    assert authorize_one(conn)["authorized_quantity"] == "0.50"
    conn.execute("delete from risk.reservations")
    use(conn, a_pack({"free_balance_min": "99449"}))
    assert authorize_one(conn)["authorized_quantity"] == "0.50"


def test_a_closing_order_passes_what_it_relieves(conn: Any) -> None:
    hold(conn, "EURUSD", "5")
    scenarios(conn, {"EURUSD": WORST})
    limits = {
        "concentration_pct": "1",
        "free_balance_min": "99999999",
        "counterparty_equity": "1",
        "basket_exposure_pct": "1",
        "scenario_var_pct": "0",
        "expected_shortfall_pct": "0",
        "rejection_rate_pct": "0",
        "adverse_selection_bps": "0",
        "news_distance_s_min": "999999",
    }
    assert judged(conn, limits, side="SELL", quantity="5") is None
    assert judged(conn, limits, side="BUY", quantity="1") is not None


def test_symbols_that_move_together_count_as_one_basket(conn: Any) -> None:
    flat = {symbol: [0.0, 0.01] for symbol in LOTS}
    both = LOTS["EURUSD"] + LOTS["EURJPY"]
    over, under = f"{both / 1000 + 1:.2f}", f"{both / 1000 - 1:.2f}"
    for rho, code in (("0.8", "TR342"), ("0.79", None), ("-0.9", None)):
        scenarios(conn, flat, {"EURUSD": {"EURJPY": rho}})
        hold(conn, "EURJPY", "1")
        assert judged(conn, {"basket_exposure_pct": under}) == code
        assert judged(conn, {"basket_exposure_pct": under}, quantity="0.01") is None
        conn.execute("delete from risk.reservations")
    scenarios(conn, flat, {"EURUSD": {"EURJPY": "0.8"}})
    assert judged(conn, {"basket_exposure_pct": over}) is None


def test_opposite_moves_make_a_basket_of_opposite_positions(conn: Any) -> None:
    flat = {symbol: [0.0, 0.01] for symbol in LOTS}
    scenarios(conn, flat, {"EURUSD": {"EURJPY": "-0.9"}})
    hold(conn, "EURJPY", "-1")
    assert judged(conn, {"basket_exposure_pct": "200"}) == "TR342"


def test_a_correlation_that_is_not_known_denies(conn: Any) -> None:
    assert judged(conn, {"basket_exposure_pct": "99999"}) == "TR326"
    scenarios(conn, {"EURUSD": WORST}, {"EURUSD": {}})
    hold(conn, "EURJPY", "1")
    assert judged(conn, {"basket_exposure_pct": "99999"}) == "TR326"


@pytest.mark.parametrize(
    ("scope", "of"),
    [
        ("account", "paper-1"),
        ("strategy", "tv-smc"),
        ("venue", "mt5-paper"),
        ("instrument", "EURUSD"),
    ],
)
@pytest.mark.parametrize(
    ("kind", "code"), [("rejection_rate_pct", "TR346"), ("adverse_selection_bps", "TR345")]
)
def test_brakes_hold_at_their_border_and_deny_without_a_fresh_figure(
    conn: Any, kind: str, code: str, scope: str, of: str
) -> None:
    limit = {scope: {of: {kind: "10"}}}
    assert judged(conn, limit) == "TR326"
    measured(conn, kind, scope, of, "10")
    assert judged(conn, limit) is None
    measured(conn, kind, scope, of, "10.01")
    assert judged(conn, limit) == code
    measured(conn, kind, scope, of, "0")
    conn.execute("update risk.measurements set good_until = clock_timestamp()")
    assert judged(conn, limit) == "TR326"


@pytest.mark.parametrize(
    ("currency", "minutes", "code"),
    [
        ("USD", 20, "TR347"), ("EUR", 20, "TR347"), ("*", 20, "TR347"), ("USD", -20, "TR347"),
        ("CHF", 20, None), ("USD", 40, None), ("USD", -40, None),
    ],
)  # fmt: skip
def test_nothing_opens_around_an_announcement(
    conn: Any, currency: str, minutes: int, code: str | None
) -> None:
    assert judged(conn, {"news_distance_s_min": "1800"}) is None
    happens = scalar(conn, "select (clock_timestamp() + %s * interval '1 minute')::text", minutes)
    event = {"event_id": str(uuid4()), "happens_at": happens, "currency": currency, "title": "NFP"}
    for _ in range(2):
        call(conn, "risk.record_news", event)
    assert judged(conn, {"news_distance_s_min": "1800"}) == code


ALL_DAY = {
    "scope": "platform",
    "scope_id": "*",
    "days": [1, 2, 3, 4, 5, 6, 7],
    "opens": "00:00",
    "closes": "23:59",
}


def in_windows(conn: Connection[Any], *windows: dict[str, Any], **intent: Any) -> str | None:
    pack = a_pack()
    table = pack.model_dump(mode="json")
    use(conn, parse_pack({**table, "windows": list(windows)}, "tests"))
    return authorize_one(conn, **intent)["code"]


def test_outside_of_its_trading_windows_nothing_opens(conn: Any) -> None:
    today = scalar(conn, "select extract(isodow from clock_timestamp() at time zone 'utc')::int")
    other_day = {**ALL_DAY, "days": [today % 7 + 1]}
    assert in_windows(conn, ALL_DAY) is None
    assert in_windows(conn, other_day) == "TR348"
    assert in_windows(conn, other_day, ALL_DAY) is None
    # A window of another scope is a level of its own.
    assert in_windows(conn, ALL_DAY, {**other_day, "scope": "strategy"}) == "TR348"
    elsewhere = {**other_day, "scope": "strategy", "scope_id": "tv-two"}
    assert in_windows(conn, ALL_DAY, elsewhere) is None
    hold(conn, "EURUSD", "5")
    assert in_windows(conn, other_day, side="SELL", quantity="1") is None


@pytest.mark.parametrize(
    ("scope", "of", "same", "other"),
    [
        ("strategy", "tv-smc", {}, {"account_id": "paper-2"}),
        ("instrument", "EURUSD", {"account_id": "paper-2"},
         {"symbol": "USDJPY", "reference_price": "150", "stop_loss": "149", "take_profit": "152"}),
    ],
)  # fmt: skip
def test_rates_hold_for_each_strategy_and_instrument(
    conn: Any, scope: str, of: str, same: dict[str, Any], other: dict[str, Any]
) -> None:
    use(conn, a_pack({scope: {of: {"order_rate_per_minute": "2"}}}))
    answers = authorize(conn, an_intent(), an_intent(**other), an_intent(**same), an_intent())
    assert [answer["code"] for answer in answers] == [None, None, None, "TR317"]
    assert authorize_one(conn, **same)["code"] == "TR317"
    assert authorize_one(conn, **other)["code"] is None


def scaled(conn: Connection[Any], sigma: str, spread_bps: str) -> str:
    conn.execute(
        "update risk.volatilities set sigma = 0.01, sigma_usual = %s, spread_usual_bps = %s,"
        " good_until = 'infinity'",
        (sigma, spread_bps),
    )
    scaling = {"volatility_from": "1.3", "spread_from": "2", "floor": "0.25"}
    use(conn, a_pack({"order_quantity": "10"}, scaling=scaling))
    return authorize_one(conn, quantity="10")["authorized_quantity"]


def test_sizes_shrink_as_the_market_moves_more_or_costs_more_than_usual(conn: Any) -> None:
    # The spread is 2 points of 1.1001: 1.818 bps.
    assert scaled(conn, "0.01", "5") == "10.00"
    assert scaled(conn, "0.0077", "5") == "10.00"
    assert scaled(conn, "0.005", "5") == "6.50"
    assert scaled(conn, "0.001", "5") == "2.50"
    assert scaled(conn, "0.01", "0.4545") == "4.99"


def test_sizes_are_denied_where_what_is_usual_is_not_known(conn: Any) -> None:
    conn.execute("update risk.volatilities set sigma_usual = null")
    scaling = {"volatility_from": "1.3", "spread_from": "2", "floor": "0.25"}
    use(conn, a_pack(scaling=scaling))
    assert authorize_one(conn)["code"] == "TR326"


def test_the_desks_own_pack_lets_a_modest_order_pass_once_everything_is_known(conn: Any) -> None:
    pack = load_pack(PACKS / "default.toml")
    # At any hour, for a test.
    apply_pack(conn, pack.model_copy(update={"windows": ()}), applied_by="tests")
    modest = {"quantity": "0.1", "stop_loss": "1.0981", "take_profit": "1.1141"}
    unknown = authorize_one(conn, **modest)
    assert unknown["decision"] == "denied"
    scenarios(conn, {"EURUSD": WORST})
    conn.execute("select risk.renew_measurements('[{\"i\": 0}]')")
    conn.execute("update risk.volatilities set sigma = 0.005, good_until = 'infinity'")
    answer = authorize_one(conn, **modest)
    assert (answer["code"], answer["decision"]) == (None, "authorized")
