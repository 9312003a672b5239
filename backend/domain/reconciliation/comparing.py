"""Compare an account's books with what its venue lists, and say what follows from it.

The venue's word about what was traded stands above ours. What it did unasked is adopted; a gap
that nothing explains must stand for a while before it counts, because venues list late; then it
is closed by a synthetic entry, and a person is to look.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from backend.domain.numbers import ZERO
from backend.domain.reconciliation.records import (
    Adopted,
    Booked,
    Books,
    Comparison,
    Deal,
    Finding,
    Held,
    Mark,
    Movement,
    Venue,
)
from backend.values import Side

PRICE_TOLERANCE = Decimal("0.0001")
"""Of the average price: one hundredth of a per cent."""
MONEY_TOLERANCE = Decimal("0.01")
"""In the account's currency."""
EDGE = timedelta(minutes=1)
"""What was traded this near to the window's beginning may be listed outside of it."""
SYNTHETIC = "synthetic-"

_ENDED = frozenset({"filled", "rejected", "denied", "canceled", "expired", "not_sent"})
_UNANSWERED = frozenset({"open", "unknown"})
_REASONS = {4: "stop_loss", 5: "take_profit", 6: "stop_out"}
_PEOPLE = frozenset({0, 1, 2})
_EXPERT = 3


def compare(books: Books, venue: Venue) -> Comparison:
    """Compare both sides."""
    result = Comparison()
    marks = _Marks(books.marks)
    pending = _read_deals(books, venue, marks, result)
    _find_missing(books, venue, result)
    _read_orders(venue, marks, result)
    _compare_positions(books, venue, pending, result)
    _compare_money(books, venue, pending, result)
    return result


class _Marks:
    """Finds whose attempt a record of the venue belongs to."""

    def __init__(self, marks: Iterable[Mark]) -> None:
        self._by_magic: dict[int, Mark] = {}
        self._by_name: dict[str, Mark] = {}
        self._by_order: dict[str, Mark] = {}
        for mark in marks:
            self._by_magic[mark.magic] = mark
            self._by_name[mark.client_order_id] = mark
            if mark.venue_order_id:
                self._by_order[mark.venue_order_id] = mark

    def of(self, magic: int, comment: str, venue_order_id: str) -> Mark | None:
        """Find by our number, by our name, by the venue's number."""
        return (
            self._by_magic.get(magic)
            or self._by_name.get(comment)
            or self._by_order.get(venue_order_id)
        )

    def opener(self, deal: Deal) -> Mark | None:
        """Find whose position a deal closed: it inherits the number of what opened it."""
        return self._by_magic.get(deal.magic) or self._by_order.get(deal.venue_position_id)


def _read_deals(books: Books, venue: Venue, marks: _Marks, result: Comparison) -> list[Deal]:
    """Adopt what the venue did unasked. Returns trades of ours that are still to be booked."""
    pending: list[Deal] = []
    groups: dict[str, list[Deal]] = defaultdict(list)
    for deal in {deal.venue_trade_id: deal for deal in venue.deals}.values():
        if deal.side is None or deal.quantity == ZERO:
            _read_cash(books, deal, result)
        elif (known := books.trades.get(deal.venue_trade_id)) is not None:
            _check_known(books, known, deal, result)
        elif (mark := _ours(marks, deal)) is not None:
            pending.append(deal)
            _reopen(mark, deal, result)
        else:
            groups[deal.venue_order_id].append(deal)
    for venue_order_id, deals in groups.items():
        result.adopted.append(_adopt(venue_order_id, deals, marks, result))
    return pending


def _ours(marks: _Marks, deal: Deal) -> Mark | None:
    if deal.reason in _REASONS:
        return None
    mark = marks.of(deal.magic, deal.comment, deal.venue_order_id)
    return mark if mark and (mark.symbol, mark.side) == (deal.symbol, deal.side) else None


def _reopen(mark: Mark, deal: Deal, result: Comparison) -> None:
    # An attempt without an answer is asked about in any case.
    if mark.state not in _UNANSWERED:
        result.reopened.add(mark.attempt_id)
    done = f"the venue is asked about order {mark.order_id}, which is {mark.status} here"
    result.findings.append(
        Finding("late_fill", deal.venue_trade_id, "not booked", _said(deal), done, settled=False)
    )


