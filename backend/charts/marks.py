"""What a chart shows of the structures in a run of bars: boxes, lines and points.

Bars are indices into the run. A mark begins where its structure lies, not where it became known
(a fractal is known some bars later), and ends where the market was done with it: a gap where it
was filled, a block where its middle was reached, a level where it was taken. A close through a
zone ends it in any case.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from backend.domain.market.bars import Bars, IntArray
from backend.domain.smc import POOL_KINDS, EventKind, Inducements, Structures, Swings, Zones

_SHORT = {
    EventKind.FVG: "FVG",
    EventKind.ORDER_BLOCK: "OB",
    EventKind.BREAKER: "BB",
    EventKind.MITIGATION_BLOCK: "MB",
}
_LEVELS = {
    (EventKind.EQUAL, 1): "EQH",
    (EventKind.EQUAL, -1): "EQL",
    (EventKind.PREVIOUS_DAY, 1): "PDH",
    (EventKind.PREVIOUS_DAY, -1): "PDL",
    (EventKind.PREVIOUS_WEEK, 1): "PWH",
    (EventKind.PREVIOUS_WEEK, -1): "PWL",
}


@dataclass(frozen=True, slots=True)
class Box:
    """A price zone between two bars. ended: the market was done with it at `end`."""

    kind: EventKind
    label: str
    direction: int
    start: int
    end: int
    known_at: int
    lower: float
    upper: float
    ended: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A level between two bars: a broken swing or resting liquidity."""

    kind: EventKind
    label: str
    direction: int
    start: int
    end: int
    known_at: int
    level: float
    ended: bool


@dataclass(frozen=True, slots=True)
class Point:
    """One bar's price: a swing, or a sweep's extreme."""

    label: str
    direction: int
    bar: int
    price: float
    known_at: int


@dataclass(frozen=True, slots=True)
class DealingView:
    """The dealing range at the last bar; leg: +1 if its high came after its low."""

    start: int
    low: float
    high: float
    leg: int
    zone: int
    """+1 the last close lies in premium, -1 in discount."""

    @property
    def middle(self) -> float:
        """Return the equilibrium."""
        return (self.low + self.high) / 2


@dataclass(frozen=True, slots=True)
class Marks:
    """Everything that a chart draws over its candles, from the first visible bar on."""

    first: int
    last: int
    boxes: tuple[Box, ...]
    breaks: tuple[Line, ...]
    levels: tuple[Line, ...]
    swings: tuple[Point, ...]
    sweeps: tuple[Point, ...]
    shifts: tuple[Point, ...]
    inducements: tuple[Point, ...]
    dealing: DealingView | None


def marks_of(found: Structures, bars: Bars, first: int) -> Marks:
    """Return what to draw of the bars from index `first` on."""
    last = len(bars) - 1
    zones = (
        (EventKind.FVG, found.gaps, (found.gaps.filled_at, found.gaps.invalidated_at)),
        *(
            (kind, zones, (zones.mitigated_at, zones.invalidated_at))
            for kind, zones in (
                (EventKind.ORDER_BLOCK, found.order_blocks),
                (EventKind.BREAKER, found.breakers),
                (EventKind.MITIGATION_BLOCK, found.mitigation_blocks),
            )
        ),
    )
    return Marks(
        first=first,
        last=last,
        boxes=tuple(box for zone in zones for box in _boxes(*zone, last) if box.end >= first),
        breaks=tuple(line for line in _breaks(found) if line.end >= first),
        levels=tuple(line for line in _levels(found, last) if line.end >= first),
        swings=tuple(point for point in _points("swing", found.swings) if point.bar >= first),
        sweeps=tuple(point for point in _sweeps(found, bars) if point.bar >= first),
        shifts=tuple(point for point in _shifts(found, bars) if point.bar >= first),
        # The minor swings whose stops were taken on the way to a block.
        inducements=tuple(p for p in _points("IDM", found.inducements) if p.bar >= first),
        dealing=_dealing(found),
    )


