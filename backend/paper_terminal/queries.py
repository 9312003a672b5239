"""The package's reading functions. Each raises InvalidArgument where the package gives None, -2."""

import math
from collections.abc import Callable, Iterable
from datetime import datetime, tzinfo
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any, TypeVar

import numpy as np

from backend.paper_terminal import shapes
from backend.paper_terminal.book import Book
from backend.paper_terminal.constants import TIMEFRAME_MINUTES, OrderKind
from backend.paper_terminal.market import Market
from backend.paper_terminal.money import Money
from backend.paper_terminal.rates import RATES_MAX, TICKS_MAX, Rates
from backend.paper_terminal.records import Deal, Order, Position
from backend.paper_terminal.requests import (
    InvalidArgument,
    OutOfRange,
    check_number,
    check_symbol,
    check_text,
    utf16_units,
)
from backend.paper_terminal.veil import Veil

_HISTORY_DAYS = 400
_DAY_S = 86_400
_DATE_END_S = 1 << 31
_GROUP_UNITS_MAX = 1997
_UNNAMED = "Unnamed arguments not allowed"
Named = TypeVar("Named", Position, Order, Deal)


class NotFound(LookupError):
    """Nothing of that name: None with last_error -4."""


class Queries:
    """Reads of market and book, shaped as the package shapes them. The caller holds the lock."""

    def __init__(
        self, book: Book, market: Market, money: Money, veil: Veil, zone: tzinfo | None
    ) -> None:
        self._book = book
        self._market = market
        self._money = money
        self._veil = veil
        self._rates = Rates(market)
        # Naive datetimes are taken for times of the terminal's machine, as the package does.
        self._zone = zone

    def _shown(self, kind: str, records: Iterable[Named]) -> list[Named]:
        now_ms = self._market.server_ms()
        return [r for r in records if not self._veil.hides(kind, r.ticket, now_ms)]

    # Rates and ticks

    def copy_rates_from(self, symbol: str, timeframe: int, date_from: Any, count: int, /) -> Any:
        """Give count bars that open at date_from or before, oldest first."""
        span = self._span(symbol, timeframe)
        latest = min(self._seconds(date_from), self._market.server_ms() // 1000)
        return self._rates_back(symbol, timeframe, latest // span * span, count)

    def copy_rates_from_pos(
        self, symbol: str, timeframe: int, start_pos: int, count: int, /
    ) -> Any:
        """Give count bars counted back from the present one, which is 0; oldest first."""
        span = self._span(symbol, timeframe)
        if not isinstance(start_pos, int) or start_pos < 0:
            raise InvalidArgument('Invalid "start_pos" argument')
        present = self._market.stamp_of(self._market.now_step(symbol)) // 1000
        return self._rates_back(symbol, timeframe, (present // span - start_pos) * span, count)

    def copy_rates_range(self, symbol: str, timeframe: int, date_from: Any, date_to: Any, /) -> Any:
        """Give the bars that open within both dates."""
        span = self._span(symbol, timeframe)
        now = self._market.server_ms() // 1000
        first = max(-(-self._seconds(date_from) // span) * span, now - _HISTORY_DAYS * _DAY_S)
        last = min(self._seconds(date_to), now) // span * span
        opens = range(-(-first // span) * span, last + span, span)[:RATES_MAX]
        chosen = [at for at in opens if self._trades_within(symbol, at, span)]
        return self._rates.rates(symbol, timeframe, chosen)

    def _trades_within(self, symbol: str, at: int, span: int) -> bool:
        """Tell whether a bar has any time in which the symbol trades."""
        return self._market.week(symbol).next_open_ms(at * 1000) < (at + span) * 1000

    def _rates_back(self, symbol: str, timeframe: int, latest: int, count: int) -> np.ndarray:
        if type(count) is not int or not 0 < count <= RATES_MAX:
            raise InvalidArgument('Invalid "count" argument')
        span = TIMEFRAME_MINUTES[timeframe] * 60
        earliest = self._market.server_ms() // 1000 - _HISTORY_DAYS * _DAY_S
        opens: list[int] = []
        at = latest
        while len(opens) < count and at > earliest:
            if self._trades_within(symbol, at, span):
                opens.append(at)
            at -= span
        return self._rates.rates(symbol, timeframe, opens[::-1])

    def _span(self, symbol: str, timeframe: int) -> int:
        self._known(symbol)
        if timeframe not in TIMEFRAME_MINUTES:
            raise InvalidArgument('Invalid "timeframe" argument')
        return TIMEFRAME_MINUTES[timeframe] * 60

    def copy_ticks_from(self, symbol: str, date_from: Any, count: int, flags: int, /) -> Any:
        """Give count ticks from a date on."""
        self._known(symbol)
        if type(count) is not int or not 0 < count <= TICKS_MAX or type(flags) is not int:
            raise InvalidArgument('Invalid "count" argument')
        first = self._market.step_at(self._seconds(date_from) * 1000)
        return self._rates.ticks(symbol, first, first + count)

    def copy_ticks_range(self, symbol: str, date_from: Any, date_to: Any, flags: int, /) -> Any:
        """Give the ticks between two dates."""
        self._known(symbol)
        if type(flags) is not int:
            raise InvalidArgument('Invalid "flags" argument')
        first = self._market.step_at(self._seconds(date_from) * 1000)
        last = self._market.step_at(self._seconds(date_to) * 1000) + 1
        return self._rates.ticks(symbol, first, min(last, first + TICKS_MAX))

    # Orders and positions

    def orders_total(self) -> int:
        """Count working orders."""
        return len(self._book.orders)

    def orders_get(self, *unnamed: Any, **filters: Any) -> Any:
        """Give working orders by ticket, symbol or group: the first of them that is named."""
        found = self._select(self._book.orders, unnamed, filters)
        return tuple(self._order(order) for order in self._shown("orders", found))

    def positions_total(self) -> int:
        """Count open positions."""
        return len(self._book.positions)

    def positions_get(self, *unnamed: Any, **filters: Any) -> Any:
        """Give open positions by ticket, symbol or group: the first of them that is named."""
        found = self._select(self._book.positions, unnamed, filters)
        return tuple(self._position(held) for held in self._shown("positions", found))

    def _select(
        self, records: dict[int, Named], unnamed: tuple[Any, ...], filters: dict[str, Any]
    ) -> Iterable[Named]:
        if unnamed:
            raise InvalidArgument(_UNNAMED)
        if "ticket" in filters:
            check_number("ticket", filters["ticket"])
            return [records[filters["ticket"]]] if filters["ticket"] in records else []
        # By ticket, so that a restart does not change the order.
        ordered = sorted(records.values(), key=lambda record: record.ticket)
        if symbol := filters.get("symbol", ""):
            check_text("symbol", symbol)
            return [r for r in ordered if r.symbol == symbol]
        group = filters.get("group", "")
        check_group(group)
        return [r for r in ordered if in_group(r.symbol, group)]

    # History

    def history_orders_total(self, *dates: Any) -> int:
        """Count finished orders between two dates."""
        return len(self._shown("orders", self._book.history_between(*self._period(dates))))

    def history_orders_get(self, *dates: Any, **filters: Any) -> Any:
        """Give finished orders: by two positional dates, by order ticket, or by position."""
        history = self._book.history
        found = self._past(
            dates,
            filters,
            self._book.history_between,
            lambda ticket: [history[ticket]] if ticket in history else [],
            self._book.history_of,
        )
        return tuple(self._order(order) for order in self._shown("orders", found))

    def history_deals_total(self, *dates: Any) -> int:
        """Count deals between two dates."""
        return len(self._shown("deals", self._book.deals_between(*self._period(dates))))

    def history_deals_get(self, *dates: Any, **filters: Any) -> Any:
        """Give deals: by two positional dates, by the ticket of their order, or by position."""
        book = self._book
        found = self._past(dates, filters, book.deals_between, book.deals_of_order, book.deals_of)
        return tuple(_deal(deal) for deal in self._shown("deals", found))

    def _past(
        self,
        dates: tuple[Any, ...],
        filters: dict[str, Any],
        between: Callable[[int, int], list[Named]],
        of_order: Callable[[int], list[Named]],
        of_position: Callable[[int], list[Named]],
    ) -> list[Named]:
        """Choose as the package does: with two dates it looks at no ticket any more."""
        if len(dates) == 2:
            period = self._period(dates)
            group = filters.get("group", "")
            check_group(group)
            return [record for record in between(*period) if in_group(record.symbol, group)]
        for name, find in (("ticket", of_order), ("position", of_position)):
            if name in filters:
                if dates:
                    raise InvalidArgument(_UNNAMED)
                check_number(name, filters[name])
                return find(filters[name])
        raise InvalidArgument("Invalid arguments")

    # Calculation

    def order_calc_margin(self, action: int, symbol: str, volume: float, price: float, /) -> float:
        """Give the margin of an order in the account's currency."""
        self._known(symbol)
        _check_calculation(action, volume, price)
        spec = self._market.specs[symbol]
        return float(self._money.margin(spec, _exact(volume), _exact(price)))

    def order_calc_profit(
        self,
        action: int,
        symbol: str,
        volume: float,
        price_open: float,
        price_close: float,
        /,
    ) -> float:
        """Give the profit of a trade in the account's currency."""
        self._known(symbol)
        _check_calculation(action, volume, price_open, price_close)
        sign = 1 if action == OrderKind.BUY else -1
        opened, closed = _exact(price_open), _exact(price_close)
        return float(self._money.profit(symbol, sign, _exact(volume), opened, closed))

    def _seconds(self, value: object) -> int:
        if isinstance(value, datetime):
            if value.tzinfo is None and self._zone is not None:
                value = value.replace(tzinfo=self._zone)
            return _narrowed(value.timestamp())
        if isinstance(value, float) and math.isfinite(value):
            return _narrowed(value)
        if not isinstance(value, int):
            raise InvalidArgument("Invalid arguments")
        if not -_DATE_END_S <= value < _DATE_END_S:
            raise OutOfRange("Invalid arguments")
        return value

    def _period(self, dates: tuple[object, ...]) -> tuple[int, int]:
        if len(dates) != 2:
            raise InvalidArgument("Invalid arguments")
        first, last = (self._seconds(date) for date in dates)
        return first * 1000, last * 1000 + 999

    def _known(self, symbol: object) -> None:
        check_symbol(symbol)
        if symbol not in self._market.specs:
            raise NotFound(symbol)

    def _order(self, order: Order) -> Any:
        quote = self._market.quote(order.symbol)
        return shapes.TradeOrder(
            order.ticket,
            order.time_setup_msc // 1000,
            order.time_setup_msc,
            order.time_done_msc // 1000,
            order.time_done_msc,
            order.time_expiration,
            order.type,
            order.type_time,
            order.type_filling,
            int(order.state),
            order.magic,
            order.position_id,
            order.position_by_id,
            int(order.reason),
            float(order.volume_initial),
            float(order.volume_current),
            float(order.price_open),
            float(order.sl),
            float(order.tp),
            float(quote.bid if order.type % 2 else quote.ask),
            float(order.price_stoplimit),
            order.symbol,
            order.comment,
            "",
        )

    def _position(self, held: Position) -> Any:
        return shapes.TradePosition(
            held.ticket,
            held.time_msc // 1000,
            held.time_msc,
            held.time_update_msc // 1000,
            held.time_update_msc,
            held.type,
            held.magic,
            held.identifier,
            int(held.reason),
            float(held.volume),
            float(held.price_open),
            float(held.sl),
            float(held.tp),
            float(self._money.closing_price(held)),
            float(held.swap),
            float(self._money.floating(held)),
            held.symbol,
            held.comment,
            "",
        )


def _deal(deal: Deal) -> Any:
    return shapes.TradeDeal(
        deal.ticket,
        deal.order_ticket,
        deal.time_msc // 1000,
        deal.time_msc,
        deal.type,
        int(deal.entry),
        deal.magic,
        deal.position_id,
        int(deal.reason),
        float(deal.volume),
        float(deal.price),
        float(deal.commission),
        float(deal.swap),
        float(deal.profit),
        float(deal.fee),
        deal.symbol,
        deal.comment,
        "",
    )


def _narrowed(seconds: float) -> int:
    # The package's dates have 32 bits: what does not fit becomes the earliest of them.
    return int(seconds) if -_DATE_END_S <= seconds < _DATE_END_S else -_DATE_END_S


def check_group(group: object) -> None:
    """Accept a list of masks. Raises InvalidArgument."""
    # Lists of masks may be longer than a symbol's name.
    if not isinstance(group, str) or utf16_units(group) > _GROUP_UNITS_MAX:
        raise InvalidArgument('Invalid "group" argument')


def in_group(symbol: str, group: str) -> bool:
    """Match `*USD*,!EUR*`: masks in order, `!` takes away."""
    chosen = not group
    for mask in filter(None, (part.strip() for part in group.split(","))):
        if mask.startswith("!"):
            chosen = chosen and not fnmatchcase(symbol, mask[1:])
        else:
            chosen = chosen or fnmatchcase(symbol, mask)
    return chosen


def _check_calculation(action: int, *numbers: float) -> None:
    kinds = all(isinstance(n, float | int) and math.isfinite(n) and n >= 0 for n in numbers)
    if action not in (OrderKind.BUY, OrderKind.SELL) or not kinds:
        raise InvalidArgument("Invalid arguments")


def _exact(number: float) -> Decimal:
    return Decimal(repr(number))
