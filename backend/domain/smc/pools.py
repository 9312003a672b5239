"""Liquidity: where stops rest, and what happened when price went there.

Pools above the market (stops of sellers, orders of breakout buyers) are
- every confirmed swing high;
- equal highs: two neighbouring swing highs within `equal_atr` average true ranges, at the
  higher one (LuxAlgo's rule, with the range known at the time);
- the previous day's and week's high, until the next day or week begins. The first day and week
  of a run are not reported, because their beginning may be missing.

A pool is taken by the first high above it. It is swept if, on that bar or within `reclaim_bars`
in all, a bar closes at or below it again, else it was run. Source: ICT's liquidity sweep, or
turtle soup: a wick beyond the level that is reclaimed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backend.domain.market.bars import FloatArray, IntArray
from backend.domain.smc.days import week_of
from backend.domain.smc.events import POOL_KINDS, EventKind, SmcSettings
from backend.domain.smc.frame import Frame, first_of_runs, never_to_minus_one
from backend.domain.smc.structures import Pools
from backend.domain.smc.swings import SideSwings


def swing_pools(frame: Frame, swings: SideSwings, atr: FloatArray, settings: SmcSettings) -> Pools:
    """Find the swings and equal highs above a frame's market; "never" is the frame's size."""
    found = {
        EventKind.SWING: _single(frame, swings),
        EventKind.EQUAL: _equal(frame, swings, atr, settings),
    }
    return _pools(frame, found, settings)


def period_pools(frame: Frame, days: IntArray, settings: SmcSettings) -> Pools:
    """Find the previous day's and week's highs; "never" is the frame's size."""
    found = {
        EventKind.PREVIOUS_DAY: _previous(frame, days),
        EventKind.PREVIOUS_WEEK: _previous(frame, week_of(days)),
    }
    return _pools(frame, found, settings)


def merge_pools(parts: Sequence[Pools], size: int) -> Pools:
    """Put the pools of a frame and of its mirror in order."""

    def column(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in parts])

    order = np.lexsort((column("kind"), column("known_at")))
    direction = column("direction")

    def at(name: str) -> IntArray:
        return never_to_minus_one(column(name)[order], size)

    return Pools(
        column("kind")[order],
        direction[order],
        column("first_bar")[order],
        column("bar")[order],
        column("known_at")[order],
        # Levels of the mirror come back with their own sign.
        (direction * column("level"))[order],
        at("taken_at"),
        at("swept_at"),
        at("run_at"),
    )


_Found = tuple[IntArray, IntArray, IntArray, FloatArray, IntArray]


def _single(frame: Frame, swings: SideSwings) -> _Found:
    taken_at = frame.highs.first_above(swings.known_at + 1, swings.level)
    return swings.bar, swings.bar, swings.known_at, swings.level, taken_at


def _equal(frame: Frame, swings: SideSwings, atr: FloatArray, settings: SmcSettings) -> _Found:
    apart = np.abs(np.diff(swings.level))
    equal = np.flatnonzero(apart <= settings.equal_atr * atr[swings.known_at[1:]]) + 1
    level = np.maximum(swings.level[equal], swings.level[equal - 1])
    known_at = swings.known_at[equal]
    taken_at = frame.highs.first_above(known_at + 1, level)
    return swings.bar[equal - 1], swings.bar[equal], known_at, level, taken_at


def _previous(frame: Frame, period: IntArray) -> _Found:
    """Find the high of each whole period, which counts from the next one's first bar on."""
    start = first_of_runs(period)
    # The first period may lack its beginning, the last its end.
    if len(start) < 3:
        nothing = np.empty(0, dtype=np.int64)
        return nothing, nothing, nothing, frame.high[nothing], nothing
    level = np.maximum.reduceat(frame.high, start)
    length = np.diff(np.append(start, frame.size))
    at_level = frame.high == np.repeat(level, length)
    bar = np.minimum.reduceat(np.where(at_level, np.arange(frame.size), frame.size), start)
    level, bar, known_at = level[1:-1], bar[1:-1], start[2:]
    replaced_at = np.append(start[3:], frame.size)
    taken_at = frame.highs.first_above(known_at, level)
    taken_at[taken_at >= replaced_at] = frame.size
    return bar, bar, known_at, level, taken_at


def _pools(frame: Frame, found: dict[EventKind, _Found], settings: SmcSettings) -> Pools:
    codes = [POOL_KINDS.index(kind) for kind in found]
    kind = np.repeat(codes, [len(pools[0]) for pools in found.values()])
    first_bar, bar, known_at, level, taken_at = (
        np.concatenate(column) for column in zip(*found.values(), strict=True)
    )
    swept_at, run_at = _outcome(frame, level, taken_at, settings.reclaim_bars)
    direction = np.full(len(kind), frame.sign)
    return Pools(kind, direction, first_bar, bar, known_at, level, taken_at, swept_at, run_at)


def _outcome(
    frame: Frame, level: FloatArray, taken_at: IntArray, reclaim_bars: int
) -> tuple[IntArray, IntArray]:
    never = frame.size
    close = np.append(frame.close, np.full(reclaim_bars, np.inf))
    swept_at = np.full(len(level), never)
    last = taken_at + reclaim_bars - 1
    for bar in range(reclaim_bars):
        at = np.minimum(taken_at + bar, never)
        swept_at = np.where((swept_at == never) & (close[at] <= level), at, swept_at)
    run = (swept_at == never) & (last < never)
    return swept_at, np.where(run, last, never)
