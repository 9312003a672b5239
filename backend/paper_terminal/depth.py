"""Recorded order books: a snapshot, its changes and the trades, replayed second by second.

Reads what Binance streams and hftbacktest collects: one line per message, `local_ns JSON`. The
recording begins at its first snapshot and is repeated when it ends.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from backend.paper_terminal.bars import BarBlock
from backend.paper_terminal.constants import CalcMode, Execution, SwapMode
from backend.paper_terminal.records import ZERO
from backend.paper_terminal.sessions import Week
from backend.paper_terminal.symbols import SymbolSpec

BOOK_LEVELS = 20
_STREAM_CHARS = 64
_BOOK_OR_CANCEL = 7  # FOK 1, IOC 2, BOC 4


@dataclass(frozen=True, slots=True)
class BookChange:
    """New volumes of price levels, 0 where a level is gone; whole: all others are gone too."""

    second: int
    bids: tuple[tuple[Decimal, Decimal], ...]
    asks: tuple[tuple[Decimal, Decimal], ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class Trade:
    """A trade of others. sold: the seller came to the book, so that a bid was taken."""

    second: int
    price: Decimal
    volume: Decimal
    sold: bool


Event = BookChange | Trade


@dataclass(slots=True)
class Ladder:
    """Volumes by price."""

    bids: dict[Decimal, Decimal] = field(default_factory=dict)
    asks: dict[Decimal, Decimal] = field(default_factory=dict)

    def change(self, change: BookChange) -> None:
        """Apply one message."""
        for side, levels in ((self.bids, change.bids), (self.asks, change.asks)):
            if change.whole:
                side.clear()
            for price, volume in levels:
                if volume:
                    side[price] = volume
                else:
                    side.pop(price, None)

    def best(self) -> tuple[Decimal, Decimal]:
        """Give best bid and best ask."""
        return max(self.bids), min(self.asks)

    def levels(self, buy: bool) -> list[tuple[Decimal, Decimal]]:
        """Give what a market order meets, best first."""
        side = self.asks if buy else self.bids
        return sorted(side.items(), reverse=not buy)

    def take(self, buy: bool, volume: Decimal) -> list[tuple[Decimal, Decimal]]:
        """Take a volume out of the book, best prices first; gives less where there is less."""
        side = self.asks if buy else self.bids
        taken: list[tuple[Decimal, Decimal]] = []
        for price, there in self.levels(buy):
            part = min(volume, there)
            if not part:
                break
            taken.append((price, part))
            volume -= part
            if part == there:
                del side[price]
            else:
                side[price] = there - part
        return taken


@dataclass(frozen=True, slots=True)
class DepthRecording:
    """A recorded book. by_second: the events of each second, in their order."""

    symbol: str
    by_second: tuple[tuple[Event, ...], ...]
    price_digits: int
    volume_step: Decimal


def read_depth(path: Path) -> DepthRecording:
    """Read a recording. Raises ValueError if it holds no usable book."""
    opener = gzip.open if path.suffix == ".gz" else open
    symbol, started_ms, last_id = "", None, 0
    events: list[list[Event]] = []
    with opener(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            local_ns, _, text = line.partition(" ")
            if "@bookTicker" in text[:_STREAM_CHARS]:
                continue  # Most of a recording, and nothing that the book does not say.
            try:
                message = json.loads(text)
                data: dict[str, Any] = message.get("data", message)
                at_ms = int(data.get("E", int(local_ns) // 1_000_000))
            except ValueError as error:
                raise ValueError(f"{path}: line {number}: no message") from error
            if "lastUpdateId" in data:
                last_id = int(data["lastUpdateId"])
                started_ms = at_ms if started_ms is None else started_ms
            elif started_ms is None or (data.get("e") == "depthUpdate" and data["u"] <= last_id):
                continue
            symbol = symbol or str(data.get("s", ""))
            # Messages are applied as they came: exchange stamps may step back a little.
            second = max((at_ms - started_ms) // 1000, len(events) - 1, 0)
            event = _event(second, data)
            if event is not None:
                events.extend([] for _ in range(second + 1 - len(events)))
                events[second].append(event)
    if len(events) < 2 or not symbol:
        raise ValueError(f"{path}: no order book of two seconds or more")
    digits, step = _grain(events)
    return DepthRecording(symbol, tuple(tuple(second) for second in events), digits, step)


def _event(second: int, data: dict[str, Any]) -> Event | None:
    kind = data.get("e")
    if "lastUpdateId" in data:
        return BookChange(second, _levels(data["bids"]), _levels(data["asks"]), whole=True)
    if kind == "depthUpdate":
        return BookChange(second, _levels(data["b"]), _levels(data["a"]), whole=False)
    if kind == "trade":
        return Trade(second, Decimal(data["p"]), Decimal(data["q"]), bool(data["m"]))
    return None


def _levels(rows: list[list[str]]) -> tuple[tuple[Decimal, Decimal], ...]:
    return tuple((Decimal(price), Decimal(volume)) for price, volume in rows)


def _grain(events: list[list[Event]]) -> tuple[int, Decimal]:
    """Find the digits of prices and the step of volumes in the first snapshot."""
    first = next(e for second in events for e in second if isinstance(e, BookChange))
    rows = (*first.bids, *first.asks)
    digits = max(max(0, -int(price.normalize().as_tuple().exponent)) for price, _ in rows)
    step = max(max(0, -int(volume.as_tuple().exponent)) for _, volume in rows)
    return digits, Decimal(1).scaleb(-step)


def depth_spec(recording: DepthRecording) -> SymbolSpec:
    """Describe the symbol of a recorded book: an exchange's, round the clock, one unit a lot."""
    name = recording.symbol
    base = name.removesuffix("USDT").removesuffix("USD")
    return SymbolSpec(
        name=name,
        description=f"{base} at an exchange",
        path=f"Exchange\\{name}",
        digits=recording.price_digits,
        contract_size=Decimal(1),
        currency_base=base,
        # Stable coins are taken for dollars.
        currency_profit="USD",
        calc_mode=CalcMode.CFDLEVERAGE,
        start_price=1.0,
        spread_points=1,
        volatility_per_minute=0.0005,
        filling_mode=_BOOK_OR_CANCEL,
        stops_level=0,
        volume_min=recording.volume_step,
        volume_max=Decimal(1000),
        volume_step=recording.volume_step,
        execution=Execution.EXCHANGE,
        swap_mode=SwapMode.DISABLED,
        swap_triple_day=None,
        week=Week(),
        book_depth=BOOK_LEVELS,
    )


