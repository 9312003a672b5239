"""Where an order of ours stands in its queue, and how likely it is to be filled in time.

Sources: hftbacktest's queue models (risk-averse: only trades advance us; probabilistic: a cancel
was before or behind us in proportion to f of the lots there).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal

from backend.domain.numbers import ONE, ZERO, decimal_from_float, unit

Weight = Callable[[float], float]


def power(exponent: float) -> Weight:
    """Weigh lots by a power of them."""
    return lambda lots: lots**exponent


def logarithm(lots: float) -> float:
    """Weigh lots by log(1 + lots)."""
    return math.log1p(lots)


def advance(
    front: float, back: float, traded: float, depth_after: float, weigh: Weight | None = logarithm
) -> float:
    """Return the lots before us after trades and cancels at our price.

    depth_after: lots there now, ours left out. weigh: None for the risk-averse model.
    """
    left = max(0.0, front - traded)
    cancelled = front + back - traded - depth_after
    if weigh is None or cancelled <= 0:
        return min(left, max(0.0, depth_after)) if weigh is None else left
    ahead, behind = weigh(left), weigh(back)
    share_behind = behind / (ahead + behind) if ahead + behind > 0 else 0.0
    return max(0.0, min(left - (1 - share_behind) * cancelled, depth_after))


def fill_probability(ahead: Decimal, quantity: Decimal, rate: Decimal, seconds: Decimal) -> Decimal:
    """Return how likely enough trades at our price to fill us within a time, from 0 to 1.

    rate: lots a second that trade at our price. What trades in a time is taken as exponential
    around its mean: bursts are common, and so are long silences.
    """
    expected = rate * max(ZERO, seconds)
    if expected <= 0:
        return ZERO
    needed = max(ZERO, ahead) + quantity
    if needed <= 0:
        return ONE
    return unit(decimal_from_float(math.exp(-float(needed / expected))))
