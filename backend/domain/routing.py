"""Arbitrate a hypothesis with a venue's health: one opportunity, or a named reason for none.

A policy has three budgets: of risk (reservations at the venue, risks open in the account), of
latency (how old a signal may be when an order reaches the venue) and of edge. Its rules of
conflict say what else may be under way. A shadow policy is judged on the same facts; in what it
differs from the active one is all that becomes of it.
"""

from __future__ import annotations

from collections.abc import Iterable
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
    """What to do about a recent opportunity of the same symbol that is still undecided."""

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
    """Largest notional of open reservations at the venue for the symbol."""
    latency_ms_max_immediate: int
    """Oldest that an immediate signal may be when its order reaches the venue."""
    latency_ms_max_deferred: int
    spread_share_max: Decimal
    """Largest part of the stop distance that the spread may eat."""
    conflict_rule: ConflictRule
    """About the other side of the same symbol."""
    same_side_rule: ConflictRule
    open_risks_max: int | None = None
    """Most risks (R) open in the account: reservations and positions; None leaves it to Risk."""
    blocked_pairs: tuple[str, ...] = ()
    """Symbols of which one is enough, as XAUUSD/XAGUSD."""


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
    window_opens_at: datetime
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

    switched_off: feature flags that are off and concern this hypothesis.
    routed_last_minute: opportunities already selected for this venue and symbol.
    opposite_edge, same_edge: edge of the strongest opportunity on the other and on this side
    that is still undecided. open_risks: None where no policy asked. under_way: symbols that the
    account holds or works at. What is None although a policy asks for it refuses.
    """

    hypothesis: HypothesisView
    health: HealthView | None
    strategy_enabled: bool
    routed_last_minute: int
    opposite_edge: Decimal | None
    now: datetime
    symbol: str = ""
    same_edge: Decimal | None = None
    open_risks: int | None = None
    under_way: frozenset[str] | None = None
    switched_off: tuple[str, ...] = ()


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


class DifferenceKind(StrEnum):
    """How a shadow policy's verdict differs from the active one's."""

    TAKES = "takes"
    """It would have selected what was not selected."""
    LEAVES = "leaves"
    """It would not have selected what was."""
    REASONS = "reasons"
    """Neither selects, for different reasons."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What one shadow policy would have done otherwise, and why."""

    shadow: str
    kind: DifferenceKind
    code: RoutingCode | None
    detail: str


def route(facts: RoutingFacts, policy: RoutingPolicy) -> Selected | NotSelected:
    """Arbitrate one hypothesis under a policy. Missing or stale health selects nothing."""
    hypothesis, health = facts.hypothesis, facts.health
    if not facts.strategy_enabled or facts.switched_off:
        detail = ", ".join(facts.switched_off) or "the strategy is not active"
        return NotSelected(RoutingCode.STRATEGY_DISABLED, f"switched off: {detail}")
    if health is None:
        return NotSelected(RoutingCode.HEALTH_MISSING, "the Overseer has not reported")
    edge = edge_of(hypothesis.probability, hypothesis.reward_to_risk)
    refusal = (
        _refuse_health(health, facts, policy)
        or _refuse_hypothesis(hypothesis, edge, health, facts, policy)
        or _refuse_risk(facts, policy)
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


def compare(
    facts: RoutingFacts, verdict: Selected | NotSelected, shadows: Iterable[RoutingPolicy]
) -> tuple[Difference, ...]:
    """Let shadow policies judge the same facts; return in what they differ from the verdict."""
    code = None if isinstance(verdict, Selected) else verdict.code
    found: list[Difference] = []
    for shadow in shadows:
        other = route(facts, shadow)
        if isinstance(other, Selected):
            if code is not None:
                found.append(Difference(shadow.name, DifferenceKind.TAKES, None, f"{other.edge} R"))
        elif code is None:
            found.append(Difference(shadow.name, DifferenceKind.LEAVES, other.code, other.detail))
        elif other.code is not code:
            found.append(Difference(shadow.name, DifferenceKind.REASONS, other.code, other.detail))
    return tuple(found)


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
    late = _refuse_latency(hypothesis, left, health, facts, policy)
    if late is not None:
        return late
    if hypothesis.probability < policy.probability_min:
        return NotSelected(RoutingCode.PROBABILITY_LOW, str(hypothesis.probability))
    if edge < policy.edge_min:
        return NotSelected(RoutingCode.EDGE_LOW, f"{edge} R")
    stop_distance = abs(hypothesis.reference_price - hypothesis.stop_loss)
    spread = hypothesis.reference_price * health.spread_bps / 10_000
    if spread > policy.spread_share_max * stop_distance:
        return NotSelected(RoutingCode.SPREAD_EATS_EDGE, f"{health.spread_bps} bps")
    return None


def _refuse_latency(
    hypothesis: HypothesisView,
    left: timedelta,
    health: HealthView,
    facts: RoutingFacts,
    policy: RoutingPolicy,
) -> NotSelected | None:
    """Spend the budget on the way so far and on the venue; what is parked has its window only."""
    venue = timedelta(milliseconds=health.latency_p95_ms)
    if left < venue:
        return NotSelected(RoutingCode.LATENCY_OVER_BUDGET, f"{health.latency_p95_ms} ms")
    budgets = {
        LatencyClass.IMMEDIATE: policy.latency_ms_max_immediate,
        LatencyClass.DEFER: policy.latency_ms_max_deferred,
    }
    budget_ms = budgets.get(hypothesis.latency_class)
    spent = int((facts.now - hypothesis.window_opens_at + venue) / timedelta(milliseconds=1))
    if budget_ms is None or spent <= budget_ms:
        return None
    return NotSelected(RoutingCode.LATENCY_OVER_BUDGET, f"{spent} ms of {budget_ms}")


def _refuse_risk(facts: RoutingFacts, policy: RoutingPolicy) -> NotSelected | None:
    if policy.open_risks_max is None:
        return None
    if facts.open_risks is None:
        return NotSelected(RoutingCode.RISK_DEBT, "the account's open risks are unknown")
    if facts.open_risks >= policy.open_risks_max:
        return NotSelected(RoutingCode.RISK_DEBT, f"{facts.open_risks} risks are open")
    return None


def _refuse_conflict(
    edge: Decimal, facts: RoutingFacts, policy: RoutingPolicy
) -> NotSelected | None:
    sides = (
        (policy.conflict_rule, facts.opposite_edge, "other"),
        (policy.same_side_rule, facts.same_edge, "same"),
    )
    for rule, standing, side in sides:
        if standing is None or rule is ConflictRule.ALLOW:
            continue
        if rule is ConflictRule.REFUSE or edge <= standing:
            detail = f"{side} side has {standing} R"
            return NotSelected(RoutingCode.CONFLICTING_SIGNAL, detail)
    rivals = {rival for pair in policy.blocked_pairs for rival in _rival(pair, facts.symbol)}
    if rivals and facts.under_way is None:
        return NotSelected(RoutingCode.CONFLICTING_SIGNAL, "what is under way is unknown")
    standing_rivals = sorted(rivals & (facts.under_way or frozenset()))
    if standing_rivals:
        return NotSelected(RoutingCode.CONFLICTING_SIGNAL, f"{standing_rivals[0]} is under way")
    return None


def _rival(pair: str, symbol: str) -> tuple[str, ...]:
    first, _, second = pair.partition("/")
    return (second,) if symbol == first else (first,) if symbol == second else ()
