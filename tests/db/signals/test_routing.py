"""What the overseer and the router are told and keep: health, halts, what competes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection
from psycopg.types.json import Jsonb

from tests.kit.signal_rows import As
from tests.kit.signals import NOW, POLICY_HASH, ROUTING_POLICY
from tests.kit.trading_desk import PACK, add_quote, ask, rows


def health(symbol: str = "EURUSD", **changes: Any) -> dict[str, Any]:
    return {
        "venue_id": "mt5-paper",
        "symbol": symbol,
        "fill_confidence": "0.9",
        "throttle_per_minute": 60,
        "debt_to_risk": "0",
        "spread_bps": "0.9",
        "rejection_rate": "0",
        "latency_p95_ms": 40,
        "as_of": NOW,
    } | changes


def pairs(as_role: As) -> dict[str, dict[str, Any]]:
    (facts,) = ask(as_role("execution_overseer_agent"), "execution.health_facts", {})
    assert facts["policy_hash"] == POLICY_HASH
    return {pair["symbol"]: pair for pair in facts["pairs"]}


def an_opportunity(**changes: Any) -> dict[str, Any]:
    return {
        "opportunity_id": uuid4(),
        "hypothesis_id": uuid4(),
        "correlation_id": uuid4(),
        "org_id": "demo",
        "symbol": "EURUSD",
        "side": "BUY",
        "score": "4",
        "confidence": "0.7",
        "selected": True,
        "code": None,
        "routing_policy": "balanced",
        "strategy_id": "tv-smc",
        "account_id": "paper-1",
        "venue_id": "mt5-paper",
        "created_at": NOW,
    } | changes


def a_question(**changes: Any) -> dict[str, Any]:
    return {
        "hypothesis_id": uuid4(),
        "correlation_id": uuid4(),
        "strategy_id": "tv-smc",
        "symbol": "EURUSD",
        "side": "BUY",
    } | changes


def routing(as_role: As, *items: dict[str, Any]) -> list[dict[str, Any]]:
    return ask(as_role("strategy_router_agent"), "execution.routing_facts", *items)


def routed(as_role: As, inside: Connection[Any], edge: str = "0.3", **changes: Any) -> UUID:
    """Record a hypothesis and its selected opportunity of this moment."""
    ((now,),) = rows(inside, "select clock_timestamp()")
    item = an_opportunity(created_at=now) | changes
    hypothesis = {
        "hypothesis_id": item["hypothesis_id"],
        "signal_id": uuid4(),
        "rationale_id": uuid4(),
        "correlation_id": item["correlation_id"],
        "org_id": "demo",
        "symbol": item["symbol"],
        "side": item["side"],
        "probability": "0.4",
        "evidence": [{"feature": "edge", "weight": edge}, {"feature": "x", "weight": "9"}],
        "window_opens_at": now,
        "window_closes_at": now + timedelta(hours=1),
        "latency_class": "defer",
        "created_at": now,
    }
    ask(as_role("strategy_analyst_agent"), "intake.record_hypotheses", hypothesis)
    ask(as_role("strategy_router_agent"), "execution.record_opportunities", item)
    return item["correlation_id"]


def halt(inside: Connection[Any], scope: str, scope_id: str) -> None:
    inside.execute(
        "insert into governance.halts (halt_id, scope, scope_id, reason, requested_by)"
        " values (gen_random_uuid(), %s, %s, 'test', 'test')",
        (scope, scope_id),
    )


def test_every_tradable_symbol_is_watched_even_without_a_quote(
    as_role: As, inside: Connection[Any]
):
    add_quote(inside)
    watched = pairs(as_role)
    assert watched.keys() == {"EURUSD", "GBPUSD"}
    assert (watched["EURUSD"]["bid"], watched["GBPUSD"]["bid"]) == ("1.1000", None)
    assert watched["EURUSD"]["halted"] is False
    assert watched["EURUSD"]["before"] is None


def test_halted_venue_is_seen_as_halted(as_role: As, inside: Connection[Any]):
    halt(inside, "venue", "mt5-paper")
    assert pairs(as_role)["EURUSD"]["halted"] is True


def test_halt_elsewhere_concerns_nobody(as_role: As, inside: Connection[Any]):
    halt(inside, "venue", "another-venue")
    assert pairs(as_role)["EURUSD"]["halted"] is False


def test_risk_budget_of_the_routing_policy_comes_along(as_role: As):
    (facts,) = ask(as_role("execution_overseer_agent"), "execution.health_facts", {})
    assert facts["policy"] == PACK["health"] | {"open_risk_max": ROUTING_POLICY["debt_to_risk_max"]}


def test_youngest_health_is_kept(as_role: As, inside: Connection[Any]):
    overseer = as_role("execution_overseer_agent")
    ask(overseer, "execution.record_health", health(), health("GBPUSD"))
    late = health(fill_confidence="0.1", as_of=NOW - timedelta(seconds=9))
    fresh = health("GBPUSD", fill_confidence="0.2", as_of=NOW + timedelta(seconds=9))
    ask(overseer, "execution.record_health", late, fresh, fresh)
    assert rows(
        inside, "select symbol, fill_confidence::text from execution.venue_health order by 1"
    ) == [("EURUSD", "0.9"), ("GBPUSD", "0.2")]
    assert pairs(as_role)["EURUSD"]["before"]["fill_confidence"] == "0.9"


def test_router_is_told_strategy_account_health_and_policy(as_role: As):
    ask(as_role("execution_overseer_agent"), "execution.record_health", health())
    (facts,) = routing(as_role, a_question())
    assert facts["strategy"] == {
        "account_id": "paper-1",
        "venue_id": "mt5-paper",
        "mode": "paper",
        "account_mode": "paper",
        "account_state": "active",
        "enabled": True,
    }
    assert facts["health"]["fill_confidence"] == "0.9"
    assert facts["policy"] == ROUTING_POLICY
    assert (facts["routed_last_minute"], facts["opposite_edge"]) == (0, None)
    assert facts["halts"] == []


def test_unknown_strategy_is_answered_with_nothing(as_role: As):
    (facts,) = routing(as_role, a_question(strategy_id="nobody"))
    assert facts["strategy"] is None
    assert facts["health"] is None


def test_question_about_health_is_answered_with_the_policy(as_role: As):
    (facts,) = routing(as_role, {"symbol": "EURUSD"})
    assert facts["policy"] == ROUTING_POLICY


def test_flags_that_are_off_are_told_by_name(as_role: As, inside: Connection[Any]):
    inside.execute(
        "insert into ops.feature_flags (flag, enabled)"
        " values ('strategy.tv-smc', false), ('symbol.EURUSD', true)"
    )
    assert routing(as_role, a_question())[0]["switched_off"] == ["strategy.tv-smc"]


@pytest.mark.parametrize(
    ("scope", "scope_id", "covers"),
    [
        ("platform", "*", True),
        ("organization", "demo", True),
        ("account", "paper-1", True),
        ("strategy", "tv-smc", True),
        ("venue", "mt5-paper", True),
        ("instrument", "EURUSD", True),
        ("account", "paper-2", False),
        ("instrument", "GBPUSD", False),
    ],
)
def test_halts_that_cover_the_question_are_named(
    as_role: As, inside: Connection[Any], scope: str, scope_id: str, covers: bool
):
    halt(inside, scope, scope_id)
    (facts,) = routing(as_role, a_question())
    assert facts["halts"] == ([f"{scope}:{scope_id}"] if covers else [])


def test_lifted_halt_covers_nothing(as_role: As, inside: Connection[Any]):
    halt(inside, "platform", "*")
    inside.execute("update governance.halts set lifted_at = now(), lifted_by = 'test'")
    assert routing(as_role, a_question())[0]["halts"] == []


def test_opportunities_of_the_last_minute_are_counted(as_role: As, inside: Connection[Any]):
    routed(as_role, inside)
    routed(as_role, inside)
    routed(as_role, inside, symbol="GBPUSD")
    routed(as_role, inside, created_at=NOW)
    answers = routing(as_role, a_question(), a_question(symbol="GBPUSD"))
    assert [answer["routed_last_minute"] for answer in answers] == [2, 1]


def test_strongest_undecided_opposite_edge_is_told(as_role: As, inside: Connection[Any]):
    routed(as_role, inside, edge="0.2", side="SELL")
    ended = routed(as_role, inside, edge="0.9", side="SELL")
    waiting = routed(as_role, inside, edge="0.4", side="SELL")
    for correlation_id, outcome in ((ended, "filled"), (waiting, "awaiting_vote")):
        inside.execute(
            "select ops.record_outcome(%s, 'demo', %s, null, 'test', clock_timestamp())",
            (correlation_id, outcome),
        )
    answers = routing(as_role, a_question(), a_question(side="SELL"))
    assert [answer["opposite_edge"] for answer in answers] == ["0.4", None]


def with_routing(inside: Connection[Any], **changes: Any) -> None:
    body = PACK | {"routing": ROUTING_POLICY | changes}
    inside.execute("set session_replication_role = replica")
    inside.execute("update risk.policies set body = %s", (Jsonb(body),))
    inside.execute("set session_replication_role = origin")


def test_what_no_policy_asks_for_is_not_read(as_role: As, inside: Connection[Any]):
    with_routing(inside, conflict_rule="allow")
    routed(as_role, inside, edge="0.4", side="SELL")
    (facts,) = routing(as_role, a_question())
    asked = ("opposite_edge", "same_edge", "open_risks", "under_way")
    assert [facts[name] for name in asked] == [None] * 4


def test_what_a_shadow_asks_for_is_read_too(as_role: As, inside: Connection[Any]):
    shadow = ROUTING_POLICY | {"name": "strict", "same_side_rule": "refuse", "open_risks_max": 6}
    with_routing(inside, conflict_rule="allow", shadows=[shadow])
    routed(as_role, inside, edge="0.4")
    inside.execute(
        "insert into risk.reservations (intent_id, account_id, symbol, side, quantity,"
        " remaining_quantity, notional, remaining_notional)"
        " values (gen_random_uuid(), 'paper-1', 'GBPUSD', 'BUY', 1, 1, 1, 1)"
    )
    inside.execute(
        "insert into public.positions (account_id, symbol, org_id, quantity, average_price)"
        " values ('paper-1', 'EURUSD', 'demo', 1, 1.1)"
    )
    (facts,) = routing(as_role, a_question())
    inside.execute("delete from risk.reservations")
    inside.execute("delete from public.positions")
    assert (facts["same_edge"], facts["open_risks"]) == ("0.4", 2)
    assert facts["under_way"] == ["EURUSD", "GBPUSD"]


def test_judged_hypothesis_is_recognised_and_kept_once(as_role: As, inside: Connection[Any]):
    item = an_opportunity(selected=False, code="TR610")
    for _ in range(2):
        ask(as_role("strategy_router_agent"), "execution.record_opportunities", item)
    assert rows(inside, "select selected, code from opportunities") == [(False, "TR610")]
    question = a_question(
        hypothesis_id=item["hypothesis_id"], correlation_id=item["correlation_id"]
    )
    assert routing(as_role, question)[0]["opportunity_id"] == str(item["opportunity_id"])


@pytest.mark.parametrize(
    ("procedure", "may"),
    [
        ("execution.health_facts", "execution_overseer_agent"),
        ("execution.record_health", "execution_overseer_agent"),
        ("execution.routing_facts", "strategy_router_agent"),
        ("execution.record_opportunities", "strategy_router_agent"),
    ],
)
def test_nobody_else_may_call(as_role: As, procedure: str, may: str):
    assert ask(as_role(may), procedure) == []
    others = {"execution_overseer_agent", "strategy_router_agent", "execution_agent", "desk_api"}
    for role in sorted(others - {may}):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ask(as_role(role), procedure)