def _adopt(venue_order_id: str, deals: list[Deal], marks: _Marks, result: Comparison) -> Adopted:
    first = deals[0]
    assert first.side is not None
    origin = _REASONS.get(first.reason) or _origin(first.reason)
    closes = marks.opener(first)
    adopted = Adopted(origin, venue_order_id, first.symbol, first.side, tuple(deals), closes)
    whose = f" of order {closes.order_id}" if closes else ""
    kind = "closed_at_venue" if origin in _REASONS.values() else "foreign_trade"
    done = f"booked as {origin}{whose}"
    said = ", ".join(_said(deal) for deal in deals)
    result.findings.append(Finding(kind, venue_order_id, "not booked", said, done))
    return adopted


def _origin(reason: int) -> str:
    if reason in _PEOPLE:
        return "person"
    return "expert" if reason == _EXPERT else "venue"


def _read_cash(books: Books, deal: Deal, result: Comparison) -> None:
    if deal.venue_trade_id in books.cash or deal.money == ZERO:
        return
    kind = ("deposit" if deal.money > ZERO else "withdrawal") if deal.profit else "fee"
    movement = Movement(
        deal.venue_trade_id,
        None if books.adopting else kind,
        deal.money,
        deal.comment,
        deal.executed_at,
    )
    result.movements.append(movement)


def _check_known(books: Books, known: Booked, deal: Deal, result: Comparison) -> None:
    if (known.quantity, known.price) == (deal.quantity, deal.price):
        return
    finding = Finding(
        "changed_trade",
        deal.venue_trade_id,
        f"{known.quantity} at {known.price}",
        f"{deal.quantity} at {deal.price}",
        "nothing: a booked trade is a record",
        "ask the broker which figures hold; correct the ledger with an adjustment",
        explained=False,
    )
    _tell(books, finding, result)


def _find_missing(books: Books, venue: Venue, result: Comparison) -> None:
    listed = {deal.venue_trade_id for deal in venue.deals}
    for trade_id, trade in books.trades.items():
        if trade_id in listed or trade_id.startswith(SYNTHETIC):
            continue
        if trade.filled_at < venue.since + EDGE:
            continue
        finding = Finding(
            "missing_trade",
            trade_id,
            f"{trade.quantity} at {trade.price}",
            "not listed",
            "nothing: a booked trade is a record",
            "ask the broker whether the trade was busted; correct the ledger with an adjustment",
            explained=False,
        )
        _tell(books, finding, result, twice=True)


def _read_orders(venue: Venue, marks: _Marks, result: Comparison) -> None:
    for order in venue.orders:
        mark = marks.of(order.magic, order.comment, order.venue_order_id)
        if mark is None:
            result.foreign.append((_origin(order.reason), order))
        elif mark.status in _ENDED and mark.state not in _UNANSWERED:
            result.withdrawn.append(order)
            done = "withdrawn at the venue"
            ours = f"{mark.order_id} is {mark.status}"
            result.findings.append(
                Finding("orphaned_order", order.venue_order_id, ours, "working", done)
            )


def _compare_positions(books: Books, venue: Venue, pending: list[Deal], result: Comparison) -> None:
    theirs: dict[str, Decimal] = defaultdict(Decimal)
    paid: dict[str, Decimal] = defaultdict(Decimal)
    for position in venue.positions:
        theirs[position.symbol] += position.side.sign * position.quantity
        paid[position.symbol] += position.side.sign * position.quantity * position.price
    moved: dict[str, Decimal] = defaultdict(Decimal)
    for deal in (*pending, *(trade for a in result.adopted for trade in a.trades)):
        assert deal.side is not None
        moved[deal.symbol] += deal.side.sign * deal.quantity
    quiet = {*books.positions} - {*moved}
    for symbol in sorted({*books.positions, *theirs, *moved} - books.in_flight):
        held = books.positions.get(symbol, Held(ZERO, ZERO, ""))
        ours = held.quantity + moved[symbol]
        if ours != theirs[symbol]:
            price = paid[symbol] / theirs[symbol] if theirs[symbol] else ZERO
            after = Held(ours, held.average_price, held.anchor)
            _close_gap(books, symbol, after, theirs[symbol], price, result)
        elif symbol in quiet and ours and not venue.hedging:
            # On a hedging account what was closed is known by ticket, not at average cost.
            _compare_price(books, symbol, held, paid[symbol] / ours, result)


