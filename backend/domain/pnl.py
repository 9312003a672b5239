"""Profit and loss: positions from fills at average cost, and where a fill's money went.

All money is account currency. `value_per_point` is contract size x conversion rate: what one
lot gains when the price rises by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from backend.domain.numbers import BPS, ZERO
from backend.values import Side


@dataclass(frozen=True, slots=True)
class Position:
    """Signed lots at their average price; a flat position has price zero."""

    quantity: Decimal = ZERO
    average_price: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class FillFacts:
    """One fill as the venue reported it."""

    side: Side
    quantity: Decimal
    price: Decimal
    value_per_point: Decimal
    commission: Decimal


@dataclass(frozen=True, slots=True)
class FillResult:
    """The position after a fill, and what the fill realised before commission."""

    position: Position
    realized: Decimal
    opened: Decimal
    closed: Decimal


@dataclass(frozen=True, slots=True)
class Attribution:
    """Where a fill's money went; parts sum to `total` exactly. Costs are negative.

    market_move: from the decision's price to the middle at arrival, seen by the side.
    spread: from that middle to the quote that the side trades at. slippage: from the quote
    to the fill.
    """

    market_move: Decimal
    spread: Decimal
    slippage: Decimal
    commission: Decimal
    total: Decimal


def apply_fill(position: Position, fill: FillFacts) -> FillResult:
    """Add a fill to a position at average cost. Raises ValueError unless quantity > 0."""
    if fill.quantity <= 0:
        raise ValueError("a fill has a positive quantity")
    signed = fill.side.sign * fill.quantity
    held = position.quantity
    if held * signed >= 0:
        total = held + signed
        cost = abs(held) * position.average_price + fill.quantity * fill.price
        return FillResult(Position(total, cost / abs(total)), ZERO, fill.quantity, ZERO)
    closed = min(abs(held), fill.quantity)
    direction = 1 if held > 0 else -1
    realized = (fill.price - position.average_price) * closed * direction * fill.value_per_point
    opened = fill.quantity - closed
    remaining = held + signed
    if opened > 0:
        after = Position(remaining, fill.price)
    else:
        after = Position(remaining, position.average_price if remaining else ZERO)
    return FillResult(after, realized, opened, closed)


def unrealized(position: Position, mark: Decimal, value_per_point: Decimal) -> Decimal:
    """Return what closing at the mark would realise, before costs."""
    return (mark - position.average_price) * position.quantity * value_per_point


def attribute(
    fill: FillFacts, decision_price: Decimal, bid: Decimal | None, ask: Decimal | None
) -> Attribution:
    """Split a fill's cost against the decision's price into its parts.

    Without a quote at arrival everything beyond the decision price counts as slippage.
    Source: Perold 1988, implementation shortfall.
    """
    scale = fill.side.sign * fill.quantity * fill.value_per_point
    total_move = (decision_price - fill.price) * scale
    if bid is None or ask is None or bid <= 0 or ask < bid:
        market_move, spread = ZERO, ZERO
        slippage = total_move
    else:
        middle = (bid + ask) / 2
        touch = ask if fill.side is Side.BUY else bid
        market_move = (decision_price - middle) * scale
        spread = (middle - touch) * scale
        slippage = total_move - market_move - spread
    commission = -fill.commission
    # Added up from the parts, so that no rounding of a division can come between them.
    total = market_move + spread + slippage + commission
    return Attribution(market_move, spread, slippage, commission, total)


def slippage_bps(side: Side, fill_price: Decimal, benchmark: Decimal) -> Decimal:
    """Return side x (fill - benchmark) / benchmark in basis points; positive is a cost."""
    if benchmark <= 0:
        raise ValueError("benchmark must be positive")
    cost = side.sign * (fill_price - benchmark) / benchmark * BPS
    return cost.quantize(Decimal("0.0001"))


def notional(quantity: Decimal, price: Decimal, value_per_point: Decimal) -> Decimal:
    """Return the size of a position at a price, with the sign of the quantity."""
    return quantity * price * value_per_point