def _first_of(ends: tuple[IntArray, ...], index: int) -> int:
    told = [int(end[index]) for end in ends if end[index] >= 0]
    return min(told) if told else -1


def _boxes(kind: EventKind, zones: Zones, ends: tuple[IntArray, ...], last: int) -> Iterator[Box]:
    for index in range(len(zones.bar)):
        end, start = _first_of(ends, index), int(zones.bar[index])
        if kind in (EventKind.BREAKER, EventKind.MITIGATION_BLOCK):
            # The candle is the block's own: as something new it begins where it was violated.
            start = int(zones.known_at[index])
        yield Box(
            kind,
            _SHORT[kind],
            int(zones.direction[index]),
            start,
            end if end >= 0 else last,
            int(zones.known_at[index]),
            float(zones.lower[index]),
            float(zones.upper[index]),
            end >= 0,
        )


def _breaks(found: Structures) -> Iterator[Line]:
    breaks = found.breaks
    for index in range(len(breaks.known_at)):
        change, at = bool(breaks.change[index]), int(breaks.known_at[index])
        yield Line(
            EventKind.CHOCH if change else EventKind.BOS,
            "CHoCH" if change else "BOS",
            int(breaks.direction[index]),
            int(breaks.swing_bar[index]),
            at,
            at,
            float(breaks.level[index]),
            True,
        )


def _levels(found: Structures, last: int) -> Iterator[Line]:
    pools = found.pools
    for index in range(len(pools.bar)):
        kind, direction = POOL_KINDS[int(pools.kind[index])], int(pools.direction[index])
        taken = int(pools.taken_at[index])
        label = _LEVELS.get((kind, direction), "")
        # A single swing is drawn as such; its level only where it was swept.
        if kind is EventKind.SWING and pools.swept_at[index] < 0:
            continue
        yield Line(
            kind,
            label,
            direction,
            int(pools.first_bar[index]),
            taken if taken >= 0 else last,
            int(pools.known_at[index]),
            float(pools.level[index]),
            taken >= 0,
        )


def _points(label: str, swings: Swings | Inducements) -> Iterator[Point]:
    for index in range(len(swings.bar)):
        yield Point(
            label,
            int(swings.direction[index]),
            int(swings.bar[index]),
            float(swings.level[index]),
            int(swings.known_at[index]),
        )


def _sweeps(found: Structures, bars: Bars) -> Iterator[Point]:
    """Yield one point per bar and side that swept something, at the wick's end."""
    pools = found.pools
    seen: set[tuple[int, int]] = set()
    for index in np.flatnonzero(pools.swept_at >= 0).tolist():
        bar, direction = int(pools.taken_at[index]), int(pools.direction[index])
        if (bar, direction) in seen:
            continue
        seen.add((bar, direction))
        wick = bars.high[bar] if direction > 0 else bars.low[bar]
        yield Point("sweep", direction, bar, float(wick), int(pools.swept_at[index]))


def _shifts(found: Structures, bars: Bars) -> Iterator[Point]:
    shifts = found.shifts
    for index in range(len(shifts.known_at)):
        bar, direction = int(shifts.known_at[index]), int(shifts.direction[index])
        price = bars.high[bar] if direction > 0 else bars.low[bar]
        yield Point("SMS", direction, bar, float(price), bar)


def _dealing(found: Structures) -> DealingView | None:
    dealing = found.dealing
    if found.bars == 0:
        return None
    low, high = float(dealing.low[-1]), float(dealing.high[-1])
    if not high > low:
        return None
    same = (dealing.low == low) & (dealing.high == high)
    changed = np.flatnonzero(~same)
    start = int(changed[-1]) + 1 if len(changed) else 0
    return DealingView(start, low, high, int(dealing.direction[-1]), int(dealing.zone[-1]))
