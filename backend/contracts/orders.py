"""Orders: what may be routed, what is to be placed, and what became of it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import Field, model_validator

from backend.contracts.base import Contract, Payload, Trading, VenueShare
from backend.values import (
    Exact,
    Fraction,
    Instant,
    LatencyClass,
    NonNegative,
    OrderType,
    Positive,
    Side,
    Slug,
    Symbol,
    TimeInForce,
)

PolicyHash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class RouteIntent(Trading, Payload):
    """An intent that passed policy: signed, with the policy pack's hash."""

    TYPE: ClassVar[str] = "order.intent.route.v1"
    TTL_MS: ClassVar[int] = 60_000

    intent_id: UUID
    symbol: Symbol
    side: Side
    order_type: OrderType
    quantity: Positive
    price_limit: Positive | None
    reference_price: Positive
    stop_loss: Positive | None
    take_profit: Positive | None
    time_in_force: TimeInForce
    latency_class: LatencyClass
    reduce_only: bool
    routing_plan: Annotated[tuple[VenueShare, ...], Field(min_length=1)]
    policy_decision_id: UUID
    policy_hash: PolicyHash
    risk_score: Fraction

    @model_validator(mode="after")
    def _weights_sum_to_one(self) -> Self:
        if sum(share.weight for share in self.routing_plan) != 1:
            raise ValueError("routing weights must sum to 1")
        return self


class PlaceCommand(Trading, Payload):
    """One child order for one venue."""

    TYPE: ClassVar[str] = "order.command.place.v1"
    TTL_MS: ClassVar[int] = 60_000

    order_id: UUID
    intent_id: UUID
    child_index: Annotated[int, Field(ge=0)]
    venue_id: Slug
    symbol: Symbol
    side: Side
    order_type: OrderType
    quantity: Positive
    limit_price: Positive | None
    reference_price: Positive
    stop_loss: Positive | None
    take_profit: Positive | None
    time_in_force: TimeInForce
    algorithm: Annotated[str, Field(pattern="^(immediate|twap|vwap|pov|iceberg|passive|adaptive)$")]
    latency_class: LatencyClass
    reduce_only: bool
    deviation_points: Annotated[int, Field(ge=0)]
    policy_hash: PolicyHash
    expires_at: Instant


class PnlAttribution(Contract):
    """Where a fill's money went, in account currency; the parts sum to `total`."""

    market_move: Exact
    spread: Exact
    slippage: Exact
    commission: Exact
    total: Exact


class HedgeHint(Contract):
    """What the fill leaves open, signed, in account currency."""

    residual_exposure: Exact
    suggested_side: Side | None


class FillEvent(Trading, Payload):
    """A fill as the venue reported it, with its attribution."""

    TYPE: ClassVar[str] = "execution.event.fill.v1"
    TTL_MS: ClassVar[int] = 600_000

    fill_id: UUID
    order_id: UUID
    intent_id: UUID
    attempt_id: UUID
    venue_id: Slug
    venue_trade_id: Annotated[str, Field(min_length=1, max_length=64)]
    symbol: Symbol
    side: Side
    filled_size: Positive
    price: Positive
    reference_price: Positive
    filled_at: Instant
    latency_ms: Annotated[int, Field(ge=0)]
    slippage_bps: Exact
    commission: NonNegative
    liquidity_flag: Annotated[str, Field(pattern="^(MAKER|TAKER)$")]
    pnl: PnlAttribution
    hedge_hint: HedgeHint


class OrderEvent(Trading, Payload):
    """A step in an order's life: accepted, rejected, unknown, not sent, cancelled."""

    TYPE: ClassVar[str] = "execution.event.order.v1"
    TTL_MS: ClassVar[int] = 600_000

    order_id: UUID
    intent_id: UUID
    attempt_id: UUID | None
    venue_id: Slug
    symbol: Symbol
    status: Annotated[str, Field(max_length=32)]
    filled_quantity: NonNegative
    code: str | None
    message: Annotated[str, Field(max_length=512)]
    venue_order_id: str | None
    occurred_at: Instant
    latency_ms: Annotated[int, Field(ge=0)] | None
