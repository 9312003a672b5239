"""The terminal: sessions in front, one lock, the package's functions behind.

Every function gives what the package gives: a result, or None with `last_error` telling why.
"""
# ruff: noqa: SIM905 - lists of names read better as running text

import inspect
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from backend.paper_terminal import shapes
from backend.paper_terminal.admission import Admission
from backend.paper_terminal.book import Book
from backend.paper_terminal.conditions import Conditions
from backend.paper_terminal.constants import (
    E_AUTH_FAILED,
    E_INVALID_PARAMS,
    E_NO_CONNECTION,
    E_NOT_FOUND,
    E_TRADING_OFF,
    ERROR_TEXT,
    OK,
    RETCODE_TEXT,
    Reason,
    Retcode,
)
from backend.paper_terminal.descriptions import Descriptions
from backend.paper_terminal.faults import Faults, Strikes
from backend.paper_terminal.market import Market
from backend.paper_terminal.money import NoConversion
from backend.paper_terminal.orders import balance_deal
from backend.paper_terminal.queries import NotFound, Queries
from backend.paper_terminal.requests import (
    InvalidArgument,
    OutOfRange,
    Request,
    parse_call,
    parse_request,
)
from backend.paper_terminal.road import Lost, back, there
from backend.paper_terminal.trading import Answer, Trading
from backend.paper_terminal.triggers import Triggers
from backend.paper_terminal.veil import Veil

_DISPLACED = (E_NO_CONNECTION[0], "No IPC connection: displaced by a newer session")
_EXCEPTION_SET = "returned a result with an exception set"
_REFUSED_BY = {
    "client": Retcode.CLIENT_DISABLES_AT,
    "server": Retcode.SERVER_DISABLES_AT,
}


@dataclass(eq=False)
class Session:
    """One connection. It reads once any session has initialized, unless it shut down itself."""

    last_error: tuple[int, str] = OK
    initialized: bool = False
    shut: bool = False
    answer_twice: bool = False


@dataclass(frozen=True)
class Parts:
    """What a terminal is made of."""

    book: Book
    market: Market
    trading: Trading
    triggers: Triggers
    conditions: Conditions
    faults: Faults
    queries: Queries
    descriptions: Descriptions
    veil: Veil
    admission: Admission


@dataclass
class _Gate:
    """Which session may trade, and whether the terminal is connected at all."""

    owner: Session | None = None
    connected: bool = False


