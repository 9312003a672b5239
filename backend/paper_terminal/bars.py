"""Base bars of one symbol, addressable by any integer: recorded ones, or a seeded walk.

Bar 0 is where the replay starts. Negative bars are the history before it. Both kinds are pure
functions of their index, so that equal seeds give equal prices after a restart.
"""

import csv
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from backend.paper_terminal.symbols import SymbolSpec

FloatArray = NDArray[np.float64]

_CHUNK_MINUTES = 1440
_CHUNKS_KEPT = 64


@dataclass(frozen=True, slots=True)
class BarBlock:
    """Consecutive bars as arrays of one length; spread in points, volume in ticks."""

    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    spread: FloatArray
    volume: FloatArray

    def __len__(self) -> int:
        return len(self.open)


class BarSource(Protocol):
    """Bars of one symbol at one width in seconds."""

    @property
    def bar_seconds(self) -> int:
        """Width of a bar in seconds."""
        ...

    def block(self, first: int, last: int) -> BarBlock:
        """Give bars first to last, the last excluded."""
        ...


def _join(parts: list[BarBlock]) -> BarBlock:
    if len(parts) == 1:
        return parts[0]
    names = BarBlock.__slots__
    return BarBlock(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _cut(block: BarBlock, start: int, stop: int) -> BarBlock:
    return BarBlock(*(getattr(block, name)[start:stop] for name in BarBlock.__slots__))


def _rounded(
    prices: tuple[FloatArray, ...], digits: int, spread: FloatArray, volume: FloatArray
) -> BarBlock:
    open_, high, low, close = (np.round(array, digits) for array in prices)
    return BarBlock(open_, high, low, close, spread, volume)


class GeneratedBars:
    """A random walk of one-minute bars whose volatility changes by day, by hour and in bursts."""

    bar_seconds = 60

    def __init__(self, spec: SymbolSpec, seed: int) -> None:
        self._spec = spec
        self._seed = seed
        self._chunks: OrderedDict[int, BarBlock] = OrderedDict()
        self._levels: dict[int, float] = {0: spec.start_price}

    def block(self, first: int, last: int) -> BarBlock:
        """Give bars first to last, the last excluded."""
        parts = []
        at = first
        while at < last:
            chunk, offset = divmod(at, _CHUNK_MINUTES)
            take = min(_CHUNK_MINUTES - offset, last - at)
            parts.append(_cut(self._chunk(chunk), offset, offset + take))
            at += take
        return _join(parts)

    def _draws(self, chunk: int) -> tuple[FloatArray, FloatArray, np.random.Generator]:
        """Log returns and volatilities of one day; they do not depend on the price level."""
        name = zlib.crc32(self._spec.name.encode())
        rng = np.random.default_rng([self._seed, name, chunk + (1 << 24)])
        minute = np.arange(_CHUNK_MINUTES)
        # A calm night and two busy sessions, a day's own mood, and bursts that die away.
        hourly = 0.55 + 0.55 * np.sin(np.pi * minute / _CHUNK_MINUTES) ** 2
        hourly += 0.35 * np.exp(-(((minute - 870) / 110.0) ** 2))
        mood = np.exp(rng.normal(0.0, 0.30))
        shocks = rng.normal(0.0, 0.25, _CHUNK_MINUTES)
        kernel = 0.94 ** np.arange(90)
        bursts = np.exp(np.convolve(shocks, kernel)[:_CHUNK_MINUTES] * 0.6)
        volatility = self._spec.volatility_per_minute * hourly * mood * bursts
        return rng.normal(0.0, 1.0, _CHUNK_MINUTES) * volatility, volatility, rng

    def _level(self, chunk: int) -> float:
        """Price at which a chunk opens; chunk 0 opens at the symbol's start price."""
        known = min(self._levels, key=lambda other: abs(other - chunk))
        while known < chunk:
            returns, _, _ = self._draws(known)
            self._levels[known + 1] = self._levels[known] * float(np.exp(returns.sum()))
            known += 1
        while known > chunk:
            returns, _, _ = self._draws(known - 1)
            self._levels[known - 1] = self._levels[known] * float(np.exp(-returns.sum()))
            known -= 1
        return self._levels[chunk]

    def _chunk(self, chunk: int) -> BarBlock:
        if (found := self._chunks.get(chunk)) is not None:
            return found
        spec = self._spec
        returns, volatility, rng = self._draws(chunk)
        close = self._level(chunk) * np.exp(np.cumsum(returns))
        open_ = np.concatenate([[self._level(chunk)], close[:-1]])
        reach = np.abs(rng.normal(0.0, 0.7, (2, _CHUNK_MINUTES))) * volatility
        high = np.maximum(open_, close) * np.exp(reach[0])
        low = np.minimum(open_, close) * np.exp(-reach[1])
        relative = volatility / spec.volatility_per_minute
        spread = np.maximum(1, np.rint(spec.spread_points * (0.7 + 0.3 * np.sqrt(relative))))
        ticks = np.rint(20 + 60 * relative * rng.uniform(0.6, 1.4, _CHUNK_MINUTES))
        block = _rounded((open_, high, low, close), spec.digits, spread, ticks)
        self._chunks[chunk] = block
        if len(self._chunks) > _CHUNKS_KEPT:
            self._chunks.popitem(last=False)
        return block


class RecordedBars:
    """Bars read from a file; what lies beyond either end repeats them, scaled to join."""

    def __init__(self, bars: BarBlock, bar_seconds: int, digits: int, start: int) -> None:
        if len(bars) < 2:
            raise ValueError("a recording needs at least two bars")
        self.bar_seconds = bar_seconds
        self._bars = bars
        self._digits = digits
        self._start = start
        self._ratio = float(bars.close[-1] / bars.open[0])

    def block(self, first: int, last: int) -> BarBlock:
        """Give bars first to last, the last excluded."""
        parts = []
        at = first + self._start
        end = last + self._start
        while at < end:
            lap, offset = divmod(at, len(self._bars))
            take = min(len(self._bars) - offset, end - at)
            parts.append(self._scaled(_cut(self._bars, offset, offset + take), lap))
            at += take
        return _join(parts)

    def _scaled(self, block: BarBlock, lap: int) -> BarBlock:
        if lap == 0:
            return block
        factor = self._ratio**lap
        prices = (block.open, block.high, block.low, block.close)
        scaled = tuple(array * factor for array in prices)
        return _rounded(scaled, self._digits, block.spread, block.volume)


@dataclass(frozen=True, slots=True)
class Recording:
    """What one canonical file holds. decimals: most that any of its prices shows."""

    symbol: str
    bars: BarBlock
    bar_seconds: int
    decimals: int
    has_spread: bool


def read_recording(path: Path) -> Recording:
    """Read `time_utc,open,high,low,close,volume,spread`; the file's name begins with the symbol.

    Gaps (nights, weekends) close up. spread: price units, or points when it is a whole number.
    Raises ValueError naming line and column.
    """
    symbol = path.name.split(".")[0].split("_")[0].upper()
    rows: list[list[float]] = []
    stamps: list[int] = []
    decimals = 0
    with path.open(newline="", encoding="utf-8") as lines:
        for number, row in enumerate(csv.DictReader(lines), start=2):
            stamps.append(_stamp(path, number, row))
            rows.append([_number(path, number, row, name) for name in _COLUMNS])
            decimals = max(decimals, *(_decimals(row[name]) for name in _COLUMNS[:4]))
    if len(rows) < 2:
        raise ValueError(f"{path}: needs at least two bars")
    table = np.array(rows)
    steps = np.diff(np.array(stamps))
    if (steps <= 0).any():
        raise ValueError(f"{path}: line {int(np.argmax(steps <= 0)) + 3}: time_utc does not grow")
    prices = table[:, :4]
    spread = table[:, 5].copy()
    if (spread != np.rint(spread)).any():
        spread = np.rint(spread * 10**decimals)
    bars = BarBlock(
        prices[:, 0],
        prices.max(axis=1),
        prices.min(axis=1),
        prices[:, 3],
        spread,
        table[:, 4],
    )
    return Recording(symbol, bars, int(np.median(steps)), decimals, bool((spread > 0).any()))


_COLUMNS = ("open", "high", "low", "close", "volume", "spread")


def _stamp(path: Path, number: int, row: dict[str, str]) -> int:
    try:
        return int(datetime.fromisoformat(row["time_utc"]).timestamp())
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: line {number}: column time_utc: no ISO time") from error


def _number(path: Path, number: int, row: dict[str, str], name: str) -> float:
    text = row.get(name)
    if not text and name in ("volume", "spread"):
        return 0.0
    try:
        value = float(text or "")
    except ValueError as error:
        raise ValueError(f"{path}: line {number}: column {name}: no number: {text!r}") from error
    if not np.isfinite(value) or value < 0 or (value == 0 and name in _COLUMNS[:4]):
        raise ValueError(f"{path}: line {number}: column {name}: out of range: {text!r}")
    return value


def _decimals(text: str) -> int:
    exponent = Decimal(text).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
