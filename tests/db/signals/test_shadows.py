"""What shadow policies would have done otherwise is kept, and the market says what it was worth."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from psycopg import Connection

from tests.kit.signal_rows import As
from tests.kit.trading_desk import ask, rows

ROUTER = "strategy_router_agent"


def instant(inside: Connection[Any], **ago: float) -> datetime:
    ((now,),) = rows(inside, "select clock_timestamp()")
    return now - timedelta(**ago)


def a_record(decided_at: datetime, kind: str = "takes", **changes: Any) -> dict[str, Any]:
    """Give an opportunity as the router records it, with one shadow that differs."""
    taken = kind == "takes"
    return {
        "opportunity_id": uuid4(),
        "hypothesis_id": uuid4(),
        "correlation_id": uuid4(),
        "org_id": "demo",
        "symbol": "EURUSD",
        "side": "BUY",
        "score": "4",
        "confidence": "0.7",
        "selected": not taken,
        "code": "TR610" if taken else None,
        "routing_policy": "balanced",
        "strategy_id": "tv-smc",
        "account_id": "paper-1",
        "venue_id": "mt5-paper",
        "created_at": decided_at,
        "reference_price": "1.10",
        "stop_loss": "1.09",
        "take_profit": "1.12",
        "otherwise": [
            {
                "shadow": "bold",
                "kind": kind,
                "code": None if taken else "TR602",
                "detail": "because",
            }
        ],
    } | changes


def add_m5(
    inside: Connection[Any], first: datetime, prices: Sequence[tuple[str, str, str]]
) -> None:
    """Store bars of five minutes from an instant on: high, low and close of each."""
    for index, (high, low, close) in enumerate(prices):
        inside.execute(
            "insert into public.market_bars (symbol, timeframe, opened_at, open, high, low, close,"
            " volume, source) values ('EURUSD', 'M5', %s, %s, %s, %s, %s, 1, 'tests')",
            (first + timedelta(minutes=5) * index, close, high, low, close),
        )


def resolved(as_role: As, inside: Connection[Any]) -> list[tuple[str, Decimal | None]]:
    ask(as_role(ROUTER), "execution.resolve_differences", {})
    found = rows(
        inside, "select outcome, gain_r from public.routing_differences order by decided_at, shadow"
    )
    inside.execute("truncate public.routing_differences")
    return found


def test_differences_are_kept_once_beside_their_opportunity(as_role: As, inside: Connection[Any]):
    item = a_record(instant(inside))
    plain = {key: value for key, value in a_record(instant(inside)).items() if key != "otherwise"}
    for _ in range(2):
        ask(as_role(ROUTER), "execution.record_opportunities", item, plain)
    assert rows(inside, "select count(*) from public.opportunities") == [(2,)]
    assert rows(
        inside,
        "select opportunity_id, shadow, active, active_code, kind, outcome"
        " from public.routing_differences",
    ) == [(item["opportunity_id"], "bold", "balanced", "TR610", "takes", "open")]
    inside.execute("truncate public.routing_differences")


def test_taking_what_ran_to_its_target_was_worth_its_reward(as_role: As, inside: Connection[Any]):
    start = instant(inside, hours=1)
    add_m5(inside, start, [("1.105", "1.095", "1.1"), ("1.121", "1.1", "1.12")])
    for kind in ("takes", "leaves"):
        ask(as_role(ROUTER), "execution.record_opportunities", a_record(start, kind))
    assert resolved(as_role, inside) == [("target", Decimal(2)), ("target", Decimal(-2))]


def test_leaving_what_was_stopped_saved_a_risk_and_a_bar_with_both_counts_as_the_stop(
    as_role: As, inside: Connection[Any]
):
    start = instant(inside, hours=1)
    add_m5(inside, start, [("1.13", "1.08", "1.1")])
    ask(as_role(ROUTER), "execution.record_opportunities", a_record(start, "leaves"))
    assert resolved(as_role, inside) == [("stop", Decimal(1))]


def test_a_sale_is_stopped_above(as_role: As, inside: Connection[Any]):
    start = instant(inside, hours=1)
    add_m5(inside, start, [("1.111", "1.1", "1.1")])
    sale = a_record(start, side="SELL", stop_loss="1.11", take_profit="1.08")
    ask(as_role(ROUTER), "execution.record_opportunities", sale)
    assert resolved(as_role, inside) == [("stop", Decimal(-1))]


def test_bars_before_the_decision_tell_nothing(as_role: As, inside: Connection[Any]):
    start = instant(inside, hours=1)
    add_m5(inside, start - timedelta(minutes=5), [("1.13", "1.08", "1.1")])
    ask(as_role(ROUTER), "execution.record_opportunities", a_record(start))
    assert resolved(as_role, inside) == [("open", None)]


def test_what_met_neither_counts_at_the_price_when_time_is_up(as_role: As, inside: Connection[Any]):
    start = instant(inside, days=2)
    add_m5(inside, start, [("1.11", "1.095", "1.105")])
    ask(as_role(ROUTER), "execution.record_opportunities", a_record(start))
    assert resolved(as_role, inside) == [("horizon", Decimal("0.5"))]
    ask(as_role(ROUTER), "execution.record_opportunities", a_record(start - timedelta(days=9)))
    inside.execute("truncate public.market_bars")
    assert resolved(as_role, inside) == [("unknown", None)]


def test_where_neither_selects_the_market_decides_nothing(as_role: As, inside: Connection[Any]):
    record = a_record(instant(inside, days=2), "reasons", selected=False, code="TR610")
    ask(as_role(ROUTER), "execution.record_opportunities", record)
    assert resolved(as_role, inside) == [("none", None)]


def test_people_read_what_it_was_worth_in_one_view(as_role: As, inside: Connection[Any]):
    start = instant(inside, hours=1)
    add_m5(inside, start, [("1.121", "1.1", "1.12")])
    ask(as_role(ROUTER), "execution.record_opportunities", a_record(start))
    ask(as_role(ROUTER), "execution.resolve_differences", {})
    told = rows(
        as_role("desk_operator"),
        "select shadow, takes, leaves, resolved, gain_r from execution.shadow_report",
    )
    inside.execute("truncate public.routing_differences")
    assert told == [("bold", 1, 0, 1, Decimal(2))]
