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


@dataclass(frozen=True, slots=True)
class Commission:
    """What each side costs: money per lot and basis points of the value, at least a minimum."""

    per_lot: Decimal = ZERO
    basis_points: Decimal = ZERO
    minimum: Decimal = ZERO

    def of(self, volume: Decimal, value: Decimal) -> Decimal:
        """Give the charge; value in the account's currency."""
        return max(self.per_lot * volume + value * self.basis_points / 10_000, self.minimum)


class Fills:
    """Applies executions to the book of a netting or a hedging account."""

    def __init__(self, book: Book, money: Money, mode: MarginMode, commission: Commission) -> None:
        self._book = book
        self._money = money
        self._mode = mode
        self._commission = commission

    def netted(self, symbol: str) -> Position | None:
        """Give the only position that a netting account has in a symbol."""
        if self._mode is MarginMode.HEDGING:
            return None
        found = (p for p in self._book.positions.values() if p.symbol == symbol)
        return next(found, None)

    def apply(self, done: Execution, filled_before: int = 0) -> Deal:
        """Open, or on a netting account add to, reduce or reverse the symbol's position.

        filled_before: position that an earlier part of the same order opened, 0 for none.
        """
        held = self.netted(done.symbol) or self._book.positions.get(filled_before)
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
        return self._deal(done, Entry.IN, done.order_ticket)

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
        return self._deal(done, Entry.IN, held.identifier)

    def reduce(self, held: Position, done: Execution) -> Deal:
        """Close a position wholly or in part; done.volume is at most the position's."""
        profit = self._profit(held, done.volume, done.price)
        swap = self._shrink(held, done.volume, done.time_msc)
        return self._deal(done, Entry.OUT, held.identifier, profit, swap)

    def _reverse(self, held: Position, done: Execution) -> Deal:
        profit = self._profit(held, held.volume, done.price)
        self._book.drop_position(held.ticket)
        # The identifier stays, the ticket becomes that of the order which turned the position.
        self._book.put_position(
            replace(
                held,
                ticket=done.order_ticket,
                swap=ZERO,
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
        return self._deal(done, Entry.INOUT, held.identifier, profit, held.swap)

    def close_by(self, held: Position, other: Position, done: Execution) -> Deal:
        """Net two opposite positions at each other's opening price; gives the first deal."""
        volume = min(held.volume, other.volume)
        profit = self._profit(held, volume, other.price_open)
        swaps = [self._shrink(one, volume, done.time_msc) for one in (held, other)]
        first = replace(done, type=1 - held.type, volume=volume, price=other.price_open)
        second = replace(done, type=1 - other.type, volume=volume, price=held.price_open)
        deal = self._deal(first, Entry.OUT_BY, held.identifier, profit, swaps[0], free=True)
        self._deal(second, Entry.OUT_BY, other.identifier, ZERO, swaps[1], free=True)
        return deal

    def _shrink(self, held: Position, volume: Decimal, time_msc: int) -> Decimal:
        """Take volume out of a position, and give the swap that leaves with it."""
        left = held.volume - volume
        if not left:
            self._book.drop_position(held.ticket)
            return held.swap
        swap = self._money.cents(held.swap * volume / held.volume)
        rest = replace(held, volume=left, swap=held.swap - swap, time_update_msc=time_msc)
        self._book.put_position(rest)
        return swap

    def _profit(self, held: Position, volume: Decimal, price: Decimal) -> Decimal:
        sign = 1 if held.type == 0 else -1
        return self._money.profit(held.symbol, sign, volume, held.price_open, price)

    def _charge(self, done: Execution) -> Decimal:
        if not self._commission.basis_points:
            return self._commission.of(done.volume, ZERO)
        value = self._money.value(done.symbol, done.volume, done.price)
        return self._commission.of(done.volume, value)

    def _deal(
        self,
        done: Execution,
        entry: Entry,
        position_id: int,
        profit: Decimal = ZERO,
        swap: Decimal = ZERO,
        free: bool = False,
    ) -> Deal:
        commission = ZERO
        if not free:
            commission = -self._money.cents(self._charge(done))
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
            swap=swap,
            profit=profit,
            fee=ZERO,
            comment=done.comment,
            time_msc=done.time_msc,
        )
        self._book.add_deal(deal)
        return deal
