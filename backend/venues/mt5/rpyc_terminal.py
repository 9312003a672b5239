"""A terminal behind RPyC, over mt5linux or directly: one round trip per call, results by value.

mt5linux hands out references: every attribute of a result is another round trip. Here the source
that is sent wraps the call so that the server replies with plain tuples. The words of the wraps
are those of `backend/paper_terminal/grammar.py`; a server that evaluates Python gives the same.
"""

from __future__ import annotations

import ast
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import rpyc
from rpyc.core.stream import SocketStream

from backend.venues.mt5.protocol import TerminalUnreachable

_ONE = (
    "[None if r is None else tuple((k, v) for k, v in r._asdict().items() if k != 'request')"
    " for r in ({call},)][0]"
)
# The request that is answered comes along: an answer may be another request's.
_ANSWER = (
    "[None if r is None else tuple((k, tuple(v._asdict().items()) if k == 'request' else v)"
    " for k, v in r._asdict().items()) for r in ({call},)][0]"
)
_MANY = (
    "[None if rs is None else tuple(tuple(r._asdict().items()) for r in rs) for rs in ({call},)][0]"
)
_ARRAY = "[None if a is None else (str(a.dtype.descr), a.tobytes()) for a in ({call},)][0]"

# What RPyC raises when an answer does not come: time passed, or the connection ended.
_LOST = (TimeoutError, EOFError, OSError, rpyc.AsyncResultTimeout)


@dataclass(frozen=True)
class Link:
    """An open connection: evaluates source, tells whether it still stands, closes."""

    evaluate: Callable[[str], Any]
    later: Callable[[str, float | None], Callable[[], Any]]
    """Sends source at once; the function that it returns waits for the result, so many seconds."""
    is_open: Callable[[], bool]
    close: Callable[[], None]


def direct_link(host: str, port: int, timeout_s: float) -> Link:
    """Connect to an RPyC server that offers `eval`, giving it nothing of ours to call."""
    wire = socket.create_connection((host, port), timeout=timeout_s)
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = {"sync_request_timeout": timeout_s}
    connection = rpyc.connect_stream(SocketStream(wire), rpyc.VoidService, config)
    try:
        connection.root.execute("import MetaTrader5 as mt5")
        evaluate = connection.root.eval
    except _LOST:
        connection.close()
        raise
    later = _later(evaluate, timeout_s)
    return Link(evaluate, later, lambda: not connection.closed, connection.close)


def _later(evaluate: Any, usual_s: float) -> Callable[[str, float | None], Callable[[], Any]]:
    send = rpyc.async_(evaluate)

    def later(source: str, timeout_s: float | None = None) -> Callable[[], Any]:
        answer = send(source)
        answer.set_expiry(usual_s if timeout_s is None else timeout_s)
        return lambda: answer.value

    return later


def mt5linux_link(host: str, port: int, timeout_s: float) -> Link:
    """Connect through the mt5linux client. Raises TerminalUnreachable if it is not installed."""
    try:
        from mt5linux import MetaTrader5
    except ImportError as error:
        raise TerminalUnreachable("mt5linux is not installed", sent=False) from error
    client: Any = MetaTrader5(host=host, port=port, timeout=timeout_s)  # type: ignore[arg-type]
    # The client has no way to close; its connection is a private attribute.
    connection = client._MetaTrader5__conn
    later = _later(connection.root.eval, timeout_s)
    return Link(client.eval, later, lambda: not connection.closed, connection.close)


