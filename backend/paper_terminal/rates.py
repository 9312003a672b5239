"""Bars and ticks of the past as the package lists them, stamped with the server's time."""

import numpy as np

from backend.paper_terminal import shapes
from backend.paper_terminal.bars import FloatArray
from backend.paper_terminal.constants import TICK_FLAG_ASK, TICK_FLAG_BID, TIMEFRAME_MINUTES
from backend.paper_terminal.market import Market

TICKS_MAX = 200_000
RATES_MAX = 100_000


class Rates:
    """Builds bars of any timeframe, and ticks, from a market's path."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def rates(self, symbol: str, timeframe: int, opens_s: list[int]) -> np.ndarray:
        """Give the bars of a timeframe that open at these server times (seconds)."""
        span_s = TIMEFRAME_MINUTES[timeframe] * 60
        now_step = self._market.now_step(symbol)
        width = self._market.source(symbol).bar_seconds
        bounds = [
            (
                self._market.step_at(at * 1000),
                min(self._market.step_at((at + span_s) * 1000), now_step + 1),
            )
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
        source = self._market.source(symbol)
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
        result["spread"][chosen] = np.where(
            spread > 0, spread, self._market.specs[symbol].spread_points
        )

    def _aggregate(self, symbol: str, first: int, last: int) -> tuple[float | int, ...]:
        """Open, high, low, close, ticks, spread and real volume of steps first to last."""
        width = self._market.source(symbol).bar_seconds
        head, tail = -(-first // width), last // width
        opens, highs, lows, closes, volume = [], [], [], [], 0.0
        pieces: list[FloatArray] = []
        if head > tail:  # inside one bar
            pieces = [self._slice(symbol, first, last)]
        else:
            if first < head * width:
                pieces.append(self._slice(symbol, first, head * width))
            if head < tail:
                block = self._market.source(symbol).block(head, tail)
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
        recorded = int(self._market.source(symbol).block(index, index + 1).spread[0])
        return recorded or self._market.specs[symbol].spread_points

    def _slice(self, symbol: str, first: int, last: int) -> FloatArray:
        """Bids of steps first to last, all within one bar."""
        width = self._market.source(symbol).bar_seconds
        index = first // width
        path, _ = self._market.path(symbol, index)
        return path[first - index * width : last - index * width]

    def ticks(self, symbol: str, first: int, last: int) -> np.ndarray:
        """Give one tick per step from first to last, the last excluded and not after now."""
        last = min(last, self._market.now_step(symbol) + 1)
        if last <= first:
            return np.array([], dtype=shapes.TICKS_DTYPE)
        width = self._market.source(symbol).bar_seconds
        point = float(self._market.specs[symbol].point)
        bids, asks = [], []
        for index in range(first // width, (last - 1) // width + 1):
            path, spread = self._market.path(symbol, index)
            piece = path[max(0, first - index * width) : last - index * width]
            bids.append(piece)
            asks.append(np.round(piece + spread * point, self._market.specs[symbol].digits))
        result = np.zeros(last - first, dtype=shapes.TICKS_DTYPE)
        result["bid"] = np.concatenate(bids)
        result["ask"] = np.concatenate(asks)
        stamps = np.array(
            [self._market.stamp_of(step) for step in range(first, last)], dtype=np.int64
        )
        result["time_msc"] = stamps
        result["time"] = stamps // 1000
        result["flags"] = TICK_FLAG_BID | TICK_FLAG_ASK
        week = self._market.week(symbol)
        if week.windows:
            result = result[[week.is_open(int(stamp)) for stamp in stamps]]
        return result
