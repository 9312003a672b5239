"""Bars: exact rows for the record, float arrays for detectors and research."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from backend.domain.timeframe import timeframe_seconds

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Bar:
    """One finished bar. Prices are quote currency, spread is in price units if known."""

    opened_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    spread: Decimal | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """A run of bars of one symbol and timeframe as arrays of one length, oldest first.

    opened_us: microseconds since 1970 UTC. Raises ValueError if lengths differ.
    """

    symbol: str
    timeframe: str
    opened_us: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray

    def __post_init__(self) -> None:
        n = len(self.opened_us)
        for array in (self.open, self.high, self.low, self.close, self.volume):
            if array.shape != (n,):
                raise ValueError("arrays of bars differ in length")

    def __len__(self) -> int:
        return len(self.opened_us)

    @classmethod
    def from_rows(cls, symbol: str, timeframe: str, rows: Sequence[Bar]) -> Bars:
        """Turn exact rows, oldest first, into arrays."""
        return cls(
            symbol,
            timeframe,
            np.array([to_us(row.opened_at) for row in rows], dtype=np.int64),
            np.array([float(row.open) for row in rows], dtype=np.float64),
            np.array([float(row.high) for row in rows], dtype=np.float64),
            np.array([float(row.low) for row in rows], dtype=np.float64),
            np.array([float(row.close) for row in rows], dtype=np.float64),
            np.array([float(row.volume) for row in rows], dtype=np.float64),
        )

    @classmethod
    def from_records(
        cls, symbol: str, timeframe: str, records: Sequence[Sequence[int | float | str | None]]
    ) -> Bars:
        """Turn `[opened_us, open, high, low, close, volume, …]` records, oldest first, into arrays.

        This is how procedures send bars; numbers may come as strings.
        """
        table = np.array([record[1:6] for record in records], dtype=np.float64).reshape(-1, 5)
        opened = [int(record[0]) for record in records if record[0] is not None]
        columns = np.ascontiguousarray(table.T)
        return cls(symbol, timeframe, np.array(opened, dtype=np.int64), *columns)

    def prefix(self, n: int) -> Bars:
        """Return the first n bars."""
        return self._slice(slice(0, n))

    def tail(self, n: int) -> Bars:
        """Return the last n bars, or all of them if there are fewer."""
        return self._slice(slice(max(0, len(self) - n), None))

    def opened_at(self, index: int) -> datetime:
        """Return the instant at which a bar opened."""
        return from_us(int(self.opened_us[index]))

    def known_until(self) -> datetime:
        """Return the instant at which the last bar was finished. Raises IndexError if empty."""
        return self.opened_at(-1) + timedelta(seconds=timeframe_seconds(self.timeframe))

    def _slice(self, part: slice) -> Bars:
        return Bars(
            self.symbol,
            self.timeframe,
            self.opened_us[part],
            self.open[part],
            self.high[part],
            self.low[part],
            self.close[part],
            self.volume[part],
        )


def to_us(instant: datetime) -> int:
    """Return microseconds since 1970 UTC, exactly."""
    return (instant - _EPOCH) // _MICROSECOND


def from_us(microseconds: int) -> datetime:
    """Return the UTC instant of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=microseconds)
