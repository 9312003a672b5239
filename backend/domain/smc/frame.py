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
    """A series with the maxima of its windows of 1, 2, 4, … values (a sparse table)."""

    def __init__(self, values: FloatArray) -> None:
        self.size = len(values)
        # The end holds a value below all, so that looking past it finds nothing.
        window = np.append(values, -np.inf)
        self._windows = [window]
        self._index = np.arange(self.size + 1)
        step = 1
        while step < self.size:
            wider = window.copy()
            np.maximum(window[:-step], window[step:], out=wider[:-step])
            self._windows.append(wider)
            window, step = wider, 2 * step

    def first_above(self, start: IntArray, level: FloatArray) -> IntArray:
        """Return for each query the first index from start on above level, or the size."""
        return self._first(start, level, np.less_equal)

    def first_reaching(self, start: IntArray, level: FloatArray) -> IntArray:
        """Return for each query the first index from start on at or above level, or the size."""
        return self._first(start, level, np.less)

    def max_of(self, length: int) -> FloatArray:
        """Return the maximum of [i, i + length) for every i at which that fits."""
        power = length.bit_length() - 1
        window, rest = self._windows[power], length - (1 << power)
        count = self.size - length + 1
        return np.maximum(window[:count], window[rest : rest + count])

    def _first(self, start: IntArray, level: FloatArray, below: np.ufunc) -> IntArray:
        if len(start) * self.size <= _DENSE_MAX:
            return self._first_of_few(start, level, below)
        position = np.minimum(start, self.size)
        # Skip the widest window that stays below, then half of it, and so on.
        for power in range(len(self._windows) - 1, -1, -1):
            skip = below(self._windows[power][position], level)
            position += skip.astype(np.int64) << power
            np.minimum(position, self.size, out=position)
        return position

    def _first_of_few(self, start: IntArray, level: FloatArray, below: np.ufunc) -> IntArray:
        """Compare everything with everything: fewer steps, which short runs are all about."""
        found = below(self._windows[0], level[:, None])
        np.logical_not(found, out=found)
        found &= self._index >= start[:, None]
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
