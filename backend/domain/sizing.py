"""How much: the smallest of what risk, Kelly, volatility, caps and treasury allow.

Kelly is given the probability that is left after its uncertainty; where the breaker trips (a
strategy that loses too often in a row, a market whose volatility is unknown) a small fixed part
of equity takes the place of every model.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from backend.domain.numbers import MICRO, ONE, ZERO, floor_to_step
from backend.values import Side


class SizingCode(StrEnum):
    """Why nothing was sized, and (as reason codes) what bound a size."""

    EQUITY_NOT_POSITIVE = "EQUITY_NOT_POSITIVE"
    STOP_MISSING = "STOP_MISSING"
    STOP_ON_WRONG_SIDE = "STOP_ON_WRONG_SIDE"
    CONVERSION_RATE_MISSING = "CONVERSION_RATE_MISSING"
    TREASURY_UNKNOWN = "TREASURY_UNKNOWN"
    NO_EDGE = "NO_EDGE"
    NO_ROOM = "NO_ROOM"
    BELOW_MINIMUM = "BELOW_MINIMUM"
    UTILITY_LOW = "UTILITY_LOW"
    BOUND_BY_RISK = "BOUND_BY_RISK"
    BOUND_BY_KELLY = "BOUND_BY_KELLY"
    BOUND_BY_VOLATILITY = "BOUND_BY_VOLATILITY"
    BOUND_BY_FALLBACK = "BOUND_BY_FALLBACK"
    BOUND_BY_REQUEST = "BOUND_BY_REQUEST"
    BOUND_BY_QUANTITY_CAP = "BOUND_BY_QUANTITY_CAP"
    BOUND_BY_VENUE_MAXIMUM = "BOUND_BY_VENUE_MAXIMUM"
    BOUND_BY_POSITION_CAP = "BOUND_BY_POSITION_CAP"
    BOUND_BY_NOTIONAL_CAP = "BOUND_BY_NOTIONAL_CAP"
    BOUND_BY_LEVERAGE = "BOUND_BY_LEVERAGE"
    TREASURY_THROTTLED = "TREASURY_THROTTLED"
    REDUCES_POSITION = "REDUCES_POSITION"
    BREAKER_LOSSES = "BREAKER_LOSSES"
    BREAKER_VOLATILITY = "BREAKER_VOLATILITY"


@dataclass(frozen=True, slots=True)
class SizingPolicy:
    """Numbers of the pack. Quantities are lots, notionals account currency."""

    risk_fraction: Decimal
    """Largest part of equity that one trade may lose at its stop."""
    kelly_fraction: Decimal
    kelly_z: Decimal
    """Standard errors that the probability is lowered by."""
    kelly_prior: int
    """Trades that a probability is worth before the strategy has any."""
    volatility_target: Decimal
    """Largest part of equity that one position may move in a day, as a standard deviation."""
    breaker_losses: int
    """Losses in a row after which sizes are fixed; 0 never trips."""
    fallback_fraction: Decimal
    """Part of equity that a trade may lose at its stop while sizes are fixed."""
    quantity_cap: Decimal
    position_cap: Decimal
    notional_cap: Decimal
    leverage_max: Decimal
    alpha: Decimal
    beta: Decimal
    gamma: Decimal
    utility_min: Decimal


@dataclass(frozen=True, slots=True)
class SizingFacts:
    """One opportunity and the book it would join. Rates: account currency per quote currency."""

    side: Side
    reference_price: Decimal
    stop_loss: Decimal | None
    probability: Decimal
    reward_to_risk: Decimal
    confidence: Decimal
    atr: Decimal
    sigma: Decimal | None
    """Standard deviation of the symbol's log return in a day; None if unknown."""
    trades: int
    """Signals of the strategy whose outcome is known."""
    losses_in_row: int
    """Its last outcomes that lost, counted back to one that did not."""
    spread_bps: Decimal
    requested_quantity: Decimal | None
    equity: Decimal
    quote_rate: Decimal | None
    contract_size: Decimal
    volume_min: Decimal
    volume_max: Decimal
    volume_step: Decimal
    current_quantity: Decimal
    """Signed lots held in this symbol, working orders included."""
    gross_exposure: Decimal
    """Sum of absolute notionals over the account."""
    treasury_throttle: Decimal | None
    """Share of normal size that the treasury allows, 0 to 1; None if unknown."""


