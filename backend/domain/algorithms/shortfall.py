"""Implementation shortfall: what an order cost against the price at which it was decided.

Costs are basis points of the decision price on the parent's whole quantity; positive is worse.
delay: from decision to arrival; spread: half of it at each fill; impact: how far the middle had
moved against us by each fill since arrival; opportunity: what was not filled, at the price in
the end. The four sum to the total exactly.
Source: Perold 1988, J. Portfolio Management 14(3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from backend.domain.algorithms.model import Schedule
from backend.domain.numbers import BPS, ZERO, bounded
from backend.values import Side

_PLACES = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Execution:
    """One fill of one child, and the quote that it met; None if unknown."""

    at: datetime
    quantity: Decimal
    price: Decimal
    bid: Decimal | None
    ask: Decimal | None


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Basis points of the decision price, on the parent's whole quantity."""

    delay: Decimal
    impact: Decimal
    spread: Decimal
    opportunity: Decimal
    total: Decimal
    filled: Decimal
    filled_share: Decimal
    average_price: Decimal | None
    behind_share: Decimal
    """How far fills were from the schedule: mean over its slices of |planned - filled| / all."""


def measure_shortfall(
    side: Side,
    quantity: Decimal,
    decision_price: Decimal,
    arrival_mid: Decimal,
    final_mid: Decimal,
    executions: Sequence[Execution],
    schedule: Schedule,
) -> Shortfall:
    """Split the shortfall of a parent. Raises ValueError if quantity or price is not positive.

    What a fill paid beyond the middle is spread, up to half of what was quoted (negative for one
    that was waited for); what it paid beyond the quote is impact, and so is everything where the
    quote is unknown.
    """
    if quantity <= 0 or decision_price <= 0:
        raise ValueError("quantity and decision price must be positive")
    filled = sum((e.quantity for e in executions), ZERO)
    value = sum((e.quantity * e.price for e in executions), ZERO)
    paid_spread = sum((e.quantity * _paid_spread(e) for e in executions), ZERO)
    scale = side.sign * BPS / (quantity * decision_price)
    delay = _bps(scale * filled * (arrival_mid - decision_price))
    spread = _bps(scale * paid_spread)
    opportunity = _bps(scale * (quantity - filled) * (final_mid - decision_price))
    total = _bps(
        scale
        * (value - filled * decision_price + (quantity - filled) * (final_mid - decision_price))
    )
    return Shortfall(
        delay=delay,
        # The rest, so that rounding cannot open a gap between the parts and the whole.
        impact=total - delay - spread - opportunity,
        spread=spread,
        opportunity=opportunity,
        total=total,
        filled=filled,
        filled_share=(filled / quantity).quantize(_PLACES),
        average_price=None if filled == 0 else value / filled,
        behind_share=_behind(quantity, executions, schedule),
    )


def _paid_spread(execution: Execution) -> Decimal:
    """Return how far the price was from the middle, within the quote."""
    bid, ask = execution.bid, execution.ask
    if bid is None or ask is None:
        return ZERO
    return bounded(execution.price, bid, ask) - (bid + ask) / 2


def _behind(quantity: Decimal, executions: Sequence[Execution], schedule: Schedule) -> Decimal:
    """Compare at the end of each slice, when what was due in it had its time."""
    slices = schedule.slices
    if not slices:
        return ZERO
    gaps = ZERO
    for index, due in enumerate(slices):
        ends = slices[index + 1].at if index + 1 < len(slices) else None
        done = sum((e.quantity for e in executions if ends is None or e.at < ends), ZERO)
        gaps += abs(due.total - done)
    return (gaps / (len(slices) * quantity)).quantize(_PLACES)


def _bps(value: Decimal) -> Decimal:
    return value.quantize(_PLACES)
