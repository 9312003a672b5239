"""Residual exposure by basket, and the cover that brings it back within bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from backend.domain.numbers import ZERO, floor_to_step
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
