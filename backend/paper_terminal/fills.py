"""How executions change the books: opening, adding, reducing, reversing, closing by another."""

from dataclasses import dataclass, replace
from decimal import Decimal

from backend.paper_terminal.book import Book
from backend.paper_terminal.constants import Entry, MarginMode
from backend.paper_terminal.money import Money
from backend.paper_terminal.records import ZERO, Deal, Position

_PRICE_SCALE = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution of an order: type 0 buys, 1 sells; time in server milliseconds."""

    order_ticket: int
    symbol: str
    type: int
    volume: Decimal
    price: Decimal
    sl: Decimal
    tp: Decimal
    magic: int
    comment: str
    reason: int
    time_msc: int


class Fills:
    """Applies executions to the book of a netting or a hedging account."""

    def __init__(
        self, book: Book, money: Money, mode: MarginMode, commission_per_lot: Decimal
    ) -> None:
        self._book = book
        self._money = money
        self._mode = mode
        self._commission_per_lot = commission_per_lot

    def netted(self, symbol: str) -> Position | None:
        """Give the only position that a netting account has in a symbol."""
        if self._mode is MarginMode.HEDGING:
            return None
        found = (p for p in self._book.positions.values() if p.symbol == symbol)
        return next(found, None)

    def apply(self, done: Execution) -> Deal:
        """Open, or on a netting account add to, reduce or reverse the symbol's position."""
        held = self.netted(done.symbol)
        if held is None:
            return self._open(done)
        if held.type == done.type:
            return self._add(held, done)
        if done.volume <= held.volume:
            return self.reduce(held, done)
        return self._reverse(held, done)

    def _open(self, done: Execution) -> Deal:
        self._book.put_position(
            Position(
                ticket=done.order_ticket,
                identifier=done.order_ticket,
                symbol=done.symbol,
                type=done.type,
                volume=done.volume,
                price_open=done.price,
                sl=done.sl,
                tp=done.tp,
                magic=done.magic,
                comment=done.comment,
                reason=done.reason,
                time_msc=done.time_msc,
                time_update_msc=done.time_msc,
            )
        )
        return self._deal(done, Entry.IN, done.order_ticket, ZERO)

    def _add(self, held: Position, done: Execution) -> Deal:
        volume = held.volume + done.volume
        paid = held.price_open * held.volume + done.price * done.volume
        self._book.put_position(
            replace(
                held,
                volume=volume,
                price_open=(paid / volume).quantize(_PRICE_SCALE),
                sl=done.sl or held.sl,
                tp=done.tp or held.tp,
                time_update_msc=done.time_msc,
            )
        )
        return self._deal(done, Entry.IN, held.identifier, ZERO)

    def reduce(self, held: Position, done: Execution) -> Deal:
        """Close a position wholly or in part; done.volume is at most the position's."""
        profit = self._profit(held, done.volume, done.price)
        self._shrink(held, done.volume, done.time_msc)
        return self._deal(done, Entry.OUT, held.identifier, profit)

    def _reverse(self, held: Position, done: Execution) -> Deal:
        profit = self._profit(held, held.volume, done.price)
        self._book.put_position(
            replace(
                held,
                type=done.type,
                volume=done.volume - held.volume,
                price_open=done.price,
                sl=done.sl,
                tp=done.tp,
                magic=done.magic,
                comment=done.comment,
                time_update_msc=done.time_msc,
            )
        )
        return self._deal(done, Entry.INOUT, held.identifier, profit)

    def close_by(self, held: Position, other: Position, done: Execution) -> Deal:
        """Net two opposite positions at each other's opening price; gives the first deal."""
        volume = min(held.volume, other.volume)
        profit = self._profit(held, volume, other.price_open)
        self._shrink(held, volume, done.time_msc)
        self._shrink(other, volume, done.time_msc)
        first = replace(done, type=1 - held.type, volume=volume, price=other.price_open)
        second = replace(done, type=1 - other.type, volume=volume, price=held.price_open)
        deal = self._deal(first, Entry.OUT_BY, held.identifier, profit, free=True)
        self._deal(second, Entry.OUT_BY, other.identifier, ZERO, free=True)
        return deal

    def _shrink(self, held: Position, volume: Decimal, time_msc: int) -> None:
        left = held.volume - volume
        if left:
            self._book.put_position(replace(held, volume=left, time_update_msc=time_msc))
        else:
            self._book.drop_position(held.ticket)

    def _profit(self, held: Position, volume: Decimal, price: Decimal) -> Decimal:
        sign = 1 if held.type == 0 else -1
        return self._money.profit(held.symbol, sign, volume, held.price_open, price)

    def _deal(
        self,
        done: Execution,
        entry: Entry,
        position_id: int,
        profit: Decimal,
        free: bool = False,
    ) -> Deal:
        commission = ZERO if free else -self._money.cents(self._commission_per_lot * done.volume)
        deal = Deal(
            ticket=self._book.ticket(),
            order_ticket=done.order_ticket,
            symbol=done.symbol,
            type=done.type,
            entry=entry,
            magic=done.magic,
            position_id=position_id,
            reason=done.reason,
            volume=done.volume,
            price=done.price,
            commission=commission,
            swap=ZERO,
            profit=profit,
            fee=ZERO,
            comment=done.comment,
            time_msc=done.time_msc,
        )
        self._book.add_deal(deal)
        return deal
