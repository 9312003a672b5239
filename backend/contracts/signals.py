"""Signals: from an alert's bytes to a hypothesis that the router can arbitrate."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from backend.contracts.base import Attribution, Contract, Payload
from backend.values import (
    DecimalText,
    Exact,
    Fraction,
    Instant,
    LatencyClass,
    Mode,
    NonNegative,
    OrderType,
    Positive,
    Side,
    Slug,
    Symbol,
)


class RawSignal(Payload):
    """An alert as it was understood; the bytes stay in `signals_raw`."""

    TYPE: ClassVar[str] = "signals.raw.v1"
    TTL_MS: ClassVar[int] = 300_000

    alert_id: UUID
    source_id: Slug
    received_at: Instant
    source_time: Instant | None
    symbol_raw: Annotated[str, Field(min_length=1, max_length=64)]
    exchange: Annotated[str, Field(max_length=64)] | None
    side: Side
    order_type: OrderType
    price: Positive | None
    stop_loss: Positive | None
    take_profit: Positive | None
    quantity: Positive | None
    timeframe: Annotated[str, Field(max_length=16)] | None
    strategy_id: Slug
    mode: Mode
    body_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class NormalizedSignal(Payload):
    """A signal in the desk's own words: canonical symbol, session, timeframe, UTC."""

    TYPE: ClassVar[str] = "signals.normalized.v1"
    TTL_MS: ClassVar[int] = 300_000

    signal_id: UUID
    alert_id: UUID
    symbol: Symbol
    symbol_class: Annotated[str, Field(pattern="^[a-z_]{1,32}$")]
    side: Side
    order_type: OrderType
    price: Positive | None
    stop_loss: Positive | None
    take_profit: Positive | None
    quantity: Positive | None
    timeframe: Annotated[str, Field(pattern="^(M1|M3|M5|M15|M30|H1|H4|D1|W1)$")]
    session: Annotated[str, Field(pattern="^(asia|london|new_york|overlap|off)$")]
    source_time: Instant | None
    received_at: Instant
    strategy_id: Slug
    mode: Mode


class RationaleAxes(Contract):
    """The three axes of a score, each 0-1; an unknown flow says so in `flow_known`."""

    smc_confluence: Fraction
    regime_fit: Fraction
    flow_alignment: Fraction
    flow_known: bool


class RationaleSignal(Payload):
    """A scored signal that passed the threshold, with what the score is made of."""

    TYPE: ClassVar[str] = "signals.rationale.v1"
    TTL_MS: ClassVar[int] = 300_000

    rationale_id: UUID
    signal_id: UUID
    symbol: Symbol
    side: Side
    order_type: OrderType
    score: Fraction
    confidence: Fraction
    axes: RationaleAxes
    top_contributions: tuple[Attribution, ...]
    conflicts: tuple[str, ...]
    precedents: tuple[UUID, ...]
    sentence: Annotated[str, Field(max_length=1024)]
    weights_version: str
    reference_price: Positive
    atr: Positive
    """Average true range over 14 bars of the signal's timeframe, in price units."""
    stop_loss: Positive | None
    take_profit: Positive | None
    quantity: Positive | None
    timeframe: str
    strategy_id: Slug
    mode: Mode


class HypothesisSignal(Payload):
    """What the Strategy Analyst expects, why, and until when it holds."""

    TYPE: ClassVar[str] = "signals.hypothesis.v1"
    TTL_MS: ClassVar[int] = 300_000

    hypothesis_id: UUID
    signal_id: UUID
    rationale_id: UUID
    symbol: Symbol
    side: Side
    order_type: OrderType
    probability: Fraction
    expected_reward_to_risk: NonNegative
    evidence: tuple[Attribution, ...]
    score: Fraction
    confidence: Fraction
    window_opens_at: Instant
    window_closes_at: Instant
    latency_class: LatencyClass
    reference_price: Positive
    atr: Positive
    stop_loss: Positive
    take_profit: Positive
    quantity: Positive | None
    strategy_id: Slug
    mode: Mode


class HealthSignal(Payload):
    """How well a venue executes a symbol now, from the Execution Overseer."""

    TYPE: ClassVar[str] = "signals.health.v1"
    TTL_MS: ClassVar[int] = 60_000

    venue_id: Slug
    symbol: Symbol
    fill_confidence: Fraction
    throttle_per_minute: Annotated[int, Field(ge=0)]
    debt_to_risk: NonNegative
    """Open reservations not yet released, in account currency."""
    spread_bps: NonNegative
    rejection_rate: Fraction
    latency_p95_ms: Annotated[int, Field(ge=0)]
    as_of: Instant


class Opportunity(Payload):
    """One arbitrated opportunity under the active routing policy."""

    TYPE: ClassVar[str] = "signal.event.opportunity.v1"
    TTL_MS: ClassVar[int] = 60_000

    opportunity_id: UUID
    hypothesis_id: UUID
    signal_id: UUID
    symbol: Symbol
    side: Side
    order_type: OrderType
    score: Annotated[Decimal, DecimalText(ge=-10, le=10)]
    confidence: Fraction
    horizon_ms: Annotated[int, Field(ge=1_000, le=86_400_000)]
    features: dict[str, Exact]
    explanations: tuple[Attribution, ...]
    model_version: str
    routing_policy: str
    venue_id: Slug
    latency_class: LatencyClass
    reference_price: Positive
    atr: Positive
    stop_loss: Positive
    take_profit: Positive
    quantity: Positive | None
    strategy_id: Slug
    account_id: Slug
    mode: Mode
