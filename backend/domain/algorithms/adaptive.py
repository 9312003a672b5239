"""Adaptive: size children by spread, depth and the odds of a fill, around an even schedule.

A tight spread and a deep book let the order run ahead, a wide spread holds it back, both within
a band around what was stated. A child never takes more than a share of what is at the touch.
"""

from __future__ import annotations

from decimal import Decimal

from backend.domain.algorithms import twap
from backend.domain.algorithms.model import Market, Plan, Progress, Wish
from backend.domain.algorithms.queueing import fill_probability
from backend.domain.numbers import ONE, ZERO, bounded

schedule = twap.schedule


def wish(plan: Plan, progress: Progress, market: Market) -> Wish:
    """Want what is due, more while it is cheap, less while it is dear; rest if that will do."""
    parent, terms = plan.parent, plan.terms
    due = plan.schedule.total_at(market.now)
    band = parent.quantity * terms.ahead_share
    total = bounded(due + band * lean(plan, market), ZERO, parent.quantity)
    behind = due - progress.released > band
    if plan.schedule.next_after(market.now) is None:
        total, behind = parent.quantity, True
    size = child_most(plan, market)
    if not behind and not progress.resting and _will_fill(plan, market, size):
        return Wish(total, market.near(parent.side), size, "likely to be filled in the queue")
    if progress.resting and not behind:
        return Wish(progress.released, why="a child rests in the queue")
    return Wish(total, None, size, "behind the schedule" if behind else "due")


def lean(plan: Plan, market: Market) -> Decimal:
    """Return from -1 (hold back) to 1 (run ahead) how cheap it is to trade now."""
    ratio = market.spread_ratio
    if ratio is None:
        return ZERO
    return bounded(ONE - ratio, -ONE, ONE) * (ONE - plan.terms.urgency / 2)


def child_most(plan: Plan, market: Market) -> Decimal:
    """Return the largest child that the depth allows; the pack's number where it is unknown."""
    if market.depth is None:
        return plan.terms.child_max
    return max(plan.parent.volume_min, market.depth * plan.terms.depth_share)


def _will_fill(plan: Plan, market: Market, size: Decimal) -> bool:
    if market.rate is None or market.queue is None:
        return False
    seconds = Decimal(plan.terms.child_ttl_s)
    odds = fill_probability(market.queue, size, market.rate / 2, seconds)
    return odds >= plan.terms.fill_probability_min
