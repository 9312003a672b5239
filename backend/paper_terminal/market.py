"""The market as the terminal sees it: ticks, bars and the first touch of a level.

A step is one second of the recorded or generated path. Step 0 stands at `origin_ms`; before it
a step lasts one second of wall time, after it 1/speed of a second. All stamps of results are
the server's wall time written as if it were an epoch, as MetaTrader does.
"""

import math
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from backend.paper_terminal import shapes
from backend.paper_terminal.bars import BarSource, FloatArray
from backend.paper_terminal.clock import WallClock
from backend.paper_terminal.constants import (
    TICK_FLAG_ASK,
    TICK_FLAG_BID,
    TIMEFRAME_MINUTES,
)
from backend.paper_terminal.path import bar_path
from backend.paper_terminal.sessions import Sessions, is_open, last_open_ms
from backend.paper_terminal.symbols import SymbolSpec

# Gives the parameters of a lasting fault for a symbol, None while there is none.
InForce = Callable[[str, str], dict[str, Any] | None]
_STANDSTILL = ("stale_quotes", "server_lost", "market_closed")
_PATHS_KEPT = 512
_SCAN_BARS = 1440
TICKS_MAX = 200_000
RATES_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Quote:
    """Bid and ask at one step; server_ms is its stamp."""

    bid: Decimal
    ask: Decimal
    step: int
    server_ms: int


@dataclass(frozen=True, slots=True)
class Level:
    """A price that something waits for: on the bid or the ask, from above or from below."""

    price: float
    on_ask: bool
    at_or_below: bool

    def hit(self, bids: FloatArray, asks: FloatArray) -> np.ndarray:
        """Tell for each quote whether the level is reached."""
        prices = asks if self.on_ask else bids
        # Prices are rounded doubles: half a millionth of a point must not decide.
        tolerance = 1e-9 * max(1.0, abs(self.price))
        if self.at_or_below:
            return prices <= self.price + tolerance
        return prices >= self.price - tolerance


def _undisturbed(fault: str, symbol: str) -> None:
    return None


