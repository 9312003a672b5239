"""Volatility from bars: true range, realised variance, Yang-Zhang, and where it stands now."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from backend.domain.market.bars import Bars, FloatArray

ATR_BARS = 14


class Regime(StrEnum):
    """How today's volatility compares with its own past."""

    QUIET = "quiet"
    NORMAL = "normal"
    ELEVATED = "elevated"
    EXTREME = "extreme"


@dataclass(frozen=True, slots=True)
class VolatilityState:
    """Volatility at the last bar. `ratio` is the short ATR over the long one."""

    atr: float
    ratio: float
    realized_sigma: float
    """Standard deviation of one bar's log return, over the window."""
    regime: Regime


def true_range(high: FloatArray, low: FloatArray, close: FloatArray) -> FloatArray:
    """Return each bar's true range; the first bar has no previous close and counts high - low."""
    ranges = high - low
    if len(close) > 1:
        previous = close[:-1]
        ranges = ranges.copy()
        ranges[1:] = np.maximum(high[1:], previous) - np.minimum(low[1:], previous)
    return ranges


def atr(bars: Bars, n: int = ATR_BARS) -> float:
    """Return Wilder's average true range at the last bar, in price units.

    The seed is the mean of the first n true ranges. Raises ValueError on fewer than n bars.
    Source: Wilder 1978, New Concepts in Technical Trading Systems.
    """
    if len(bars) < n:
        raise ValueError(f"average true range needs {n} bars")
    ranges = true_range(bars.high, bars.low, bars.close)
    # ((seed·k + r1)·k + r2)… with k = (n-1)/n is a weighted sum, which one product gives.
    keep = (n - 1) / n
    rest = ranges[n:]
    powers = keep ** np.arange(len(rest) - 1, -1, -1, dtype=np.float64)
    return float(ranges[:n].mean() * keep ** len(rest) + (rest * powers).sum() / n)


def log_returns(close: FloatArray) -> FloatArray:
    """Return natural-log returns, one fewer than the closes."""
    return np.diff(np.log(close))


def realized_variance(returns: FloatArray) -> float:
    """Sum the squared returns of one window.

    returns: natural log, not annualised. Raises ValueError if any is not finite.
    Source: Andersen & Bollerslev 1998, IER 39(4).
    """
    if not np.isfinite(returns).all():
        raise ValueError("a return is not finite")
    return float(np.dot(returns, returns))


def yang_zhang_variance(
    open_: FloatArray, high: FloatArray, low: FloatArray, close: FloatArray
) -> float:
    """Return the Yang-Zhang variance per bar, which stands drift and opening jumps.

    Arrays of n + 1 bars give n returns. Raises ValueError on fewer than three bars.
    Source: Yang & Zhang 2000, Journal of Business 73(3).
    """
    n = len(close) - 1
    if n < 2:
        raise ValueError("Yang-Zhang needs three bars")
    overnight = np.log(open_[1:] / close[:-1])
    up, down, day = (np.log(x[1:] / open_[1:]) for x in (high, low, close))
    rogers_satchell = float(np.mean(up * (up - day) + down * (down - day)))
    k = 0.34 / (1.34 + (n + 1) / (n - 1))
    return float(np.var(overnight, ddof=1) + k * np.var(day, ddof=1) + (1 - k) * rogers_satchell)


def volatility_state(bars: Bars, short: int = ATR_BARS, long: int = 100) -> VolatilityState:
    """Compare the last `short` true ranges with the last `long`.

    Raises ValueError on fewer than `short` + 1 bars.
    """
    if len(bars) <= short:
        raise ValueError(f"volatility needs {short + 1} bars")
    ranges = true_range(bars.high, bars.low, bars.close)
    baseline = float(ranges[-long:].mean())
    recent = float(ranges[-short:].mean())
    ratio = recent / baseline if baseline > 0 else 1.0
    returns = log_returns(bars.close[-long:])
    sigma = (realized_variance(returns) / len(returns)) ** 0.5
    return VolatilityState(atr(bars, short), ratio, sigma, regime_of(ratio))


def regime_of(ratio: float) -> Regime:
    """Name the regime of a ratio of short to long range."""
    if ratio < 0.7:
        return Regime.QUIET
    if ratio < 1.3:
        return Regime.NORMAL
    return Regime.ELEVATED if ratio < 2.0 else Regime.EXTREME
