"""Hold two sides' books against each other, one to one; every difference is named."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from research.chaos.books import DeskBooks, DeskOrder, Trade, VenueBooks, VenueOrder

CENT = Decimal("0.01")
_WORKING = frozenset({"accepted", "partially_filled", "triggered", "pending_update"})
_WORKING_OR_LEAVING = _WORKING | {"pending_cancel"}
_ENDED_UNTRADED = frozenset({"rejected", "denied", "canceled", "expired", "not_sent"})
_ENDED_IN_PART = frozenset({"canceled", "expired"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the comparison found, each as a sentence. ledger_difference: venue less ledger."""

    lost: tuple[str, ...]
    duplicate: tuple[str, ...]
    state_mismatch: tuple[str, ...]
    ledger_difference: Decimal
    troubles: tuple[str, ...]

    @property
    def clean(self) -> bool:
        """Tell whether nothing at all was found."""
        found = (*self.lost, *self.duplicate, *self.state_mismatch, *self.troubles)
        return not found and self.ledger_difference == 0


def compare(answered: Sequence[str], posted: int, desk: DeskBooks, venue: VenueBooks) -> Verdict:
    """Compare alerts with outcomes, orders with orders, deals with fills, money with money.

    answered: the id that each post was answered with. posted: how many different alerts.
    """
    traded = _traded(venue)
    found = _by_order(desk, venue)
    magics = {attempt.magic for attempt in desk.attempts}
    unknown = [o for o in venue.orders if o.by_program and o.magic not in magics]
    attempted = {attempt.order_id for attempt in desk.attempts}
    lost = [*_lost_alerts(answered, desk), *_lost_trades(desk, venue)]
    duplicate = [*_repeated_alerts(posted, desk), *_repeated_orders(venue)]
    duplicate += [f"order {o.ticket} at the venue is of no attempt" for o in unknown]
    states = [*_unequal_trades(desk, venue), *_unequal_positions(desk, venue)]
    states += [f"attempt {a.magic} is {a.state}" for a in desk.attempts if a.state not in _SETTLED]
    for order in desk.orders:
        there = found[order.order_id]
        sums = {o.ticket: traded[o.ticket] for o in there}
        if order.filled > 0 and not any(sums.values()):
            lost.append(f"order {order.order_id} is {order.status}, the venue has no trade of it")
        if sum(1 for o in there if sums[o.ticket] or o.working) > 1:
            duplicate.append(f"order {order.order_id} works or traded there more than once")
        if sum(sums.values()) > order.quantity:
            duplicate.append(f"order {order.order_id} traded more than its quantity")
        states += _unequal_state(order, there, sum(sums.values(), Decimal(0)))
    states += _unequal_outcomes(desk, attempted)
    duplicate += _overworked(desk)
    states += _unequal_worked(desk)
    difference = (venue.balance - desk.cash).quantize(CENT)
    return Verdict(tuple(lost), tuple(duplicate), tuple(states), difference, desk.troubles)


_TRADED = frozenset({"filled", "partially_filled"})
_SETTLED = frozenset({"answered", "not_sent"})


def _by_order(desk: DeskBooks, venue: VenueBooks) -> dict[str, list[VenueOrder]]:
    """Find the venue's orders of each of ours: by the number that went out, or their ticket."""
    by_magic: dict[int, list[VenueOrder]] = defaultdict(list)
    by_ticket = {order.ticket: order for order in venue.orders}
    for order in venue.orders:
        if order.by_program:
            by_magic[order.magic].append(order)
    found: dict[str, list[VenueOrder]] = defaultdict(list)
    for attempt in desk.attempts:
        found[attempt.order_id] += by_magic[attempt.magic]
    for order in desk.orders:
        named = by_ticket.get(order.venue_order_id or "")
        if named is not None and named not in found[order.order_id]:
            found[order.order_id].append(named)
    return found


def _traded(venue: VenueBooks) -> dict[str, Decimal]:
    traded: dict[str, Decimal] = defaultdict(Decimal)
    for trade in venue.trades:
        traded[trade.order_ticket or ""] += trade.quantity
    return traded


def _lost_alerts(answered: Sequence[str], desk: DeskBooks) -> Iterable[str]:
    for alert in set(answered) - set(desk.alerts):
        yield f"alert {alert} was answered 200 and is not stored"
    for alert, outcomes in desk.alerts.items():
        if len(outcomes) != 1:
            yield f"alert {alert} has {len(outcomes)} outcomes"


