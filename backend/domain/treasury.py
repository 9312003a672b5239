"""The treasury's state: net asset value, cash buffer, utilisation, and the throttle they give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from backend.domain.numbers import MICRO, ONE, ZERO, unit


@dataclass(frozen=True, slots=True)
class Balance:
    """One holding. `rate` converts to the base currency; None if nobody knows it."""

    currency: str
    amount: Decimal
    rate: Decimal | None
    is_cash: bool


@dataclass(frozen=True, slots=True)
class TreasuryPolicy:
    """Numbers of the pack."""

    buffer_min_fraction: Decimal
    """Least cash as a part of net asset value."""
    utilization_max: Decimal
    """Share of free cash in use at which nothing new is funded."""
    age_s_max: int


@dataclass(frozen=True, slots=True)
class TreasuryFacts:
    """Balances and what is already promised, in the base currency."""

    currency: str
    balances: Sequence[Balance]
    reserved: Decimal
    """Margin in use and reservations not yet released."""
    unrealized: Decimal
    as_of: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class TreasuryState:
    """What `treasury.status` says. Throttle: share of normal size, 1 = unthrottled."""

    currency: str
    nav: Decimal
    cash_buffer: Decimal
    buffer_min: Decimal
    utilization: Decimal
    throttle: Decimal
    as_of: datetime
    reasons: tuple[str, ...]


def treasury_state(facts: TreasuryFacts, policy: TreasuryPolicy) -> TreasuryState:
    """Judge the treasury. What cannot be valued counts nothing, and stale figures stop trading."""
    reasons: list[str] = []
    cash = other = ZERO
    for balance in facts.balances:
        if balance.rate is None:
            reasons.append(f"RATE_MISSING:{balance.currency}")
            # A debt of unknown value is not nothing: it stops everything until it is known.
            if balance.amount < 0:
                reasons.append("DEBT_UNVALUED")
            continue
        value = balance.amount * balance.rate
        if balance.is_cash:
            cash += value
        else:
            other += value
    nav = cash + other + facts.unrealized
    buffer = cash - facts.reserved
    buffer_min = max(ZERO, nav * policy.buffer_min_fraction)
    utilization = unit(facts.reserved / cash) if cash > 0 else ONE
    return TreasuryState(
        currency=facts.currency,
        nav=nav,
        cash_buffer=buffer,
        buffer_min=buffer_min,
        utilization=utilization,
        throttle=_throttle(facts, policy, nav, buffer, buffer_min, utilization, reasons),
        as_of=facts.as_of,
        reasons=tuple(reasons),
    )


def _throttle(
    facts: TreasuryFacts,
    policy: TreasuryPolicy,
    nav: Decimal,
    buffer: Decimal,
    buffer_min: Decimal,
    utilization: Decimal,
    reasons: list[str],
) -> Decimal:
    """Return 1 while twice the least buffer is there, falling to 0 at the least buffer."""
    if facts.now - facts.as_of > timedelta(seconds=policy.age_s_max):
        reasons.append("BALANCES_STALE")
        return ZERO
    if nav <= 0 or "DEBT_UNVALUED" in reasons:
        reasons.append("NAV_NOT_POSITIVE" if nav <= 0 else "NAV_UNKNOWN")
        return ZERO
    if utilization >= policy.utilization_max:
        reasons.append("UTILIZATION_FULL")
        return ZERO
    if buffer <= buffer_min:
        reasons.append("BUFFER_SPENT")
        return ZERO
    if buffer_min == 0:
        return ONE
    throttle = unit((buffer - buffer_min) / buffer_min)
    if throttle < 1:
        reasons.append("BUFFER_LOW")
    return throttle.quantize(MICRO)
