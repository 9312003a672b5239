"""Walk a run of bars once and report structure as a trader could have known it.

Definitions (this project's, after the comparison in the literature of public detectors):
- BOS: a close beyond the latest confirmed, unbroken swing, in the direction of the bias.
- CHoCH: the same against the bias, which then turns. The first break of all is a BOS.
- Sweep: a wick beyond such a swing with the close back inside; one per swing.
- Premium or discount: the close moves above or below the middle of the dealing range,
  which lies between the latest confirmed swing low and swing high.
"""

from __future__ import annotations

from typing import NamedTuple

from backend.domain.market.bars import Bars
from backend.domain.smc.events import DEFAULT_SETTINGS, EventKind, SmcSettings, StructureEvent
from backend.domain.smc.swings import bearish_gaps, bullish_gaps, swing_highs, swing_lows

_KINDS = tuple(EventKind)
_SWING, _BOS, _CHOCH, _FVG, _SWEEP, _PREMIUM, _DISCOUNT = range(len(_KINDS))


class RawEvent(NamedTuple):
    """An event in the order in which events sort; `kind` is an index into EventKind."""

    known_at: int
    kind: int
    event_bar: int
    direction: int
    level: float
    lower: float
    upper: float


class _Walk:
    """State of one pass: the latest unbroken swing on each side, bias, dealing range."""

    __slots__ = ("bias", "events", "levels", "range", "swept", "zone")

    def __init__(self) -> None:
        self.events: list[RawEvent] = []
        self.bias = 0
        self.zone = 0
        # Pairs by side: 0 the swing low, 1 the swing high.
        self.levels: list[float | None] = [None, None]
        self.range: list[float | None] = [None, None]
        self.swept = [False, False]

    def confirm(self, side: int, bar: int, known_at: int, level: float) -> None:
        """A swing became known: it replaces the one before it on its side."""
        self._add(known_at, _SWING, bar, 2 * side - 1, level)
        self.levels[side] = self.range[side] = level
        self.swept[side] = False

    def close(self, bar: int, high: float, low: float, close: float) -> None:
        """A bar finished: look for a break, a sweep, and a change of zone."""
        top, bottom = self.levels[1], self.levels[0]
        if top is not None and high > top:
            self._pass(bar, 1, top, broke=close > top)
        if bottom is not None and low < bottom:
            self._pass(bar, 0, bottom, broke=close < bottom)
        above, below = self.range[1], self.range[0]
        if above is None or below is None:
            return
        middle = (above + below) / 2
        zone = (close > middle) - (close < middle)
        if zone not in (0, self.zone):
            self._add(bar, _PREMIUM if zone > 0 else _DISCOUNT, bar, zone, middle)
            self.zone = zone

    def _pass(self, bar: int, side: int, level: float, broke: bool) -> None:
        direction = 2 * side - 1
        if broke:
            kind = _CHOCH if self.bias == -direction else _BOS
            self._add(bar, kind, bar, direction, level)
            self.bias = direction
            self.levels[side] = None
        elif not self.swept[side]:
            self._add(bar, _SWEEP, bar, -direction, level)
            self.swept[side] = True

    def _add(self, known_at: int, kind: int, event_bar: int, direction: int, level: float) -> None:
        self.events.append(RawEvent(known_at, kind, event_bar, direction, level, level, level))


def detect(bars: Bars, settings: SmcSettings = DEFAULT_SETTINGS) -> list[StructureEvent]:
    """Return every event, ordered by the bar at which it became known.

    No event changes or disappears when later bars are added.
    """
    return [
        StructureEvent(
            _KINDS[raw.kind],
            raw.direction,
            raw.event_bar,
            raw.known_at,
            raw.level,
            raw.lower,
            raw.upper,
        )
        for raw in scan(bars, settings)
    ]


def scan(bars: Bars, settings: SmcSettings = DEFAULT_SETTINGS) -> list[RawEvent]:
    """Return the same events in the plain form that features are read from."""
    n = settings.swing_bars
    walk = _Walk()
    highs, lows, closes = bars.high.tolist(), bars.low.tolist(), bars.close.tolist()
    is_high = set(swing_highs(bars.high, n).tolist())
    is_low = set(swing_lows(bars.low, n).tolist())
    for bar, close in enumerate(closes):
        # The bar is judged against swings known before it: its own close confirms the new one.
        walk.close(bar, highs[bar], lows[bar], close)
        confirmed = bar - n
        if confirmed in is_high:
            walk.confirm(1, confirmed, bar, highs[confirmed])
        if confirmed in is_low:
            walk.confirm(0, confirmed, bar, lows[confirmed])
    events = walk.events
    for i in bullish_gaps(bars.open, bars.high, bars.low, bars.close).tolist():
        events.append(_gap(1, i, highs[i - 1], lows[i + 1]))
    for i in bearish_gaps(bars.open, bars.high, bars.low, bars.close).tolist():
        events.append(_gap(-1, i, highs[i + 1], lows[i - 1]))
    events.sort()
    return events


def _gap(direction: int, middle: int, lower: float, upper: float) -> RawEvent:
    centre = (lower + upper) / 2
    return RawEvent(middle + 1, _FVG, middle, direction, centre, lower, upper)
