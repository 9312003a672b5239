"""What to do next for a parent: a function of its plan, its children's rows and the market.

Nothing is remembered between two calls, so a restart resumes where the rows are.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from backend.domain.algorithms import adaptive, iceberg, immediate, passive, pov, twap, vwap
from backend.domain.algorithms.apportion import child_size
from backend.domain.algorithms.latency import hold_back
from backend.domain.algorithms.model import (
    CHILDREN_MAX,
    Algorithm,
    Finished,
    Market,
    Parent,
    Plan,
    Progress,
    Send,
    Step,
    Wait,
    Wish,
)
from backend.values import Side

_WISHES: dict[Algorithm, Callable[[Plan, Progress, Market], Wish]] = {
    Algorithm.IMMEDIATE: immediate.wish,
    Algorithm.TWAP: twap.wish,
    Algorithm.VWAP: vwap.wish,
    Algorithm.POV: pov.wish,
    Algorithm.ICEBERG: iceberg.wish,
    Algorithm.PASSIVE: passive.wish,
    Algorithm.ADAPTIVE: adaptive.wish,
}
_RESTS = frozenset({Algorithm.ICEBERG, Algorithm.PASSIVE, Algorithm.ADAPTIVE})


def next_step(plan: Plan, progress: Progress, market: Market) -> Step:
    """Say what to do now: send a child, look again later, or nothing more.

    Released quantities never exceed the parent's, no child outlives the parent's end, and none
    is priced beyond its limit.
    """
    parent = plan.parent
    over = _over(plan, progress, market)
    if over is not None:
        return over
    held = hold_back(plan, progress, market)
    if held is not None:
        return held
    paced = _paced(plan, progress, market.now)
    if paced is not None:
        return paced
    free = parent.quantity - progress.released
    last_call = _last_call(plan)
    wish = _WISHES[plan.algorithm](plan, progress, market)
    if plan.algorithm in _RESTS and market.now >= last_call:
        wish = Wish(parent.quantity, why="the last call")
    wanted = wish.total - progress.released
    if wish.at_most is not None:
        wanted = min(wanted, wish.at_most)
    size = child_size(parent, wanted, free)
    if size == 0:
        return Wait(_look_again(plan, market.now), wish.why)
    price = bounded_price(parent, wish.limit_price, market)
    ttl = timedelta(seconds=plan.terms.child_ttl_s)
    ends_at = parent.ends_at if wish.limit_price is None else last_call
    return Send(size, price, min(market.now + ttl, ends_at), wish.why)


def bounded_price(parent: Parent, price: Decimal | None, market: Market) -> Decimal | None:
    """Keep a child's price within the parent's limit; a limited parent never goes unpriced."""
    limit = parent.limit_price
    if limit is None:
        return price
    wanted = market.far(parent.side) if price is None else price
    return min(wanted, limit) if parent.side is Side.BUY else max(wanted, limit)


def _paced(plan: Plan, progress: Progress, now: datetime) -> Step | None:
    """Give the venue its time after a child; those of one instant go together."""
    last = progress.last_sent_at
    if last is None or last >= now:
        return None
    until = last + timedelta(seconds=plan.terms.pace_s)
    return Wait(until, "the venue's pace") if now < until else None


def _last_call(plan: Plan) -> datetime:
    """Return from when on nothing is waited for; who has no urgency would rather not trade."""
    room = timedelta(seconds=plan.terms.child_ttl_s if plan.terms.urgency > 0 else 0)
    return max(plan.parent.starts_at, plan.parent.ends_at - room)


def _over(plan: Plan, progress: Progress, market: Market) -> Step | None:
    parent = plan.parent
    waits = bool(progress.resting)
    left = parent.quantity - progress.filled
    if left <= 0:
        return Finished("filled")
    if market.now >= parent.ends_at:
        later = market.now + timedelta(seconds=1)
        return Wait(later, "children are still working") if waits else Finished("out of time")
    if left < max(parent.volume_min, parent.volume_step) and not waits:
        return Finished("less is left than the venue takes")
    if progress.children >= CHILDREN_MAX and not waits:
        return Finished("no more children are allowed")
    if parent.quantity - progress.released <= 0 or progress.children >= CHILDREN_MAX:
        return Wait(_look_again(plan, market.now), "everything is at the venue")
    return None


def _look_again(plan: Plan, now: datetime) -> datetime:
    """Return the next slice or, for what follows the market, soon; never past the end."""
    soon = now + timedelta(seconds=max(1, min(plan.terms.interval_s, 5)))
    due = plan.schedule.next_after(now)
    by_clock = plan.algorithm in (Algorithm.TWAP, Algorithm.VWAP)
    at = due if by_clock and due is not None else soon
    return max(min(at, plan.parent.ends_at), now + timedelta(milliseconds=100))
