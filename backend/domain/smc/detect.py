"""Walk a run of bars once and report structure as a trader could have known it.

Definitions (this project's, after the comparison in the literature of public detectors):
- BOS: a close beyond the latest confirmed, unbroken swing, in the direction of the bias.
- CHoCH: the same against the bias, which then turns. The first break of all is a BOS.
- Sweep: a wick beyond such a swing with the close back inside; one per swing.
- Premium or discount: the close moves above or below the middle of the dealing range,
  which lies between the latest confirmed swing low and swing high.
"""

from __future__ import annotations

from backend.domain.market.bars import Bars
from backend.domain.smc.events import DEFAULT_SETTINGS, EventKind, SmcSettings, StructureEvent
from backend.domain.smc.swings import bearish_gaps, bullish_gaps, swing_highs, swing_lows

_KIND_ORDER = {kind: order for order, kind in enumerate(EventKind)}


class _Walk:
    """State of one pass: the latest swing on each side, and the bias."""

    __slots__ = ("bias", "events", "range_high", "range_low", "swept", "swing", "zone")

    def __init__(self) -> None:
        self.events: list[StructureEvent] = []
        self.bias = 0
        self.zone = 0
        # Keyed by direction: +1 the swing high, -1 the swing low.
        self.swing: dict[int, tuple[int, float] | None] = {1: None, -1: None}
        self.swept: dict[int, bool] = {1: False, -1: False}
        self.range_high: float | None = None
        self.range_low: float | None = None

    def confirm(self, direction: int, bar: int, known_at: int, level: float) -> None:
        """A swing became known: it replaces the one before it on its side."""
        self.events.append(_event(EventKind.SWING, direction, bar, known_at, level))
        self.swing[direction] = (bar, level)
        self.swept[direction] = False
        if direction > 0:
            self.range_high = level
        else:
            self.range_low = level

    def close(self, bar: int, high: float, low: float, close: float) -> None:
        """A bar finished: look for a break, a sweep, and a change of zone."""
        for direction, extreme in ((1, high), (-1, low)):
            swing = self.swing[direction]
            if swing is None:
                continue
            level = swing[1]
            if (close - level) * direction > 0:
                kind = EventKind.CHOCH if self.bias == -direction else EventKind.BOS
                self.events.append(_event(kind, direction, bar, bar, level))
                self.bias = direction
                self.swing[direction] = None
            elif (extreme - level) * direction > 0 and not self.swept[direction]:
                self.events.append(_event(EventKind.SWEEP, -direction, bar, bar, level))
                self.swept[direction] = True
        if self.range_high is not None and self.range_low is not None:
            self._rezone(bar, close, (self.range_high + self.range_low) / 2)

    def _rezone(self, bar: int, close: float, middle: float) -> None:
        zone = (close > middle) - (close < middle)
        if zone not in (0, self.zone):
            kind = EventKind.PREMIUM if zone > 0 else EventKind.DISCOUNT
            self.events.append(_event(kind, zone, bar, bar, middle))
            self.zone = zone


def detect(bars: Bars, settings: SmcSettings = DEFAULT_SETTINGS) -> list[StructureEvent]:
    """Return every event, ordered by the bar at which it became known.

    No event changes or disappears when later bars are added.
    """
    n = settings.swing_bars
    walk = _Walk()
    highs, lows, closes = bars.high.tolist(), bars.low.tolist(), bars.close.tolist()
    is_high = dict.fromkeys(swing_highs(bars.high, n).tolist(), True)
    is_low = dict.fromkeys(swing_lows(bars.low, n).tolist(), True)
    for bar in range(len(closes)):
        confirmed = bar - n
        # The bar is judged against swings known before it: its own close confirms the new one.
        walk.close(bar, highs[bar], lows[bar], closes[bar])
        if confirmed in is_high:
            walk.confirm(1, confirmed, bar, highs[confirmed])
        if confirmed in is_low:
            walk.confirm(-1, confirmed, bar, lows[confirmed])
    walk.events.extend(_gaps(bars))
    walk.events.sort(key=_order)
    return walk.events


def _gaps(bars: Bars) -> list[StructureEvent]:
    found: list[StructureEvent] = []
    for middle in bullish_gaps(bars.open, bars.high, bars.low, bars.close).tolist():
        found.append(_gap(1, middle, float(bars.high[middle - 1]), float(bars.low[middle + 1])))
    for middle in bearish_gaps(bars.open, bars.high, bars.low, bars.close).tolist():
        found.append(_gap(-1, middle, float(bars.high[middle + 1]), float(bars.low[middle - 1])))
    return found


def _gap(direction: int, middle: int, lower: float, upper: float) -> StructureEvent:
    known_at = middle + 1
    centre = (lower + upper) / 2
    return StructureEvent(EventKind.FVG, direction, middle, known_at, centre, lower, upper)


def _event(
    kind: EventKind, direction: int, event_bar: int, known_at: int, level: float
) -> StructureEvent:
    return StructureEvent(kind, direction, event_bar, known_at, level, level, level)


def _order(event: StructureEvent) -> tuple[int, int, int, int]:
    return event.known_at, _KIND_ORDER[event.kind], event.event_bar, event.direction