class Terminal:
    """The package's functions by name, for many sessions of which one trades."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._lock = threading.RLock()
        self._gate = _Gate()
        self._request_id = 0
        self._latest_result: Any = None
        # Requests that the server has, but executes only when their time has come.
        self._late: list[tuple[int, Request]] = []
        described = (
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
            **{name: getattr(parts.descriptions, name) for name in described},
            **{name: getattr(parts.queries, name) for name in queries},
        }
        self._signatures = {name: inspect.signature(f) for name, f in self._reads.items()}

    @property
    def functions(self) -> frozenset[str]:
        """Names that clients may call."""
        gates = {"initialize", "login", "shutdown", "last_error", "order_send"}
        return frozenset({*self._reads, *gates})

    def call(self, session: Session, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call a function as the package would. The name is one of `functions`.

        Raises ConnectionCut where a fault ends the connection, SystemError where the package's
        own code lets Python's overflow error stand.
        """
        if name == "last_error":
            return session.last_error
        try:
            result = self._dispatch(session, name, args, kwargs)
        except OutOfRange as error:
            self._fail(session, (E_INVALID_PARAMS, str(error)))
            raise SystemError(f"<built-in function {name}> {_EXCEPTION_SET}") from error
        except InvalidArgument as error:
            self._fail(session, (E_INVALID_PARAMS, str(error)))
            return False if name in ("initialize", "login") else None
        except (NotFound, NoConversion):
            return self._fail(session, (E_NOT_FOUND, "Terminal: Not found"))
        except Lost as lost:
            return self._fail(session, (lost.code, ERROR_TEXT.get(lost.code, "")))
        if result is not None and result is not False:
            session.last_error = OK
        return result

    def _dispatch(
        self, session: Session, name: str, args: list[Any], kwargs: dict[str, Any]
    ) -> Any:
        if name == "shutdown":
            return self.release(session, shut=True)
        gate = name in ("initialize", "login")
        if not gate and (session.shut or not self._gate.connected):
            return self._fail(session, E_NO_CONNECTION)
        if name == "order_send":
            return self._order_send(session, args, kwargs)
        strikes = self._parts.faults.strike(name, symbol=_named_symbol(args, kwargs))
        there(strikes)
        if gate:
            result: Any = self._initialize(session, name, args, kwargs)
        else:
            result = self._read(name, args, kwargs)
        if "empty_answer" in strikes:
            result = ()
        if "repeated_records" in strikes and result:
            result = (*result, result[-1])
        return back(strikes, result)

    def _read(self, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
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
            now_ms = self._parts.market.server_ms()
            due = [late for late in self._late if late[0] <= now_ms]
            self._late = [late for late in self._late if late[0] > now_ms]
            for _, request in due:
                self._execute(request, {}, None)

    def trade_by_hand(self, words: dict[str, Any]) -> dict[str, Any]:
        """Send a request as a person at the terminal would: no session, reason CLIENT.

        Raises InvalidArgument.
        """
        request = replace(parse_request(words), reason=Reason.CLIENT)
        with self._lock:
            answer = self._execute(request, {}, None)
            result = self._result(request, answer)._asdict()
        return {name: value for name, value in result.items() if name != "request"}

    def deposit(self, amount: Decimal) -> int:
        """Move the balance, as an accountant does; gives the deal's ticket."""
        with self._lock:
            book = self._parts.book
            deal = balance_deal(book.ticket(), amount, self._parts.market.server_ms())
            book.add_deal(deal)
            book.commit()
            return deal.ticket

    def close(self, finish: Callable[[], None]) -> None:
        """Run finish while nothing else runs."""
        with self._lock:
            finish()

    def status(self) -> dict[str, Any]:
        """Describe account and sessions for the back door; money as text."""
        with self._lock:
            book, state = self._parts.book, self._parts.descriptions.state()
            return {
                "login": self._parts.admission.login,
                "connected": self._gate.connected,
                "trading_session": self._gate.owner is not None,
                "server_ms": self._parts.market.server_ms(),
                "balance": str(state.balance),
                "equity": str(state.equity),
                "margin": str(state.margin),
                "margin_level": str(state.margin_level),
                "margin_call": self._parts.triggers.margin_call,
                "positions": len(book.positions),
                "orders": len(book.orders),
                "deals": len(book.deals),
                "requests": self._request_id,
                "rules": len(self._parts.faults.rules()),
            }

    # Sessions

    def _initialize(
        self, session: Session, name: str, args: list[Any], kwargs: dict[str, Any]
    ) -> bool:
        if not self._parts.admission.admits(name, args, kwargs):
            self._fail(session, (E_AUTH_FAILED, ERROR_TEXT[E_AUTH_FAILED]))
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
        request = parse_call(args, kwargs)
        strikes = self._strikes(request)
        if "displace" in strikes:
            self.release(session, shut=False)
        there(strikes)
        delay_s = self._parts.conditions.latency_s()
        if delay_s:
            time.sleep(delay_s)
        with self._lock:
            # A session that was displaced while its order travelled must not trade any more.
            if self._gate.owner is not session:
                return self._fail(session, _DISPLACED)
            off = self._parts.faults.in_force("autotrading_off")
            if off is not None and off["by"] == "api":
                return self._fail(session, E_TRADING_OFF)
            if "late_execution" in strikes:
                late = strikes["late_execution"]
                due_ms = self._parts.market.server_ms() + round(late["ms"])
                self._late.append((due_ms, request))
                raise Lost(late["code"])
            answer = self._execute(request, strikes, off)
            result = self._result(request, answer)
            earlier, self._latest_result = self._latest_result, result
        if "stale_answer" in strikes and earlier is not None:
            result = earlier
        session.answer_twice = "duplicate_answer" in strikes
        return back(strikes, result)

    def _strikes(self, request: Request) -> Strikes:
        faults = self._parts.faults
        if not faults.active:
            return {}
        symbol = request.symbol or self._parts.book.symbol_of(request.order or request.position)
        return faults.strike("order_send", request.action, symbol)

    def _execute(self, request: Request, strikes: Strikes, off: dict[str, Any] | None) -> Answer:
        if off is not None:
            return Answer(_REFUSED_BY.get(off["by"], Retcode.CLIENT_DISABLES_AT))
        if self._parts.faults.in_force("server_lost") is not None:
            return Answer(Retcode.CONNECTION)
        book = self._parts.book
        first = book.next_ticket
        try:
            self._parts.triggers.advance()
            answer = self._parts.trading.send(request, strikes)
        except BaseException:
            book.discard()
            raise
        if "late_records" in strikes:
            late = strikes["late_records"]
            until_ms = self._parts.market.server_ms() + round(late["ms"])
            self._parts.veil.hide(late["records"], first, book.next_ticket, answer.order, until_ms)
        return answer

    def _result(self, request: Request, answer: Answer) -> Any:
        self._request_id += 1
        bid, ask = self._quote_floats(request.symbol, answer.worse_points)
        return shapes.OrderSendResult(
            int(answer.retcode),
            answer.deal,
            answer.order,
            float(answer.volume),
            float(answer.price),
            bid,
            ask,
            RETCODE_TEXT.get(answer.retcode, ""),  # type: ignore[call-overload]
            self._request_id,
            0,
            request.shape,
        )

    def _quote_floats(self, symbol: str, worse_points: int) -> tuple[float, float]:
        spec = self._parts.market.specs.get(symbol)
        if spec is None:
            return 0.0, 0.0
        quote = self._parts.market.quote(symbol)
        worse = worse_points * spec.point
        return float(quote.bid - worse), float(quote.ask + worse)


def _named_symbol(args: list[Any], kwargs: dict[str, Any]) -> str:
    first = args[0] if args and isinstance(args[0], str) else ""
    return str(kwargs.get("symbol", first))