@dataclass(frozen=True, slots=True)
class Sized:
    """A sized intent. Notionals and exposures are account currency, signed where said."""

    quantity: Decimal
    notional: Decimal
    risk_amount: Decimal
    """Loss at the stop, before costs."""
    current_size: Decimal
    """Signed notional before."""
    target_size: Decimal
    """Signed notional after."""
    exposure_delta: Decimal
    """Signed change of this symbol's notional."""
    utility: Decimal
    risk_score: Decimal
    """Part of the allowed risk that the trade uses, 0 to 1."""
    leverage_after: Decimal
    quantity_cap: Decimal
    reason_codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotSized:
    """An opportunity that gets no size, and why."""

    code: SizingCode
    detail: str


def size(facts: SizingFacts, policy: SizingPolicy) -> Sized | NotSized:
    """Size one opportunity. Anything missing sizes nothing."""
    refusal = _refuse(facts)
    if refusal is not None:
        return refusal
    assert facts.stop_loss is not None
    assert facts.quote_rate is not None
    assert facts.treasury_throttle is not None
    notional_per_lot = facts.reference_price * facts.contract_size * facts.quote_rate
    stop_distance = abs(facts.reference_price - facts.stop_loss)
    risk_per_lot = stop_distance * facts.contract_size * facts.quote_rate
    breaker = tripped(facts, policy)
    bounds = _bounds(facts, policy, notional_per_lot, risk_per_lot, breaker)
    code, raw = min(bounds, key=lambda bound: bound[1])
    if raw <= 0:
        reason = SizingCode.NO_EDGE if code is SizingCode.BOUND_BY_KELLY else SizingCode.NO_ROOM
        return NotSized(reason, code.value)
    quantity = floor_to_step(raw * facts.treasury_throttle, facts.volume_step)
    if quantity < facts.volume_min or quantity <= 0:
        return NotSized(SizingCode.BELOW_MINIMUM, f"{raw:.6f} lots, {code.value}")
    utility = utility_of(facts, policy, stop_distance)
    if utility < policy.utility_min:
        return NotSized(SizingCode.UTILITY_LOW, str(utility))
    codes = (code,) if breaker is None else (code, breaker)
    return _sized(facts, policy, quantity, notional_per_lot, risk_per_lot, utility, codes)


def utility_of(facts: SizingFacts, policy: SizingPolicy, stop_distance: Decimal) -> Decimal:
    """Return U = alpha·R - beta·sigma - gamma·C, all in risks (R).

    R: expected profit; sigma: one bar's true range over the stop distance; C: the spread
    over the stop distance. The canvas names the form and leaves the units open.
    """
    reward = facts.probability * facts.reward_to_risk - (ONE - facts.probability)
    sigma = facts.atr / stop_distance
    cost = facts.reference_price * facts.spread_bps / 10_000 / stop_distance
    return (policy.alpha * reward - policy.beta * sigma - policy.gamma * cost).quantize(MICRO)


def kelly(probability: Decimal, reward_to_risk: Decimal) -> Decimal:
    """Return the growth-optimal part of equity to risk; negative without an edge.

    Source: Kelly 1956, Bell System Technical Journal 35(4).
    """
    return probability - (ONE - probability) / reward_to_risk


def probability_left(facts: SizingFacts, policy: SizingPolicy) -> Decimal:
    """Return the probability less `kelly_z` standard errors of it, at least zero.

    A probability from few trades is worth less: Kelly on an estimate bets too much.
    Source: Baker & McHale 2013, Decision Analysis 10(3).
    """
    p = facts.probability
    error = (p * (ONE - p) / max(policy.kelly_prior + facts.trades, 1)).sqrt()
    return max(ZERO, p - policy.kelly_z * error)


def tripped(facts: SizingFacts, policy: SizingPolicy) -> SizingCode | None:
    """Tell why no model may size this trade; None if the models may."""
    if facts.sigma is None or facts.sigma <= 0:
        return SizingCode.BREAKER_VOLATILITY
    if 0 < policy.breaker_losses <= facts.losses_in_row:
        return SizingCode.BREAKER_LOSSES
    return None