class RpycTerminal:
    """The package's functions over a link that is made by `connect`."""

    def __init__(self, connect: Callable[[], Link]) -> None:
        self._connect = connect
        self._link: Link | None = None
        self._lock = threading.Lock()

    def open(self) -> None:
        """Connect, dropping an older connection."""
        self.close()
        try:
            self._link = self._connect()
        except _LOST as error:
            raise TerminalUnreachable(f"cannot connect: {error}", sent=False) from error

    def close(self) -> None:
        """Close the connection; harmless if there is none."""
        link, self._link = self._link, None
        if link is not None:
            try:
                link.close()
            except _LOST:
                return

    def _evaluate(self, source: str) -> Any:
        return self._ask(lambda link: link.evaluate(source))

    def _ask(self, ask: Callable[[Link], Any]) -> Any:
        link = self._link
        if link is None or not link.is_open():
            raise TerminalUnreachable("terminal is not open", sent=False)
        with self._lock:
            try:
                return ask(link)
            except _LOST as error:
                raise TerminalUnreachable(f"no answer: {error}", sent=True) from error
            except Exception as error:
                # RPyC marks what was raised on the other side; whether it acted, nobody knows.
                if not hasattr(error, "_remote_tb"):
                    raise
                raise TerminalUnreachable(f"the terminal failed: {error}", sent=True) from error

    def _plain(self, name: str, *args: Any, **kwargs: Any) -> Any:
        return self._evaluate(_source(name, args, kwargs))

    def _one(self, name: str, *args: Any, **kwargs: Any) -> Any:
        pairs = self._evaluate(_ONE.format(call=_source(name, args, kwargs)))
        return None if pairs is None else SimpleNamespace(**dict(pairs))

    def _many(self, name: str, *args: Any, **kwargs: Any) -> Any:
        return _rows(self._evaluate(_MANY.format(call=_source(name, args, kwargs))))

    def initialize(self, *args: Any, **kwargs: Any) -> bool:
        """Log the terminal in."""
        return bool(self._plain("initialize", *args, **kwargs))

    def shutdown(self) -> None:
        """Log out."""
        self._plain("shutdown")

    def last_error(self) -> tuple[int, str]:
        """Give code and text of the last error."""
        code, text = self._plain("last_error")
        return int(code), str(text)

    def account_info(self) -> Any:
        """Describe the account."""
        return self._one("account_info")

    def terminal_info(self) -> Any:
        """Describe the terminal."""
        return self._one("terminal_info")

    def symbol_info(self, symbol: str) -> Any:
        """Describe a symbol."""
        return self._one("symbol_info", symbol)

    def symbol_info_tick(self, symbol: str) -> Any:
        """Give the newest tick."""
        return self._one("symbol_info_tick", symbol)

    def symbol_select(self, symbol: str, enable: bool = True) -> bool:
        """Show or hide a symbol in MarketWatch; hidden ones have no ticks."""
        return bool(self._plain("symbol_select", symbol, enable))

    def market_book_add(self, symbol: str) -> bool:
        """Subscribe to a symbol's depth of market."""
        return bool(self._plain("market_book_add", symbol))

    def market_book_get(self, symbol: str) -> Any:
        """Give the depth of market; None without a subscription."""
        return self._many("market_book_get", symbol)

    def copy_rates_range(self, symbol: str, timeframe: int, first: int, last: int) -> Any:
        """Give bars that open between two server times, as a record array."""
        call = _source("copy_rates_range", (symbol, timeframe, first, last), {})
        found = self._evaluate(_ARRAY.format(call=call))
        if found is None:
            return None
        description, content = found
        return np.frombuffer(content, dtype=np.dtype(ast.literal_eval(description)))

    def positions_get(self, **filters: Any) -> Any:
        """Give open positions."""
        return self._many("positions_get", **filters)

    def orders_get(self, **filters: Any) -> Any:
        """Give working orders."""
        return self._many("orders_get", **filters)

    def history_orders_get(self, *dates: int, **filters: Any) -> Any:
        """Give finished orders; dates are positional server seconds."""
        return self._many("history_orders_get", *dates, **filters)

    def history_deals_get(self, *dates: int, **filters: Any) -> Any:
        """Give deals; dates are positional server seconds, ticket is that of their order."""
        return self._many("history_deals_get", *dates, **filters)

    def history_deals_later(self, ticket: int) -> Callable[[], Any]:
        """Ask for an order's deals now; the function that is returned waits for them."""
        call = _source("history_deals_get", (), {"ticket": ticket})
        answer = self._ask(lambda link: link.later(_MANY.format(call=call), None))
        return lambda: _rows(self._ask(lambda _: answer()))

    def order_check(self, request: dict[str, Any]) -> Any:
        """Ask what would refuse a request."""
        return self._one("order_check", request)

    def order_send(self, request: dict[str, Any], timeout_s: float | None = None) -> Any:
        """Send a trade request."""
        call = _ANSWER.format(call=_source("order_send", (request,), {}))
        pairs = self._ask(lambda link: link.later(call, timeout_s)())
        if pairs is None:
            return None
        told = dict(pairs)
        return SimpleNamespace(**told | {"request": SimpleNamespace(**dict(told["request"]))})


def _rows(rows: Any) -> Any:
    return None if rows is None else tuple(SimpleNamespace(**dict(row)) for row in rows)


def _source(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    return f"mt5.{name}(*{args!r},**{kwargs!r})"
