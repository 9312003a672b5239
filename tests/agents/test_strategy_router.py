"""The router picks one opportunity, or names the reason for none."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from backend.contracts.denials import Code
from backend.values import FinalOutcome, LatencyClass, Mode, Side, format_instant
from tests.kit.signals import (
    HYPOTHESIS_ID,
    NOW,
    POLICY_HASH,
    ROUTING_POLICY,
    a_context,
    a_health,
    a_hypothesis,
    a_message,
    later,
)
from workers.agents import strategy_router

CONTEXT = a_context("strategy_router")
STRATEGY: dict[str, Any] = {
    "account_id": "paper-1",
    "venue_id": "mt5-paper",
    "mode": "paper",
    "account_mode": "paper",
    "account_state": "active",
    "enabled": True,
}
HEALTH: dict[str, Any] = {
    "fill_confidence": "0.95",
    "throttle_per_minute": 60,
    "debt_to_risk": "0",
    "spread_bps": "0.9",
    "latency_p95_ms": 40,
    "as_of": format_instant(NOW),
}


def facts(**changes: Any) -> dict[str, Any]:
    return {
        "strategy": STRATEGY,
        "halts": [],
        "health": HEALTH,
        "routed_last_minute": 0,
        "opposite_edge": None,
        "same_edge": None,
        "open_risks": None,
        "under_way": None,
        "switched_off": [],
        "opportunity_id": None,
        "policy": ROUTING_POLICY,
        "policy_hash": POLICY_HASH,
    } | changes


def decide(known: dict[str, Any], context: Any = CONTEXT, **hypothesis: Any) -> Any:
    return strategy_router.handle(a_message(a_hypothesis(**hypothesis)), known, context)


def test_good_hypothesis_becomes_an_opportunity():
    decision = decide(facts())
    opportunity = decision.emissions[0].payload
    assert (opportunity.account_id, opportunity.venue_id) == ("paper-1", "mt5-paper")
    assert opportunity.score > 0
    assert opportunity.routing_policy == "balanced"
    record = decision.effects[0].item
    assert record["selected"] is True
    assert record["opportunity_id"] == opportunity.opportunity_id
    assert decision.final is None


def test_selling_scores_below_zero():
    decision = decide(
        facts(), side=Side.SELL, stop_loss=Decimal("1.1015"), take_profit=Decimal("1.0970")
    )
    assert decision.emissions[0].payload.score < 0


@pytest.mark.parametrize(
    ("known", "hypothesis", "code"),
    [
        ({"strategy": None}, {}, Code.STRATEGY_UNKNOWN),
        ({"strategy": STRATEGY | {"venue_id": None}}, {}, Code.ACCOUNT_MISSING),
        ({"strategy": STRATEGY | {"enabled": False}}, {}, Code.STRATEGY_DISABLED),
        ({"strategy": STRATEGY | {"account_state": "halted"}}, {}, Code.ACCOUNT_NOT_TRADING),
        ({"strategy": STRATEGY | {"account_mode": "live"}}, {}, Code.MODE_NOT_ALLOWED),
        ({"switched_off": ["strategy.tv-smc"]}, {}, Code.STRATEGY_DISABLED),
        ({"switched_off": ["venue.mt5-paper"]}, {}, Code.STRATEGY_DISABLED),
        ({"switched_off": ["symbol.EURUSD"]}, {}, Code.STRATEGY_DISABLED),
        ({}, {"mode": Mode.SHADOW}, Code.MODE_NOT_ALLOWED),
        ({"halts": ["venue:mt5-paper"]}, {}, Code.HALTED),
        ({"health": None}, {}, Code.HEALTH_MISSING),
        (
            {"health": HEALTH | {"as_of": format_instant(NOW - timedelta(minutes=2))}},
            {},
            Code.HEALTH_STALE,
        ),
        ({"health": HEALTH | {"fill_confidence": "0.2"}}, {}, Code.FILL_CONFIDENCE_LOW),
        ({"health": HEALTH | {"debt_to_risk": "2000000"}}, {}, Code.RISK_DEBT),
        ({"routed_last_minute": 60}, {}, Code.THROTTLED),
        ({}, {"probability": Decimal("0.1")}, Code.PROBABILITY_LOW),
        ({}, {"expected_reward_to_risk": Decimal("1.2")}, Code.EDGE_LOW),
        ({"health": HEALTH | {"spread_bps": "5"}}, {}, Code.SPREAD_EATS_EDGE),
        (
            {"health": HEALTH | {"latency_p95_ms": 4_000_000}},
            {},
            Code.LATENCY_OVER_BUDGET,
        ),
        (
            {},
            {
                "latency_class": LatencyClass.IMMEDIATE,
                "window_opens_at": NOW - timedelta(seconds=60),
            },
            Code.LATENCY_OVER_BUDGET,
        ),
        ({"opposite_edge": "0.9"}, {}, Code.CONFLICTING_SIGNAL),
        (
            {"policy": ROUTING_POLICY | {"same_side_rule": "refuse"}, "same_edge": "0.1"},
            {},
            Code.CONFLICTING_SIGNAL,
        ),
        (
            {
                "policy": ROUTING_POLICY | {"blocked_pairs": ["EURUSD/GBPUSD"]},
                "under_way": ["GBPUSD"],
            },
            {},
            Code.CONFLICTING_SIGNAL,
        ),
        (
            {"policy": ROUTING_POLICY | {"open_risks_max": 6}, "open_risks": 6},
            {},
            Code.RISK_DEBT,
        ),
    ],
)
def test_reason_for_not_selecting_is_recorded(
    known: dict[str, Any], hypothesis: dict[str, Any], code: Code
):
    decision = decide(facts(**known), **hypothesis)
    assert (decision.code, decision.final) == (code, FinalOutcome.NOT_SELECTED)
    assert decision.emissions == ()
    record = decision.effects[0].item
    assert (record["selected"], record["code"]) == (False, code.value)
    assert decision.explanation.startswith("Not selected: ")


def test_hypothesis_whose_window_closed_expires():
    late = later(CONTEXT, hours=2)
    health = HEALTH | {"as_of": format_instant(late.now)}
    decision = decide(facts(health=health), context=late)
    assert (decision.code, decision.final) == (Code.WINDOW_OVER, FinalOutcome.EXPIRED)


def test_weaker_opposite_signal_does_not_hold_up_a_stronger_one():
    assert decide(facts(opposite_edge="0.1")).outcome == "selected"


def test_missing_routing_policy_denies():
    for policy in (None, {"name": "half"}):
        decision = decide(facts(policy=policy))
        assert (decision.code, decision.final) == (
            Code.ROUTING_POLICY_MISSING,
            FinalOutcome.DENIED,
        )


def test_hypothesis_that_was_judged_before_makes_no_second_opportunity():
    decision = decide(facts(opportunity_id=str(HYPOTHESIS_ID)))
    assert decision.outcome == "repeated"
    assert decision.emissions == decision.effects == ()


def test_healthy_venue_is_taken_note_of():
    decision = strategy_router.handle(a_message(a_health()), facts(), CONTEXT)
    assert decision.outcome == "usable"
    assert decision.emissions == ()


@pytest.mark.parametrize(
    ("health", "code"),
    [
        ({"fill_confidence": Decimal("0.1")}, Code.FILL_CONFIDENCE_LOW),
        ({"throttle_per_minute": 0}, Code.THROTTLED),
    ],
)
def test_unusable_venue_is_noted_on_the_blackboard(health: dict[str, Any], code: Code):
    decision = strategy_router.handle(a_message(a_health(**health)), facts(), CONTEXT)
    assert (decision.outcome, decision.code) == ("avoided", code)
    note = decision.emissions[0].payload
    assert note.key == "mt5-paper/EURUSD"
    assert note.note["code"] == code.value


SHADOW = ROUTING_POLICY | {"name": "strict", "edge_min": "0.5"}


def shadowed(*shadows: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return facts(policy=ROUTING_POLICY | changes | {"shadows": list(shadows)})


def otherwise(decision: Any) -> list[tuple[str, str, str | None]]:
    told = decision.effects[0].item.get("otherwise", [])
    return [(one["shadow"], one["kind"], one["code"]) for one in told]


def test_shadow_that_would_have_left_it_changes_nothing_but_the_record():
    alone, beside = decide(facts()), decide(shadowed(SHADOW))
    assert beside.emissions == alone.emissions
    assert beside.outcome == "selected"
    assert otherwise(beside) == [("strict", "leaves", Code.EDGE_LOW.value)]
    assert beside.effects[0].item["stop_loss"] == Decimal("1.09850")
    assert "strict leaves it" in beside.explanation


def test_shadow_that_would_have_taken_it_and_one_with_another_reason_are_told_apart():
    bold = ROUTING_POLICY | {"name": "bold"}
    improbable = ROUTING_POLICY | {"name": "improbable", "probability_min": "0.6"}
    decision = decide(shadowed(bold, improbable, SHADOW, edge_min="0.5"))
    assert (decision.outcome, decision.emissions) == ("not_selected", ())
    assert otherwise(decision) == [
        ("bold", "takes", None),
        ("improbable", "reasons", Code.PROBABILITY_LOW.value),
    ]


def test_shadow_that_a_flag_switches_off_does_not_judge():
    known = shadowed(SHADOW) | {"switched_off": ["routing.shadow.strict"]}
    assert otherwise(decide(known)) == []
