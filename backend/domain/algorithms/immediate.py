"""Immediate: everything at once, in as few children as the venue allows."""

from __future__ import annotations

from backend.domain.algorithms.model import Market, Plan, Progress, Schedule, Slice, Wish


def schedule(plan: Plan) -> Schedule:
    """State that everything is due at the start."""
    return Schedule((Slice(plan.parent.starts_at, plan.parent.quantity),))


def wish(plan: Plan, progress: Progress, market: Market) -> Wish:
    """Want all that is left."""
    return Wish(plan.parent.quantity, why="at once")
