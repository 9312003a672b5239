"""Residual exposure by basket, and the cover that brings it back within bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from backend.domain.numbers import ZERO, floor_to_step, round_to_step
from backend.values import Side


class HedgeCode(StrEnum):
    """Why a cover was proposed, or why none was."""

    RESIDUAL_ABOVE_LIMIT = "RESIDUAL_ABOVE_LIMIT"
    WITHIN_LIMIT = "WITHIN_LIMIT"
    NO_BASKET = "NO_BASKET"
    HALTED = "HALTED"
    EQUITY_NOT_POSITIVE = "EQUITY_NOT_POSITIVE"
    BELOW_MINIMUM = "BELOW_MINIMUM"
    PRICE_MISSING = "PRICE_MISSING"
    WOULD_NOT_REDUCE = "WOULD_NOT_REDUCE"
    VOLATILITY_MISSING = "VOLATILITY_MISSING"
    LATER_FILL = "LATER_FILL"


class BetaSource(StrEnum):
    """Where betas come from."""

    PACK = "pack"
    MEASURED = "measured"
    """From market history; the pack's where it has no good figures."""


class Waits(StrEnum):
    """Why a residual is not asked about again now."""

    PENDING = "PENDING"
    TOO_SOON = "TOO_SOON"
    TRIES_SPENT = "TRIES_SPENT"
    NOT_ASKED_TWICE = "NOT_ASKED_TWICE"


@dataclass(frozen=True, slots=True)
class Basket:
    """Symbols that move together; betas are against the hedge instrument."""

    name: str
    hedge_symbol: str
    betas: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class HedgePolicy:
    """Numbers of the pack, as parts of equity."""

    residual_max: Decimal
    """Residual exposure that needs no cover."""
    residual_target: Decimal
    """Where a cover brings it."""
    betas: BetaSource | None = None
    """The pack's own if nothing is said."""
    correlation_min: Decimal | None = None
    """Below it, of either sign, a symbol does not hedge another."""
    beta_max: Decimal | None = None
    """Measured betas are cut to it, of either sign."""
    stop_sigmas: Decimal | None = None
    """Distance of the stop of a cover that opens a position, in its symbol's daily deviations."""
    take_sigmas: Decimal | None = None
    tries_max: int | None = None
    """Covers of one basket that are asked for within the window; without it none is asked twice."""
    tries_window_s: int | None = None
    retry_after_s: int | None = None
    """How long a residual stands before it is asked about again."""


@dataclass(frozen=True, slots=True)
class HedgeFacts:
    """The book after a fill. Exposures are signed notionals in account currency."""

    symbol: str
    exposures: Mapping[str, Decimal]
    equity: Decimal
    notional_per_lot: Decimal | None
    """Of the basket's hedge instrument, account currency."""
    volume_min: Decimal
    volume_max: Decimal
    volume_step: Decimal
    halted: bool


@dataclass(frozen=True, slots=True)
class Measure:
    """What history says of a symbol beside its hedge; deviations are of one day's returns."""

    correlation: Decimal
    sigma: Decimal
    hedge_sigma: Decimal


@dataclass(frozen=True, slots=True)
class Asked:
    """What was already asked for a basket of an account, within the window of the policy."""

    tries: int
    age_s: Decimal | None
    """Since the last one; None if there was none."""
    pending: bool


@dataclass(frozen=True, slots=True)
class CoverProposal:
    """A cover that asks for authority like any other order."""

    basket: str
    symbol: str
    side: Side
    quantity: Decimal
    notional: Decimal
    residual_before: Decimal
    residual_after: Decimal
    reduce_only: bool
    reason_code: HedgeCode


@dataclass(frozen=True, slots=True)
class NoCover:
    """Nothing is to be covered, and why."""

    residual: Decimal
    reason_code: HedgeCode
    detail: str


def propose_cover(
    facts: HedgeFacts, baskets: tuple[Basket, ...], policy: HedgePolicy
) -> CoverProposal | NoCover:
    """Propose a cover for the basket of the filled symbol, or say why none is needed."""
    basket = next((b for b in baskets if facts.symbol in b.betas), None)
    if basket is None:
        own = facts.exposures.get(facts.symbol, ZERO)
        return NoCover(own, HedgeCode.NO_BASKET, facts.symbol)
    return cover_basket(facts, basket, policy)


