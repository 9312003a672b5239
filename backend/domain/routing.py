"""Arbitrate a hypothesis with a venue's health: one opportunity, or a named reason for none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from backend.domain.numbers import MICRO, ONE, bounded, unit
from backend.values import LatencyClass, Side

HORIZON_MS_MIN = 1_000
HORIZON_MS_MAX = 86_400_000


class RoutingCode(StrEnum):
    """Why an opportunity was not selected."""

    STRATEGY_DISABLED = "STRATEGY_DISABLED"
    HEALTH_MISSING = "HEALTH_MISSING"
    HEALTH_STALE = "HEALTH_STALE"
    WINDOW_OVER = "WINDOW_OVER"
    PROBABILITY_LOW = "PROBABILITY_LOW"
    EDGE_LOW = "EDGE_LOW"
    FILL_CONFIDENCE_LOW = "FILL_CONFIDENCE_LOW"
    LATENCY_OVER_BUDGET = "LATENCY_OVER_BUDGET"
    SPREAD_EATS_EDGE = "SPREAD_EATS_EDGE"
    THROTTLED = "THROTTLED"
    RISK_DEBT = "RISK_DEBT"
    CONFLICTING_SIGNAL = "CONFLICTING_SIGNAL"


class ConflictRule(StrEnum):
    """What to do about a recent opportunity of the same symbol on the other side."""

    ALLOW = "allow"
    STRONGER = "stronger"
    """The newcomer must have the larger edge."""
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class RoutingPolicy:
    """One version of the router's rules; shadow policies are other values of this type."""

    name: str
    probability_min: Decimal
    edge_min: Decimal
    """Expected profit in risks (R)."""
    fill_confidence_min: Decimal
    health_age_ms_max: int
    debt_to_risk_max: Decimal
    spread_share_max: Decimal
    """Largest part of the stop distance that the spread may eat."""
    conflict_rule: ConflictRule


@dataclass(frozen=True, slots=True)
class HypothesisView:
    """What the router needs of a hypothesis."""

    side: Side
    score: Decimal
    confidence: Decimal
    probability: Decimal
    reward_to_risk: Decimal
    reference_price: Decimal
    stop_loss: Decimal
    window_closes_at: datetime
    latency_class: LatencyClass


@dataclass(frozen=True, slots=True)
class HealthView:
    """What the router needs of a venue's health."""

    venue_id: str
    fill_confidence: Decimal
    throttle_per_minute: int
    debt_to_risk: Decimal
    spread_bps: Decimal
    latency_p95_ms: int
    as_of: datetime


@dataclass(frozen=True, slots=True)
class RoutingFacts:
    """Everything a routing decision looks at.

    routed_last_minute: opportunities already selected for this venue and symbol.
    opposite_edge: edge of the strongest opportunity on the other side that is still open.
    """

    hypothesis: HypothesisView
    health: HealthView | None
    strategy_enabled: bool
    routed_last_minute: int
    opposite_edge: Decimal | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Selected:
    """One arbitrated opportunity. `score` runs from -10 (sell) to +10 (buy)."""

    venue_id: str
    score: Decimal
    confidence: Decimal
    edge: Decimal
    horizon_ms: int
    features: tuple[tuple[str, Decimal], ...]


@dataclass(frozen=True, slots=True)
class NotSelected:
    """A hypothesis that was not selected, and why."""

    code: RoutingCode
    detail: str


