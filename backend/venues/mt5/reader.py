"""The reading half of the MetaTrader 5 venue: connection, account, quotes, bars, books."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from backend.domain.market.bars import Bar
from backend.domain.timeframe import timeframe_seconds
from backend.ports import Clock, Quote
from backend.venues.model import (
    AccountMismatch,
    AccountState,
    InstrumentSpec,
    LiveAccountRefused,
    SymbolUnknown,
    VenueDeal,
    VenueOrder,
    VenuePosition,
    VenueUnavailable,
)
from backend.venues.mt5 import protocol, reports, retcodes
from backend.venues.mt5.protocol import Terminal, TerminalUnreachable
from backend.venues.mt5.server_time import ServerTime

_DAY_S = 86_400
_TICK_POLL_S = 0.05


@dataclass(frozen=True)
class Mt5Options:
    """How a venue behaves. login None: whichever account the terminal has.

    credentials: what `initialize` gets besides the login (password, server, path). symbols: our
    name to the broker's. read_only: never takes over the right to trade, cannot submit.
    """

    login: int | None = None
    credentials: Mapping[str, Any] = field(default_factory=dict)
    allow_live: bool = False
    read_only: bool = False
    symbols: Mapping[str, str] = field(default_factory=dict)
    server_utc_offset_hours: float | None = None
    offset_symbols: tuple[str, ...] = ("EURUSD", "XAUUSD", "BTCUSD")
    offset_wait_s: float = 2.5


class Mt5Reader:
    """Reads one account at a MetaTrader 5 terminal."""

    def __init__(self, terminal: Terminal, clock: Clock, options: Mt5Options | None = None) -> None:
        self._terminal = terminal
        self._clock = clock
        self._options = options or Mt5Options()
        self._time = ServerTime(self._options.server_utc_offset_hours)
        self._instruments: dict[str, InstrumentSpec] = {}
        self._booked: set[str] = set()
        self._ours = {theirs: ours for ours, theirs in self._options.symbols.items()}
        self._hedging = False
        self._connected = False
        self._answer_s: float | None = None

    @property
    def source(self) -> str:
        """Name of the feed, as it stands in the tables."""
        return "mt5"

    @property
    def connected(self) -> bool:
        """Tell whether `connect` succeeded and no call was lost since."""
        return self._connected

    @property
    def hedging(self) -> bool:
        """Tell whether the account keeps opposite positions apart; known once connected."""
        return self._hedging

    @property
    def server_utc_offset(self) -> timedelta | None:
        """The server's offset from UTC, None until known."""
        return self._time.offset

    # Connection

    def connect(self) -> AccountState:
        """Reach the terminal, log in, check whose account it is and learn the server's time.

        Raises VenueUnavailable, LiveAccountRefused or AccountMismatch. Callable again after a loss.
        """
        self._connected = False
        # A subscription to a book ends with the session.
        self._booked.clear()
        try:
            self._terminal.open()
            state = self._log_in()
        except TerminalUnreachable as error:
            self._terminal.close()
            raise VenueUnavailable(str(error)) from error
        except (PermissionError, VenueUnavailable):
            self._terminal.close()
            raise
        self._hedging = state.hedging
        self._connected = True
        return state

    def _log_in(self) -> AccountState:
        if not (self._options.read_only and self._terminal.account_info() is not None):
            self._initialize()
        info = self._terminal.account_info()
        if info is None:
            raise VenueUnavailable(f"no account: {self._terminal.last_error()}")
        state = reports.account_of(info, self._clock.now())
        self._guard(state)
        self._learn_server_time()
        return state

    def _initialize(self) -> None:
        credentials = dict(self._options.credentials)
        if self._options.login is not None:
            credentials["login"] = self._options.login
        if not self._terminal.initialize(**credentials):
            raise VenueUnavailable(f"initialize failed: {self._terminal.last_error()}")

    def _guard(self, state: AccountState) -> None:
        expected = self._options.login
        if expected is not None and state.login != expected:
            raise AccountMismatch(f"terminal has account {state.login}, expected {expected}")
        if state.trade_mode == "real" and not self._options.allow_live:
            raise LiveAccountRefused(f"account {state.login} is real and live is not allowed")

    def _learn_server_time(self) -> None:
        """Watch ticks until one changes; a configured offset needs no waiting."""
        deadline = time.monotonic() + self._options.offset_wait_s
        while self._time.offset is None and time.monotonic() < deadline:
            for symbol in self._options.offset_symbols:
                tick = self._terminal.symbol_info_tick(self._theirs(symbol))
                if tick is not None:
                    self._time.observe(symbol, tick.time_msc, self._clock.now())
            time.sleep(_TICK_POLL_S)

    def check_server_time(self) -> None:
        """Learn the server's time anew if it jumped by hours, as it does twice a year.

        Raises VenueUnavailable.
        """
        for symbol in self._options.offset_symbols:
            name = self._theirs(symbol)
            tick = self._read(lambda name=name: self._terminal.symbol_info_tick(name), empty=True)
            if tick is not None and self._time.has_jumped(tick.time_msc, self._clock.now()):
                self._time.forget()
                self._read(lambda: self._learn_server_time() or True)
                self._time.keep()
                return

    def close(self) -> None:
        """Let go of the terminal."""
        self._connected = False
        self._terminal.close()

    # Reading

    def account(self) -> AccountState:
        """Read the account's totals. Raises VenueUnavailable."""
        return reports.account_of(self._read(self._terminal.account_info), self._clock.now())

    def instrument(self, symbol: str) -> InstrumentSpec:
        """Give the rules of a symbol, asked for once. Raises SymbolUnknown, VenueUnavailable."""
        spec = self._instruments.get(symbol)
        if spec is None:
            name = self._theirs(symbol)
            self._read(lambda: self._terminal.symbol_select(name, True))
            info = self._read(lambda: self._terminal.symbol_info(name))
            spec = self._instruments[symbol] = reports.instrument_of(symbol, info)
        return spec

    def quote(self, symbol: str) -> Quote | None:
        """Give the newest quote; None where there is none or its age cannot be told.

        Raises VenueUnavailable.
        """
        spec = self.instrument(symbol)
        tick = self._read(lambda: self._terminal.symbol_info_tick(spec.venue_symbol), empty=True)
        received_at = self._clock.now()
        if tick is None or tick.bid <= 0 or tick.ask <= 0:
            return None
        self._time.observe(symbol, tick.time_msc, received_at)
        venue_time = self._time.to_utc(tick.time_msc)
        if venue_time is None:
            return None
        bid, ask = reports.price_of(tick.bid, spec), reports.price_of(tick.ask, spec)
        depth = self._depth(spec)
        if depth is None:
            return Quote(symbol, bid, ask, venue_time, received_at)
        return Quote(
            symbol,
            bid,
            ask,
            venue_time,
            received_at,
            depth_imbalance=depth.imbalance,
            bid_depth=depth.bid,
            ask_depth=depth.ask,
        )

    def _depth(self, spec: InstrumentSpec) -> reports.Depth | None:
        """Give what waits in the symbol's book; None where the broker shows none."""
        name = spec.venue_symbol
        if spec.book_levels <= 0:
            return None
        if name not in self._booked:
            if not self._read(lambda: self._terminal.market_book_add(name)):
                return None
            self._booked.add(name)
        rows = self._read(lambda: self._terminal.market_book_get(name), empty=True)
        if rows is None:
            self._booked.discard(name)
            return None
        return reports.depth_of(rows)

    def bars(self, symbol: str, timeframe: str, start: datetime, end: datetime) -> Iterator[Bar]:
        """Give the closed bars that opened in [start, end), oldest first.

        Raises VenueUnavailable, ValueError for a timeframe that terminals do not have.
        """
        if timeframe not in protocol.TIMEFRAMES:
            raise ValueError(f"no such timeframe: {timeframe}")
        spec = self.instrument(symbol)
        first, last = self._time.to_server_s(start), self._time.to_server_s(end)
        if first is None or last is None:
            raise VenueUnavailable("server time is not known yet")
        code = protocol.TIMEFRAMES[timeframe]
        name = spec.venue_symbol
        rows = self._read(lambda: self._terminal.copy_rates_range(name, code, first, last - 1))
        now_s = self._time.to_server_s(self._clock.now()) or 0
        for row in rows:
            opened_at = self._time.to_utc(int(row["time"]) * 1000)
            # The bar that is still open would be recorded half.
            if opened_at is None or int(row["time"]) + timeframe_seconds(timeframe) > now_s:
                continue
            yield reports.bar_of(opened_at, row, spec)

    def positions(self, symbol: str | None = None) -> tuple[VenuePosition, ...]:
        """Give open positions. Raises VenueUnavailable."""
        filters = {"symbol": self._theirs(symbol)} if symbol else {}
        rows = self._read(lambda: self._terminal.positions_get(**filters))
        return tuple(reports.position_of(self._our(r.symbol), r, self._time) for r in rows)

    def orders(self, symbol: str | None = None) -> tuple[VenueOrder, ...]:
        """Give working orders. Raises VenueUnavailable."""
        filters = {"symbol": self._theirs(symbol)} if symbol else {}
        rows = self._read(lambda: self._terminal.orders_get(**filters))
        return tuple(reports.order_of(self._our(r.symbol), r, self._time) for r in rows)

    def deals(self, since: datetime) -> tuple[VenueDeal, ...]:
        """Give all deals since an instant, balance operations included. Raises VenueUnavailable."""
        first, last = self._window(since)
        rows = self._read(lambda: self._terminal.history_deals_get(first, last))
        found = (reports.deal_of(self._our(r.symbol), r, self._time) for r in rows)
        return tuple(d for d in found if d.executed_at is None or d.executed_at >= since)

    def deals_of(self, order_ticket: int) -> tuple[VenueDeal, ...]:
        """Give the deals of one order: price, commission and time. Raises VenueUnavailable."""
        return self.deals_later(order_ticket)()

    def deals_later(self, order_ticket: int) -> Callable[[], tuple[VenueDeal, ...]]:
        """Ask for the deals of one order; the function that is returned waits for them.

        Both raise VenueUnavailable.
        """
        answer = self._read(lambda: self._terminal.history_deals_later(order_ticket))

        def wait() -> tuple[VenueDeal, ...]:
            rows = self._read(answer)
            return tuple(reports.deal_of(self._our(r.symbol), r, self._time) for r in rows)

        return wait

    def _read(self, call: Callable[[], Any], empty: bool = False) -> Any:
        """Make a call that changes nothing; no answer, or None, is unavailability."""
        try:
            result = call()
            if result is None and not empty:
                code, text = self._terminal.last_error()
                self._connected = self._connected and not retcodes.pipe_lost(code)
                missing = code == retcodes.NOT_FOUND
                raise (SymbolUnknown if missing else VenueUnavailable)(f"{text} ({code})")
        except TerminalUnreachable as error:
            self._connected = False
            raise VenueUnavailable(str(error)) from error
        return result

    def _window(self, since: datetime) -> tuple[int, int]:
        """Give a period in server seconds that contains everything since an instant.

        Without a known offset it is a day wider; it always reaches into the server's tomorrow.
        """
        first = self._time.to_server_s(since) or int(since.timestamp()) - _DAY_S
        return first - 60, int(self._clock.now().timestamp()) + 2 * _DAY_S

    def _theirs(self, symbol: str) -> str:
        return self._options.symbols.get(symbol, symbol)

    def _our(self, venue_symbol: str) -> str:
        return self._ours.get(venue_symbol, venue_symbol)