class DepthReplay:
    """The book of one symbol at any step: a second of the recording, which repeats."""

    bar_seconds = 1

    def __init__(self, recording: DepthRecording) -> None:
        self.seconds = recording.by_second
        self._ladder = Ladder()
        self._at: int | None = None
        self._block = self._bars(recording.price_digits)

    def events(self, step: int) -> tuple[Event, ...]:
        """Give what happens in the second that ends with a step."""
        return self.seconds[step % len(self.seconds)]

    def ladder(self, step: int) -> Ladder:
        """Give the book as it stands after a step; what one takes out of it stays taken
        until the recording changes that level."""
        lap = step // len(self.seconds)
        if self._at is None or self._at // len(self.seconds) != lap or self._at > step:
            self._ladder = Ladder()
            self._at = lap * len(self.seconds) - 1
        for number in range(self._at + 1, step + 1):
            for event in self.events(number):
                if isinstance(event, BookChange):
                    self._ladder.change(event)
        self._at = step
        return self._ladder

    def block(self, first: int, last: int) -> BarBlock:
        """Give one-second bars, the last excluded: the best bid at the end of each."""
        chosen = np.arange(first, last) % len(self.seconds)
        return BarBlock(*(getattr(self._block, name)[chosen] for name in BarBlock.__slots__))

    def _bars(self, digits: int) -> BarBlock:
        bids, spreads, volumes = [], [], []
        for step, events in enumerate(self.seconds):
            bid, ask = self.ladder(step).best()
            bids.append(float(bid))
            spreads.append(float((ask - bid).scaleb(digits)))
            volumes.append(float(sum((e.volume for e in events if isinstance(e, Trade)), ZERO)))
        price, spread, volume = np.array(bids), np.array(spreads), np.array(volumes)
        return BarBlock(price, price, price, price, spread, np.maximum(1, volume))
