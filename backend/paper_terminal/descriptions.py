"""The package's functions that describe account, terminal and symbols, and that check requests."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from backend.paper_terminal import infos, shapes
from backend.paper_terminal.book import Book
from backend.paper_terminal.constants import (
    BOOK_TYPE_BUY,
    BOOK_TYPE_SELL,
    E_FAILED,
    RETCODE_TEXT,
    TICK_FLAG_ASK,
    TICK_FLAG_BID,
    Retcode,
)
from backend.paper_terminal.floor import Floor
from backend.paper_terminal.market import Market
from backend.paper_terminal.money import AccountState, Money
from backend.paper_terminal.queries import NotFound, check_group, in_group
from backend.paper_terminal.requests import check_symbol, parse_call
from backend.paper_terminal.road import Lost
from backend.paper_terminal.trading import Trading


class Descriptions:
    """Shapes what is known of account and symbols as the package does. The caller holds the lock.

    Raises NotFound where the package gives None and -4.
    """

    def __init__(
        self,
        book: Book,
        market: Market,
        money: Money,
        floor: Floor,
        trading: Trading,
        account: infos.AccountSettings,
        home: Path,
    ) -> None:
        self._book = book
        self._market = market
        self._money = money
        self._trading = trading
        self._floor = floor
        self._account = account
        self._home = home
        self._selected = set(market.specs)
        self._booked: set[str] = set()

    def state(self) -> AccountState:
        """Add up the account."""
        positions = list(self._book.positions.values())
        return self._money.account(self._book.balance, positions, self._book.legs)

    def account_info(self) -> Any:
        """Describe the account."""
        account = self._account
        other = self._floor.faults.in_force("other_account")
        if other is not None:
            account = replace(account, login=other["login"], trade_mode=other["trade_mode"])
        return infos.account_info(account, self.state())

    def terminal_info(self) -> Any:
        """Describe the terminal: whether it has its server, and whether programs may trade."""
        off = self._floor.faults.in_force("autotrading_off")
        connected = self._floor.faults.in_force("server_lost") is None
        return infos.terminal_info(self._home, 1000, connected, off["by"] if off else "")

    def version(self) -> tuple[int, int, str]:
        """Give version, build and date."""
        return infos.VERSION

    def symbols_total(self) -> int:
        """Count the symbols."""
        return len(self._market.specs)

    def symbols_get(self, group: str = "") -> Any:
        """Describe all symbols of a group."""
        check_group(group)
        names = (name for name in self._market.specs if in_group(name, group))
        return tuple(self.symbol_info(name) for name in names)

    def symbol_info(self, symbol: str, /) -> Any:
        """Describe a symbol."""
        self._known(symbol)
        spec = self._trading.rules_of(symbol)
        return infos.symbol_info(self._market, self._money, spec, symbol in self._selected)

    def symbol_info_tick(self, symbol: str, /) -> Any:
        """Give the newest tick of a symbol that MarketWatch shows."""
        self._known(symbol)
        if symbol not in self._selected:
            raise NotFound(symbol)
        quote = self._market.quote(symbol)
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

    def symbol_select(self, symbol: str, enable: bool = True, /) -> bool:
        """Show or hide a symbol; what is traded cannot be hidden."""
        check_symbol(symbol)
        if symbol not in self._market.specs:
            return False
        if enable:
            self._selected.add(symbol)
            return True
        held = (*self._book.positions.values(), *self._book.orders.values())
        if any(record.symbol == symbol for record in held):
            return False
        self._selected.discard(symbol)
        return True

    def market_book_add(self, symbol: str, /) -> bool:
        """Subscribe to the depth of market; without that there is none to get."""
        check_symbol(symbol)
        if symbol not in self._market.specs:
            return False
        self._booked.add(symbol)
        return True

    def market_book_get(self, symbol: str, /) -> Any:
        """Give the depth of market, sellers first and the highest price on top."""
        check_symbol(symbol)
        if symbol not in self._booked:
            raise Lost(E_FAILED)
        ladder = self._floor.ladder(symbol)
        if ladder is None:
            return ()
        depth = self._market.specs[symbol].book_depth
        asks, bids = ladder.levels(buy=True)[:depth], ladder.levels(buy=False)[:depth]
        return (
            *(_book_info(BOOK_TYPE_SELL, *level) for level in reversed(asks)),
            *(_book_info(BOOK_TYPE_BUY, *level) for level in bids),
        )

    def market_book_release(self, symbol: str, /) -> bool:
        """Unsubscribe; false if nobody had subscribed."""
        check_symbol(symbol)
        if symbol not in self._booked:
            return False
        self._booked.discard(symbol)
        return True

    def order_check(self, *unnamed: object, **words: object) -> Any:
        """Tell what would refuse a request, and the account after it."""
        parsed = parse_call(list(unnamed), words)
        answer, need = self._trading.check(parsed)
        state = self.state()
        margin = state.margin + need
        level = float(state.equity / margin * 100) if margin else 0.0
        # The package reports a request that would pass as 0, not as 10009.
        passed = answer.retcode == Retcode.DONE
        return shapes.OrderCheckResult(
            0 if passed else int(answer.retcode),
            float(state.balance),
            float(state.equity),
            float(state.profit),
            float(margin),
            float(state.equity - margin),
            level,
            "Done" if passed else RETCODE_TEXT[Retcode(answer.retcode)],
            parsed.shape,
        )

    def _known(self, symbol: object) -> None:
        check_symbol(symbol)
        if symbol not in self._market.specs:
            raise NotFound(symbol)


def _book_info(kind: int, price: Decimal, volume: Decimal) -> Any:
    return shapes.BookInfo(kind, float(price), int(volume), float(volume))
