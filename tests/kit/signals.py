"""Builders of what the signal agents hear, from an alert's row to a venue's health."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from backend.contracts.base import Attribution, Payload
from backend.contracts.message import Message
from backend.contracts.signals import (
    HealthSignal,
    HypothesisSignal,
    NormalizedSignal,
    RationaleAxes,
    RationaleSignal,
    RawSignal,
)
from backend.values import LatencyClass, Mode, OrderType, Side
from workers.agent import Context, RowMessage

NOW = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
"""A Wednesday inside the London session."""
POLICY_HASH = "ab" * 32
CORRELATION_ID = UUID("019b0000-0000-7000-8000-00000000c0de")
ALERT_ID = UUID("019b0000-0000-7000-8000-0000000000a1")
SIGNAL_ID = UUID("019b0000-0000-7000-8000-000000000051")
RATIONALE_ID = UUID("019b0000-0000-7000-8000-0000000000e1")
HYPOTHESIS_ID = UUID("019b0000-0000-7000-8000-0000000000f1")

INTAKE_POLICY: dict[str, Any] = {
    "default_timeframe": "M15",
    "source_age_s_max": 300,
    "source_ahead_s_max": 60,
    "refuse_when_closed": True,
}
SCORING_POLICY: dict[str, Any] = {
    "threshold": "0.55",
    "bars_min": 30,
    "bars_age_max": 3,
    "quote_age_ms_max": 5_000,
}
HYPOTHESIS_POLICY: dict[str, Any] = {
    "probability_gain": "0.4",
    "score_neutral": "0.5",
    "stop_atr": "1.5",
    "stop_atr_min": "0.5",
    "reward_to_risk": "2",
    "reward_to_risk_min": "1.2",
    "window_bars": 4,
    "window_s_max": 3_600,
    "precedent_prior": 10,
    "immediate_window_s": 900,
}
HEALTH_POLICY: dict[str, Any] = {
    "spread_bps_max": "5",
    "rejection_rate_max": "0.2",
    "latency_ms_max": 500,
    "quote_age_ms_max": 5_000,
    "orders_per_minute_max": 60,
    "prior_orders": 10,
    "open_risk_max": "1000000",
}
ROUTING_POLICY: dict[str, Any] = {
    "name": "balanced",
    "probability_min": "0.3",
    "edge_min": "0.05",
    "fill_confidence_min": "0.5",
    "health_age_ms_max": 60_000,
    "debt_to_risk_max": "1000000",
    "latency_ms_max_immediate": 60_000,
    "latency_ms_max_deferred": 3_600_000,
    "spread_share_max": "0.2",
    "conflict_rule": "stronger",
    "same_side_rule": "allow",
}

PayloadT = TypeVar("PayloadT", bound=Payload)


def a_context(agent: str, now: datetime = NOW) -> Context:
    """Give the context of one question at an instant."""
    return Context(agent, now, 7, UUID("019b0000-0000-7000-8000-000000000001"), NOW)


def a_row(kind: str, row_id: UUID = ALERT_ID) -> RowMessage:
    """Give a row as SQL hands it to an agent."""
    return RowMessage(kind, row_id, row_id, CORRELATION_ID, "demo", "EURUSD", NOW)


def a_message(payload: PayloadT, sender: str = "agent.test") -> Message[PayloadT]:
    """Wrap a payload as the agent hears it."""
    return Message(
        msg_id=UUID("019b0000-0000-7000-8000-000000000002"),
        type=payload.TYPE,
        version="v1",
        correlation_id=CORRELATION_ID,
        causation_id=None,
        ttl_ms=payload.TTL_MS,
        sender=sender,
        intent=None,
        idempotency_key="test:0000000001",
        org_id="demo",
        ordering_key="EURUSD",
        created_at=NOW,
        payload=payload,
        key_id="key-of-tests",
        sig="ed25519:" + "A" * 86 + "==",
    )


def a_raw_signal(**changes: Any) -> RawSignal:
    """Give an understood alert: buy EURUSD on M15."""
    return RawSignal(
        alert_id=ALERT_ID,
        source_id="tv",
        received_at=NOW,
        source_time=NOW - timedelta(seconds=2),
        symbol_raw="EURUSD",
        exchange="OANDA",
        side=Side.BUY,
        order_type=OrderType.MARKET,
        price=Decimal("1.1000"),
        stop_loss=None,
        take_profit=None,
        quantity=None,
        timeframe="15",
        strategy_id="tv-smc",
        mode=Mode.PAPER,
        body_sha256="0" * 64,
    ).model_copy(update=changes)


def a_normalized_signal(**changes: Any) -> NormalizedSignal:
    """Give a signal in the desk's own words: buy EURUSD on M15."""
    return NormalizedSignal(
        signal_id=SIGNAL_ID,
        alert_id=ALERT_ID,
        symbol="EURUSD",
        symbol_class="fx",
        side=Side.BUY,
        order_type=OrderType.MARKET,
        price=Decimal("1.1000"),
        stop_loss=None,
        take_profit=None,
        quantity=None,
        timeframe="M15",
        session="london",
        source_time=None,
        received_at=NOW,
        strategy_id="tv-smc",
        mode=Mode.PAPER,
    ).model_copy(update=changes)


