"""How well a venue executes a symbol now: fill confidence and how fast we may send."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from backend.domain.numbers import BPS, MICRO, ONE, ZERO, unit


@dataclass(frozen=True, slots=True)
class HealthPolicy:
    """Numbers of the pack."""

    spread_bps_max: Decimal
    rejection_rate_max: Decimal
    latency_ms_max: int
    quote_age_ms_max: int
    orders_per_minute_max: int
    prior_orders: int
    """How many imagined clean orders stand beside the observed ones while there are few."""


@dataclass(frozen=True, slots=True)
class HealthFacts:
    """What was observed over the Overseer's window. None where nothing was observed."""

    bid: Decimal | None
    ask: Decimal | None
    quoted_at: datetime | None
    sent: int
    rejected: int
    latency_p95_ms: int | None
    open_risk: Decimal
    """Reservations not yet released, account currency."""
    open_risk_max: Decimal | None
    halted: bool
    now: datetime
    unanswered: int = 0
    """Of those sent: not answered in time, or found to have never arrived."""
    unreachable: bool = False
    """Nothing can leave for the venue at present. Of what could not leave, `sent` tells nothing."""


@dataclass(frozen=True, slots=True)
class VenueHealth:
    """A venue's state for one symbol. Reasons name everything that lowered it."""

    fill_confidence: Decimal
    throttle_per_minute: int
    debt_to_risk: Decimal
    spread_bps: Decimal
    rejection_rate: Decimal
    latency_p95_ms: int
    reasons: tuple[str, ...]


def judge_health(facts: HealthFacts, policy: HealthPolicy) -> VenueHealth:
    """Judge a venue. Without a usable quote the confidence is zero: unknown is not healthy."""
    reasons: list[str] = []
    spread = spread_bps(facts.bid, facts.ask)
    if facts.unanswered > 0:
        reasons.append("UNANSWERED")
    # Who does not answer fills no better than who says no.
    rejection_rate = (
        Decimal(facts.rejected + facts.unanswered)
        / Decimal(max(1, facts.sent + policy.prior_orders))
    ).quantize(MICRO)
    latency = facts.latency_p95_ms if facts.latency_p95_ms is not None else 0
    confidence = ONE
    if spread is None:
        reasons.append("QUOTE_MISSING")
        confidence = ZERO
    elif _is_stale(facts, policy):
        reasons.append("QUOTE_STALE")
        confidence = ZERO
    else:
        confidence *= _headroom(spread, policy.spread_bps_max, "SPREAD_WIDE", reasons)
    confidence *= _headroom(rejection_rate, policy.rejection_rate_max, "REJECTIONS", reasons)
    confidence *= _headroom(
        Decimal(latency), Decimal(policy.latency_ms_max), "LATENCY_HIGH", reasons
    )
    if facts.unreachable:
        reasons.append("UNREACHABLE")
        confidence = ZERO
    if facts.halted:
        reasons.append("HALTED")
        confidence = ZERO
    room = _risk_room(facts, reasons)
    return VenueHealth(
        fill_confidence=unit(confidence),
        throttle_per_minute=int(policy.orders_per_minute_max * min(room, unit(confidence * 2))),
        debt_to_risk=facts.open_risk,
        spread_bps=spread if spread is not None else ZERO,
        rejection_rate=min(ONE, rejection_rate),
        latency_p95_ms=latency,
        reasons=tuple(reasons),
    )


def spread_bps(bid: Decimal | None, ask: Decimal | None) -> Decimal | None:
    """Return the spread in basis points of the middle, or None without a sound quote."""
    if bid is None or ask is None or bid <= 0 or ask < bid:
        return None
    return ((ask - bid) / ((ask + bid) / 2) * BPS).quantize(Decimal("0.0001"))


def _is_stale(facts: HealthFacts, policy: HealthPolicy) -> bool:
    if facts.quoted_at is None:
        return True
    return facts.now - facts.quoted_at > timedelta(milliseconds=policy.quote_age_ms_max)


def _headroom(observed: Decimal, limit: Decimal, reason: str, reasons: list[str]) -> Decimal:
    """Return 1 up to half the limit, falling to 0 at the limit."""
    if limit <= 0:
        reasons.append(reason)
        return ZERO
    used = observed / limit
    if used <= Decimal("0.5"):
        return ONE
    reasons.append(reason)
    return max(ZERO, 2 * (ONE - used))


def _risk_room(facts: HealthFacts, reasons: list[str]) -> Decimal:
    if facts.open_risk_max is None or facts.open_risk_max <= 0:
        reasons.append("RISK_BUDGET_UNKNOWN")
        return ZERO
    room = ONE - facts.open_risk / facts.open_risk_max
    if room <= Decimal("0.2"):
        reasons.append("RISK_DEBT")
    return unit(room)
