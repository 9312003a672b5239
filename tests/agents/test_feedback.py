"""A closed order is compared with what was expected of it, once."""

from __future__ import annotations

from typing import Any

from tests.kit.messages import an_order_event
from tests.kit.signals import a_context, a_message
from workers.agent import Decision
from workers.agents import feedback


def facts(order: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    return {
        "order": {
            "status": "filled",
            "side": "BUY",
            "quantity": "1",
            "closed": True,
            "reference_price": "1.1000",
            "stop_loss": "1.0900",
            "take_profit": "1.1200",
            "reduce_only": False,
            "created_at": "2026-03-04T10:00:00+00:00",
            "updated_at": "2026-03-04T10:00:02+00:00",
            **(order or {}),
        },
        "probability": "0.45",
        "score": "0.7",
        "rationale_id": "r",
        "hypothesis_id": "h",
        "fills": 1,
        "filled_quantity": "1",
        "slippage_bps": "0.8",
        "latency_ms": 12,
        "pnl": "500",
        "shortfall": "-10",
        "risk_amount": "1000",
        "expected_slippage_bps": "0.5",
        "expected_latency_ms": 10,
        **changes,
    }


def compare(known: dict[str, Any]) -> Decision:
    return feedback.handle(a_message(an_order_event()), known, a_context("feedback"))


def test_closed_order_is_compared_in_units_of_its_risk():
    decision = compare(facts())
    (effect,) = decision.effects
    assert decision.outcome == "compared"
    assert effect.item["predicted"]["r"] == "0.350000"
    assert effect.item["delta"] == "0.150000"
    assert effect.item["realized"]["slippage_delta_bps"] == "0.3"
    assert effect.item["realized"]["latency_delta_ms"] == 2
    assert effect.item["realized"]["fill_ratio"] == "1.000000"


def test_order_that_never_filled_is_recorded_as_such():
    known = facts(
        {"status": "rejected"},
        fills=0,
        filled_quantity="0",
        slippage_bps=None,
        latency_ms=None,
        pnl="0",
        shortfall=None,
    )
    (effect,) = compare(known).effects
    assert (effect.item["delta"], effect.item["realized"]["label"]) == (None, "not_filled")


def test_order_without_a_prediction_is_recorded_without_a_difference():
    decision = compare(facts(probability=None))
    (effect,) = decision.effects
    assert (decision.outcome, effect.item["predicted"], effect.item["delta"]) == (
        "recorded",
        {},
        None,
    )


def test_working_order_waits():
    decision = compare(facts({"closed": False, "status": "accepted"}))
    assert (decision.outcome, decision.effects) == ("waiting", ())
    assert compare(facts() | {"order": None}).outcome == "unknown_order"
