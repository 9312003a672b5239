"""The second-by-second path inside one bar: seeded, through open, high, low and close."""

import numpy as np

from backend.paper_terminal.bars import FloatArray

_SHORTEST_WITH_EXTREMES = 4


def bar_path(
    open_: float,
    high: float,
    low: float,
    close: float,
    seconds: int,
    digits: int,
    seed: list[int],
) -> FloatArray:
    """Give one bid per second: starts at open, ends at close, touches high and low.

    seconds: length of the bar, at least 1. seed: identifies symbol and bar.
    """
    if seconds < _SHORTEST_WITH_EXTREMES:
        return np.round(np.linspace(open_, close, seconds), digits) if seconds > 1 else _one(close)
    rng = np.random.default_rng(seed)
    first, second = sorted(rng.choice(np.arange(1, seconds - 1), size=2, replace=False))
    early, late = (low, high) if close >= open_ else (high, low)
    times = np.array([0, first, second, seconds - 1])
    corners = np.array([open_, early, late, close])
    grid = np.arange(seconds)
    noise = np.cumsum(rng.normal(0.0, 1.0, seconds))
    # Pinned to zero at every corner, so that the corners themselves stay exact.
    bridge = noise - np.interp(grid, times, noise[times])
    scale = (high - low) * 0.12 / max(1e-12, float(np.abs(bridge).max()))
    path = np.interp(grid, times, corners) + bridge * scale
    return np.round(np.clip(path, low, high), digits)


def _one(close: float) -> FloatArray:
    return np.array([close])
