"""What happens without a request: stops, targets, waiting orders, expiry, swaps and stop-out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from backend.paper_terminal.checks import BUY_KINDS, LIMITS, STOP_LIMITS
from backend.paper_terminal.constants import Filling, OrderKind, OrderState, Reason
from backend.paper_terminal.fills import Execution
from backend.paper_terminal.floor import Floor
from backend.paper_terminal.market import Level, Quote
from backend.paper_terminal.money import AccountState
from backend.paper_terminal.orders import execution, market_order
from backend.paper_terminal.queueing import join, work
from backend.paper_terminal.records import ZERO, Order, Position
from backend.paper_terminal.rollover import charge_swaps, next_midnight_ms

_COMMENT_MAX = 31


@dataclass(frozen=True, slots=True)
class MarginLevels:
    """Percent of margin that equity must reach: below `call` one is warned, below `stop_out`
    positions are closed."""

    call: Decimal = Decimal(50)
    stop_out: Decimal = Decimal(30)


@dataclass(frozen=True, slots=True)
class _Watch:
    level: Level
    act: Callable[[Quote], bool]
    """Gives False if the same second must not be looked at again: the order rests."""


@dataclass(frozen=True, slots=True)
class _Event:
    """Something that is due at a step, whatever the price does."""

    step: int
    act: Callable[[], None]


class Triggers:
    """Walks the path since the last look and executes what it touched, in order."""

    def __init__(self, floor: Floor, levels: MarginLevels) -> None:
        self._floor = floor
        self._book = floor.book
        self._market = floor.market
        self._levels = levels
        self._seen: dict[str, int] = {}
        self._served: dict[str, int] = {}
        self._loaded = self._book.loaded
        self.margin_call = False

    def advance(self) -> bool:
        """Bring all symbols up to now and commit what happened. True if something did."""
        if self._loaded != self._book.loaded:
            self._loaded = self._book.loaded
            self._seen.clear()
            self._served.clear()
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
            event = self._next_event(symbol, at, now)
            until = now if event is None else event.step - 1
            if self._queued(symbol):
                # Orders in a book's queue are served second by second, before stops are looked at.
                until = min(until, at + 1)
                if until > at:
                    self._serve(symbol, until)
                    watches = self._watches(symbol)
            levels = [watch.level for watch in watches]
            found = self._market.first_touch(symbol, at, until, levels) if levels else None
            if found is not None:
                step, number = found
                again = watches[number].act(self._market.quote_at(symbol, step))
                # The same second may touch more: look at it again after this one is done.
                at = step - 1 if again else step
            elif event is not None and until == event.step - 1:
                event.act()
                at = event.step - 1
            else:
                at = until
        self._book.scanned[symbol] = max(at, self._book.scanned.get(symbol, at))

    def _next_event(self, symbol: str, at: int, now: int) -> _Event | None:
        due: list[_Event] = []
        for order in self._book.orders.values():
            if order.symbol == symbol and order.time_expiration:
                step = max(at + 1, self._market.step_at(order.time_expiration * 1000))
                due.append(_Event(step, lambda o=order: self._expire(o)))
        midnight = next_midnight_ms(self._book, symbol)
        if midnight is not None:
            step = max(at + 1, self._market.step_at(midnight))
            due.append(_Event(step, lambda: charge_swaps(self._floor, symbol, midnight)))
        first = min(due, key=lambda event: event.step, default=None)
        return first if first is not None and first.step <= now else None

    def _watches(self, symbol: str) -> list[_Watch]:
        watches: list[_Watch] = []
        if (symbol, 0) in self._book.legs or (symbol, 1) in self._book.legs:
            held = self._book.positions.values()
            guarded = [p for p in held if p.symbol == symbol and (p.sl or p.tp)]
            # By ticket: what is touched in the same second must not depend on a restart.
            for position in sorted(guarded, key=lambda p: p.ticket):
                watches.extend(self._position_watches(position))
        for order in sorted(self._book.orders.values(), key=lambda o: o.ticket):
            if order.symbol == symbol and not self._stands_in_queue(order):
                watches.append(self._order_watch(order))
        return watches

    def _stands_in_queue(self, order: Order) -> bool:
        return order.type in LIMITS and order.symbol in self._floor.depths

    def _queued(self, symbol: str) -> list[Order]:
        if symbol not in self._floor.depths:
            return []
        orders = self._book.orders.values()
        return [o for o in orders if o.symbol == symbol and o.type in LIMITS]

    def _serve(self, symbol: str, step: int) -> None:
        """Let one second of the recorded book pass for the orders that stand in it."""
        if self._served.get(symbol, step - 1) >= step:
            return
        self._served[symbol] = step
        replay, queues, queued = self._floor.depths[symbol], self._book.queues, self._queued(symbol)
        for order in queued:
            place = queues.get(order.ticket)
            if place is None or place.price != order.price_open:
                buy = order.type in BUY_KINDS
                queues[order.ticket] = join(replay, step - 1, order, buy)
        for order in queued:
            buy = order.type in BUY_KINDS
            place, volume = work(replay, step, order, buy, queues[order.ticket])
            queues[order.ticket] = place
            if volume:
                quote = self._market.quote_at(symbol, step)
                self._execute(order, order.price_open, volume, quote)

    def _order_watch(self, order: Order) -> _Watch:
        buy = order.type in BUY_KINDS
        # A limit waits for a better price, a stop for a worse one.
        below = buy == (order.type in LIMITS)
        level = Level(float(order.price_open), on_ask=buy, at_or_below=below)
        act = self._activate if order.type in STOP_LIMITS else self._fill
        return _Watch(level, lambda quote: act(order, quote))

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

    def _close(
        self, position: Position, quote: Quote, reason: Reason, note: str | None = None
    ) -> bool:
        """Close a position at the market; stops slip, targets do not."""
        spec = self._market.specs[position.symbol]
        price = quote.bid if position.type == 0 else quote.ask
        if reason is not Reason.TAKE_PROFIT:
            buy = position.type == 1
            price = self._floor.market_price(spec, buy, position.volume, quote)
        stop = reason is Reason.STOP_LOSS
        text = f"[sl {position.sl}]" if stop else f"[tp {position.tp}]"
        done = Execution(
            order_ticket=self._book.ticket(),
            symbol=position.symbol,
            type=1 - position.type,
            volume=position.volume,
            price=price,
            sl=ZERO,
            tp=ZERO,
            magic=position.magic,
            comment=(note or text)[:_COMMENT_MAX],
            reason=reason,
            time_msc=quote.server_ms,
        )
        self._book.finish_order(market_order(done, OrderState.FILLED, position.identifier))
        self._floor.fills.reduce(position, done)
        return True

    def _activate(self, order: Order, quote: Quote) -> bool:
        """Turn a stop-limit order whose stop was reached into the limit that it carries."""
        kind = OrderKind.BUY_LIMIT if order.type in BUY_KINDS else OrderKind.SELL_LIMIT
        limit = replace(order, type=kind, price_open=order.price_stoplimit, price_stoplimit=ZERO)
        self._book.put_order(limit)
        return True

    def _fill(self, order: Order, quote: Quote) -> bool:
        """Fill a waiting order or a part of it; False if a rest of it waits on."""
        floor = self._floor
        buy = order.type in BUY_KINDS
        spec = self._market.specs[order.symbol]
        price = quote.ask if buy else quote.bid
        volume = floor.conditions.available(spec, order.volume_current)
        if order.type in LIMITS:
            if order.type_filling != Filling.FOK:
                volume = min(volume, floor.conditions.filled_part(spec, order.volume_current))
        else:
            price = floor.market_price(spec, buy, volume, quote)
        return self._execute(order, price, volume, quote)

    def _execute(self, order: Order, price: Decimal, volume: Decimal, quote: Quote) -> bool:
        """Execute a waiting order or a part of it; False if a rest of it waits on."""
        floor = self._floor
        buy = order.type in BUY_KINDS
        spec = self._market.specs[order.symbol]
        if floor.money.margin(spec, volume, price) > floor.estimate().margin_free:
            self._finish(order, OrderState.REJECTED, quote.server_ms)
            return True
        rest = order.volume_current - volume
        if rest and order.type_filling == Filling.FOK:
            self._finish(order, OrderState.CANCELED, quote.server_ms)
            return True
        done = execution(order, buy, volume, price, quote.server_ms)
        deal = floor.fills.apply(done, order.position_id)
        left = replace(order, volume_current=rest, position_id=deal.position_id)
        if rest and order.type_filling != Filling.IOC:
            self._book.put_order(replace(left, state=OrderState.PARTIAL))
            return False
        state = OrderState.CANCELED if rest else OrderState.FILLED
        self._finish(left, state, quote.server_ms)
        return True

    def _expire(self, order: Order) -> None:
        self._finish(order, OrderState.EXPIRED, order.time_expiration * 1000)

    def _finish(self, order: Order, state: OrderState, time_msc: int) -> None:
        self._book.finish_order(replace(order, state=state, time_done_msc=time_msc))

    def _stop_out(self) -> None:
        """Close the worst position, one after the other, while margin does not carry the book."""
        self.margin_call = False
        while self._book.positions:
            state = self._floor.estimate()
            if not state.margin or state.margin_level >= self._levels.stop_out:
                self.margin_call = bool(state.margin) and state.margin_level < self._levels.call
                return
            self.margin_call = True
            open_now = [p for p in self._book.positions.values() if self._market.is_open(p.symbol)]
            if not open_now:
                return
            worst = min(open_now, key=lambda p: (self._floor.money.floating(p), p.ticket))
            quote = self._market.quote(worst.symbol)
            self._close(worst, quote, Reason.STOP_OUT, _stop_out_note(state))


def _stop_out_note(state: AccountState) -> str:
    return f"[so {state.margin_level}%/{state.equity}/{state.margin}]"
