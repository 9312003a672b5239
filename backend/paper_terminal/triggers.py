"""What happens without a request: stops, targets, pending orders, expiry and stop-out."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from backend.paper_terminal.book import Book
from backend.paper_terminal.constants import OrderKind, OrderState, Reason
from backend.paper_terminal.fills import Execution, Fills
from backend.paper_terminal.market import Level, Market, Quote
from backend.paper_terminal.money import Money
from backend.paper_terminal.records import ZERO, Order, Position

STOP_OUT_LEVEL = Decimal(30)


@dataclass(frozen=True, slots=True)
class _Watch:
    level: Level
    act: Callable[[Quote], None]


class Triggers:
    """Walks the path since the last look and executes what it touched, in order."""

    def __init__(self, book: Book, market: Market, money: Money, fills: Fills) -> None:
        self._book = book
        self._market = market
        self._money = money
        self._fills = fills
        self._seen: dict[str, int] = {}
        self.margin_call = False

    def advance(self) -> bool:
        """Bring all symbols up to now and commit what happened. True if something did."""
        moved = [s for s in self._market.specs if self._market.now_step(s) != self._seen.get(s)]
        if not moved:
            return False
        for symbol in moved:
            self._advance_symbol(symbol)
            self._seen[symbol] = self._book.scanned[symbol]
        self._stop_out()
        if self._book.dirty:
            self._book.commit()
            return True
        return False

    def _advance_symbol(self, symbol: str) -> None:
        now = self._market.now_step(symbol)
        at = self._book.scanned.get(symbol, now)
        while at < now:
            watches = self._watches(symbol)
            expiring = self._next_expiry(symbol)
            until = now if expiring is None else min(now, self._expiry_step(expiring))
            levels = [watch.level for watch in watches]
            found = self._market.first_touch(symbol, at, until, levels) if levels else None
            if found is not None:
                at, number = found
                # The same second may touch more: look at it again after this one is done.
                watches[number].act(self._market.quote_at(symbol, at))
                at -= 1
            elif expiring is not None and until == self._expiry_step(expiring):
                self._finish(expiring, OrderState.EXPIRED, expiring.time_expiration * 1000)
                at = max(at, until - 1)
            else:
                at = until
        self._book.scanned[symbol] = max(at, self._book.scanned.get(symbol, at))

    def _expiry_step(self, order: Order) -> int:
        return self._market.step_at(order.time_expiration * 1000)

    def _next_expiry(self, symbol: str) -> Order | None:
        timed = [o for o in self._book.orders.values() if o.symbol == symbol and o.time_expiration]
        return min(timed, key=lambda o: o.time_expiration, default=None)

    def _watches(self, symbol: str) -> list[_Watch]:
        watches: list[_Watch] = []
        for position in self._book.positions.values():
            if position.symbol == symbol:
                watches.extend(self._position_watches(position))
        for order in self._book.orders.values():
            if order.symbol == symbol:
                buy = order.type in (OrderKind.BUY_LIMIT, OrderKind.BUY_STOP)
                below = order.type in (OrderKind.BUY_LIMIT, OrderKind.SELL_STOP)
                level = Level(float(order.price_open), on_ask=buy, at_or_below=below)
                watches.append(_Watch(level, lambda quote, o=order: self._fill(o, quote)))
        return watches

    def _position_watches(self, position: Position) -> list[_Watch]:
        long = position.type == 0
        both = (
            (position.sl, Reason.STOP_LOSS, long),
            (position.tp, Reason.TAKE_PROFIT, not long),
        )
        return [
            _Watch(
                Level(float(price), on_ask=not long, at_or_below=below),
                lambda quote, r=reason: self._close(position, quote, r),
            )
            for price, reason, below in both
            if price
        ]

    def _close(self, position: Position, quote: Quote, reason: Reason) -> None:
        price = quote.bid if position.type == 0 else quote.ask
        mark = {Reason.STOP_LOSS: "sl", Reason.TAKE_PROFIT: "tp"}.get(reason, "so")
        level = position.sl if reason is Reason.STOP_LOSS else position.tp
        note = f"[{mark} {level}]" if mark != "so" else "[so]"
        ticket = self._book.ticket()
        done = Execution(
            order_ticket=ticket,
            symbol=position.symbol,
            type=1 - position.type,
            volume=position.volume,
            price=price,
            sl=ZERO,
            tp=ZERO,
            magic=position.magic,
            comment=note,
            reason=reason,
            time_msc=quote.server_ms,
        )
        self._book.finish_order(market_order(done, OrderState.FILLED, position.identifier))
        self._fills.reduce(position, done)

    def _fill(self, order: Order, quote: Quote) -> None:
        buy = order.type in (OrderKind.BUY_LIMIT, OrderKind.BUY_STOP)
        price = quote.ask if buy else quote.bid
        spec = self._market.specs[order.symbol]
        state = self._money.estimate(self._book.balance, self._book.legs)
        if self._money.margin(spec, order.volume_current, price) > state.margin_free:
            self._finish(order, OrderState.REJECTED, quote.server_ms)
            return
        done = Execution(
            order_ticket=order.ticket,
            symbol=order.symbol,
            type=0 if buy else 1,
            volume=order.volume_current,
            price=price,
            sl=order.sl,
            tp=order.tp,
            magic=order.magic,
            comment=order.comment,
            reason=order.reason,
            time_msc=quote.server_ms,
        )
        deal = self._fills.apply(done)
        self._book.finish_order(
            replace(
                order,
                state=OrderState.FILLED,
                volume_current=ZERO,
                position_id=deal.position_id,
                time_done_msc=quote.server_ms,
            )
        )

    def _finish(self, order: Order, state: OrderState, time_msc: int) -> None:
        self._book.finish_order(replace(order, state=state, time_done_msc=time_msc))

    def _stop_out(self) -> None:
        """Close the worst position, one after the other, while margin does not carry the book."""
        while self._book.positions:
            state = self._money.estimate(self._book.balance, self._book.legs)
            if not state.margin or state.margin_level >= STOP_OUT_LEVEL:
                return
            open_now = [p for p in self._book.positions.values() if self._market.is_open(p.symbol)]
            if not open_now:
                return
            worst = min(open_now, key=self._money.floating)
            self._close(worst, self._market.quote(worst.symbol), Reason.STOP_OUT)


def market_order(
    done: Execution,
    state: OrderState,
    position_id: int,
    volume_asked: Decimal | None = None,
    type_filling: int = 0,
    position_by_id: int = 0,
) -> Order:
    """Describe, for history, the order that led to an execution at once."""
    asked = done.volume if volume_asked is None else volume_asked
    return Order(
        ticket=done.order_ticket,
        symbol=done.symbol,
        type=OrderKind.CLOSE_BY if position_by_id else done.type,
        type_time=0,
        type_filling=type_filling,
        state=state,
        magic=done.magic,
        position_id=position_id,
        position_by_id=position_by_id,
        reason=done.reason,
        volume_initial=asked,
        volume_current=asked - done.volume,
        price_open=done.price,
        sl=done.sl,
        tp=done.tp,
        comment=done.comment,
        time_setup_msc=done.time_msc,
        time_done_msc=done.time_msc,
        time_expiration=0,
    )