def _refuse(facts: SizingFacts) -> NotSized | None:
    if facts.equity <= 0:
        return NotSized(SizingCode.EQUITY_NOT_POSITIVE, str(facts.equity))
    if facts.stop_loss is None:
        return NotSized(SizingCode.STOP_MISSING, "no stop-loss")
    if facts.side.sign * (facts.reference_price - facts.stop_loss) <= 0:
        return NotSized(SizingCode.STOP_ON_WRONG_SIDE, str(facts.stop_loss))
    if facts.quote_rate is None or facts.quote_rate <= 0:
        return NotSized(SizingCode.CONVERSION_RATE_MISSING, "quote to account currency")
    if facts.treasury_throttle is None:
        return NotSized(SizingCode.TREASURY_UNKNOWN, "no treasury status")
    if facts.treasury_throttle <= 0:
        return NotSized(SizingCode.NO_ROOM, SizingCode.TREASURY_THROTTLED.value)
    if facts.reward_to_risk <= 0:
        return NotSized(SizingCode.NO_EDGE, "no reward")
    return None


def _bounds(
    facts: SizingFacts,
    policy: SizingPolicy,
    notional_per_lot: Decimal,
    risk_per_lot: Decimal,
    breaker: SizingCode | None,
) -> list[tuple[SizingCode, Decimal]]:
    """Return the largest quantity under each rule. Earlier entries win ties."""
    probability = probability_left(facts, policy)
    kelly_fraction = policy.kelly_fraction * kelly(probability, facts.reward_to_risk)
    risk_budget = facts.equity * policy.risk_fraction * facts.confidence
    models = [
        (SizingCode.BOUND_BY_RISK, risk_budget / risk_per_lot),
        (SizingCode.BOUND_BY_KELLY, facts.equity * kelly_fraction / risk_per_lot),
    ]
    if breaker is not None:
        fixed = facts.equity * min(policy.fallback_fraction, policy.risk_fraction)
        models = [(SizingCode.BOUND_BY_FALLBACK, fixed / risk_per_lot)]
    elif facts.sigma is not None:
        swing = facts.equity * policy.volatility_target / facts.sigma
        models.append((SizingCode.BOUND_BY_VOLATILITY, swing / notional_per_lot))
    leverage_room = facts.equity * policy.leverage_max - facts.gross_exposure
    signed = facts.side.sign * facts.current_quantity
    # What closes an opposite position takes no room under the leverage limit.
    closing = max(ZERO, -signed) * 2
    bounds = [
        *models,
        (SizingCode.BOUND_BY_QUANTITY_CAP, policy.quantity_cap),
        (SizingCode.BOUND_BY_VENUE_MAXIMUM, facts.volume_max),
        (SizingCode.BOUND_BY_POSITION_CAP, policy.position_cap - signed),
        (SizingCode.BOUND_BY_NOTIONAL_CAP, policy.notional_cap / notional_per_lot),
        (SizingCode.BOUND_BY_LEVERAGE, leverage_room / notional_per_lot + closing),
    ]
    if facts.requested_quantity is not None:
        bounds.append((SizingCode.BOUND_BY_REQUEST, facts.requested_quantity))
    return bounds


def _sized(
    facts: SizingFacts,
    policy: SizingPolicy,
    quantity: Decimal,
    notional_per_lot: Decimal,
    risk_per_lot: Decimal,
    utility: Decimal,
    bounds: tuple[SizingCode, ...],
) -> Sized:
    notional = quantity * notional_per_lot
    current = facts.current_quantity * notional_per_lot
    delta = facts.side.sign * notional
    gross_after = facts.gross_exposure - abs(current) + abs(current + delta)
    risk_amount = quantity * risk_per_lot
    codes = [code.value for code in bounds]
    if facts.treasury_throttle is not None and facts.treasury_throttle < 1:
        codes.append(SizingCode.TREASURY_THROTTLED.value)
    if current * delta < 0:
        codes.append(SizingCode.REDUCES_POSITION.value)
    return Sized(
        quantity=quantity,
        notional=notional,
        risk_amount=risk_amount,
        current_size=current,
        target_size=current + delta,
        exposure_delta=delta,
        utility=utility,
        risk_score=min(ONE, (risk_amount / (facts.equity * policy.risk_fraction)).quantize(MICRO)),
        leverage_after=(gross_after / facts.equity).quantize(MICRO),
        quantity_cap=min(policy.quantity_cap, facts.volume_max),
        reason_codes=tuple(codes),
    )
