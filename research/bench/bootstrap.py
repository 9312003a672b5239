"""Means of a few runs with bootstrap intervals: percentiles of what runs drawn anew would say."""

from __future__ import annotations

import numpy as np

from research.bench.execution_sizes import Sizes

CONFIDENCE = 0.95
_ENDS = (2.5, 97.5)


def draw_anew(count: int, sizes: Sizes) -> np.ndarray:
    """Return indices of as many runs, drawn with replacement, shape (resamples, count)."""
    dice = np.random.default_rng([sizes.seed, sizes.bootstrap])
    return dice.integers(0, count, (sizes.bootstrap, count))


def mean_interval(values: np.ndarray, picks: np.ndarray) -> dict[str, float]:
    """Return the mean of the runs' values with its interval."""
    return interval(float(values.mean()), values[picks].mean(axis=1))


def interval(value: float, resampled: np.ndarray) -> dict[str, float]:
    """Return a figure with the interval that its resamples span."""
    low, high = np.percentile(resampled, _ENDS)
    return {"mean": round(value, 4), "low": round(float(low), 4), "high": round(float(high), 4)}
