"""A terminal in this process, whose clock and prices the test sets: days pass without waiting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from backend.paper_terminal.assembly import assemble
from backend.paper_terminal.faults import Faults
from backend.paper_terminal.options import read_options, settings_of
from backend.paper_terminal.terminal import Session, Terminal

WEDNESDAY = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
SPREAD_POINTS = 10
DONE, PARTIAL, REJECTED, CLOSED, FROZEN = 10009, 10010, 10006, 10018, 10029
BUY_LIMIT, SELL_LIMIT, BUY_STOP, SELL_STOP, BUY_STOP_LIMIT, SELL_STOP_LIMIT = range(2, 8)
NETTING = ("--margin-mode", "netting")


@dataclass
class HandClock:
    """Stands still until it is moved."""

    now: datetime

    def now_ms(self) -> int:
        """Give the set instant in milliseconds, UTC."""
        return int(self.now.timestamp() * 1000)


@dataclass
class Inside:
    """The functions of the package as methods; server time is UTC unless an option says more."""

    terminal: Terminal
    faults: Faults
    clock: HandClock
    finish: Callable[[], None]
    session: Session = field(default_factory=Session)
    _closed: bool = False

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *args, **kwargs: self.terminal.call(self.session, name, list(args), kwargs)

    def trade(self, symbol: str = "EURUSD", **changes: object) -> Any:
        """Send a market order to buy one lot, with changes."""
        request = {"action": 1, "symbol": symbol, "volume": 1.0, "type": 0}
        return self.order_send(request | changes)

    def close(self) -> None:
        """End it as a process ends that was asked to; harmless the second time."""
        if not self._closed:
            self._closed = True
            self.terminal.close(self.finish)

    def wait(self, **span: float) -> None:
        """Let time pass (minutes=…, hours=…, days=…), and the terminal's timer look."""
        self.clock.now += timedelta(**span)
        self.terminal.tick()


def write_bars(path: Path, prices: Sequence[float], digits: int = 5) -> Path:
    """Write one flat bar a minute: the price is what the list says, the spread ten points."""
    lines = ["time_utc,open,high,low,close,volume,spread"]
    start = datetime(2024, 1, 1, tzinfo=UTC)
    for number, price in enumerate(prices):
        at = (start + timedelta(minutes=number)).isoformat()
        lines.append(f"{at},{','.join([f'{price:.{digits}f}'] * 4)},10,{SPREAD_POINTS}")
    path.write_text("\n".join(lines) + "\n")
    return path


def open_inside(
    home: Path,
    *options: str,
    prices: Sequence[float] = (1.1, 1.1),
    symbol: str = "EURUSD",
    digits: int = 5,
    at: datetime = WEDNESDAY,
) -> Inside:
    """Assemble a terminal on flat or scripted prices, one a minute from now on."""
    home.mkdir(parents=True, exist_ok=True)
    bars = home / f"{symbol}_M1.csv"
    if not bars.exists():
        write_bars(bars, prices, digits)
    words = ["--home", str(home), "--bars", str(bars), "--start-bar", "0"]
    words += ["--server-utc-offset-hours", "0", "--commission-per-lot", "0", *options]
    clock = HandClock(at)
    terminal, faults, close = assemble(settings_of(read_options(words, "")), clock)
    inside = Inside(terminal, faults, clock, close)
    assert inside.initialize()
    return inside


Open = Callable[..., Inside]


def waiting(kind: int, price: float, **changes: object) -> dict[str, object]:
    """Write a request for one lot that waits for a price, with changes."""
    request = {"action": 5, "symbol": "EURUSD", "volume": 1.0, "type": kind, "price": price}
    return request | {"type_filling": 2} | changes


def only(records: Any) -> Any:
    """Return the one record that there is."""
    (record,) = records
    return record
