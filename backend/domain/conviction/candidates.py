"""Structures that are put to the vote: what broke, what was swept, what may hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from backend.domain.smc import EventKind, Structures, Zones

SWEEP = "sweep"
"""A pool that was taken and reclaimed; the other kinds are EventKind's own words."""


@dataclass(frozen=True, slots=True, order=True)
class Candidate:
    """One structure. Bars are indices into the run it was found in.

    direction: where price is expected to go (+1 up): a swept high points down. The leg from
    `start` to `known_at` is what made the structure.
    """

    known_at: int
    kind: str
    direction: int
    event_bar: int
    start: int
    lower: float
    upper: float

    @property
    def level(self) -> float:
        """Return the middle of its prices."""
        return (self.lower + self.upper) / 2


def candidates_of(found: Structures, since: int = 0) -> list[Candidate]:
    """Return the structures that became known at bar `since` or later, in that order."""
    parts = (
        _breaks(found),
        _shifts(found),
        _sweeps(found),
        _zones(EventKind.FVG, found.gaps),
        _zones(EventKind.ORDER_BLOCK, found.order_blocks),
        _zones(EventKind.BREAKER, found.breakers),
        _zones(EventKind.MITIGATION_BLOCK, found.mitigation_blocks),
    )
    return sorted(one for part in parts for one in part if one.known_at >= since)


def _breaks(found: Structures) -> Iterator[Candidate]:
    breaks = found.breaks
    for change, known_at, direction, origin, level in zip(
        breaks.change.tolist(),
        breaks.known_at.tolist(),
        breaks.direction.tolist(),
        breaks.origin.tolist(),
        breaks.level.tolist(),
        strict=True,
    ):
        kind = EventKind.CHOCH if change else EventKind.BOS
        yield Candidate(known_at, kind.value, direction, known_at, origin, level, level)


def _shifts(found: Structures) -> Iterator[Candidate]:
    shifts = found.shifts
    for bar, known_at, direction, level in zip(
        shifts.change_bar.tolist(),
        shifts.known_at.tolist(),
        shifts.direction.tolist(),
        shifts.level.tolist(),
        strict=True,
    ):
        yield Candidate(known_at, EventKind.SMS.value, direction, bar, bar, level, level)


def _sweeps(found: Structures) -> Iterator[Candidate]:
    """Yield one sweep per bar and side: the level farthest out, which all others lie within."""
    pools = found.pools
    swept = np.flatnonzero(pools.swept_at >= 0)
    farthest: dict[tuple[int, int], Candidate] = {}
    for index in swept.tolist():
        side, level = int(pools.direction[index]), float(pools.level[index])
        known_at, taken = int(pools.swept_at[index]), int(pools.taken_at[index])
        one = Candidate(known_at, SWEEP, -side, taken, taken, level, level)
        held = farthest.get((known_at, side))
        if held is None or side * level > side * held.level:
            farthest[known_at, side] = one
    yield from farthest.values()


def _zones(kind: EventKind, zones: Zones) -> Iterator[Candidate]:
    # A gap is made by its own three candles, a block by the leg that left it behind.
    before = 1 if kind is EventKind.FVG else 0
    for bar, known_at, direction, lower, upper in zip(
        zones.bar.tolist(),
        zones.known_at.tolist(),
        zones.direction.tolist(),
        zones.lower.tolist(),
        zones.upper.tolist(),
        strict=True,
    ):
        start = max(0, bar - before)
        if kind in (EventKind.BREAKER, EventKind.MITIGATION_BLOCK):
            start = max(bar, known_at - _VIOLATION_BARS)
        yield Candidate(known_at, kind.value, direction, bar, start, lower, upper)


_VIOLATION_BARS = 5
"""A violated block was left long ago: the bars that violated it speak for what it became."""
