"""A run of bars for detectors, its mirror image, and the question "when first beyond a level?".

Detectors are written for one direction only and run a second time on the mirror, in which highs
are negated lows: so no definition can differ between up and down.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from backend.domain.market.bars import FloatArray, IntArray

_DENSE_MAX = 1 << 16
"""So many comparisons cost less than the steps that they save."""


class Series:
    """A series with the maxima of its aligned blocks of 1, 2, 4, … values."""

    def __init__(self, values: FloatArray) -> None:
        self.size = len(values)
        # The end holds values below all, so that looking past it finds nothing.
        blocks = np.full(1 << self.size.bit_length(), -np.inf)
        blocks[: self.size] = values
        self._blocks = [blocks]
        while len(blocks) > 1:
            blocks = np.maximum(blocks[0::2], blocks[1::2])
            self._blocks.append(blocks)

    def first_above(self, start: IntArray, level: FloatArray) -> IntArray:
        """Return for each query the first index from start on above level, or the size."""
        return self._first(start, level, np.less_equal)

    def first_reaching(self, start: IntArray, level: FloatArray) -> IntArray:
        """Return for each query the first index from start on at or above level, or the size."""
        return self._first(start, level, np.less)

    def _first(self, start: IntArray, level: FloatArray, below: np.ufunc) -> IntArray:
        if len(start) * self.size <= _DENSE_MAX:
            return self._first_of_few(start, level, below)
        position = np.minimum(start, self.size)
        # Skip whole blocks that stay below, ever larger ones.
        active = np.flatnonzero(position < self.size)
        stopped: list[IntArray] = []
        for power, blocks in enumerate(self._blocks):
            block = position[active] >> power
            # A block with an even number is the beginning of a larger one: look at that.
            due = (block & 1 == 1) if len(blocks) > 1 else np.ones(len(block), dtype=np.bool_)
            looked, block = active[due], block[due]
            skip = below(blocks[block], level[looked])
            stopped.append(looked[~skip])
            looked, passed = looked[skip], (block[skip] + 1) << power
            position[looked] = passed
            active = np.concatenate((active[~due], looked[passed < self.size]))
            if len(active) == 0:
                break
        # Then halve the block that holds the find.
        active = active[:0]
        for power in range(len(stopped) - 2, -1, -1):
            active = np.concatenate((active, stopped[power + 1]))
            at = position[active]
            skip = below(self._blocks[power][at >> power], level[active])
            position[active] = at + (skip.astype(np.int64) << power)
        return np.minimum(position, self.size)

    def _first_of_few(self, start: IntArray, level: FloatArray, below: np.ufunc) -> IntArray:
        """Compare everything with everything: fewer steps, which short runs are all about."""
        found = below(self._blocks[0][: self.size + 1], level[:, None])
        np.logical_not(found, out=found)
        found &= np.arange(self.size + 1) >= start[:, None]
        # The end is always a find of last resort.
        found[:, -1] = True
        return found.argmax(axis=1)


class Frame:
    """Bars as arrays; `mirror` is the same upside down."""

    def __init__(
        self,
        open_: FloatArray,
        high: FloatArray,
        low: FloatArray,
        close: FloatArray,
        mirror: Frame | None = None,
    ) -> None:
        self.open, self.high, self.low, self.close = open_, high, low, close
        self.size = len(close)
        self.sign = 1 if mirror is None else -1
        self._mirror = mirror

    @cached_property
    def mirror(self) -> Frame:
        """Upside down: highs are negated lows."""
        return self._mirror or Frame(-self.open, -self.low, -self.high, -self.close, self)

    @cached_property
    def highs(self) -> Series:
        """Searchable highs."""
        return Series(self.high)

    @cached_property
    def closes(self) -> Series:
        """Searchable closes."""
        return Series(self.close)


def sliding_max(values: FloatArray, length: int) -> FloatArray:
    """Return the maximum of [i, i + length) for every i at which that fits."""
    width = 1
    while 2 * width <= length:
        values = np.maximum(values[:-width], values[width:])
        width *= 2
    rest = length - width
    return np.maximum(values[:-rest], values[rest:]) if rest else values


def never_to_minus_one(at: IntArray, size: int) -> IntArray:
    """Turn "not found" (the size) into -1, as reports have it."""
    return np.where(at < size, at, -1)


def last_true(mask: np.ndarray) -> IntArray:
    """Return for each index the last index up to it at which mask holds, or -1."""
    return np.maximum.accumulate(np.where(mask, np.arange(len(mask)), -1))


def first_of_runs(values: IntArray) -> IntArray:
    """Return the indices at which a new value begins."""
    if len(values) == 0:
        return np.empty(0, dtype=np.int64)
    starts = np.flatnonzero(values[1:] != values[:-1]) + 1
    return np.concatenate(([0], starts))
