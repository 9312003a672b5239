"""Breaks of structure, changes of character, and the shift that confirms one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backend.domain.market.bars import FloatArray, IntArray
from backend.domain.smc.frame import Frame, first_of_runs, last_true
from backend.domain.smc.structures import BoolArray, Breaks, Shifts
from backend.domain.smc.swings import SideSwings


@dataclass(frozen=True, slots=True, eq=False)
class SideBreaks:
    """Upward breaks of a frame."""

    known_at: IntArray
    swing_bar: IntArray
    level: FloatArray
    origin: IntArray
    displaced: BoolArray


def side_breaks(frame: Frame, swings: SideSwings, displaced_up: BoolArray) -> SideBreaks:
    """Find closes above the latest swing high known before; each swing breaks once.

    A swing that a later one replaced breaks no more. The leg's origin is the lowest low from
    the swing's bar to the break's, the last of equal ones. Source: the rule of LuxAlgo's
    Smart Money Concepts (a close crosses the latest confirmed pivot, which is then spent).
    """
    level = np.append(swings.level, np.inf)[swings.latest]
    beyond = np.flatnonzero(frame.close > level)
    first = first_of_runs(swings.latest[beyond])
    bar = beyond[first]
    swing = swings.latest[bar]
    origin = _lowest(frame.low, swings.bar[swing], bar)
    displaced = last_true(displaced_up)[bar] >= origin
    return SideBreaks(bar, swings.bar[swing], swings.level[swing], origin, displaced)


def merge_breaks(up: SideBreaks, down: SideBreaks) -> Breaks:
    """Put the breaks of both sides in order and name them.

    CHoCH: a break against the direction of the one before; every other, the first of all
    included, is a BOS. Source: LuxAlgo, as above. down: breaks of the mirror.
    """
    known_at = np.concatenate((up.known_at, down.known_at))
    order = np.argsort(known_at, kind="stable")
    direction = np.repeat([1, -1], [len(up.known_at), len(down.known_at)])[order]
    change = np.zeros(len(order), dtype=np.bool_)
    change[1:] = direction[1:] != direction[:-1]
    return Breaks(
        known_at[order],
        direction,
        change,
        np.concatenate((up.swing_bar, down.swing_bar))[order],
        np.concatenate((up.level, -down.level))[order],
        np.concatenate((up.origin, down.origin))[order],
        np.concatenate((up.displaced, down.displaced))[order],
    )


def find_shifts(breaks: Breaks) -> Shifts:
    """Find displaced changes of character that the next break confirms as a BOS.

    Known at the confirming break. Source: ICT's market structure shift, which asks of a change
    of character that it be energetic and be followed.
    """
    confirmed = breaks.change[:-1] & breaks.displaced[:-1] & ~breaks.change[1:]
    index = np.flatnonzero(confirmed)
    return Shifts(
        breaks.known_at[index],
        breaks.known_at[index + 1],
        breaks.direction[index],
        breaks.level[index],
    )


def _lowest(low: FloatArray, start: IntArray, end: IntArray) -> IntArray:
    """Return for each query the last index of the minimum of low[start..end], both included."""
    if len(start) == 0:
        return np.empty(0, dtype=np.int64)
    length = end - start + 1
    offset = np.cumsum(length) - length
    # Legs overlap by a swing's confirmation at most, so that all of them laid end to end stay
    # within twice the bars.
    index: IntArray = np.arange(int(length.sum())) + np.repeat(start - offset, length)
    values = low[index]
    lowest = np.minimum.reduceat(values, offset)
    return np.maximum.reduceat(np.where(values == np.repeat(lowest, length), index, -1), offset)