def _compare_price(
    books: Books, symbol: str, held: Held, price: Decimal, result: Comparison
) -> None:
    if abs(held.average_price - price) <= PRICE_TOLERANCE * price:
        return
    finding = Finding(
        "price_gap",
        symbol,
        f"{held.quantity} at {held.average_price.normalize()}",
        f"{held.quantity} at {price.normalize()}",
        "nothing: the trades on both sides are the same",
        "compare the account's statement trade by trade",
        explained=False,
    )
    _tell(books, finding, result, twice=True)


def _close_gap(
    books: Books, symbol: str, held: Held, theirs: Decimal, price: Decimal, result: Comparison
) -> None:
    """Bring a symbol to the venue's quantity by entries that say that they are made up."""
    ours = held.quantity
    finding = Finding(
        "position_gap",
        symbol,
        str(ours),
        str(theirs),
        "synthetic entries made the books equal",
        "find the trade in the broker's statement; nothing that the venue lists explains it",
        explained=books.adopting,
        gap=theirs - ours,
    )
    if finding.key not in books.before:
        result.findings.append(_unsure(finding))
        return
    result.findings.append(finding)
    for number, (quantity, at) in enumerate(_steps(held, theirs, price)):
        side = Side.BUY if quantity > ZERO else Side.SELL
        name = _name(symbol, str(ours), str(theirs), held.anchor, str(number))
        trade = Deal(
            *(name, name, name, symbol, side, abs(quantity), at),
            *(ZERO, ZERO, ZERO, ZERO, 0, "synthetic", -1, None),
        )
        result.adopted.append(Adopted("synthetic", name, symbol, side, (trade,)))


def _steps(held: Held, theirs: Decimal, price: Decimal) -> list[tuple[Decimal, Decimal]]:
    """Say which fills lead to the venue's quantity and price, realising nothing."""
    ours, average = held.quantity, held.average_price
    if ours * theirs < ZERO or (theirs == ZERO):
        # Closed at cost, then opened as the venue has it.
        steps = [(-ours, average)] if ours else []
        return [*steps, (theirs, price)] if theirs else steps
    if abs(theirs) < abs(ours):
        return [(theirs - ours, average)]
    added = theirs - ours
    at = (theirs * price - ours * average) / added
    # A price that no market had would do more harm than an average that differs.
    return [(added, at if at > ZERO else price)]


def _compare_money(books: Books, venue: Venue, pending: list[Deal], result: Comparison) -> None:
    if books.in_flight:
        return
    adopted = (trade for order in result.adopted for trade in order.trades)
    ours = books.balance + sum((deal.money for deal in (*pending, *adopted)), ZERO)
    ours += sum((m.amount for m in result.movements if m.kind is not None), ZERO)
    difference = venue.balance - ours
    if abs(difference) < MONEY_TOLERANCE:
        return
    finding = Finding(
        "money_gap",
        "balance",
        str(ours),
        str(venue.balance),
        f"an adjustment of {difference} made the ledger equal",
        "find what moved the balance in the broker's statement: no trade or booking listed does",
        explained=books.adopting,
        gap=difference,
    )
    if not books.adopting and finding.key not in books.before:
        result.findings.append(_unsure(finding))
        return
    result.findings.append(finding)
    name = _name("balance", str(ours), str(venue.balance), str(len(books.trades)))
    note = "what the venue held when the books began" if books.adopting else "synthetic"
    result.movements.append(Movement(name, "adjustment", difference, note, None))


def _tell(books: Books, finding: Finding, result: Comparison, *, twice: bool = False) -> None:
    """Add what cannot be explained, unless a person has seen it or it may still pass."""
    if finding.key in books.accepted:
        return
    unsure = twice and finding.key not in books.before
    result.findings.append(_unsure(finding) if unsure else finding)


def _unsure(finding: Finding) -> Finding:
    """Return what is not believed yet: venues list late, and it may pass."""
    done = "nothing yet: looked at again"
    return replace(finding, done=done, explained=True, settled=False)


def _said(deal: Deal) -> str:
    side = "" if deal.side is None else deal.side.value
    return f"{side} {deal.quantity} {deal.symbol} at {deal.price}"


def _name(*parts: str) -> str:
    """Name a synthetic entry: the same gap always gets the same name."""
    return SYNTHETIC + hashlib.sha256("/".join(parts).encode()).hexdigest()[:20]
