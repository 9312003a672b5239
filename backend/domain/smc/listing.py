"""Structures as a list of events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from backend.domain.market.bars import IntArray
from backend.domain.smc.events import POOL_KINDS, EventKind, State, StructureEvent
from backend.domain.smc.frame import first_of_runs
from backend.domain.smc.structures import (
    Breaks,
    DealingRange,
    Displacements,
    Inducements,
    Pools,
    Shifts,
    Structures,
    Swings,
    Zones,
)
from backend.domain.smc.swings import ote_bounds

_Events = Iterator[StructureEvent]


def list_events(found: Structures) -> list[StructureEvent]:
    """Return everything that was detected as events, sorted; a tracker gives the same."""
    parts = (
        _swing_events(found.swings),
        _pool_events(found.pools),
        _break_events(found.breaks),
        _shift_events(found.shifts),
        _displacement_events(found.displacements),
        _zone_events(EventKind.FVG, found.gaps),
        _zone_events(EventKind.ORDER_BLOCK, found.order_blocks),
        _zone_events(EventKind.BREAKER, found.breakers),
        _zone_events(EventKind.MITIGATION_BLOCK, found.mitigation_blocks),
        _inducement_events(found.inducements, found.order_blocks),
        _range_events(found.dealing),
    )
    return sorted(event for part in parts for event in part)


def _swing_events(swings: Swings) -> _Events:
    columns = (swings.known_at, swings.bar, swings.direction, swings.level)
    for known_at, bar, direction, level in _rows(*columns):
        yield _event(known_at, EventKind.SWING, State.FORMED, bar, direction, level)


def _pool_events(pools: Pools) -> _Events:
    columns = (pools.kind, pools.known_at, pools.bar, pools.direction, pools.level)
    for code, known_at, bar, direction, level in _rows(*columns):
        kind = _pool_kind(code)
        # A swing is announced as such.
        if kind is not EventKind.SWING:
            yield _event(known_at, kind, State.FORMED, bar, direction, level)
    for state, at in ((State.SWEPT, pools.swept_at), (State.RUN, pools.run_at)):
        for code, known_at, bar, direction, level in _rows(
            pools.kind, at, pools.bar, pools.direction, pools.level, where=at
        ):
            yield _event(known_at, _pool_kind(code), state, bar, direction, level)


def _pool_kind(code: int) -> EventKind:
    return POOL_KINDS[code]


def _break_events(breaks: Breaks) -> _Events:
    columns = (breaks.change, breaks.known_at, breaks.direction, breaks.level)
    for change, known_at, direction, level in _rows(*columns):
        kind = EventKind.CHOCH if change else EventKind.BOS
        yield _event(known_at, kind, State.FORMED, known_at, direction, level)


def _shift_events(shifts: Shifts) -> _Events:
    columns = (shifts.known_at, shifts.change_bar, shifts.direction, shifts.level)
    for known_at, bar, direction, level in _rows(*columns):
        yield _event(known_at, EventKind.SMS, State.FORMED, bar, direction, level)


def _displacement_events(found: Displacements) -> _Events:
    for known_at, direction, close in _rows(found.known_at, found.direction, found.close):
        yield _event(known_at, EventKind.DISPLACEMENT, State.FORMED, known_at, direction, close)


def _zone_events(kind: EventKind, zones: Zones) -> _Events:
    life = (
        (State.FORMED, zones.known_at),
        (State.TAPPED, zones.tapped_at),
        (State.MITIGATED, zones.mitigated_at),
        (State.FILLED, zones.filled_at),
        (State.INVALIDATED, zones.invalidated_at),
    )
    middle = (zones.lower + zones.upper) / 2
    for state, at in life:
        for known_at, *rest in _rows(
            at, zones.bar, zones.direction, middle, zones.lower, zones.upper, where=at
        ):
            yield StructureEvent(known_at, kind, state, *rest)


def _inducement_events(found: Inducements, blocks: Zones) -> _Events:
    lower, upper = blocks.lower[found.block], blocks.upper[found.block]
    for known_at, *rest in _rows(
        found.known_at, found.bar, found.direction, found.level, lower, upper
    ):
        yield StructureEvent(known_at, EventKind.INDUCEMENT, State.FORMED, *rest)


def _range_events(dealing: DealingRange) -> _Events:
    """Yield when the close changes sides of the middle, and when it enters the trade entry."""
    sided = np.flatnonzero(dealing.zone)
    bars = sided[first_of_runs(dealing.zone[sided])]
    low, high = dealing.low[bars], dealing.high[bars]
    for bar, zone, lower, upper in _rows(bars, dealing.zone[bars], low, high):
        kind = EventKind.PREMIUM if zone > 0 else EventKind.DISCOUNT
        middle = (upper + lower) / 2
        yield StructureEvent(bar, kind, State.FORMED, bar, zone, middle, lower, upper)
    bars = first_of_runs(dealing.ote)
    bars = bars[dealing.ote[bars] != 0]
    leg = dealing.ote[bars]
    low, high = ote_bounds(dealing.high[bars], dealing.low[bars], leg)
    for bar, direction, lower, upper in _rows(bars, leg, low, high):
        middle = (lower + upper) / 2
        yield StructureEvent(bar, EventKind.OTE, State.FORMED, bar, direction, middle, lower, upper)


def _event(
    known_at: int, kind: EventKind, state: State, bar: int, direction: int, level: float
) -> StructureEvent:
    return StructureEvent(known_at, kind, state, bar, direction, level, level, level)


def _rows(*columns: np.ndarray, where: IntArray | None = None) -> Iterator[tuple[Any, ...]]:
    """Yield rows of plain numbers; with `where`, only those that came to be (-1 is never)."""
    if where is not None:
        happened = where >= 0
        columns = tuple(column[happened] for column in columns)
    return zip(*(column.tolist() for column in columns), strict=True)
