"""Exact arithmetic that several decisions share: steps, bounds, floats made exact."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_HALF_EVEN, Decimal

ZERO = Decimal(0)
ONE = Decimal(1)
BPS = Decimal(10_000)
MICRO = Decimal("0.000001")


def decimal_from_float(value: float, places: int = 6) -> Decimal:
    """Round a float to an exact decimal. Raises ValueError if it is not finite."""
    if not math.isfinite(value):
        raise ValueError("not a finite number")
    # Adding zero turns -0 into 0, which otherwise reads as a fact of its own.
    return Decimal(repr(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN) + ZERO


def floor_to_step(value: Decimal, step: Decimal) -> Decimal:
    """Round towards zero to a multiple of step. Raises ValueError if step is not positive."""
    if step <= 0:
        raise ValueError("step must be positive")
    return (value / step).to_integral_value(ROUND_DOWN) * step


def ceil_to_step(value: Decimal, step: Decimal) -> Decimal:
    """Round up to a multiple of step. Raises ValueError if step is not positive."""
    if step <= 0:
        raise ValueError("step must be positive")
    return (value / step).to_integral_value(ROUND_CEILING) * step


def round_to_step(value: Decimal, step: Decimal) -> Decimal:
    """Round to the nearest multiple of step, ties to even."""
    if step <= 0:
        raise ValueError("step must be positive")
    return (value / step).to_integral_value(ROUND_HALF_EVEN) * step


def bounded(value: Decimal, low: Decimal, high: Decimal) -> Decimal:
    """Keep a value between low and high, both included."""
    return max(low, min(high, value))


def unit(value: Decimal) -> Decimal:
    """Keep a value between 0 and 1 and round it to six places."""
    return bounded(value, ZERO, ONE).quantize(MICRO, ROUND_HALF_EVEN)
