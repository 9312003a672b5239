"""The terminal: sessions in front, one lock, the package's functions behind.

Every function gives what the package gives: a result, or None with `last_error` telling why.
"""
# ruff: noqa: SIM905 - lists of names read better as running text

import inspect
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backend.paper_terminal import infos, shapes
from backend.paper_terminal.book import Book
from backend.paper_terminal.constants import (
    E_AUTH_FAILED,
    E_INVALID_PARAMS,
    E_NO_CONNECTION,
    E_NOT_FOUND,
    OK,
    RETCODE_TEXT,
    TICK_FLAG_ASK,
    TICK_FLAG_BID,
)
from backend.paper_terminal.faults import Faults
from backend.paper_terminal.market import Market
from backend.paper_terminal.money import Money, NoConversion
from backend.paper_terminal.queries import NotFound, Queries, in_group
from backend.paper_terminal.requests import InvalidArgument, Request, parse_request
from backend.paper_terminal.trading import Trading
from backend.paper_terminal.triggers import Triggers

_DISPLACED = (E_NO_CONNECTION[0], "No IPC connection: displaced by a newer session")


@dataclass(eq=False)
class Session:
    """One connection. It reads once any session has initialized, unless it shut down itself."""

    last_error: tuple[int, str] = OK
    initialized: bool = False
    shut: bool = False


@dataclass(frozen=True)
class Parts:
    """What a terminal is made of."""

    book: Book
    market: Market
    money: Money
    trading: Trading
    triggers: Triggers
    faults: Faults
    account: infos.AccountSettings
    home: Path


@dataclass
class _Gate:
    """Which session may trade, and whether the terminal is connected at all."""

    owner: Session | None = None
    connected: bool = False
    selected: set[str] = field(default_factory=set)