def cover_basket(facts: HedgeFacts, basket: Basket, policy: HedgePolicy) -> CoverProposal | NoCover:
    """Propose a cover that brings one basket to its target, or say why none is needed."""
    residual = residual_of(basket, facts.exposures)
    if facts.equity <= 0:
        return NoCover(residual, HedgeCode.EQUITY_NOT_POSITIVE, str(facts.equity))
    if abs(residual) <= policy.residual_max * facts.equity:
        return NoCover(residual, HedgeCode.WITHIN_LIMIT, basket.name)
    if facts.halted:
        return NoCover(residual, HedgeCode.HALTED, basket.name)
    if facts.notional_per_lot is None or facts.notional_per_lot <= 0:
        return NoCover(residual, HedgeCode.PRICE_MISSING, basket.hedge_symbol)
    excess = abs(residual) - policy.residual_target * facts.equity
    lots = min(excess / facts.notional_per_lot, facts.volume_max)
    quantity = floor_to_step(lots, facts.volume_step)
    if quantity < facts.volume_min or quantity <= 0:
        return NoCover(residual, HedgeCode.BELOW_MINIMUM, f"{excess} {basket.hedge_symbol}")
    side = Side.SELL if residual > 0 else Side.BUY
    notional = quantity * facts.notional_per_lot
    after = residual + side.sign * notional
    if abs(after) >= abs(residual):
        return NoCover(residual, HedgeCode.WOULD_NOT_REDUCE, basket.name)
    held = facts.exposures.get(basket.hedge_symbol, ZERO)
    return CoverProposal(
        basket=basket.name,
        symbol=basket.hedge_symbol,
        side=side,
        quantity=quantity,
        notional=notional,
        residual_before=residual,
        residual_after=after,
        # Only what shrinks an existing position can be sent as reduce-only.
        reduce_only=held * side.sign < 0 and notional <= abs(held),
        reason_code=HedgeCode.RESIDUAL_ABOVE_LIMIT,
    )


def residual_of(basket: Basket, exposures: Mapping[str, Decimal]) -> Decimal:
    """Return the basket's signed exposure in terms of its hedge instrument."""
    parts = (beta * exposures.get(symbol, ZERO) for symbol, beta in basket.betas.items())
    return sum(parts, ZERO)


def measured_beta(measure: Measure, policy: HedgePolicy) -> Decimal | None:
    """Return correlation x ratio of deviations; zero if too weak, None without good figures."""
    if policy.correlation_min is None or policy.beta_max is None:
        return None
    if measure.sigma <= 0 or measure.hedge_sigma <= 0 or abs(measure.correlation) > 1:
        return None
    if abs(measure.correlation) < policy.correlation_min:
        return ZERO
    beta = round(measure.correlation * measure.sigma / measure.hedge_sigma, _BETA_PLACES)
    return max(-policy.beta_max, min(policy.beta_max, beta))


def baskets_in_force(
    baskets: tuple[Basket, ...],
    measures: Mapping[str, Mapping[str, Measure]],
    policy: HedgePolicy,
) -> tuple[Basket, ...]:
    """Return the pack's baskets with the betas that hold now.

    measures: by hedge instrument and symbol. A symbol that moves too little with its hedge
    leaves the basket and is covered with itself.
    """
    if policy.betas is not BetaSource.MEASURED:
        return baskets
    found: list[Basket] = []
    for basket in baskets:
        known = measures.get(basket.hedge_symbol, {})
        betas: dict[str, Decimal] = {}
        for symbol, of_pack in basket.betas.items():
            measure = None if symbol == basket.hedge_symbol else known.get(symbol)
            beta = None if measure is None else measured_beta(measure, policy)
            betas[symbol] = of_pack if beta is None else beta
        apart = [symbol for symbol, beta in betas.items() if beta == 0]
        together = {symbol: beta for symbol, beta in betas.items() if beta != 0}
        if together:
            found.append(Basket(basket.name, basket.hedge_symbol, together))
        found += [Basket(symbol, symbol, {symbol: _OWN}) for symbol in apart]
    return tuple(found)


def waits(asked: Asked, policy: HedgePolicy) -> Waits | None:
    """Say why a residual that stands is not asked about again now; None asks."""
    if policy.tries_max is None or policy.retry_after_s is None:
        return Waits.NOT_ASKED_TWICE
    if asked.pending:
        return Waits.PENDING
    if asked.tries >= policy.tries_max:
        return Waits.TRIES_SPENT
    if asked.age_s is not None and asked.age_s < policy.retry_after_s:
        return Waits.TOO_SOON
    return None


def protection(
    side: Side, price: Decimal, sigma: Decimal | None, tick: Decimal, policy: HedgePolicy
) -> tuple[Decimal, Decimal] | None:
    """Return stop-loss and take-profit of a cover that opens a position; None without figures.

    sigma: standard deviation of one day's return. A cover asks for the same authority as any
    order, and that asks for a stop; the distances are the pack's.
    """
    if sigma is None or sigma <= 0 or policy.stop_sigmas is None or policy.take_sigmas is None:
        return None
    stop = round_to_step(price * (1 - side.sign * policy.stop_sigmas * sigma), tick)
    take = round_to_step(price * (1 + side.sign * policy.take_sigmas * sigma), tick)
    return (stop, take) if min(stop, take) > 0 else None


def incomplete(policy: HedgePolicy) -> str | None:
    """Say which numbers of a pack need one another, or None if they are all there and positive."""
    for names in _TOGETHER:
        values = [getattr(policy, name) for name in names]
        if any(v is None for v in values) and any(v is not None for v in values):
            return f"{', '.join(names)} come together"
        if any(v is not None and v <= 0 for v in values):
            return f"{', '.join(names)} are above zero"
    if policy.betas is BetaSource.MEASURED and policy.correlation_min is None:
        return "measured betas need correlation_min and beta_max"
    return None


_TOGETHER = (
    ("correlation_min", "beta_max"),
    ("stop_sigmas", "take_sigmas"),
    ("tries_max", "tries_window_s", "retry_after_s"),
)
_BETA_PLACES = 4
_OWN = Decimal(1)
