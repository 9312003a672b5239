"""Fractal swings and fair value gaps, vectorised over a run of bars."""

from __future__ import annotations

import numpy as np

from backend.domain.market.bars import FloatArray, IntArray


def swing_highs(high: FloatArray, n: int) -> IntArray:
    """Return the bars whose high tops the n bars before and is not topped by the n after.

    Bar i is known at the close of bar i + n, never sooner. Of equal highs the first counts.
    Source: Williams 1995, Trading Chaos (fractals), with n for his 2.
    """
    return _peaks(high, n)


def swing_lows(low: FloatArray, n: int) -> IntArray:
    """Return the bars whose low undercuts the n bars before and is not undercut after."""
    return _peaks(-low, n)


def _peaks(values: FloatArray, n: int) -> IntArray:
    if n < 1:
        raise ValueError("a swing needs at least one bar on each side")
    if len(values) < 2 * n + 1:
        return np.empty(0, dtype=np.int64)
    centre = values[n:-n]
    end = len(values) - n
    is_peak = np.ones(len(centre), dtype=np.bool_)
    # A few whole-array comparisons beat a window view on the short runs that signals bring.
    for k in range(1, n + 1):
        is_peak &= centre > values[n - k : end - k]
        is_peak &= centre >= values[n + k : end + k]
    return np.flatnonzero(is_peak) + n


def bullish_gaps(
    open_: FloatArray, high: FloatArray, low: FloatArray, close: FloatArray
) -> IntArray:
    """Return the middle bars of bullish fair value gaps, each known one bar later.

    A gap: the high of the bar before lies below the low of the bar after, and the middle
    candle closed up. Source: the smartmoneyconcepts package's definition.
    """
    if len(close) < 3:
        return np.empty(0, dtype=np.int64)
    return np.flatnonzero((high[:-2] < low[2:]) & (close[1:-1] > open_[1:-1])) + 1


def bearish_gaps(
    open_: FloatArray, high: FloatArray, low: FloatArray, close: FloatArray
) -> IntArray:
    """Return the middle bars of bearish fair value gaps, the mirror image."""
    if len(close) < 3:
        return np.empty(0, dtype=np.int64)
    return np.flatnonzero((low[:-2] > high[2:]) & (close[1:-1] < open_[1:-1])) + 1
