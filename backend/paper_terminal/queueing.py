"""Limit orders in a recorded book: they stand in a queue, and what is ahead of them goes first.

The harsher of the usual models: what stands at a price when an order arrives is ahead of it;
trades at that price shorten the queue, and so do changes that leave less there than was ahead.
Withdrawals behind or among the others never help.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from backend.paper_terminal.depth import BookChange, DepthReplay, Event
from backend.paper_terminal.records import ZERO, Order, Place


def join(replay: DepthReplay, step: int, order: Order, buy: bool) -> Place:
    """Stand at the end of the queue of an order's price, as the book is after a step."""
    ladder = replay.ladder(step)
    side = ladder.bids if buy else ladder.asks
    return Place(order.price_open, side.get(order.price_open, ZERO))


def work(
    replay: DepthReplay, step: int, order: Order, buy: bool, place: Place
) -> tuple[Place, Decimal]:
    """Let one second pass: give the place after it, and the volume filled at the order's price."""
    left = order.volume_current
    for event in replay.events(step):
        place, filled = _meet(event, place, buy, left)
        left -= filled
    bid, ask = replay.ladder(step).best()
    if (ask <= place.price) if buy else (bid >= place.price):
        # The book has moved to the other side of the order: it was served on the way.
        left = ZERO
    return place, order.volume_current - left


def _meet(event: Event, place: Place, buy: bool, left: Decimal) -> tuple[Place, Decimal]:
    if isinstance(event, BookChange):
        return _recount(event, place, buy), ZERO
    if event.sold != buy or not left:
        return place, ZERO
    if (event.price < place.price) if buy else (event.price > place.price):
        return replace(place, ahead=ZERO), min(left, event.volume)
    if event.price != place.price:
        return place, ZERO
    ahead = max(ZERO, place.ahead - event.volume)
    return replace(place, ahead=ahead), min(left, event.volume - (place.ahead - ahead))


def _recount(change: BookChange, place: Place, buy: bool) -> Place:
    levels = dict(change.bids if buy else change.asks)
    there = levels.get(place.price, ZERO if change.whole else place.ahead)
    return replace(place, ahead=min(place.ahead, there))