def a_rationale(**changes: Any) -> RationaleSignal:
    """Give a score that passed: 0.7 with confidence 0.8."""
    return RationaleSignal(
        rationale_id=RATIONALE_ID,
        signal_id=SIGNAL_ID,
        symbol="EURUSD",
        side=Side.BUY,
        order_type=OrderType.MARKET,
        score=Decimal("0.7"),
        confidence=Decimal("0.8"),
        axes=RationaleAxes(
            smc_confluence=Decimal("0.7"),
            regime_fit=Decimal("0.6"),
            flow_alignment=Decimal("0.5"),
            flow_known=False,
        ),
        top_contributions=(Attribution(feature="structure_bias", weight=Decimal("0.06")),),
        conflicts=(),
        precedents=(),
        sentence="BUY scores 0.70.",
        weights_version="rationale-1",
        reference_price=Decimal("1.10000"),
        atr=Decimal("0.00100"),
        stop_loss=None,
        take_profit=None,
        quantity=None,
        timeframe="M15",
        strategy_id="tv-smc",
        mode=Mode.PAPER,
    ).model_copy(update=changes)


def a_hypothesis(**changes: Any) -> HypothesisSignal:
    """Give a hypothesis worth taking: probability 0.45 of 2 R within the hour."""
    return HypothesisSignal(
        hypothesis_id=HYPOTHESIS_ID,
        signal_id=SIGNAL_ID,
        rationale_id=RATIONALE_ID,
        symbol="EURUSD",
        side=Side.BUY,
        order_type=OrderType.MARKET,
        probability=Decimal("0.45"),
        expected_reward_to_risk=Decimal("2"),
        evidence=(Attribution(feature="edge", weight=Decimal("0.35")),),
        score=Decimal("0.7"),
        confidence=Decimal("0.8"),
        window_opens_at=NOW,
        window_closes_at=NOW + timedelta(hours=1),
        latency_class=LatencyClass.DEFER,
        reference_price=Decimal("1.10000"),
        atr=Decimal("0.00100"),
        stop_loss=Decimal("1.09850"),
        take_profit=Decimal("1.10300"),
        quantity=None,
        strategy_id="tv-smc",
        mode=Mode.PAPER,
    ).model_copy(update=changes)


def a_health(**changes: Any) -> HealthSignal:
    """Give a venue in good health."""
    return HealthSignal(
        venue_id="mt5-paper",
        symbol="EURUSD",
        fill_confidence=Decimal("0.95"),
        throttle_per_minute=60,
        debt_to_risk=Decimal(0),
        spread_bps=Decimal("0.9"),
        rejection_rate=Decimal(0),
        latency_p95_ms=40,
        as_of=NOW,
    ).model_copy(update=changes)


def later(context: Context, **step: float) -> Context:
    """Let time pass between the question and the decision."""
    return replace(context, now=context.now + timedelta(**step))
