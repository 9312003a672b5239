"""The same structure bar by bar, in constant time a bar however long the history.

Each level, zone and pool is touched when it forms and when it changes, not on every bar; so the
work of a run of bars is that of its events (amortised). What never changes any more is forgotten.
"""

from __future__ import annotations

from collections import deque

from backend.domain.market.bars import Bar, to_us
from backend.domain.smc.days import trading_day
from backend.domain.smc.events import (
    DEFAULT_SETTINGS,
    EventKind,
    SmcSettings,
    State,
    StructureEvent,
    SwingRule,
)
from backend.domain.smc.side import Side
from backend.domain.smc.swings import OTE_DEEP, OTE_SHALLOW
from backend.domain.smc.waiting import NEVER, Fractals, Legs, Zone

_NAN = float("nan")


class Tracker:
    """Takes finished bars in order and tells what each made known."""

    def __init__(self, settings: SmcSettings = DEFAULT_SETTINGS) -> None:
        self._settings = settings
        self._bar = -1
        self._events: list[StructureEvent] = []
        self._up = Side(1, settings, self._events)
        self._down = Side(-1, settings, self._events)
        by_leg = settings.swing_rule is SwingRule.LEG
        self._swings = (Legs if by_leg else Fractals)(settings.swing_bars)
        self._bias = 0
        self._change: tuple[int, float] | None = None
        # True ranges summed from the first bar, and the last of those sums.
        self._sum = 0.0
        self._sums: deque[float] = deque(maxlen=settings.atr_bars)
        self._atr = _NAN
        # Open, high, low, close of the last bar and of the one before.
        self._last = self._old = (0.0, NEVER, -NEVER, 0.0)
        self._day_begin, self._day_end = 1, 0
        self._zone = 0
        self._ote = 0
        self._leg = 0
        self._range: tuple[float, float, float] | None = None
        self._entry = (0.0, 0.0)

    @property
    def bars(self) -> int:
        """How many bars were pushed."""
        return self._bar + 1

    def push(self, bar: Bar) -> list[StructureEvent]:
        """Take the next finished bar; return what became known at its close, sorted."""
        return self.push_prices(
            to_us(bar.opened_at), float(bar.open), float(bar.high), float(bar.low), float(bar.close)
        )

    def push_prices(
        self, opened_us: int, open_: float, high: float, low: float, close: float
    ) -> list[StructureEvent]:
        """Take a bar as plain numbers; opened_us: microseconds since 1970 UTC."""
        self._bar = bar = self._bar + 1
        up, down = self._up, self._down
        if not self._day_begin <= opened_us < self._day_end:
            self._turn_day(bar, opened_us)
        self._force(bar, open_, high, low, close)
        self._place(bar, close)
        breaks_up = up.step(bar, open_, high, low, close)
        breaks_down = down.step(bar, -open_, -low, -high, -close)
        if up.violated:
            _turn_over(bar, up, down)
        if down.violated:
            _turn_over(bar, down, up)
        if breaks_up:
            self._break(bar, up, 1)
        if breaks_down:
            self._break(bar, down, -1)
        self._gap(bar, open_, high, low, close)
        top, bottom = self._swings.push(bar, high, low)
        if top is not None:
            up.confirm(bar, top, self._atr)
        if bottom is not None:
            down.confirm(bar, bottom, self._atr)
        if top is not None or bottom is not None:
            self._measure()
        minor = up.minors.push(bar, high)
        if minor is not None:
            down.lure(minor[1], -minor[0])
        minor = down.minors.push(bar, -low)
        if minor is not None:
            up.lure(minor[1], -minor[0])
        events = sorted(self._events)
        self._events.clear()
        return events

    def _turn_day(self, bar: int, opened_us: int) -> None:
        day, self._day_begin, self._day_end = trading_day(opened_us, self._settings.day_turn)
        week = (day + 3) // 7
        self._up.turn(bar, day, week)
        self._down.turn(bar, day, week)

    def _gap(self, bar: int, open_: float, high: float, low: float, close: float) -> None:
        """See whether this bar and the one before the last leave a gap between them."""
        _, old_high, old_low, _ = self._old
        body = self._last[3] - self._last[0]
        if old_high < low and body > 0:
            self._up.add_zone(Zone(EventKind.FVG, bar - 1, bar, old_high, low))
        elif old_low > high and body < 0:
            self._down.add_zone(Zone(EventKind.FVG, bar - 1, bar, -old_low, -high))
        self._old, self._last = self._last, (open_, high, low, close)

    def _force(self, bar: int, open_: float, high: float, low: float, close: float) -> None:
        """See whether the bar is a displacement, then take it into the average true range."""
        body = close - open_
        size = abs(body)
        rules = self._settings
        if (
            size >= rules.displacement_atr * self._atr
            and size >= rules.displacement_body * (high - low)
            and size > 0
        ):
            side, direction = (self._up, 1) if body > 0 else (self._down, -1)
            side.forced_at = bar
            self._note(bar, EventKind.DISPLACEMENT, bar, direction, close, close, close)
        n, before = rules.atr_bars, self._last[3]
        if bar > 0:
            high = high if high > before else before
            low = low if low < before else before
        self._sum += high - low
        if bar >= n:
            self._atr = (self._sum - self._sums[0]) / n
        elif bar == n - 1:
            self._atr = self._sum / n
        self._sums.append(self._sum)

    def _break(self, bar: int, side: Side, direction: int) -> None:
        level, displaced = side.break_up(bar)
        level *= direction
        change = self._bias == -direction
        kind = EventKind.CHOCH if change else EventKind.BOS
        self._note(bar, kind, bar, direction, level, level, level)
        if self._change is not None and not change:
            since, changed = self._change
            self._note(bar, EventKind.SMS, since, direction, changed, changed, changed)
        self._change = (bar, level) if change and displaced else None
        self._bias = direction

    def _place(self, bar: int, close: float) -> None:
        """Say when the close changes sides within the range, or enters the trade entry."""
        if self._range is None:
            self._ote = 0
            return
        low, middle, high = self._range
        zone = (close > middle) - (close < middle)
        if zone not in (0, self._zone):
            kind = EventKind.PREMIUM if zone > 0 else EventKind.DISCOUNT
            self._note(bar, kind, bar, zone, middle, low, high)
            self._zone = zone
        lower, upper = self._entry
        ote = self._leg if lower <= close <= upper else 0
        if ote not in (0, self._ote):
            self._note(bar, EventKind.OTE, bar, ote, (lower + upper) / 2, lower, upper)
        self._ote = ote

    def _measure(self) -> None:
        """Measure the dealing range after a swing was confirmed."""
        self._range = None
        if self._up.swing is None or self._down.swing is None:
            return
        top, top_bar = self._up.swing
        bottom, bottom_bar = -self._down.swing[0], self._down.swing[1]
        height = top - bottom
        if not height > 0:
            return
        self._range = (bottom, (top + bottom) / 2, top)
        self._leg = (top_bar > bottom_bar) - (top_bar < bottom_bar)
        if self._leg > 0:
            self._entry = (top - OTE_DEEP * height, top - OTE_SHALLOW * height)
        else:
            self._entry = (bottom + OTE_SHALLOW * height, bottom + OTE_DEEP * height)

    def _note(
        self,
        bar: int,
        kind: EventKind,
        event_bar: int,
        direction: int,
        level: float,
        lower: float,
        upper: float,
    ) -> None:
        self._events.append(
            StructureEvent(bar, kind, State.FORMED, event_bar, direction, level, lower, upper)
        )


def _turn_over(bar: int, side: Side, other: Side) -> None:
    """Turn violated blocks of one side into breakers or mitigation blocks of the other."""
    for block in side.violated:
        swept = side.swept_at >= block.known_at
        kind = EventKind.BREAKER if swept else EventKind.MITIGATION_BLOCK
        other.add_zone(Zone(kind, block.bar, bar, -block.upper, -block.lower))
    side.violated.clear()
