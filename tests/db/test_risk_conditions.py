"""Limits that look past the book: at their border, one step past it, and without their figures."""

from __future__ import annotations

from collections.abc import Generator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection
from psycopg.types.json import Jsonb

from backend.domain.scenarios import tail_losses
from backend.policies import PACKS, apply_pack, load_pack, parse_pack
from tests.kit.money import (
    a_pack,
    an_intent,
    authorize,
    authorize_one,
    call,
    hold,
    money_database,
    quote_all,
    scalar,
    use,
)
from tests.kit.postgres import Database

WORST = [0.001] * 495 + [-0.01, -0.02, -0.03, -0.04, -0.05]
LOTS = {"EURUSD": Decimal(110_010), "USDJPY": Decimal(100_000), "EURJPY": Decimal("110013.33")}


@pytest.fixture(scope="module")
def desk() -> Generator[Database]:
    with money_database() as database:
        yield database


@pytest.fixture
def conn(desk: Database) -> Generator[Connection[Any]]:
    with psycopg.connect(desk.superuser_url) as connection:
        quote_all(connection)
        yield connection
        connection.rollback()


def scenarios(
    conn: Connection[Any],
    returns: dict[str, list[float]],
    correlations: dict[str, dict[str, str]] | None = None,
    good_until: str = "2100-01-01T00:00:00Z",
) -> None:
    item = {
        "first_day": "2024-01-01T00:00:00Z",
        "last_day": "2026-01-01T00:00:00Z",
        "good_until": good_until,
        "symbols": [
            {
                "symbol": symbol,
                "returns": [f"{value:.10f}" for value in values],
                "correlations": (correlations or {}).get(symbol, {}),
            }
            for symbol, values in returns.items()
        ],
    }
    call(conn, "risk.record_scenarios", item)


def measured(conn: Connection[Any], kind: str, scope: str, of: str, value: str) -> None:
    conn.execute(
        "insert into risk.measurements (scope, scope_id, kind, value, sample, good_until)"
        " values (%s, %s, %s, %s, 50, clock_timestamp() + interval '1 minute')"
        " on conflict (scope, scope_id, kind) do update set value = excluded.value,"
        " good_until = excluded.good_until",
        (scope, of, kind, value),
    )


def judged(conn: Connection[Any], limits: dict[str, Any], **intent: Any) -> str | None:
    use(conn, a_pack(limits, trim=False))
    return authorize_one(conn, **intent)["code"]


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


@pytest.mark.parametrize(("scope", "of"), [("strategy", "tv-smc"), ("venue", "mt5-paper")])
def test_who_rests_opens_nothing_until_time_or_votes_end_it(conn: Any, scope: str, of: str) -> None:
    rest = {"cooldown_id": str(uuid4()), "scope": scope, "scope_id": of, "reason": "test"}
    call(conn, "risk.start_cooldowns", {**rest, "rests_s": 600})
    assert authorize_one(conn)["code"] == "TR349"
    hold(conn, "EURUSD", "5")
    assert authorize_one(conn, side="SELL", quantity="1")["code"] is None
    conn.execute("update risk.cooldowns set rests_until = clock_timestamp()")
    assert authorize_one(conn)["code"] is None


def test_a_cooldown_is_only_ever_prolonged(conn: Any) -> None:
    rest = {"scope": "venue", "scope_id": "mt5-paper", "reason": "test"}

    def start(rests_s: int | None) -> Any:
        item = {**rest, "cooldown_id": str(uuid4()), "rests_s": rests_s}
        call(conn, "risk.start_cooldowns", item)
        return scalar(conn, "select rests_until from risk.cooldowns where ended_at is null")

    first = start(600)
    assert start(60) == first
    assert start(None) is None
    assert start(60) is None


def test_a_cooldown_ends_early_by_a_passed_proposal_only(conn: Any) -> None:
    rest = {"cooldown_id": str(uuid4()), "scope": "strategy", "scope_id": "tv-smc"}
    call(conn, "risk.start_cooldowns", {**rest, "reason": "test", "rests_s": None})
    end = {"cooldown_id": rest["cooldown_id"]}
    with pytest.raises(psycopg.Error) as caught, conn.transaction():
        call(conn, "risk.end_cooldowns", end)
    assert caught.value.sqlstate == "TR512"
    proposal_id = uuid4()
    conn.execute(
        "insert into public.proposals (proposal_id, org_id, kind, subject, proposed_by, expires_at)"
        " values (%s, 'demo', 'end_cooldown', %s, 'test', clock_timestamp() + interval '1 h')",
        (proposal_id, rest["cooldown_id"]),
    )
    conn.execute("select governance.record_event(%s, 'approved', '{}')", (proposal_id,))
    call(conn, "risk.end_cooldowns", end)
    assert authorize_one(conn)["code"] is None
    state = "select state from public.proposals where proposal_id = %s"
    assert scalar(conn, state, proposal_id) == "executed"


def test_only_what_exists_can_rest(conn: Any) -> None:
    item = {"cooldown_id": str(uuid4()), "scope": "venue", "scope_id": "nowhere", "reason": "x"}
    with pytest.raises(psycopg.Error) as caught:
        call(conn, "risk.start_cooldowns", item)
    assert caught.value.sqlstate == "TR350"


def test_whoever_is_past_a_brake_is_sent_to_rest(conn: Any) -> None:
    use(conn, a_pack({"venue": {"*": {"rejection_rate_pct": "10"}}}, cooldown_s=900))
    measured(conn, "rejection_rate_pct", "venue", "mt5-paper", "11")
    assert scalar(conn, "select risk.cool_down_braked()") == 1
    assert scalar(conn, "select risk.cool_down_braked()") == 0
    measured(conn, "rejection_rate_pct", "venue", "mt5-paper", "0")
    assert authorize_one(conn)["code"] == "TR349"


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
