"""TWAP: the same quantity in each interval, at instants that nobody can foresee."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from decimal import Decimal

from backend.domain.algorithms.apportion import children_most, even_quantities
from backend.domain.algorithms.model import Market, Parent, Plan, Progress, Schedule, Slice, Wish
from backend.domain.numbers import ZERO


def schedule(plan: Plan) -> Schedule:
    """State even parts at shifted instants."""
    parent = plan.parent
    instants = slice_instants(plan)
    totals: list[Decimal] = []
    running = ZERO
    for part in even_quantities(parent.quantity, len(instants), parent.volume_step):
        running += part
        totals.append(running)
    return Schedule(tuple(Slice(at, total) for at, total in zip(instants, totals, strict=True)))


def wish(plan: Plan, progress: Progress, market: Market) -> Wish:
    """Want what the schedule says, and what it said before and did not get."""
    return Wish(plan.schedule.total_at(market.now))


def slice_instants(plan: Plan) -> tuple[datetime, ...]:
    """Return when slices are due: the first at the start, the last a child's life before the end.

    Those between are shifted by the seed within their interval; their order stays.
    """
    parent, terms = plan.parent, plan.terms
    room_s = working_s(parent, terms.child_ttl_s)
    count = min(int(room_s // max(1, terms.interval_s)) + 1, children_most(parent))
    if count == 1:
        return (parent.starts_at,)
    dice = random.Random(parent.seed)
    gap = room_s / (count - 1)
    # Shifted towards each other, two slices are still a pace apart.
    room = max(0.0, gap - terms.pace_s) / 2
    shift = min(min(float(terms.jitter_share), 0.49) * gap, room)
    offsets = [
        i * gap + (dice.uniform(-shift, shift) if 0 < i < count - 1 else 0.0) for i in range(count)
    ]
    return tuple(parent.starts_at + timedelta(milliseconds=int(o * 1000)) for o in offsets)


def working_s(parent: Parent, child_ttl_s: int) -> float:
    """Return the seconds in which children may start."""
    return max(0.0, (parent.ends_at - parent.starts_at) / timedelta(seconds=1) - child_ttl_s)