def _repeated_alerts(posted: int, desk: DeskBooks) -> Iterable[str]:
    if len(desk.alerts) > posted:
        yield f"{len(desk.alerts)} alerts are stored, {posted} were posted"


def _repeated_orders(venue: VenueBooks) -> Iterable[str]:
    times = Counter(order.magic for order in venue.orders if order.by_program)
    return (f"attempt {magic} is at the venue {n} times" for magic, n in times.items() if n > 1)


def _lost_trades(desk: DeskBooks, venue: VenueBooks) -> Iterable[str]:
    ours = {trade.ticket for trade in desk.trades}
    missing = [trade.ticket for trade in venue.trades if trade.ticket not in ours]
    return (f"deal {ticket} is booked nowhere" for ticket in missing)


def _unequal_trades(desk: DeskBooks, venue: VenueBooks) -> Iterable[str]:
    theirs = {trade.ticket: trade for trade in venue.trades}
    for ours in desk.trades:
        there = theirs.get(ours.ticket)
        if there is None:
            yield f"fill {ours.ticket} is no deal of the venue"
        elif terms(ours) != terms(there):
            yield f"fill {ours.ticket}: {terms(ours)} here, {terms(there)} there"


def terms(trade: Trade) -> tuple[str, str, Decimal, Decimal, Decimal, Decimal]:
    """Give what both sides must say of a trade."""
    return (trade.symbol, trade.side, trade.quantity, trade.price, trade.costs, trade.swap)


def _unequal_positions(desk: DeskBooks, venue: VenueBooks) -> Iterable[str]:
    for symbol in sorted(desk.positions.keys() | venue.positions.keys()):
        ours = desk.positions.get(symbol, Decimal(0))
        theirs = venue.positions.get(symbol, Decimal(0))
        if ours != theirs:
            yield f"position {symbol}: {ours} here, {theirs} there"


def _unequal_state(order: DeskOrder, there: list[VenueOrder], traded: Decimal) -> Iterable[str]:
    if order.filled != traded:
        yield f"order {order.order_id}: {order.filled} filled here, {traded} there"
    allowed = _ENDED_UNTRADED
    if any(o.working for o in there):
        allowed = _WORKING_OR_LEAVING
    elif traded >= order.quantity:
        allowed = frozenset({"filled"})
    elif traded > 0:
        allowed = _ENDED_IN_PART
    if order.status not in allowed:
        states = [o.state for o in there]
        yield f"order {order.order_id} is {order.status} here, of {traded} in {states} there"


def _unequal_outcomes(desk: DeskBooks, attempted: set[str]) -> Iterable[str]:
    """An alert ends as all of its order's parts together did."""
    worked = {one.intent_id: one for one in desk.worked}
    for intent_id, orders in _by_intent(desk).items():
        outcome = orders[0].outcome
        if outcome is None or not any(o.order_id in attempted for o in orders):
            continue
        filled = sum((o.filled for o in orders), Decimal(0))
        asked = sum((o.quantity for o in orders), Decimal(0))
        if intent_id in worked:
            asked = worked[intent_id].quantity
        whole = "filled" if filled >= asked else "partially_filled" if filled else None
        if outcome != whole if whole else outcome in _TRADED:
            said = ", ".join(f"{o.order_id} is {o.status}" for o in orders)
            yield f"{said}: {filled} of {asked}, the alert's outcome {outcome}"


def _overworked(desk: DeskBooks) -> Iterable[str]:
    found = _by_intent(desk)
    for one in desk.worked:
        filled = sum((o.filled for o in found.get(one.intent_id, ())), Decimal(0))
        if filled > one.quantity:
            yield f"intent {one.intent_id} traded {filled} of {one.quantity}"


def _unequal_worked(desk: DeskBooks) -> Iterable[str]:
    found = _by_intent(desk)
    for one in desk.worked:
        filled = sum((o.filled for o in found.get(one.intent_id, ())), Decimal(0))
        if one.state == "working" or one.filled != filled:
            yield f"worked order {one.intent_id} is {one.state}: {one.filled} there, {filled} here"


def _by_intent(desk: DeskBooks) -> dict[str, list[DeskOrder]]:
    found: dict[str, list[DeskOrder]] = defaultdict(list)
    for order in desk.orders:
        found[order.intent_id].append(order)
    return found
