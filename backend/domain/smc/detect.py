"""Detect everything in a run of bars at once.

A bar is judged against what was known before it: swings confirmed by a bar's own close count
from the next bar on. A tracker (see `tracker.py`) is the same definition bar by bar.
"""

from __future__ import annotations

import numpy as np

from backend.domain.market.bars import Bars
from backend.domain.smc.breaks import find_shifts, merge_breaks, side_breaks
from backend.domain.smc.days import trading_days
from backend.domain.smc.events import DEFAULT_SETTINGS, SmcSettings
from backend.domain.smc.frame import Frame
from backend.domain.smc.pools import merge_pools, period_pools, swing_pools
from backend.domain.smc.structures import Structures, Swings
from backend.domain.smc.swings import (
    SideSwings,
    average_true_range,
    dealing_range,
    displacements,
    find_swings,
    fractals,
)
from backend.domain.smc.zones import (
    bullish_blocks,
    bullish_gaps,
    find_inducements,
    merge_zones,
    violated_blocks,
)


def detect(bars: Bars, settings: SmcSettings = DEFAULT_SETTINGS) -> Structures:
    """Return every structure in the bars with the bars at which it became known.

    Nothing that is reported changes or disappears when later bars are added.
    """
    size = len(bars)
    up = Frame(bars.open, bars.high, bars.low, bars.close)
    down = up.mirror
    highs, lows = find_swings(up, settings)
    atr = average_true_range(up, settings.atr_bars)
    forces = displacements(up, atr, settings)
    force = np.zeros(size, dtype=np.int64)
    force[forces.known_at] = forces.direction
    breaks_up = side_breaks(up, highs, force > 0)
    breaks_down = side_breaks(down, lows, force < 0)
    breaks = merge_breaks(breaks_up, breaks_down)
    days = trading_days(bars.opened_us, settings.day_turn)
    pools = merge_pools(
        [
            swing_pools(up, highs, atr, settings),
            swing_pools(down, lows, atr, settings),
            period_pools(up, days, settings),
            period_pools(down, days, settings),
        ],
        size,
    )
    bullish, bearish = bullish_blocks(up, breaks_up), bullish_blocks(down, breaks_down)
    blocks = merge_zones(bullish, bearish, size)
    swept = pools.swept_at >= 0
    above = pools.swept_at[swept & (pools.direction > 0)]
    below = pools.swept_at[swept & (pools.direction < 0)]
    bearish_breakers, bearish_mitigation = violated_blocks(up, bullish, above)
    bullish_breakers, bullish_mitigation = violated_blocks(down, bearish, below)
    minor_highs = fractals(up, settings.minor_bars)
    minor_lows = fractals(down, settings.minor_bars)
    return Structures(
        bars=size,
        swings=_merge_swings(highs, lows),
        breaks=breaks,
        shifts=find_shifts(breaks),
        displacements=forces,
        gaps=merge_zones(bullish_gaps(up), bullish_gaps(down), size),
        order_blocks=blocks,
        breakers=merge_zones(bullish_breakers, bearish_breakers, size),
        mitigation_blocks=merge_zones(bullish_mitigation, bearish_mitigation, size),
        pools=pools,
        inducements=find_inducements(up, blocks, minor_highs, minor_lows),
        dealing=dealing_range(up, highs, lows),
        atr=atr,
    )


def _merge_swings(highs: SideSwings, lows: SideSwings) -> Swings:
    known_at = np.concatenate((highs.known_at, lows.known_at))
    order = np.argsort(known_at, kind="stable")
    return Swings(
        np.concatenate((highs.bar, lows.bar))[order],
        known_at[order],
        np.repeat([1, -1], [len(highs.bar), len(lows.bar)])[order],
        np.concatenate((highs.level, -lows.level))[order],
    )