class Terminal:
    """The package's functions by name, for many sessions of which one trades."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._lock = threading.RLock()
        self._gate = _Gate(selected=set(parts.market.specs))
        self._queries = Queries(parts.book, parts.market, parts.money)
        self._request_id = 0
        own = (
            "account_info terminal_info version symbols_total symbols_get symbol_info"
            " symbol_info_tick symbol_select market_book_add market_book_get market_book_release"
            " order_check"
        ).split()
        queries = (
            "copy_rates_from copy_rates_from_pos copy_rates_range copy_ticks_from copy_ticks_range"
            " orders_total orders_get positions_total positions_get history_orders_total"
            " history_orders_get history_deals_total history_deals_get order_calc_margin"
            " order_calc_profit"
        ).split()
        self._reads: dict[str, Callable[..., Any]] = {
            **{name: getattr(self, f"_{name}") for name in own},
            **{name: getattr(self._queries, name) for name in queries},
        }
        self._signatures = {name: inspect.signature(f) for name, f in self._reads.items()}

    @property
    def functions(self) -> frozenset[str]:
        """Names that clients may call."""
        return frozenset(
            {
                *self._reads,
                "initialize",
                "login",
                "shutdown",
                "last_error",
                "order_send",
            }
        )

    def call(self, session: Session, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call a function as the package would. The name is one of `functions`."""
        if name == "last_error":
            return session.last_error
        try:
            result = self._dispatch(session, name, args, kwargs)
        except InvalidArgument as error:
            return self._fail(session, (E_INVALID_PARAMS, str(error)))
        except (NotFound, NoConversion):
            return self._fail(session, (E_NOT_FOUND, "Terminal: Not found"))
        if result is not None and result is not False:
            session.last_error = OK
        return result

    def _dispatch(
        self, session: Session, name: str, args: list[Any], kwargs: dict[str, Any]
    ) -> Any:
        if name in ("initialize", "login"):
            return self._initialize(session, name, args, kwargs)
        if name == "shutdown":
            return self.release(session, shut=True)
        if session.shut or not self._gate.connected:
            return self._fail(session, E_NO_CONNECTION)
        if name == "order_send":
            return self._order_send(session, args, kwargs)
        try:
            self._signatures[name].bind(*args, **kwargs)
        except TypeError as error:
            raise InvalidArgument("Invalid arguments") from error
        with self._lock:
            self._parts.triggers.advance()
            return self._reads[name](*args, **kwargs)

    def _fail(self, session: Session, error: tuple[int, str]) -> None:
        session.last_error = error

    def tick(self) -> None:
        """Look for stops and pending orders that the price has touched; called by a timer."""
        with self._lock:
            self._parts.triggers.advance()

    def close(self, finish: Callable[[], None]) -> None:
        """Run finish while nothing else runs."""
        with self._lock:
            finish()

    # Sessions

    def _initialize(
        self, session: Session, name: str, args: list[Any], kwargs: dict[str, Any]
    ) -> bool:
        asked = kwargs.get("login", args[0] if name == "login" and args else 0)
        if asked and asked != self._parts.account.login:
            self._fail(session, (E_AUTH_FAILED, "Authorization failed"))
            return False
        with self._lock:
            session.initialized, session.shut = True, False
            self._gate.owner = session
            self._gate.connected = True
        return True

    def release(self, session: Session, shut: bool) -> None:
        """Give up the right to trade; called at shutdown and when the connection ends."""
        with self._lock:
            session.shut = shut
            if self._gate.owner is session:
                self._gate.owner = None

    # Trading

    def _order_send(self, session: Session, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if self._gate.owner is not session:
            return self._fail(session, _DISPLACED if session.initialized else E_NO_CONNECTION)
        request = _one_request(args, kwargs)
        delay_s = self._parts.faults.latency_s()
        if delay_s:
            time.sleep(delay_s)
        with self._lock:
            # A session that was displaced while its order travelled must not trade any more.
            if self._gate.owner is not session:
                return self._fail(session, _DISPLACED)
            try:
                self._parts.triggers.advance()
                answer = self._parts.trading.send(request)
            except BaseException:
                self._parts.book.discard()
                raise
            self._request_id += 1
            bid, ask = self._quote_floats(request.symbol)
            return shapes.OrderSendResult(
                int(answer.retcode),
                answer.deal,
                answer.order,
                float(answer.volume),
                float(answer.price),
                bid,
                ask,
                RETCODE_TEXT[answer.retcode],
                self._request_id,
                0,
                request.shape,
            )

    def _quote_floats(self, symbol: str) -> tuple[float, float]:
        if symbol not in self._parts.market.specs:
            return 0.0, 0.0
        quote = self._parts.market.quote(symbol)
        return float(quote.bid), float(quote.ask)

    def _order_check(self, request: object) -> Any:
        parsed = parse_request(request)
        answer, need = self._parts.trading.check(parsed)
        state = self._account_state()
        margin = state.margin + need
        level = float(state.equity / margin * 100) if margin else 0.0
        # The package reports a request that would pass as 0, not as 10009.
        passed = answer.retcode == 10009
        return shapes.OrderCheckResult(
            0 if passed else int(answer.retcode),
            float(state.balance),
            float(state.equity),
            float(state.profit),
            float(margin),
            float(state.equity - margin),
            level,
            "Done" if passed else RETCODE_TEXT[answer.retcode],
            parsed.shape,
        )

    # Reading

    def _account_state(self) -> Any:
        book = self._parts.book
        return self._parts.money.account(book.balance, list(book.positions.values()), book.legs)

    def _account_info(self) -> Any:
        return infos.account_info(self._parts.account, self._account_state())

    def _terminal_info(self) -> Any:
        return infos.terminal_info(self._parts.home, ping_us=1000)

    def _version(self) -> tuple[int, int, str]:
        return infos.VERSION

    def _symbols_total(self) -> int:
        return len(self._parts.market.specs)

    def _symbols_get(self, group: str = "") -> Any:
        names = (name for name in self._parts.market.specs if in_group(name, group))
        return tuple(self._symbol_info(name) for name in names)

    def _symbol_info(self, symbol: str) -> Any:
        spec = self._parts.market.specs.get(symbol)
        if spec is None:
            raise NotFound(symbol)
        selected = symbol in self._gate.selected
        return infos.symbol_info(self._parts.market, self._parts.money, spec, selected)

    def _symbol_info_tick(self, symbol: str) -> Any:
        if symbol not in self._parts.market.specs:
            raise NotFound(symbol)
        quote = self._parts.market.quote(symbol)
        return shapes.Tick(
            quote.server_ms // 1000,
            float(quote.bid),
            float(quote.ask),
            0.0,
            0,
            quote.server_ms,
            TICK_FLAG_BID | TICK_FLAG_ASK,
            0.0,
        )

    def _symbol_select(self, symbol: str, enable: bool = True) -> bool:
        if symbol not in self._parts.market.specs:
            return False
        (self._gate.selected.add if enable else self._gate.selected.discard)(symbol)
        return True

    def _market_book_add(self, symbol: str) -> bool:
        return symbol in self._parts.market.specs

    def _market_book_get(self, symbol: str) -> Any:
        return () if symbol in self._parts.market.specs else None

    def _market_book_release(self, symbol: str) -> bool:
        return symbol in self._parts.market.specs


def _one_request(args: list[Any], kwargs: dict[str, Any]) -> Request:
    if len(args) != 1 or kwargs:
        raise InvalidArgument("Unnamed arguments not allowed")
    return parse_request(args[0])
