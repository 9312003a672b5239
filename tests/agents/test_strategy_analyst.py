"""The analyst expects something that can be checked, or says why there is nothing to expect."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from backend.contracts.denials import Code
from backend.values import FinalOutcome, LatencyClass, OrderType, format_instant
from tests.kit.signals import (
    HYPOTHESIS_POLICY,
    NOW,
    POLICY_HASH,
    a_context,
    a_message,
    a_rationale,
    later,
)
from workers.agents import strategy_analyst

CONTEXT = a_context("strategy_analyst")


def facts(**changes: Any) -> dict[str, Any]:
    return {
        "tick_size": "0.00001",
        "wanted_at": format_instant(NOW),
        "precedents": 0,
        "precedents_won": 0,
        "policy": HYPOTHESIS_POLICY,
        "policy_hash": POLICY_HASH,
    } | changes


def decide(known: dict[str, Any], context: Any = CONTEXT, **rationale: Any) -> Any:
    return strategy_analyst.handle(a_message(a_rationale(**rationale)), known, context)


def test_hypothesis_has_stop_target_probability_and_window():
    decision = decide(facts())
    hypothesis = decision.emissions[0].payload
    assert hypothesis.stop_loss == Decimal("1.09850")
    assert hypothesis.take_profit == Decimal("1.10300")
    assert hypothesis.expected_reward_to_risk == Decimal(2)
    assert hypothesis.probability > Decimal(1) / 3
    assert hypothesis.window_closes_at == NOW + timedelta(hours=1)
    (effect,) = decision.effects
    assert effect.item["hypothesis_id"] == str(hypothesis.hypothesis_id)
    assert "the alert had none" in decision.explanation


def test_edge_stands_first_in_the_evidence():
    evidence = decide(facts()).effects[0].item["evidence"]
    assert evidence[0]["feature"] == "edge"
    assert Decimal(evidence[0]["weight"]) > 0


def test_precedents_that_won_raise_the_probability_and_stand_in_the_evidence():
    alone = decide(facts()).emissions[0].payload
    won = decide(facts(precedents=5, precedents_won=5))
    lost = decide(facts(precedents=5, precedents_won=0))
    assert (
        lost.emissions[0].payload.probability
        < alone.probability
        < won.emissions[0].payload.probability
    )
    lesson = won.effects[0].item["evidence"][1]
    assert lesson["feature"] == "precedents"
    assert Decimal(lesson["weight"]) == won.emissions[0].payload.probability - alone.probability
    assert "5 of 5 precedents won" in won.explanation


def test_waiting_order_is_parked():
    decision = decide(facts(), order_type=OrderType.LIMIT)
    assert decision.emissions[0].payload.latency_class is LatencyClass.PARK


@pytest.mark.parametrize(
    ("rationale", "code"),
    [
        ({"stop_loss": Decimal("1.2")}, Code.STOP_ON_WRONG_SIDE),
        ({"take_profit": Decimal("1.0")}, Code.TARGET_ON_WRONG_SIDE),
        ({"stop_loss": Decimal("1.09999")}, Code.STOP_TOO_CLOSE),
        ({"take_profit": Decimal("1.1005")}, Code.REWARD_TOO_SMALL),
    ],
)
def test_signal_that_cannot_pay_is_denied(rationale: dict[str, Any], code: Code):
    decision = decide(facts(), **rationale)
    assert (decision.code, decision.final) == (code, FinalOutcome.DENIED)
    assert decision.emissions == decision.effects == ()
    assert code.meaning in decision.explanation


def test_signal_whose_window_is_over_expires():
    decision = decide(facts(), context=later(CONTEXT, hours=2))
    assert (decision.code, decision.final) == (Code.WINDOW_OVER, FinalOutcome.EXPIRED)


def test_window_of_an_approved_signal_opens_with_the_approval():
    now = later(CONTEXT, hours=2)
    decision = decide(facts(wanted_at=format_instant(now.now)), context=now)
    assert decision.outcome == "expected"


@pytest.mark.parametrize(
    ("known", "code"),
    [
        ({"policy": None}, Code.POLICY_MISSING),
        ({"policy": {"stop_atr": "1"}}, Code.POLICY_MISSING),
        ({"tick_size": None}, Code.INSTRUMENT_MISSING),
        ({"wanted_at": None}, Code.INSTRUMENT_MISSING),
    ],
)
def test_missing_facts_deny(known: dict[str, Any], code: Code):
    decision = decide(facts(**known))
    assert (decision.code, decision.final) == (code, FinalOutcome.DENIED)


def the_vote(**ballot: Any) -> str | None:
    asked = {"proposal_id": "019b0000-0000-7000-8000-0000000000aa"} | ballot
    known = {"ballots": [asked], "policy_hash": None}
    effects = strategy_analyst.handle_tick(known, CONTEXT).effects
    return effects[0].item["decision"] if effects else None


def test_an_intent_is_judged_by_what_it_earns_on_average():
    intent = {"kind": "high_risk_intent", "reward_to_risk": "2"}
    assert the_vote(**intent, probability="0.34") == "approve"
    assert the_vote(**intent, probability="0.33") == "refuse"
    assert the_vote(**intent, probability=None) is None


def test_a_parameter_is_judged_by_its_evidence():
    sure = {"name": "delta_r", "n": 40, "low": "-0.3", "high": "-0.1"}
    unsure = sure | {"name": "slippage", "high": "0.1"}
    for measures, expected in (([sure], "approve"), ([sure, unsure], "refuse"), ([], "refuse")):
        assert the_vote(kind="parameter", evidence={"measures": measures}) == expected


def test_a_halt_is_confirmed_once_the_books_show_the_breach():
    halt = {"kind": "halt", "evidence": {"limits": {"drawdown_pct": "10"}}, "daily_loss_pct": "1"}
    assert the_vote(**halt, drawdown_pct="10") == "approve"
    assert the_vote(**halt, drawdown_pct="9.9") is None
    assert the_vote(kind="policy") is None
