"""Our detectors, timed structure by structure on the way to what the package has too."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from backend.domain.market.bars import Bars
from backend.domain.smc import Breaks, Pools, SmcSettings, Zones
from backend.domain.smc.breaks import merge_breaks, side_breaks
from backend.domain.smc.days import trading_days
from backend.domain.smc.frame import Frame
from backend.domain.smc.pools import merge_pools, period_pools, swing_pools
from backend.domain.smc.swings import (
    SideSwings,
    average_true_range,
    displacements,
    find_swings,
)
from backend.domain.smc.zones import bullish_blocks, bullish_gaps, merge_zones


@dataclass(slots=True)
class Ours:
    """What was found, and how long each structure took."""

    highs: SideSwings
    lows: SideSwings
    gaps: Zones
    breaks: Breaks
    order_blocks: Zones
    liquidity: Pools
    previous: Pools
    seconds: dict[str, float] = field(default_factory=dict)


def run_ours(bars: Bars, settings: SmcSettings) -> Ours:
    """Find what the package finds. What several need is paid for by the first that needs it."""
    size = len(bars)
    marks = [time.perf_counter()]

    def mark() -> None:
        marks.append(time.perf_counter())

    up = Frame(bars.open, bars.high, bars.low, bars.close)
    down = up.mirror
    highs, lows = find_swings(up, settings)
    mark()
    gaps = merge_zones(bullish_gaps(up), bullish_gaps(down), size)
    mark()
    atr = average_true_range(up, settings.atr_bars)
    forces = displacements(up, atr, settings)
    force = np.zeros(size, dtype=np.int64)
    force[forces.known_at] = forces.direction
    breaks_up = side_breaks(up, highs, force > 0)
    breaks_down = side_breaks(down, lows, force < 0)
    breaks = merge_breaks(breaks_up, breaks_down)
    mark()
    blocks = merge_zones(bullish_blocks(up, breaks_up), bullish_blocks(down, breaks_down), size)
    mark()
    above = swing_pools(up, highs, atr, settings)
    liquidity = merge_pools([above, swing_pools(down, lows, atr, settings)], size)
    mark()
    days = trading_days(bars.opened_us, settings.day_turn)
    previous = merge_pools(
        [period_pools(up, days, settings), period_pools(down, days, settings)], size
    )
    mark()
    names = ("swings", "gaps", "breaks", "order_blocks", "liquidity", "previous_high_low")
    seconds = {name: marks[i + 1] - marks[i] for i, name in enumerate(names)}
    return Ours(highs, lows, gaps, breaks, blocks, liquidity, previous, seconds)
