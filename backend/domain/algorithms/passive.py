"""Passive: wait in the queue while that is likely to end well, then pay as urgency grows."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from backend.domain.algorithms import iceberg
from backend.domain.algorithms.model import (
    Market,
    Plan,
    Progress,
    Wish,
    share_of_time,
)
from backend.domain.algorithms.queueing import fill_probability
from backend.domain.numbers import ONE, ZERO, floor_to_step

schedule = iceberg.schedule


class Stage(StrEnum):
    """How much is paid for being done."""

    JOIN = "join"
    """Wait at the near touch."""
    IMPROVE = "improve"
    """Wait inside the spread, before everyone."""
    CROSS = "cross"
    """Take the far touch."""


def wish(plan: Plan, progress: Progress, market: Market) -> Wish:
    """Want what is left, resting at the stage's price; a child that rests is waited for."""
    parent = plan.parent
    if progress.resting:
        return Wish(progress.released, why="a child rests in the queue")
    stage = stage_at(plan, progress, market)
    price = None
    if stage is Stage.JOIN:
        price = market.near(parent.side)
    elif stage is Stage.IMPROVE:
        price = inside(plan, market)
    return Wish(parent.quantity, price, why=stage.value)


def stage_at(plan: Plan, progress: Progress, market: Market) -> Stage:
    """Say how urgent it has become: by the time that is over, and by the odds of the queue.

    An urgency of 0 waits for nine tenths of the time, one of 1 crosses at once.
    """
    parent, terms = plan.parent, plan.terms
    patience = ONE - terms.urgency
    over = share_of_time(parent, market.now)
    if over >= patience * Decimal("0.9"):
        return Stage.CROSS
    if over >= patience * Decimal("0.6"):
        return Stage.IMPROVE
    if market.rate is not None and market.queue is not None:
        left = parent.quantity - progress.filled
        until = parent.starts_at + (parent.ends_at - parent.starts_at) * float(patience)
        seconds = Decimal(int((until - market.now) / timedelta(seconds=1)))
        # Half of what trades takes our side of the book.
        odds = fill_probability(market.queue, left, market.rate / 2, seconds)
        if odds < terms.fill_probability_min:
            return Stage.IMPROVE
    return Stage.JOIN


def inside(plan: Plan, market: Market) -> Decimal:
    """Return the best price inside the spread: the middle, or the touch if there is no room."""
    tick, side = plan.parent.tick_size, plan.parent.side
    better = floor_to_step(market.spread / 2, tick)
    if market.spread < 2 * tick:
        better = ZERO
    return market.near(side) + side.sign * better
