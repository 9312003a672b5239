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
)
from backend.domain.smc.side import Side
from backend.domain.smc.swings import OTE_DEEP, OTE_SHALLOW
from backend.domain.smc.waiting import Zone

_NAN = float("nan")


class Tracker:
    """Takes finished bars in order and tells what each made known."""

    def __init__(self, settings: SmcSettings = DEFAULT_SETTINGS) -> None:
        self._settings = settings
        self._bar = -1
        self._events: list[StructureEvent] = []
        self._up = Side(1, settings, self._events)
        self._down = Side(-1, settings, self._events)
        self._bias = 0
        self._change: tuple[int, float] | None = None
        # True ranges summed from the first bar, and the last of those sums.
        self._sum = 0.0
        self._sums: deque[float] = deque(maxlen=settings.atr_bars)
        self._atr = _NAN
        self._close = 0.0
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
        self._displacement(bar, open_, high, low, close)
        self._true_range(bar, high, low, close)
        day = trading_day(opened_us, self._settings.day_turn)
        week = (day + 3) // 7
        up.step_pools(bar, day, week, high, close)
        down.step_pools(bar, day, week, -low, -close)
        up.step_zones(bar, low, close)
        down.step_zones(bar, -high, -close)
        if up.violated:
            _turn(bar, up, down)
        if down.violated:
            _turn(bar, down, up)
        if up.step_leg(bar, open_, high, low, close):
            self._break(bar, up, 1)
        if down.step_leg(bar, -open_, -low, -high, -close):
            self._break(bar, down, -1)
        self._place(bar, close)
        up.step_gap(bar, open_, high, low, close)
        down.step_gap(bar, -open_, -low, -high, -close)
        confirmed = up.confirm(bar, high, self._atr)
        if down.confirm(bar, -low, self._atr) or confirmed:
            self._measure()
        minor = up.confirm_minor(bar, high)
        if minor is not None:
            down.lure(minor[1], -minor[0])
        minor = down.confirm_minor(bar, -low)
        if minor is not None:
            up.lure(minor[1], -minor[0])
        self._close = close
        events = sorted(self._events)
        self._events.clear()
        return events

    def _displacement(self, bar: int, open_: float, high: float, low: float, close: float) -> None:
        body = close - open_
        size = abs(body)
        rules = self._settings
        if (
            size > 0
            and size >= rules.displacement_atr * self._atr
            and size >= rules.displacement_body * (high - low)
        ):
            side, direction = (self._up, 1) if body > 0 else (self._down, -1)
            side.forced_at = bar
            self._note(bar, EventKind.DISPLACEMENT, bar, direction, close, close, close)

    def _true_range(self, bar: int, high: float, low: float, close: float) -> None:
        sums, n = self._sums, self._settings.atr_bars
        if bar == 0:
            self._sum = high - low
        else:
            self._sum += max(high, self._close) - min(low, self._close)
        if bar == n - 1:
            self._atr = self._sum / n
        elif bar >= n:
            self._atr = (self._sum - sums[0]) / n
        sums.append(self._sum)

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


def _turn(bar: int, side: Side, other: Side) -> None:
    """Turn violated blocks of one side into breakers or mitigation blocks of the other."""
    for block in side.violated:
        swept = side.swept_at >= block.known_at
        kind = EventKind.BREAKER if swept else EventKind.MITIGATION_BLOCK
        other.add_zone(Zone(kind, block.bar, bar, -block.upper, -block.lower))
    side.violated.clear()
