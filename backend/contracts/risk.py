"""What risk found: the state of the book and what became of one intent."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from backend.contracts.base import Payload, Trading
from backend.values import (
    DecimalText,
    Fraction,
    LatencyClass,
    NonNegative,
    OrderType,
    Positive,
    RiskLevel,
    Side,
    Slug,
    Symbol,
)


class RiskContext(Trading, Payload):
    """An authorised (perhaps trimmed) intent with the risk state it was judged in."""

    TYPE: ClassVar[str] = "risk.state.context.v1"
    TTL_MS: ClassVar[int] = 60_000

    intent_id: UUID
    symbol: Symbol
    side: Side
    order_type: OrderType
    requested_quantity: Positive
    authorized_quantity: Positive
    notional: Positive
    reference_price: Positive
    stop_loss: Positive | None
    take_profit: Positive | None
    venue_id: Slug
    latency_class: LatencyClass
    reduce_only: bool
    trimmed_by: tuple[str, ...]
    breach_flags: tuple[str, ...]
    risk_level: RiskLevel
    highest_utilization: NonNegative
    """The fullest limit after this intent, 1 = full."""
    portfolio_var: NonNegative
    """1-day 99 % value at risk of the resulting book, account currency."""
    daily_drawdown_pct: Annotated[Decimal, DecimalText(ge=0, le=100)]
    treasury_utilization: Fraction
    volatility: NonNegative
    policy_hash: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
