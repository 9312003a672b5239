"""Feedback: compares what a closed order was expected to do with what it did.

Mission: one decision_deltas row per closed order. Hears execution.event.order.v1, which comes
with every fill. SLO 10/50 ms. Failover: stateless; a repeated event writes the same row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from backend.contracts.message import Message
from backend.contracts.orders import OrderEvent
from backend.domain.feedback import ClosedBy, DecisionDelta, Outcome, Prediction, compare
from backend.domain.numbers import MICRO, ZERO
from backend.values import format_decimal, format_instant, read_instant
from workers.agent import Canvas, Context, Decision, Effect, Facts

CANVAS = Canvas(
    mission="Learn from every order: predicted against realised, in the same units.",
    observations="Closed orders, their fills, the hypothesis, score and venue health behind them.",
    actions="Records decision_deltas.",
    beliefs="Half the venue's spread was the expected slippage, its p95 the expected latency.",
    policy="An order without a prediction is recorded with what it did and no difference.",
    slo_p50_ms=10,
    slo_p95_ms=50,
    failover="Stateless; the newest comparison of an order stands.",
)
HEARS = (OrderEvent.TYPE,)
EMITS: tuple[str, ...] = ()
LINGER_MS = 250
FACTS = "execution.delta_facts"
EFFECTS = ("execution.record_deltas",)
MAY_CALL = ("execution.delta_facts", "execution.record_deltas")


def ask(message: Message[OrderEvent]) -> dict[str, Any]:
    """Ask for the order with what was expected of it."""
    return {"order_id": str(message.payload.order_id)}


def handle(message: Message[OrderEvent], facts: Facts, context: Context) -> Decision:
    """Compare once the order is closed."""
    order = facts["order"]
    if order is None:
        return Decision("unknown_order", f"No order {message.payload.order_id} is on record.")
    if not order["closed"]:
        return Decision("waiting", f"The order is {order['status']}: nothing to compare yet.")
    outcome = _outcome(facts, order)
    prediction = _prediction(facts, order)
    delta = None if prediction is None else compare(prediction, outcome)
    item = {
        "order_id": str(message.payload.order_id),
        "correlation_id": str(message.correlation_id),
        "org_id": message.org_id,
        "predicted": _predicted(facts, prediction, delta),
        "realized": _realized(order, facts, outcome, delta),
        "delta": None if delta is None or delta.delta_r is None else str(delta.delta_r),
        "closed_at": format_instant(outcome.closed_at),
    }
    return Decision(
        outcome="compared" if delta is not None else "recorded",
        explanation=_explain(order, outcome, delta),
        effects=(Effect("execution.record_deltas", item),),
        features={name: str(value) for name, value in item["realized"].items()},
    )


def _prediction(facts: Facts, order: Mapping[str, Any]) -> Prediction | None:
    ratio = _reward_to_risk(order)
    if facts["probability"] is None or ratio is None:
        return None
    return Prediction(
        probability=Decimal(facts["probability"]),
        reward_to_risk=ratio,
        slippage_bps=Decimal(facts["expected_slippage_bps"] or 0),
        latency_ms=facts["expected_latency_ms"],
        quantity=Decimal(order["quantity"]),
    )


def _reward_to_risk(order: Mapping[str, Any]) -> Decimal | None:
    if order["stop_loss"] is None or order["take_profit"] is None:
        return None
    reference = Decimal(order["reference_price"])
    risk = abs(reference - Decimal(order["stop_loss"]))
    if risk == 0:
        return None
    return (abs(Decimal(order["take_profit"]) - reference) / risk).quantize(MICRO)


def _outcome(facts: Facts, order: Mapping[str, Any]) -> Outcome:
    filled = Decimal(facts["filled_quantity"])
    slippage = facts["slippage_bps"]
    return Outcome(
        filled_quantity=filled,
        slippage_bps=None if slippage is None else Decimal(slippage),
        latency_ms=facts["latency_ms"],
        pnl=Decimal(facts["pnl"]),
        risk_amount=Decimal(facts["risk_amount"] or 0),
        closed_by=ClosedBy.OTHER if filled > ZERO else ClosedBy.NOT_FILLED,
        decided_at=read_instant(order["created_at"]),
        closed_at=read_instant(order["updated_at"]),
    )


def _predicted(
    facts: Facts, prediction: Prediction | None, delta: DecisionDelta | None
) -> dict[str, Any]:
    if prediction is None or delta is None:
        return {}
    return {
        "hypothesis_id": facts["hypothesis_id"],
        "rationale_id": facts["rationale_id"],
        "score": facts["score"],
        "r": format_decimal(delta.predicted_r),
    } | _plain(asdict(prediction))


def _realized(
    order: Mapping[str, Any], facts: Facts, outcome: Outcome, delta: DecisionDelta | None
) -> dict[str, Any]:
    realized = {"status": order["status"], "shortfall": facts["shortfall"]}
    realized |= _plain(asdict(outcome))
    realized.pop("decided_at")
    realized.pop("closed_at")
    if delta is not None:
        differences = _plain(asdict(delta))
        differences.pop("predicted_r")
        realized |= differences
    return realized


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: format_decimal(value) if isinstance(value, Decimal) else value
        for name, value in values.items()
    }


def _explain(order: Mapping[str, Any], outcome: Outcome, delta: DecisionDelta | None) -> str:
    did = f"The order ended {order['status']}, {outcome.filled_quantity} of {order['quantity']}"
    if delta is None:
        return f"{did}; nothing was predicted, so there is nothing to compare."
    if delta.realized_r is None:
        return f"{did}; {delta.predicted_r} R were expected and nothing was at risk."
    return (
        f"{did}; {delta.predicted_r} R were expected, {delta.realized_r} R are booked so far, "
        f"slippage {_short(outcome.slippage_bps)} bps, fill ratio {delta.fill_ratio}."
    )


def _short(value: Decimal | None) -> str:
    return "unknown" if value is None else format_decimal(round(value, 4).normalize())
