"""From a score to a hypothesis: stop and target, probability, window, latency class.

Without any edge, a price that wanders reaches a target r times as far away as the stop
with probability 1 / (1 + r) (optional stopping of a martingale). The score moves that
probability up or down, in proportion to how much of the evidence is known; precedents whose
outcome is known move it on, as observations beside a prior of a stated weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum

from backend.domain.numbers import MICRO, ONE, bounded, round_to_step, unit
from backend.domain.timeframe import timeframe_seconds
from backend.values import LatencyClass, OrderType, Side


class HypothesisCode(StrEnum):
    """Why no hypothesis was formed."""

    ATR_NOT_POSITIVE = "ATR_NOT_POSITIVE"
    STOP_ON_WRONG_SIDE = "STOP_ON_WRONG_SIDE"
    TARGET_ON_WRONG_SIDE = "TARGET_ON_WRONG_SIDE"
    STOP_TOO_CLOSE = "STOP_TOO_CLOSE"
    REWARD_TOO_SMALL = "REWARD_TOO_SMALL"
    WINDOW_OVER = "WINDOW_OVER"


@dataclass(frozen=True, slots=True)
class HypothesisPolicy:
    """Numbers of the pack. Distances in multiples of the average true range."""

    probability_gain: Decimal
    """How much probability one whole point of score adds or takes."""
    score_neutral: Decimal
    """The score of a signal that is worth no more than chance."""
    stop_atr: Decimal
    stop_atr_min: Decimal
    reward_to_risk: Decimal
    """Used when the alert has no target."""
    reward_to_risk_min: Decimal
    window_bars: int
    window_s_max: int
    precedent_prior: int
    """How many imagined precedents stand behind the score's own probability."""
    immediate_window_s: int
    """Windows no longer than this ask for the immediate latency class."""


@dataclass(frozen=True, slots=True)
class HypothesisFacts:
    """A scored signal and the market it was scored in."""

    side: Side
    order_type: OrderType
    score: Decimal
    confidence: Decimal
    reference_price: Decimal
    atr: Decimal
    stop_loss: Decimal | None
    take_profit: Decimal | None
    tick_size: Decimal
    timeframe: str
    received_at: datetime
    now: datetime
    precedents: int = 0
    """Alike signals whose outcome was known when this one was scored."""
    precedents_won: int = 0


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What is expected, and until when it holds. `edge` is the expected profit in risks (R)."""

    probability: Decimal
    taught: Decimal
    """What precedents moved the probability by."""
    reward_to_risk: Decimal
    edge: Decimal
    stop_loss: Decimal
    take_profit: Decimal
    window_opens_at: datetime
    window_closes_at: datetime
    latency_class: LatencyClass
    latency_budget_ms: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NoHypothesis:
    """A scored signal that nothing follows from, and why."""

    code: HypothesisCode
    detail: str


def hypothesize(facts: HypothesisFacts, policy: HypothesisPolicy) -> Hypothesis | NoHypothesis:
    """Form the hypothesis of a scored signal, or say why there is none."""
    if facts.atr <= 0:
        return NoHypothesis(HypothesisCode.ATR_NOT_POSITIVE, str(facts.atr))
    sign = facts.side.sign
    notes: list[str] = []
    stop_loss = facts.stop_loss
    if stop_loss is None:
        offset = policy.stop_atr * facts.atr
        stop_loss = round_to_step(facts.reference_price - sign * offset, facts.tick_size)
        notes.append(f"stop at {policy.stop_atr} ATR: the alert had none")
    risk = sign * (facts.reference_price - stop_loss)
    if risk <= 0 or stop_loss <= 0:
        return NoHypothesis(HypothesisCode.STOP_ON_WRONG_SIDE, f"stop {stop_loss}")
    if risk < policy.stop_atr_min * facts.atr:
        return NoHypothesis(HypothesisCode.STOP_TOO_CLOSE, f"{risk} against ATR {facts.atr}")
    take_profit = facts.take_profit
    if take_profit is None:
        offset = policy.reward_to_risk * risk
        take_profit = round_to_step(facts.reference_price + sign * offset, facts.tick_size)
        notes.append(f"target at {policy.reward_to_risk} R: the alert had none")
    reward = sign * (take_profit - facts.reference_price)
    if reward <= 0 or take_profit <= 0:
        return NoHypothesis(HypothesisCode.TARGET_ON_WRONG_SIDE, f"target {take_profit}")
    ratio = (reward / risk).quantize(MICRO, ROUND_HALF_EVEN)
    # A target that lost a tick to rounding still counts as the policy's own ratio.
    if ratio + Decimal("0.01") < policy.reward_to_risk_min:
        return NoHypothesis(HypothesisCode.REWARD_TOO_SMALL, f"{ratio} R")
    closes_at = facts.received_at + timedelta(seconds=window_s(facts.timeframe, policy))
    if closes_at <= facts.now:
        return NoHypothesis(HypothesisCode.WINDOW_OVER, closes_at.isoformat())
    expected = probability_of(facts.score, facts.confidence, ratio, policy)
    probability = updated(expected, facts.precedents, facts.precedents_won, policy)
    if facts.precedents:
        notes.append(f"{facts.precedents_won} of {facts.precedents} precedents won")
    return Hypothesis(
        probability=probability,
        taught=probability - expected,
        reward_to_risk=ratio,
        edge=(probability * ratio - (ONE - probability)).quantize(MICRO, ROUND_HALF_EVEN),
        stop_loss=stop_loss,
        take_profit=take_profit,
        window_opens_at=facts.received_at,
        window_closes_at=closes_at,
        latency_class=_latency_class(facts, policy),
        latency_budget_ms=int((closes_at - facts.now) / timedelta(milliseconds=1)),
        notes=tuple(notes),
    )


def probability_of(
    score: Decimal, confidence: Decimal, reward_to_risk: Decimal, policy: HypothesisPolicy
) -> Decimal:
    """Return the probability of reaching the target before the stop, 0.01 to 0.99."""
    fair = ONE / (ONE + reward_to_risk)
    moved = fair + policy.probability_gain * (score - policy.score_neutral) * confidence
    return unit(bounded(moved, Decimal("0.01"), Decimal("0.99")))


def updated(expected: Decimal, known: int, won: int, policy: HypothesisPolicy) -> Decimal:
    """Return the mean of a beta distribution: the expectation as prior, precedents observed."""
    if known == 0:
        return expected
    prior = max(1, policy.precedent_prior)
    return unit((prior * expected + won) / (prior + known))


def window_s(timeframe: str, policy: HypothesisPolicy) -> int:
    """Return how long a signal of that timeframe may be acted on, in seconds."""
    return min(policy.window_s_max, policy.window_bars * timeframe_seconds(timeframe))


def _latency_class(facts: HypothesisFacts, policy: HypothesisPolicy) -> LatencyClass:
    if facts.order_type is not OrderType.MARKET:
        return LatencyClass.PARK
    if window_s(facts.timeframe, policy) <= policy.immediate_window_s:
        return LatencyClass.IMMEDIATE
    return LatencyClass.DEFER