def route(facts: RoutingFacts, policy: RoutingPolicy) -> Selected | NotSelected:
    """Arbitrate one hypothesis under a policy. Missing or stale health selects nothing."""
    hypothesis, health = facts.hypothesis, facts.health
    if not facts.strategy_enabled:
        return NotSelected(RoutingCode.STRATEGY_DISABLED, "feature flag is off")
    if health is None:
        return NotSelected(RoutingCode.HEALTH_MISSING, "the Overseer has not reported")
    edge = edge_of(hypothesis.probability, hypothesis.reward_to_risk)
    refusal = (
        _refuse_health(health, facts, policy)
        or _refuse_hypothesis(hypothesis, edge, health, facts, policy)
        or _refuse_conflict(edge, facts, policy)
    )
    if refusal is not None:
        return refusal
    left_ms = int((hypothesis.window_closes_at - facts.now) / timedelta(milliseconds=1))
    strength = bounded(20 * (hypothesis.score - Decimal("0.5")), Decimal(-10), Decimal(10))
    return Selected(
        venue_id=health.venue_id,
        score=(abs(strength) * hypothesis.side.sign).quantize(MICRO),
        confidence=unit(hypothesis.confidence * health.fill_confidence),
        edge=edge,
        horizon_ms=max(HORIZON_MS_MIN, min(HORIZON_MS_MAX, left_ms)),
        features=(
            ("probability", hypothesis.probability),
            ("reward_to_risk", hypothesis.reward_to_risk),
            ("edge", edge),
            ("fill_confidence", health.fill_confidence),
            ("spread_bps", health.spread_bps),
            ("rationale_score", hypothesis.score),
        ),
    )


def edge_of(probability: Decimal, reward_to_risk: Decimal) -> Decimal:
    """Return the expected profit in risks: p·r - (1 - p)."""
    return (probability * reward_to_risk - (ONE - probability)).quantize(MICRO)


def _refuse_health(
    health: HealthView, facts: RoutingFacts, policy: RoutingPolicy
) -> NotSelected | None:
    age_ms = int((facts.now - health.as_of) / timedelta(milliseconds=1))
    if age_ms > policy.health_age_ms_max:
        return NotSelected(RoutingCode.HEALTH_STALE, f"{age_ms} ms old")
    if health.fill_confidence < policy.fill_confidence_min:
        return NotSelected(RoutingCode.FILL_CONFIDENCE_LOW, str(health.fill_confidence))
    if facts.routed_last_minute >= health.throttle_per_minute:
        return NotSelected(RoutingCode.THROTTLED, f"{health.throttle_per_minute} a minute")
    if health.debt_to_risk > policy.debt_to_risk_max:
        return NotSelected(RoutingCode.RISK_DEBT, str(health.debt_to_risk))
    return None


def _refuse_hypothesis(
    hypothesis: HypothesisView,
    edge: Decimal,
    health: HealthView,
    facts: RoutingFacts,
    policy: RoutingPolicy,
) -> NotSelected | None:
    left = hypothesis.window_closes_at - facts.now
    if left <= timedelta(0):
        return NotSelected(RoutingCode.WINDOW_OVER, hypothesis.window_closes_at.isoformat())
    if left < timedelta(milliseconds=health.latency_p95_ms):
        return NotSelected(RoutingCode.LATENCY_OVER_BUDGET, f"{health.latency_p95_ms} ms")
    if hypothesis.probability < policy.probability_min:
        return NotSelected(RoutingCode.PROBABILITY_LOW, str(hypothesis.probability))
    if edge < policy.edge_min:
        return NotSelected(RoutingCode.EDGE_LOW, f"{edge} R")
    stop_distance = abs(hypothesis.reference_price - hypothesis.stop_loss)
    spread = hypothesis.reference_price * health.spread_bps / 10_000
    if spread > policy.spread_share_max * stop_distance:
        return NotSelected(RoutingCode.SPREAD_EATS_EDGE, f"{health.spread_bps} bps")
    return None


def _refuse_conflict(
    edge: Decimal, facts: RoutingFacts, policy: RoutingPolicy
) -> NotSelected | None:
    opposite = facts.opposite_edge
    if opposite is None or policy.conflict_rule is ConflictRule.ALLOW:
        return None
    if policy.conflict_rule is ConflictRule.STRONGER and edge > opposite:
        return None
    return NotSelected(RoutingCode.CONFLICTING_SIGNAL, f"other side has {opposite} R")
