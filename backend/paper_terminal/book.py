"""The terminal's books: what is open, what was, and the balance; memory first, disk at commit."""

import json
from bisect import bisect_left, bisect_right
from decimal import Decimal

from backend.paper_terminal.records import Deal, Order, Place, Position
from backend.paper_terminal.store import Record, Store

_FIRST_TICKET = 100_000_001


class Book:
    """State of one account. Changes count only once `commit` has returned."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.loaded = 0
        self._load()

    def _load(self) -> None:
        # Counts how often memory was read anew from disk: what others remember is void then.
        self.loaded += 1
        meta = self._store.meta()
        self.balance = Decimal(meta.get("balance", "0"))
        self.scanned: dict[str, int] = json.loads(meta.get("scanned", "{}"))
        # Per symbol the last midnight of the server whose swaps are charged, in milliseconds.
        self.rolled: dict[str, int] = json.loads(meta.get("rolled", "{}"))
        # Limit orders that stand in a book's queue.
        queues: dict[str, list[str]] = json.loads(meta.get("queues", "{}"))
        self.queues = {
            int(ticket): Place(Decimal(price), Decimal(ahead))
            for ticket, (price, ahead) in queues.items()
        }
        self._next_ticket = int(meta.get("next_ticket", _FIRST_TICKET))
        self.positions: dict[int, Position] = {}
        self.legs: dict[tuple[str, int], tuple[Decimal, Decimal]] = {}
        # Swaps that open positions have gathered; they reach the balance when those close.
        self.swaps = Decimal(0)
        self.orders: dict[int, Order] = {}
        self.history: dict[int, Order] = {}
        self.deals: dict[int, Deal] = {}
        self._deal_times: list[tuple[int, int]] = []
        self._done_times: list[tuple[int, int]] = []
        self._deals_of_position: dict[int, list[int]] = {}
        self._deals_of_order: dict[int, list[int]] = {}
        self._orders_of_position: dict[int, list[int]] = {}
        self._puts: list[tuple[str, Record]] = []
        self._drops: list[tuple[str, int]] = []
        for position in self._store.rows("positions"):
            self.positions[position.ticket] = position  # type: ignore[assignment]
            self._count(position, 1)  # type: ignore[arg-type]
        for order in self._store.rows("orders"):
            self.orders[order.ticket] = order  # type: ignore[assignment]
        for order in self._store.rows("history_orders"):
            self._index_order(order)  # type: ignore[arg-type]
        for deal in self._store.rows("deals"):
            self._index_deal(deal)  # type: ignore[arg-type]

    def _index_order(self, order: Order) -> None:
        self.history[order.ticket] = order
        _insert(self._done_times, (order.time_done_msc, order.ticket))
        self._orders_of_position.setdefault(order.position_id, []).append(order.ticket)

    def _index_deal(self, deal: Deal) -> None:
        self.deals[deal.ticket] = deal
        _insert(self._deal_times, (deal.time_msc, deal.ticket))
        self._deals_of_position.setdefault(deal.position_id, []).append(deal.ticket)
        self._deals_of_order.setdefault(deal.order_ticket, []).append(deal.ticket)

    def ticket(self) -> int:
        """Draw the next ticket."""
        drawn = self._next_ticket
        self._next_ticket += 1
        return drawn

    @property
    def next_ticket(self) -> int:
        """The ticket that would be drawn next."""
        return self._next_ticket

    def symbol_of(self, ticket: int) -> str:
        """Give the symbol of a working order or an open position, "" if it is neither."""
        record = self.orders.get(ticket) or self.positions.get(ticket)
        return record.symbol if record else ""

    def put_position(self, position: Position) -> None:
        """Open a position or replace what is known of it."""
        before = self.positions.get(position.ticket)
        if before is not None:
            self._count(before, -1)
        self._count(position, 1)
        self.positions[position.ticket] = position
        self._puts.append(("positions", position))

    def drop_position(self, ticket: int) -> None:
        """Close a position for good."""
        self._count(self.positions.pop(ticket), -1)
        self._puts = [p for p in self._puts if (p[0], p[1].ticket) != ("positions", ticket)]
        self._drops.append(("positions", ticket))

    def _count(self, position: Position, sign: int) -> None:
        """Keep the sums per symbol and direction, so that margin needs no walk over positions."""
        self.swaps += sign * position.swap
        leg = (position.symbol, position.type)
        volume, paid = self.legs.get(leg, (Decimal(0), Decimal(0)))
        volume += sign * position.volume
        paid += sign * position.volume * position.price_open
        if volume:
            self.legs[leg] = (volume, paid)
        else:
            del self.legs[leg]

    def put_order(self, order: Order) -> None:
        """Add a working order or replace what is known of it."""
        self.orders[order.ticket] = order
        self._puts.append(("orders", order))

    def finish_order(self, order: Order) -> None:
        """Move an order to history in its final state."""
        if self.orders.pop(order.ticket, None) is not None:
            self._puts = [p for p in self._puts if (p[0], p[1].ticket) != ("orders", order.ticket)]
            self._drops.append(("orders", order.ticket))
            self.queues.pop(order.ticket, None)
        self._index_order(order)
        self._puts.append(("history_orders", order))

    def add_deal(self, deal: Deal) -> None:
        """Record a deal and move the balance by its money."""
        self.balance += deal.profit + deal.commission + deal.swap + deal.fee
        self._index_deal(deal)
        self._puts.append(("deals", deal))

    @property
    def dirty(self) -> bool:
        """Tell whether something waits for commit."""
        return bool(self._puts or self._drops)

    def commit(self) -> None:
        """Write all changes in one transaction; on failure fall back to what the disk holds."""
        meta = {
            "balance": format(self.balance, "f"),
            "next_ticket": str(self._next_ticket),
            "scanned": json.dumps(self.scanned),
            "rolled": json.dumps(self.rolled),
            "queues": json.dumps(
                {ticket: [str(at.price), str(at.ahead)] for ticket, at in self.queues.items()}
            ),
        }
        try:
            self._store.write(self._puts, self._drops, meta)
        except BaseException:
            self._load()
            raise
        self._puts = []
        self._drops = []

    def discard(self) -> None:
        """Forget what is not committed."""
        self._load()

    def deals_between(self, first_ms: int, last_ms: int) -> list[Deal]:
        """Give deals by time, both ends included."""
        return [self.deals[t] for t in _between(self._deal_times, first_ms, last_ms)]

    def history_between(self, first_ms: int, last_ms: int) -> list[Order]:
        """Give finished orders by the time they were done, both ends included."""
        return [self.history[t] for t in _between(self._done_times, first_ms, last_ms)]

    def deals_of(self, position_id: int) -> list[Deal]:
        """Give the deals of one position, open or closed."""
        return [self.deals[t] for t in self._deals_of_position.get(position_id, [])]

    def deals_of_order(self, order_ticket: int) -> list[Deal]:
        """Give the deals that an order led to."""
        return [self.deals[t] for t in self._deals_of_order.get(order_ticket, [])]

    def history_of(self, position_id: int) -> list[Order]:
        """Give the finished orders of one position."""
        return [self.history[t] for t in self._orders_of_position.get(position_id, [])]


def _insert(times: list[tuple[int, int]], key: tuple[int, int]) -> None:
    if not times or times[-1] <= key:
        times.append(key)
    else:
        times.insert(bisect_left(times, key), key)


def _between(times: list[tuple[int, int]], first_ms: int, last_ms: int) -> list[int]:
    start = bisect_left(times, (first_ms, 0))
    stop = bisect_right(times, (last_ms, 1 << 62))
    return [ticket for _, ticket in times[start:stop]]
