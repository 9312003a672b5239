"""Numbers of the MetaTrader5 package that the adapter speaks, and the terminal as a protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

ACTION_DEAL = 1
ACTION_PENDING = 5
ACTION_SLTP = 6
ACTION_MODIFY = 7
ACTION_REMOVE = 8
ACTION_CLOSE_BY = 10

ORDER_BUY = 0
ORDER_SELL = 1
ORDER_BUY_LIMIT = 2
ORDER_SELL_LIMIT = 3
ORDER_BUY_STOP = 4
ORDER_SELL_STOP = 5
ORDER_BUY_STOP_LIMIT = 6
ORDER_SELL_STOP_LIMIT = 7
BUY_ORDERS = frozenset({0, 2, 4, 6})
LIMIT_ORDERS = frozenset({2, 3})
STOP_LIMIT_ORDERS = frozenset({6, 7})

FILLING_FOK = 0
FILLING_IOC = 1
FILLING_RETURN = 2
MASK_FOK = 1
MASK_IOC = 2

BOOK_SELL = 1
BOOK_BUY = 2

TIME_GTC = 0
TIME_DAY = 1
TIME_SPECIFIED = 2

EXECUTION_REQUEST = 0
EXECUTION_INSTANT = 1
EXECUTION_MARKET = 2
EXECUTION_EXCHANGE = 3

MARGIN_MODE_HEDGING = 2
TRADE_MODES = {0: "demo", 1: "contest", 2: "real"}
DEAL_ENTRIES = {0: "in", 1: "out", 2: "inout", 3: "out_by"}

STATE_CANCELED = 2
STATE_REJECTED = 5
STATE_EXPIRED = 6

TEXT_UNITS_MAX = 29
"""Longest comment and symbol: the wheel counts the terminator and refuses 31 and more."""

TIMEFRAMES = {
    "M1": 1,
    "M3": 3,
    "M5": 5,
    "M15": 15,
    "M30": 30,
    "H1": 16385,
    "H4": 16388,
    "D1": 16408,
}


class TerminalUnreachable(ConnectionError):
    """A call got no answer. sent False: certainly nothing left this machine."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class Terminal(Protocol):
    """An object with the package's functions, results by value. Raises TerminalUnreachable."""

    def open(self) -> None:
        """Reach the terminal, anew if a connection was lost."""
        ...

    def close(self) -> None:
        """Let go of the terminal; harmless if not open."""
        ...

    def initialize(self, *args: Any, **kwargs: Any) -> bool: ...
    def last_error(self) -> tuple[int, str]: ...
    def account_info(self) -> Any: ...
    def terminal_info(self) -> Any: ...
    def symbol_info(self, symbol: str) -> Any: ...
    def symbol_info_tick(self, symbol: str) -> Any: ...
    def symbol_select(self, symbol: str, enable: bool = True) -> bool: ...
    def market_book_add(self, symbol: str) -> bool: ...
    def market_book_get(self, symbol: str) -> Any: ...
    def copy_rates_range(self, symbol: str, timeframe: int, first: int, last: int) -> Any: ...
    def positions_get(self, **filters: Any) -> Any: ...
    def orders_get(self, **filters: Any) -> Any: ...
    def history_orders_get(self, *dates: int, **filters: Any) -> Any: ...
    def history_deals_get(self, *dates: int, **filters: Any) -> Any: ...
    def history_deals_later(self, ticket: int) -> Callable[[], Any]:
        """Ask for an order's deals now; the function that is returned waits for them."""
        ...

    def order_check(self, request: dict[str, Any]) -> Any: ...
    def order_send(self, request: dict[str, Any], timeout_s: float | None = None) -> Any:
        """Send a trade request; None waits for as long as any other call may take."""
        ...

    def shutdown(self) -> None: ...
