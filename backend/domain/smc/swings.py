"""Swings, their dealing range, and bars of displacement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backend.domain.market.bars import FloatArray, IntArray
from backend.domain.smc.events import SmcSettings, SwingRule
from backend.domain.smc.frame import Frame, first_of_runs, sliding_max
from backend.domain.smc.structures import DealingRange, Displacements
from backend.domain.volatility import true_range

OTE_SHALLOW, OTE_DEEP = 0.62, 0.79
"""Retracements between which the optimal trade entry lies."""


@dataclass(frozen=True, slots=True, eq=False)
class SideSwings:
    """Swing highs of a frame in order, with the one known before each bar."""

    bar: IntArray
    known_at: IntArray
    level: FloatArray
    latest: IntArray
    """Per bar: index of the latest swing known before it, -1 without any."""


def swing_highs(frame: Frame, n: int) -> IntArray:
    """Return the bars whose high tops the n bars before and is not topped by the n after.

    Bar i is known at the close of bar i + n, never sooner. Of equal highs the first counts.
    Source: Williams 1995, Trading Chaos (fractals), with n for his 2.
    """
    if frame.size < 2 * n + 1:
        return np.empty(0, dtype=np.int64)
    centre = frame.high[n:-n]
    around = sliding_max(frame.high, n)
    is_peak = (centre > around[: len(centre)]) & (centre >= around[n + 1 :])
    return np.flatnonzero(is_peak) + n


def leg_swings(frame: Frame, n: int) -> tuple[IntArray, IntArray]:
    """Return the bars of swing highs and swing lows that take turns.

    A bar above the n bars after it begins a falling leg, one below them a rising leg; the bar
    at which the leg turns is the swing, known n bars later. The first leg falls.
    Source: LuxAlgo's Smart Money Concepts (pivots of `size` bars), from its public ports.
    """
    if frame.size <= n:
        nothing = np.empty(0, dtype=np.int64)
        return nothing, nothing
    after = sliding_max(frame.high[1:], n)
    below = sliding_max(frame.mirror.high[1:], n)
    falls, rises = frame.high[:-n] > after, frame.mirror.high[:-n] > below
    leg = np.where(falls, -1, np.where(rises, 1, 0))
    bar = np.flatnonzero(leg)
    turn = bar[first_of_runs(leg[bar])]
    if len(turn) and leg[turn[0]] < 0:
        turn = turn[1:]
    return turn[leg[turn] < 0], turn[leg[turn] > 0]


def find_swings(frame: Frame, settings: SmcSettings) -> tuple[SideSwings, SideSwings]:
    """Find the swing highs of a frame, and those of its mirror, by the rule of the settings."""
    n = settings.swing_bars
    if settings.swing_rule is SwingRule.LEG:
        highs, lows = leg_swings(frame, n)
        return _known(frame, highs, n), _known(frame.mirror, lows, n)
    return fractals(frame, n), fractals(frame.mirror, n)


def fractals(frame: Frame, n: int) -> SideSwings:
    """Find the swing highs of a frame by the rule of fractals."""
    return _known(frame, swing_highs(frame, n), n)


def _known(frame: Frame, bar: IntArray, n: int) -> SideSwings:
    begins = np.zeros(frame.size + 1, dtype=np.int64)
    begins[bar + n + 1] = 1
    return SideSwings(bar, bar + n, frame.high[bar], np.cumsum(begins)[:-1] - 1)


def average_true_range(frame: Frame, n: int) -> FloatArray:
    """Return the mean true range of the last n bars at each bar, NaN before there are so many.

    A plain mean, not Wilder's, so that it does not depend on where the history begins.
    """
    # A running sum, because adding in this very order gives a tracker the same last digit.
    total = np.cumsum(true_range(frame.high, frame.low, frame.close))
    result = np.full(frame.size, np.nan)
    if frame.size >= n:
        result[n - 1] = total[n - 1] / n
        result[n:] = (total[n:] - total[:-n]) / n
    return result


def displacements(frame: Frame, atr: FloatArray, settings: SmcSettings) -> Displacements:
    """Find bars that moved with force: a large body, in range terms and within its own bar.

    Body >= displacement_atr average true ranges (of the bars before it) and >= displacement_body
    of the bar's own range. Source: ICT's "energetic" candle, made a number.
    """
    body = frame.close - frame.open
    size = np.abs(body)
    before = np.concatenate(([np.nan], atr[:-1]))[: frame.size]
    large = (size > 0) & (size >= settings.displacement_atr * before)
    large &= size >= settings.displacement_body * (frame.high - frame.low)
    bar = np.flatnonzero(large)
    reference = before[bar]
    with np.errstate(divide="ignore"):
        atrs = size[bar] / reference
    return Displacements(bar, np.sign(body[bar]).astype(np.int64), frame.close[bar], atrs)


def dealing_range(frame: Frame, highs: SideSwings, lows: SideSwings) -> DealingRange:
    """Place each close within the range of the latest swing high and low known before its bar.

    Premium lies above the middle, discount below. The optimal trade entry is a retracement of
    62 to 79 per cent of the leg, which runs from the older swing to the younger one.
    Source: ICT's dealing range and OTE. lows: swing highs of the mirror.
    """
    top = np.append(highs.level, np.nan)[highs.latest]
    bottom = np.append(-lows.level, np.nan)[lows.latest]
    top_bar, bottom_bar = np.append(highs.bar, -1), np.append(lows.bar, -1)
    leg = np.sign(top_bar[highs.latest] - bottom_bar[lows.latest])
    height = top - bottom
    valid = height > 0
    leg[~valid] = 0
    close = frame.close
    with np.errstate(invalid="ignore", divide="ignore"):
        position = np.where(valid, (close - bottom) / height, np.nan)
        middle = (top + bottom) / 2
        zone = np.where(valid, (close > middle).astype(np.int64) - (close < middle), 0)
        low, high = ote_bounds(top, bottom, leg)
        inside = (leg != 0) & (close >= low) & (close <= high)
    return DealingRange(bottom, top, leg, position, zone, np.where(inside, leg, 0))


def ote_bounds(top: FloatArray, bottom: FloatArray, leg: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return the bounds of the optimal trade entry; meaningless where there is no leg."""
    height = top - bottom
    rising = leg > 0
    low = np.where(rising, top - OTE_DEEP * height, bottom + OTE_SHALLOW * height)
    high = np.where(rising, top - OTE_SHALLOW * height, bottom + OTE_DEEP * height)
    return low, high
