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

from backend.paper_terminal.bars import BarSource, FloatArray
from backend.paper_terminal.clock import WallClock
from backend.paper_terminal.path import bar_path
from backend.paper_terminal.sessions import Sessions, Week
from backend.paper_terminal.symbols import SymbolSpec

# Gives the parameters of a lasting fault for a symbol, None while there is none.
InForce = Callable[[str, str], dict[str, Any] | None]
_STANDSTILL = ("stale_quotes", "server_lost", "market_closed")
_ALWAYS = Week()
_PATHS_KEPT = 512
_SCAN_BARS = 1440


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
        self._disturbed: Callable[[], bool] = lambda: False

    def disturb(self, disturbed: Callable[[], bool], in_force: InForce) -> None:
        """Let lasting faults act on time, quotes, spread and sessions.

        disturbed: whether there is any fault at all, asked before all else for speed.
        """
        self._disturbed = disturbed
        self._in_force = in_force

    @property
    def _offset_ms(self) -> int:
        shifted = self._in_force("server_time", "") if self._disturbed() else None
        if shifted is None:
            return self._regular_offset_ms
        return self._regular_offset_ms + round(shifted["hours"] * 3_600_000)

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
        return self.week(symbol).is_open(server_ms)

    def week(self, symbol: str) -> Week:
        """Give the windows in which a symbol trades; all are open under `--sessions always`."""
        return _ALWAYS if self._sessions == "always" else self.specs[symbol].week

    def source(self, symbol: str) -> BarSource:
        """Give the base bars of a symbol."""
        return self._sources[symbol]

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
        step = self.step_at(self.week(symbol).last_open_ms(self.server_ms()))
        if self._disturbed() and any(self._in_force(f, symbol) is not None for f in _STANDSTILL):
            return self._held.setdefault(symbol, step)
        self._held.pop(symbol, None)
        return step

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
        path, spread = self.path(symbol, index)
        bid = Decimal(f"{path[offset]:.{spec.digits}f}")
        points = int(spread * self._spread_factor(symbol))
        return Quote(bid, bid + points * spec.point, step, self.stamp_of(step))

    def _spread_factor(self, symbol: str) -> float:
        wider = self._in_force("spread", symbol)
        return 1.0 if wider is None else float(wider["factor"])

    def volatility_points(self, symbol: str, bars: int) -> float:
        """Give the deviation of the last base bars' moves, for one minute and in points."""
        width = self._sources[symbol].bar_seconds
        last = self.now_step(symbol) // width
        closes = self._sources[symbol].block(last - bars, last).close
        point = float(self.specs[symbol].point)
        return float(np.diff(closes).std()) / point * math.sqrt(60 / width)

    def first_touch(
        self, symbol: str, after: int, until: int, levels: list[Level]
    ) -> tuple[int, int] | None:
        """Find the first step in (after, until] that reaches a level: (step, index of level)."""
        for first, last in self._open_stretches(symbol, after + 1, until):
            found = self._touch_between(symbol, first - 1, last, levels)
            if found is not None:
                return found
        return None

    def _open_stretches(self, symbol: str, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Give the steps from first to last in which the symbol trades, as ranges."""
        week = self.week(symbol)
        while first <= last:
            stamp = self.stamp_of(first)
            opened = week.next_open_ms(stamp)
            closing = week.closing_ms(opened)
            start = first if opened == stamp else self.step_at(opened)
            stop = last if closing is None else min(last, self.step_at(closing - 1))
            if start <= stop:
                yield start, stop
            first = max(stop, start) + 1

    def _touch_between(
        self, symbol: str, after: int, until: int, levels: list[Level]
    ) -> tuple[int, int] | None:
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
        path, spread = self.path(symbol, index)
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

    def path(self, symbol: str, index: int) -> tuple[FloatArray, float]:
        """Give the bids of one base bar, second by second, and its spread in points."""
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
