"""Fair value gaps, order blocks, what becomes of violated ones, and inducement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backend.domain.market.bars import FloatArray, IntArray
from backend.domain.smc.breaks import SideBreaks
from backend.domain.smc.frame import Frame, last_true, never_to_minus_one
from backend.domain.smc.structures import BoolArray, Inducements, Zones
from backend.domain.smc.swings import SideSwings


@dataclass(frozen=True, slots=True, eq=False)
class SideZones:
    """Bullish zones of a frame and their life; "never" is the frame's size."""

    bar: IntArray
    known_at: IntArray
    lower: FloatArray
    upper: FloatArray
    tapped_at: IntArray
    mitigated_at: IntArray
    filled_at: IntArray
    invalidated_at: IntArray


def bullish_gaps(frame: Frame) -> SideZones:
    """Find bullish fair value gaps and follow them.

    The high of the bar before lies below the low of the bar after, and the middle candle closed
    up. Known at the close of the bar after. Source: ICT's fair value gap in the form of the
    smartmoneyconcepts package, whose MitigatedIndex is our tapped_at.
    """
    if frame.size < 3:
        nothing = np.empty(0, dtype=np.int64)
        return follow(frame, nothing, nothing, frame.low[nothing], frame.low[nothing])
    high, low = frame.high[:-2], frame.low[2:]
    middle = np.flatnonzero((high < low) & (frame.close[1:-1] > frame.open[1:-1])) + 1
    return follow(frame, middle, middle + 1, high[middle - 1], low[middle - 1])


def bullish_blocks(frame: Frame, breaks: SideBreaks) -> SideZones:
    """Find bullish order blocks and follow them.

    The last down candle at or before the origin of a displaced upward break, not older than
    the broken swing, from its low to its high. Known at the break. A candle is a block once.
    Source: ICT (the last down-close candle before the move that breaks structure).
    """
    candle = last_true(frame.close < frame.open)[breaks.origin]
    valid = breaks.displaced & (candle >= breaks.swing_bar)
    bar, known_at = candle[valid], breaks.known_at[valid]
    # Candles never go back from break to break, so that repetitions are neighbours.
    fresh = np.ones(len(bar), dtype=np.bool_)
    fresh[1:] = bar[1:] != bar[:-1]
    bar, known_at = bar[fresh], known_at[fresh]
    return follow(frame, bar, known_at, frame.low[bar], frame.high[bar])


def follow(
    frame: Frame, bar: IntArray, known_at: IntArray, lower: FloatArray, upper: FloatArray
) -> SideZones:
    """Find when zones below the market are tapped, mitigated, filled and invalidated.

    Tapped: the low reaches the upper edge; mitigated: the middle; filled: the lower edge;
    invalidated: a close below it. From the bar after `known_at` on, each not before the last.
    """
    lows, closes = frame.mirror.highs, frame.mirror.closes
    tapped_at = lows.first_reaching(known_at + 1, -upper)
    mitigated_at = lows.first_reaching(tapped_at, -((lower + upper) / 2))
    filled_at = lows.first_reaching(mitigated_at, -lower)
    invalidated_at = closes.first_above(filled_at, -lower)
    return SideZones(
        bar, known_at, lower, upper, tapped_at, mitigated_at, filled_at, invalidated_at
    )


def violated_blocks(
    frame: Frame, blocks: SideZones, swept_above_at: IntArray
) -> tuple[SideZones, SideZones]:
    """Return breakers and mitigation blocks from bullish blocks of the frame, for its mirror.

    A block that is invalidated turns resistance. It is a breaker if a pool above the market was
    swept since the block was known (at the latest by the violating bar), else a mitigation
    block. swept_above_at: bars at which sweeps above became known.
    Source: ICT: a breaker fails after taking liquidity, a mitigation block without.
    """
    violated = np.flatnonzero(blocks.invalidated_at < frame.size)
    known_at = blocks.invalidated_at[violated]
    happened = np.zeros(frame.size, dtype=np.bool_)
    happened[swept_above_at] = True
    swept = last_true(happened)[known_at] >= blocks.known_at[violated]

    def turned(chosen: BoolArray) -> SideZones:
        index, known = violated[chosen], known_at[chosen]
        order = np.argsort(known, kind="stable")
        index = index[order]
        return follow(
            frame.mirror,
            blocks.bar[index],
            known[order],
            -blocks.upper[index],
            -blocks.lower[index],
        )

    return turned(swept), turned(~swept)


def merge_zones(up: SideZones, down: SideZones, size: int) -> Zones:
    """Put the zones of a frame and of its mirror in order."""
    known_at = np.concatenate((up.known_at, down.known_at))
    order = np.argsort(known_at, kind="stable")

    def at(first: IntArray, second: IntArray) -> IntArray:
        return never_to_minus_one(np.concatenate((first, second))[order], size)

    return Zones(
        np.concatenate((up.bar, down.bar))[order],
        known_at[order],
        np.repeat([1, -1], [len(up.bar), len(down.bar)])[order],
        np.concatenate((up.lower, -down.upper))[order],
        np.concatenate((up.upper, -down.lower))[order],
        at(up.tapped_at, down.tapped_at),
        at(up.mitigated_at, down.mitigated_at),
        at(up.filled_at, down.filled_at),
        at(up.invalidated_at, down.invalidated_at),
    )


def find_inducements(
    frame: Frame, blocks: Zones, minor_highs: SideSwings, minor_lows: SideSwings
) -> Inducements:
    """Find the minor swing before each order block, once it is taken.

    The first minor low printed after a bullish block is known, and itself known before the
    block is tapped, lures buyers in; it is taken when a low goes below it, on the way to the
    block. Source: the common reading of inducement as the first pullback before the point of
    interest. minor_lows: minor swing highs of the mirror.
    """
    below = _induced(frame.mirror, blocks, 1, minor_lows)
    above = _induced(frame, blocks, -1, minor_highs)
    block = np.concatenate((below[0], above[0]))
    bar = np.concatenate((below[1], above[1]))
    known_at = np.concatenate((below[2], above[2]))
    level = np.concatenate((-below[3], above[3]))
    order = np.lexsort((block, known_at))
    block = block[order]
    return Inducements(block, bar[order], known_at[order], blocks.direction[block], level[order])


def _induced(
    facing: Frame, blocks: Zones, direction: int, minors: SideSwings
) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
    block = np.flatnonzero(blocks.direction == direction)
    minor = np.searchsorted(minors.bar, blocks.known_at[block], side="right")
    there = minor < len(minors.bar)
    block, minor = block[there], minor[there]
    tapped_at = blocks.tapped_at[block]
    in_time = (tapped_at < 0) | (tapped_at > minors.known_at[minor])
    block, minor = block[in_time], minor[in_time]
    taken_at = facing.highs.first_above(minors.known_at[minor] + 1, minors.level[minor])
    taken = taken_at < facing.size
    block, minor = block[taken], minor[taken]
    return block, minors.bar[minor], taken_at[taken], minors.level[minor]
