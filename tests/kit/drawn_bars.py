"""Bars drawn by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from backend.domain.market.bars import Bars

START_US = 1_709_510_400_000_000
"""Monday, 4 March 2024, midnight UTC; New York changes its clocks six days later."""


def bars_of(
    rows: Sequence[tuple[float, float, float, float]],
    opened_us: NDArray[np.int64] | None = None,
    step_s: int = 900,
) -> Bars:
    """Make bars of open, high, low, close."""
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    if opened_us is None:
        opened_us = START_US + np.arange(len(rows), dtype=np.int64) * step_s * 1_000_000
    columns = [np.ascontiguousarray(table[:, i]) for i in range(4)]
    return Bars("EURUSD", "M15", opened_us, *columns, np.ones(len(rows)))


def steps(*closes: float) -> Bars:
    """Make bars that open where the last closed, with a tenth above and below."""
    rows: list[tuple[float, float, float, float]] = []
    before = closes[0]
    for close in closes:
        rows.append((before, max(before, close) + 0.1, min(before, close) - 0.1, close))
        before = close
    return bars_of(rows)
