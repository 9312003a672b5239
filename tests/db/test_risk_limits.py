"""Every kind of limit denies with its own code, trims where it may, and denies when it is gone."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from psycopg import Connection

from backend.policies import LIMIT_KINDS
from tests.kit import money_sessions
from tests.kit.money import (
    LOOSE,
    a_pack,
    an_intent,
    authorize,
    authorize_one,
    hold,
    quote_all,
    scalar,
    use,
)

desk, conn = money_sessions.desk, money_sessions.conn


def lose(conn: Connection[Any], percent: int) -> None:
    """Let the account have lost so much of its equity since the day began."""
    conn.execute(
        "update risk.account_state set equity = equity * (100 - %s) / 100"
        " where account_id = 'paper-1'",
        (percent,),
    )


def checks_of(conn: Connection[Any], intent_id: str) -> dict[str, tuple[str, str | None]]:
    rows = conn.execute(
        "select limit_kind, outcome, code from public.risk_checks where intent_id = %s",
        (intent_id,),
    ).fetchall()
    return {kind: (outcome, code) for kind, outcome, code in rows}


def test_an_intent_within_all_limits_is_authorised_with_a_check_for_each(conn: Any) -> None:
    answer = authorize_one(conn)
    assert (answer["decision"], answer["authorized_quantity"]) == ("authorized", "1.00")
    checks = checks_of(conn, answer["intent_id"])
    assert set(checks) == set(LOOSE)
    assert {outcome for outcome, _ in checks.values()} == {"passed"}


BREACHES = [
    ("order_notional", "5", {}, "TR308"),
    ("order_quantity", "0.001", {}, "TR309"),
    ("position_quantity", "0.001", {}, "TR310"),
    ("position_notional", "5", {}, "TR310"),
    ("gross_exposure", "5", {}, "TR311"),
    ("net_exposure", "5", {}, "TR312"),
    ("leverage", "0.0001", {}, "TR313"),
    ("margin_used_pct", "0.0001", {}, "TR325"),
    ("risk_per_trade_pct", "0.0001", {}, "TR335"),
    ("var_pct", "0.0001", {}, "TR324"),
    ("open_orders", "0", {}, "TR316"),
    ("order_rate_per_minute", "0", {}, "TR317"),
    ("open_positions", "0", {}, "TR334"),
    ("price_collar_bps", "1", {"reference_price": "1.1010"}, "TR318"),
    ("spread_bps", "1", {}, "TR319"),
    ("stop_loss_required", "1", {"stop_loss": None}, "TR320"),
    ("reward_to_risk_min", "2.5", {}, "TR321"),
]


@pytest.mark.parametrize(("kind", "limit", "changes", "code"), BREACHES)
def test_each_kind_of_limit_denies_with_its_code(
    conn: Any, kind: str, limit: str, changes: dict[str, Any], code: str
) -> None:
    use(conn, a_pack({kind: limit}))
    answer = authorize_one(conn, **changes)
    assert (answer["decision"], answer["code"]) == ("denied", code)
    assert checks_of(conn, answer["intent_id"])[kind] == ("denied", code)
    assert scalar(conn, "select count(*) from risk.reservations") == 0


@pytest.mark.parametrize("kind", ["daily_loss_hard_pct", "drawdown_pct"])
def test_losses_deny_once_they_reach_their_limit(conn: Any, kind: str) -> None:
    use(conn, a_pack({kind: "10"}))
    lose(conn, 9)
    assert authorize_one(conn)["code"] is None
    lose(conn, 5)
    assert authorize_one(conn)["code"] == {"drawdown_pct": "TR315"}.get(kind, "TR314")


def test_past_the_soft_daily_loss_orders_are_halved(conn: Any) -> None:
    use(conn, a_pack({"daily_loss_soft_pct": "2"}))
    lose(conn, 3)
    answer = authorize_one(conn, quantity="1")
    assert (answer["decision"], answer["authorized_quantity"]) == ("trimmed", "0.50")
    assert answer["risk_level"] == "HIGH"
    assert answer["breach_flags"] == ["platform.daily_loss_soft_pct"]


def test_without_trimming_the_soft_daily_loss_denies(conn: Any) -> None:
    use(conn, a_pack({"daily_loss_soft_pct": "2"}, trim=False))
    lose(conn, 3)
    assert authorize_one(conn)["code"] == "TR314"


def test_a_new_day_starts_with_the_equity_that_is_left(conn: Any) -> None:
    use(conn, a_pack({"daily_loss_hard_pct": "5"}))
    lose(conn, 10)
    conn.execute("update risk.account_state set day = day - 1")
    assert authorize_one(conn)["code"] is None


def test_a_stale_quote_denies(conn: Any) -> None:
    use(conn, a_pack({"quote_age_ms": "500"}))
    quote_all(conn, age_s=2)
    assert authorize_one(conn)["code"] == "TR303"


def test_a_stale_account_state_denies_where_the_pack_limits_it(conn: Any) -> None:
    use(conn, a_pack({"account_state_age_ms": "1000"}))
    conn.execute("update risk.account_state set as_of = as_of - interval '1 minute'")
    assert authorize_one(conn)["code"] == "TR333"


@pytest.mark.parametrize("kind", [kind for kind, k in LIMIT_KINDS.items() if k.mandatory])
def test_a_missing_mandatory_limit_denies(conn: Any, kind: str) -> None:
    use(conn, a_pack(without=(kind,)))
    answer = authorize_one(conn)
    assert (answer["decision"], answer["code"]) == ("denied", "TR301")
    assert checks_of(conn, answer["intent_id"])[kind] == ("denied", "TR301")


@pytest.mark.parametrize(
    ("scope", "of", "other"),
    [
        ("organization", "demo", "elsewhere"),
        ("account", "paper-1", "paper-2"),
        ("strategy", "tv-smc", "tv-two"),
        ("instrument", "EURUSD", "USDJPY"),
        ("venue", "mt5-paper", "elsewhere"),
    ],
)
def test_the_tightest_of_all_levels_holds_and_others_do_not(
    conn: Any, scope: str, of: str, other: str
) -> None:
    use(conn, a_pack({"order_quantity": "10", scope: {other: {"order_quantity": "0.1"}}}))
    assert authorize_one(conn, quantity="5")["authorized_quantity"] == "5.00"
    use(conn, a_pack({"order_quantity": "10", scope: {of: {"order_quantity": "2"}}}))
    assert authorize_one(conn, quantity="5")["authorized_quantity"] == "2.00"
    use(conn, a_pack({"order_quantity": "1", scope: {"*": {"order_quantity": "2"}}}))
    assert authorize_one(conn, quantity="5")["authorized_quantity"] == "1.00"


def test_all_breaches_are_recorded_not_only_the_first(conn: Any) -> None:
    use(conn, a_pack({"spread_bps": "1", "order_quantity": "0.001", "leverage": "0.0001"}))
    answer = authorize_one(conn)
    denied = {kind for kind, (outcome, _) in checks_of(conn, answer["intent_id"]).items()
              if outcome == "denied"}  # fmt: skip
    assert denied == {"spread_bps", "order_quantity", "leverage"}
    assert len(answer["breach_flags"]) == 3


def test_a_trim_ends_on_the_volume_step_under_the_tightest_limit(conn: Any) -> None:
    use(conn, a_pack({"order_notional": "123456", "order_quantity": "3"}))
    answer = authorize_one(conn, quantity="5")
    assert answer["decision"] == "trimmed"
    # 123456 / 110010 = 1.122…
    assert answer["authorized_quantity"] == "1.12"
    assert "platform.order_notional" in answer["trimmed_by"]
    reserved = scalar(conn, "select remaining_notional from risk.reservations")
    assert reserved == Decimal("1.12") * 110010


def test_what_trimming_leaves_below_the_smallest_order_is_denied(conn: Any) -> None:
    use(conn, a_pack({"order_notional": "1000"}))
    assert authorize_one(conn)["code"] == "TR308"


def test_a_pack_without_trimming_denies_what_is_too_large(conn: Any) -> None:
    use(conn, a_pack({"order_quantity": "1"}, trim=False))
    assert authorize_one(conn, quantity="2")["code"] == "TR309"


def test_a_quantity_below_the_instruments_minimum_is_denied(conn: Any) -> None:
    assert authorize_one(conn, quantity="0.001")["code"] == "TR329"


def test_a_closing_order_passes_limits_that_it_relieves(conn: Any) -> None:
    hold(conn, "EURUSD", "5")
    use(conn, a_pack({"position_quantity": "1", "gross_exposure": "1", "leverage": "0.1"}))
    answer = authorize_one(conn, side="SELL", quantity="5")
    assert (answer["decision"], answer["authorized_quantity"]) == ("authorized", "5.00")
    assert authorize_one(conn, side="BUY")["decision"] == "denied"


def test_a_closing_order_that_would_turn_the_position_is_trimmed_to_the_limit(conn: Any) -> None:
    hold(conn, "EURUSD", "5")
    use(conn, a_pack({"position_quantity": "1"}))
    answer = authorize_one(conn, side="SELL", quantity="9")
    assert answer["authorized_quantity"] == "6.00"


def test_a_reduce_only_order_never_opens(conn: Any) -> None:
    assert authorize_one(conn, reduce_only=True)["code"] == "TR340"
    hold(conn, "EURUSD", "2")
    assert authorize_one(conn, reduce_only=True)["code"] == "TR340"
    answer = authorize_one(conn, side="SELL", reduce_only=True, quantity="3")
    assert (answer["decision"], answer["authorized_quantity"]) == ("trimmed", "2.00")
    again = authorize_one(conn, side="SELL", reduce_only=True, quantity="1")
    assert again["code"] == "TR340"


def test_a_loss_limit_lets_positions_be_closed(conn: Any) -> None:
    use(conn, a_pack({"daily_loss_hard_pct": "5"}))
    hold(conn, "EURUSD", "2")
    lose(conn, 10)
    assert authorize_one(conn, side="SELL", quantity="2")["code"] is None
    assert authorize_one(conn, side="BUY", quantity="2")["code"] == "TR314"


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("update risk.policies set active = false", "TR306"),
        ("delete from risk.account_state where account_id = 'paper-1'", "TR304"),
        ("update public.strategies set state = 'paused'", "TR330"),
        ("update public.venues set state = 'closed'", "TR331"),
        ("update public.accounts set state = 'closed'", "TR305"),
        ("update public.strategies set mode = 'shadow'", "TR323"),
        ("update public.instruments set state = 'watchlist_only'", "TR322"),
        ("delete from public.latest_quotes where symbol = 'EURUSD'", "TR302"),
        ("update risk.account_state set equity = 0", "TR615"),
        (
            "insert into governance.halts (halt_id, scope, scope_id, reason, requested_by)"
            " values (gen_random_uuid(), 'strategy', 'tv-smc', 'test', 'test')",
            "TR403",
        ),
    ],
)
def test_anything_missing_or_closed_denies(conn: Any, statement: str, code: str) -> None:
    conn.execute(statement.encode())
    answer = authorize_one(conn)
    assert (answer["decision"], answer["code"]) == ("denied", code)


def test_an_unknown_instrument_account_or_strategy_denies_without_an_intent(conn: Any) -> None:
    answers = authorize(
        conn,
        an_intent(symbol="NOSUCH"),
        an_intent(account_id="nobody", strategy_id="tv-smc"),
        an_intent(strategy_id="nothing"),
        an_intent(org_id="elsewhere"),
    )
    assert [answer["code"] for answer in answers] == ["TR332", "TR304", "TR330", "TR304"]
    assert scalar(conn, "select count(*) from public.intents") == 0


def test_a_notional_in_another_currency_is_converted(conn: Any) -> None:
    dollar_yen = authorize_one(
        conn, symbol="USDJPY", reference_price="150", stop_loss="149", take_profit="152"
    )
    # One lot is 100,000 dollars, whatever the yen costs.
    assert Decimal(dollar_yen["notional"]) == pytest.approx(Decimal(100_000), abs=1)
    euro_yen = authorize_one(
        conn, symbol="EURJPY", reference_price="165", stop_loss="164", take_profit="167"
    )
    # 165.02 yen at 150.00 yen a dollar, through the inverse pair.
    assert Decimal(euro_yen["notional"]) == pytest.approx(Decimal("110013.33"), abs=1)


def test_without_a_rate_into_the_accounts_currency_nothing_is_authorised(conn: Any) -> None:
    conn.execute("delete from public.latest_quotes where symbol = 'USDJPY'")
    answer = authorize_one(
        conn, symbol="EURJPY", reference_price="165", stop_loss="164", take_profit="167"
    )
    assert answer["code"] == "TR336"


def test_a_position_that_cannot_be_valued_denies_what_adds_to_the_book(conn: Any) -> None:
    hold(conn, "EURJPY", "1")
    conn.execute("delete from public.latest_quotes where symbol = 'EURJPY'")
    assert authorize_one(conn)["code"] == "TR326"


def test_value_at_risk_of_an_instrument_without_bars_denies_where_it_is_limited(conn: Any) -> None:
    # Volatility is kept as bars come in; an instrument that never had any has none.
    conn.execute("delete from risk.volatilities")
    use(conn, a_pack({"var_pct": "50"}))
    assert authorize_one(conn)["code"] == "TR326"


def test_wide_exposure_adds_up_over_accounts(conn: Any) -> None:
    use(conn, a_pack({"organization": {"demo": {"gross_exposure": "200000"}}}))
    hold(conn, "EURUSD", "1", account_id="paper-2")
    # 110,010 of 200,000 is taken by the other account.
    assert authorize_one(conn, quantity="2")["authorized_quantity"] == "0.81"


def test_a_higher_utilisation_gives_a_higher_level(conn: Any) -> None:
    use(conn, a_pack({"position_quantity": "10"}))
    levels = [authorize_one(conn, quantity="2.4") for _ in range(4)]
    assert [answer["risk_level"] for answer in levels] == ["LOW", "LOW", "HIGH", "CRITICAL"]
    assert levels[-1]["highest_utilization"] == "0.960000"


def test_the_kinds_of_limits_are_the_same_in_python_and_sql(conn: Any) -> None:
    rows = conn.execute("select kind, unit, mandatory from risk.limit_kinds()").fetchall()
    assert {kind: (unit, mandatory) for kind, unit, mandatory in rows} == {
        kind: (known.unit, known.mandatory) for kind, known in LIMIT_KINDS.items()
    }
