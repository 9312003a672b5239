"""Intents: how much of what, for whom, and how that moves the book."""

from __future__ import annotations

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from backend.contracts.base import Contract, ExposureDelta, Payload, Trading
from backend.values import (
    Exact,
    Fraction,
    LatencyClass,
    NonNegative,
    OrderType,
    Positive,
    Side,
    Slug,
    Symbol,
)

ReasonCodes = Annotated[tuple[str, ...], Field(min_length=1)]


class Constraints(Contract):
    """What the sizing had to respect."""

    leverage: NonNegative
    risk_fraction: Fraction
    quantity_cap: NonNegative


class IntentBody(Trading):
    """What every intent says, whether it opens a position or covers one."""

    intent_id: UUID
    symbol: Symbol
    side: Side
    order_type: OrderType
    quantity: Positive
    """Lots."""
    notional: Positive
    """Quantity x contract size x price, in account currency."""
    reference_price: Positive
    stop_loss: Positive | None
    take_profit: Positive | None
    venue_id: Slug
    latency_class: LatencyClass
    reduce_only: bool
    exposure_deltas: Annotated[tuple[ExposureDelta, ...], Field(min_length=1)]
    reason_codes: ReasonCodes


class AllocateIntent(IntentBody, Payload):
    """A sized opportunity that asks for authority."""

    TYPE: ClassVar[str] = "portfolio.intent.allocate.v1"
    TTL_MS: ClassVar[int] = 60_000

    opportunity_id: UUID
    signal_id: UUID
    target_size: Exact
    """Signed notional wanted in this symbol, in account currency."""
    current_size: Exact
    confidence: Fraction
    risk_score: Fraction
    utility: Exact
    """U = alpha*R - beta*sigma - gamma*C."""
    constraints: Constraints


class CoverIntent(IntentBody, Payload):
    """A hedge that asks for the same authority as any other intent."""

    TYPE: ClassVar[str] = "hedger.intent.cover.v1"
    TTL_MS: ClassVar[int] = 60_000

    covers_fill_id: UUID
    residual_exposure: Exact
    """Signed exposure of the basket before the cover, in account currency."""


class CoverEvent(Payload):
    """What the hedger did about a fill, and why, also when it did nothing."""

    TYPE: ClassVar[str] = "hedger.event.cover.v1"
    TTL_MS: ClassVar[int] = 600_000

    fill_id: UUID
    order_id: UUID
    symbol: Symbol
    account_id: Slug
    action: Annotated[str, Field(pattern="^(cover|none)$")]
    cover_intent_id: UUID | None
    residual_before: Exact
    residual_after: Exact
    reason_code: str