class Market:
    """Prices of all symbols as a pure function of the clock, the seed and the bars."""

    def __init__(
        self,
        specs: dict[str, SymbolSpec],
        sources: dict[str, BarSource],
        clock: WallClock,
        origin_ms: int,
        speed: float,
        seed: int,
        offset_hours: float,
        sessions: Sessions,
    ) -> None:
        self.specs = specs
        self._sources = sources
        self._clock = clock
        self._origin_ms = origin_ms
        self._speed = speed
        self._seed = seed
        self._regular_offset_ms = round(offset_hours * 3_600_000)
        self._sessions: Sessions = sessions
        self._paths: OrderedDict[tuple[str, int], tuple[FloatArray, float]] = OrderedDict()
        self._latest: dict[str, tuple[tuple[int, float, int], Quote]] = {}
        self._held: dict[str, int] = {}
        self._in_force: InForce = _undisturbed

    def disturb(self, in_force: InForce) -> None:
        """Let lasting faults act on time, quotes, spread and sessions."""
        self._in_force = in_force

    @property
    def _offset_ms(self) -> int:
        shifted = self._in_force("server_time", "")
        return self._regular_offset_ms + (
            round(shifted["hours"] * 3_600_000) if shifted is not None else 0
        )

    def server_ms(self) -> int:
        """Give the present as the server's wall time in milliseconds."""
        return self._clock.now_ms() + self._offset_ms

    def is_open(self, symbol: str) -> bool:
        """Tell whether the symbol trades now."""
        if self._in_force("market_closed", symbol) is not None:
            return False
        return self.open_at(symbol, self.server_ms())

    def open_at(self, symbol: str, server_ms: int) -> bool:
        """Tell whether the symbol trades at a server time."""
        return is_open(server_ms, self._sessions, self.specs[symbol].always_open)

    def step_at(self, server_ms: int) -> int:
        """Give the step that a server time falls in."""
        elapsed_ms = server_ms - self._offset_ms - self._origin_ms
        factor = self._speed if elapsed_ms > 0 else 1.0
        return math.floor(elapsed_ms * factor / 1000 + 1e-9)

    def stamp_of(self, step: int) -> int:
        """Give the server time in milliseconds at which a step begins."""
        factor = self._speed if step > 0 else 1.0
        return self._origin_ms + self._offset_ms + math.ceil(step * 1000 / factor - 1e-9)

    def now_step(self, symbol: str) -> int:
        """Give the newest step of a symbol; it stands still while the market is closed."""
        always = self.specs[symbol].always_open
        step = self.step_at(last_open_ms(self.server_ms(), self._sessions, always))
        if not any(self._in_force(fault, symbol) is not None for fault in _STANDSTILL):
            self._held.pop(symbol, None)
            return step
        return self._held.setdefault(symbol, step)

    def quote(self, symbol: str) -> Quote:
        """Give the present quote."""
        step = self.now_step(symbol)
        key = (step, self._spread_factor(symbol), self._offset_ms)
        latest = self._latest.get(symbol)
        if latest is None or latest[0] != key:
            latest = self._latest[symbol] = (key, self.quote_at(symbol, step))
        return latest[1]

    def quote_at(self, symbol: str, step: int) -> Quote:
        """Give the quote of one step."""
        spec = self.specs[symbol]
        width = self._sources[symbol].bar_seconds
        index, offset = divmod(step, width)
        path, spread = self._path(symbol, index)
        bid = Decimal(f"{path[offset]:.{spec.digits}f}")
        points = int(spread * self._spread_factor(symbol))
        return Quote(bid, bid + points * spec.point, step, self.stamp_of(step))

    def _spread_factor(self, symbol: str) -> float:
        wider = self._in_force("spread", symbol)
        return 1.0 if wider is None else float(wider["factor"])

    def first_touch(
        self, symbol: str, after: int, until: int, levels: list[Level]
    ) -> tuple[int, int] | None:
        """Find the first step in (after, until] that reaches a level: (step, index of level)."""
        point = float(self.specs[symbol].point)
        for first, last in self._bars_between(symbol, after + 1, until):
            block = self._sources[symbol].block(first, last)
            spread = self._spread_price(symbol, block.spread, point)
            touched = np.zeros(len(block), dtype=bool)
            for level in levels:
                extreme = block.low if level.at_or_below else block.high
                touched |= level.hit(extreme, extreme + spread)
            for index in np.flatnonzero(touched):
                found = self._touch_in_bar(symbol, first + int(index), after, until, levels)
                if found is not None:
                    return found
        return None

    def _touch_in_bar(
        self, symbol: str, index: int, after: int, until: int, levels: list[Level]
    ) -> tuple[int, int] | None:
        width = self._sources[symbol].bar_seconds
        path, spread = self._path(symbol, index)
        start = max(0, after + 1 - index * width)
        stop = min(width, until + 1 - index * width)
        if start >= stop:
            return None
        bids = path[start:stop]
        asks = bids + spread * self._spread_factor(symbol) * float(self.specs[symbol].point)
        best: tuple[int, int] | None = None
        for number, level in enumerate(levels):
            hits = level.hit(bids, asks)
            if hits.any():
                step = index * width + start + int(np.argmax(hits))
                if best is None or step < best[0]:
                    best = (step, number)
        return best

    def _bars_between(self, symbol: str, first: int, last: int) -> Iterator[tuple[int, int]]:
        width = self._sources[symbol].bar_seconds
        at, end = first // width, last // width + 1
        while at < end and first <= last:
            stop = min(at + _SCAN_BARS, end)
            yield at, stop
            at = stop

    def _spread_price(self, symbol: str, spread: FloatArray, point: float) -> FloatArray:
        default = self.specs[symbol].spread_points
        return np.where(spread > 0, spread, default) * (point * self._spread_factor(symbol))

    def _path(self, symbol: str, index: int) -> tuple[FloatArray, float]:
        key = (symbol, index)
        if (found := self._paths.get(key)) is not None:
            return found
        spec, source = self.specs[symbol], self._sources[symbol]
        bar = source.block(index, index + 1)
        seed = [self._seed, zlib.crc32(symbol.encode()), index + (1 << 40)]
        prices = (
            float(bar.open[0]),
            float(bar.high[0]),
            float(bar.low[0]),
            float(bar.close[0]),
        )
        path = bar_path(*prices, source.bar_seconds, spec.digits, seed)
        spread = float(bar.spread[0]) if bar.spread[0] > 0 else float(spec.spread_points)
        self._paths[key] = (path, spread)
        if len(self._paths) > _PATHS_KEPT:
            self._paths.popitem(last=False)
        return path, spread

    def rates(self, symbol: str, timeframe: int, opens_s: list[int]) -> np.ndarray:
        """Give the bars of a timeframe that open at these server times (seconds)."""
        span_s = TIMEFRAME_MINUTES[timeframe] * 60
        now_step = self.now_step(symbol)
        width = self._sources[symbol].bar_seconds
        bounds = [
            (self.step_at(at * 1000), min(self.step_at((at + span_s) * 1000), now_step + 1))
            for at in opens_s
        ]
        result = np.zeros(len(opens_s), dtype=shapes.RATES_DTYPE)
        result["time"] = opens_s
        whole = np.array([first % width == 0 and last % width == 0 for first, last in bounds])
        filled = np.array([first < last for first, last in bounds])
        if (whole & filled).any():
            chosen = np.flatnonzero(whole & filled)
            self._aggregate_whole(symbol, result, chosen, [bounds[i] for i in chosen])
        for i in np.flatnonzero(filled & ~whole):
            result[i] = (opens_s[i], *self._aggregate(symbol, *bounds[i]))
        return result[filled] if len(opens_s) else result

    def _aggregate_whole(
        self, symbol: str, result: np.ndarray, chosen: np.ndarray, bounds: list[tuple[int, int]]
    ) -> None:
        """Fill the rows that consist of whole base bars, all at once."""
        source = self._sources[symbol]
        cuts = np.array(bounds) // source.bar_seconds
        base = int(cuts.min())
        # One bar more than needed: reduceat wants every cut to be an index.
        block = source.block(base, int(cuts.max()) + 1)
        first, last = cuts[:, 0] - base, cuts[:, 1] - base
        pairs = np.stack([first, last], axis=1).ravel()
        result["open"][chosen] = block.open[first]
        result["close"][chosen] = block.close[last - 1]
        result["high"][chosen] = np.maximum.reduceat(block.high, pairs)[::2]
        result["low"][chosen] = np.minimum.reduceat(block.low, pairs)[::2]
        volume = np.add.reduceat(block.volume, pairs)[::2]
        result["tick_volume"][chosen] = np.maximum(1, volume).astype(np.uint64)
        spread = block.spread[last - 1]
        result["spread"][chosen] = np.where(spread > 0, spread, self.specs[symbol].spread_points)

    def _aggregate(self, symbol: str, first: int, last: int) -> tuple[float | int, ...]:
        """Open, high, low, close, ticks, spread and real volume of steps first to last."""
        width = self._sources[symbol].bar_seconds
        head, tail = -(-first // width), last // width
        opens, highs, lows, closes, volume = [], [], [], [], 0.0
        pieces: list[FloatArray] = []
        if head > tail:  # inside one bar
            pieces = [self._slice(symbol, first, last)]
        else:
            if first < head * width:
                pieces.append(self._slice(symbol, first, head * width))
            if head < tail:
                block = self._sources[symbol].block(head, tail)
                opens.append(float(block.open[0]))
                closes.append(float(block.close[-1]))
                highs.append(float(block.high.max()))
                lows.append(float(block.low.min()))
                volume += float(block.volume.sum())
            if tail * width < last:
                pieces.append(self._slice(symbol, tail * width, last))
        for piece in pieces:
            highs.append(float(piece.max()))
            lows.append(float(piece.min()))
            volume += len(piece)
        leading = pieces and first < head * width
        open_ = float(pieces[0][0]) if leading or not opens else opens[0]
        trailing = pieces and (tail * width < last or head > tail)
        close = float(pieces[-1][-1]) if trailing or not closes else closes[0]
        spread = self._bar_spread(symbol, (last - 1) // width)
        return open_, max(highs), min(lows), close, max(1, int(volume)), spread, 0

    def _bar_spread(self, symbol: str, index: int) -> int:
        recorded = int(self._sources[symbol].block(index, index + 1).spread[0])
        return recorded or self.specs[symbol].spread_points

    def _slice(self, symbol: str, first: int, last: int) -> FloatArray:
        """Bids of steps first to last, all within one bar."""
        width = self._sources[symbol].bar_seconds
        index = first // width
        path, _ = self._path(symbol, index)
        return path[first - index * width : last - index * width]

    def ticks(self, symbol: str, first: int, last: int) -> np.ndarray:
        """Give one tick per step from first to last, the last excluded and not after now."""
        last = min(last, self.now_step(symbol) + 1)
        if last <= first:
            return np.array([], dtype=shapes.TICKS_DTYPE)
        width = self._sources[symbol].bar_seconds
        point = float(self.specs[symbol].point)
        bids, asks = [], []
        for index in range(first // width, (last - 1) // width + 1):
            path, spread = self._path(symbol, index)
            piece = path[max(0, first - index * width) : last - index * width]
            bids.append(piece)
            asks.append(np.round(piece + spread * point, self.specs[symbol].digits))
        result = np.zeros(last - first, dtype=shapes.TICKS_DTYPE)
        result["bid"] = np.concatenate(bids)
        result["ask"] = np.concatenate(asks)
        stamps = np.array([self.stamp_of(step) for step in range(first, last)], dtype=np.int64)
        result["time_msc"] = stamps
        result["time"] = stamps // 1000
        result["flags"] = TICK_FLAG_BID | TICK_FLAG_ASK
        return result
