"""One direction of a tracker. Everything here is seen as if up were the only way.

The other direction is a second side that is fed the mirror image (negated prices, highs and lows
exchanged). Levels that wait are kept in order, so that a bar looks at those that it reaches and
one more. Definitions stand at the vectorised detectors.
"""

from __future__ import annotations

from collections import deque

from backend.domain.smc.events import EventKind, SmcSettings, State, StructureEvent
from backend.domain.smc.waiting import NEVER, PeakWindow, Period, Pool, Zone, insert_by_level

_Candle = tuple[int, float, float]
"""Bar, low, high."""


class Side:
    """Pools above, breaks upward, bullish zones."""

    def __init__(self, sign: int, settings: SmcSettings, events: list[StructureEvent]) -> None:
        self._sign = sign
        self._settings = settings
        self._events = events
        self._swings = PeakWindow(settings.swing_bars)
        self._minors = PeakWindow(settings.minor_bars)
        self._periods = (Period(EventKind.PREVIOUS_DAY), Period(EventKind.PREVIOUS_WEEK))
        # Pools that wait to be taken (by negated level), and those taken that may be reclaimed.
        self._resting: list[tuple[float, Pool]] = []
        self._taken: list[Pool] = []
        self.swept_at = -1
        self.swing: tuple[float, int] | None = None
        """The latest confirmed swing high: level and bar."""
        self._break_level = NEVER
        self._origin = -1
        self._origin_low = NEVER
        self._origin_candle: _Candle | None = None
        self._down_candle: _Candle | None = None
        self._recent: deque[tuple[int, float, _Candle | None]] = deque(
            maxlen=settings.swing_bars + 1
        )
        self.forced_at = -1
        """The last displacement upward."""
        self._block_bar = -1
        # Zones that wait to be tapped, mitigated, filled, and closed through.
        self._untapped: list[tuple[float, Zone]] = []
        self._unmitigated: list[tuple[float, Zone]] = []
        self._unfilled: list[tuple[float, Zone]] = []
        self._valid: list[tuple[float, Zone]] = []
        self.violated: list[Zone] = []
        # Blocks before their first minor low; and minor lows with the blocks behind them.
        self._unlured: list[Zone] = []
        self._lures: list[tuple[float, tuple[int, list[Zone]]]] = []
        self._before = (0.0, 0.0, 0.0, 0.0)
        self._high_before = NEVER

    def step_pools(self, bar: int, day: int, week: int, high: float, close: float) -> None:
        """Turn day and week, take pools, reclaim or run those taken."""
        day_period, week_period = self._periods
        for period, number in ((day_period, day), (week_period, week)):
            turned = period.push(number, bar, high)
            if turned is not None:
                self._note(bar, turned.kind, State.FORMED, turned.bar, turned.level)
            pool = period.pool
            if pool is not None and high > pool.level:
                period.pool = None
                self._take(bar, pool)
        resting = self._resting
        while resting and high > -resting[-1][0]:
            self._take(bar, resting.pop()[1])
        if self._taken:
            self._taken = [pool for pool in self._taken if self._still_out(bar, pool, close)]

    def _take(self, bar: int, pool: Pool) -> None:
        pool.deadline = bar + self._settings.reclaim_bars - 1
        self._taken.append(pool)

    def _still_out(self, bar: int, pool: Pool, close: float) -> bool:
        if close <= pool.level:
            self._note(bar, pool.kind, State.SWEPT, pool.bar, pool.level)
            self.swept_at = bar
            return False
        if bar == pool.deadline:
            self._note(bar, pool.kind, State.RUN, pool.bar, pool.level)
            return False
        return True

    def step_zones(self, bar: int, low: float, close: float) -> None:
        """Move zones on that the bar reached, and take minor lows on the way to a block."""
        lures = self._lures
        while lures and lures[-1][0] > low:
            level, (minor, blocks) = lures.pop()
            for zone in blocks:
                self._note_bounds(
                    bar, EventKind.INDUCEMENT, State.FORMED, minor, level, zone.lower, zone.upper
                )
        waiting = self._valid
        while waiting and waiting[-1][0] > close:
            self._advance(bar, waiting.pop()[1], 3, low, close)
        waiting = self._unfilled
        while waiting and waiting[-1][0] >= low:
            self._advance(bar, waiting.pop()[1], 2, low, close)
        waiting = self._unmitigated
        while waiting and waiting[-1][0] >= low:
            self._advance(bar, waiting.pop()[1], 1, low, close)
        waiting = self._untapped
        while waiting and waiting[-1][0] >= low:
            self._advance(bar, waiting.pop()[1], 0, low, close)

    def _advance(self, bar: int, zone: Zone, stage: int, low: float, close: float) -> None:
        """Note the stage that a zone reached and those after it that the bar reached too."""
        if stage == 0:
            zone.tapped = True
            self._note_zone(bar, zone, State.TAPPED)
            if low > zone.middle:
                insert_by_level(self._unmitigated, zone.middle, zone)
                return
        if stage <= 1:
            self._note_zone(bar, zone, State.MITIGATED)
            if low > zone.lower:
                insert_by_level(self._unfilled, zone.lower, zone)
                return
        if stage <= 2:
            self._note_zone(bar, zone, State.FILLED)
            if close >= zone.lower:
                insert_by_level(self._valid, zone.lower, zone)
                return
        self._note_zone(bar, zone, State.INVALIDATED)
        if zone.kind is EventKind.ORDER_BLOCK:
            self.violated.append(zone)

    def add_zone(self, zone: Zone) -> None:
        """Announce a zone and let it wait."""
        self._note_zone(zone.known_at, zone, State.FORMED)
        insert_by_level(self._untapped, zone.upper, zone)

    def step_leg(self, bar: int, open_: float, high: float, low: float, close: float) -> bool:
        """Follow the leg since the latest swing; say whether this bar's close breaks it."""
        if close < open_:
            self._down_candle = (bar, low, high)
        self._recent.append((bar, low, self._down_candle))
        if low <= self._origin_low:
            self._origin, self._origin_low = bar, low
            self._origin_candle = self._down_candle
        return close > self._break_level

    def break_up(self, bar: int) -> tuple[float, bool]:
        """Spend the swing, leave an order block; return the level and if it was displaced."""
        assert self.swing is not None
        level, swing_bar = self.swing
        self._break_level = NEVER
        displaced = self.forced_at >= self._origin
        candle = self._origin_candle
        if displaced and candle is not None and swing_bar <= candle[0] != self._block_bar:
            self._block_bar = candle[0]
            block = Zone(EventKind.ORDER_BLOCK, candle[0], bar, candle[1], candle[2])
            self.add_zone(block)
            self._unlured.append(block)
        return level, displaced

    def step_gap(self, bar: int, open_: float, high: float, low: float, close: float) -> None:
        """See whether this bar and the one before the last leave a gap between them."""
        open_before, high_before, _, close_before = self._before
        if self._high_before < low and close_before > open_before:
            self.add_zone(Zone(EventKind.FVG, bar - 1, bar, self._high_before, low))
        self._high_before = high_before if bar > 0 else NEVER
        self._before = (open_, high, low, close)

    def confirm(self, bar: int, high: float, atr: float) -> bool:
        """Take the bar into the swing's window; say whether it confirmed a swing."""
        found = self._swings.push(bar, high)
        if found is None:
            return False
        level, swing_bar = found
        self._note(bar, EventKind.SWING, State.FORMED, swing_bar, level)
        self._rest(Pool(EventKind.SWING, swing_bar, level))
        if self.swing is not None:
            before = self.swing[0]
            if abs(level - before) <= self._settings.equal_atr * atr:
                equal = Pool(EventKind.EQUAL, swing_bar, max(level, before))
                self._note(bar, EventKind.EQUAL, State.FORMED, swing_bar, equal.level)
                self._rest(equal)
        self.swing = found
        self._break_level = level
        self._origin_low = NEVER
        for at, low, candle in self._recent:
            if low <= self._origin_low:
                self._origin, self._origin_low, self._origin_candle = at, low, candle
        return True

    def confirm_minor(self, bar: int, high: float) -> tuple[float, int] | None:
        """Take the bar into the minor swing's window; return the minor high it confirmed."""
        return self._minors.push(bar, high)

    def lure(self, minor_bar: int, level: float) -> None:
        """Let a minor low stand before the untapped blocks that were known when it formed."""
        if not self._unlured:
            return
        ready = [zone for zone in self._unlured if zone.known_at < minor_bar]
        if not ready:
            return
        self._unlured = [zone for zone in self._unlured if zone.known_at >= minor_bar]
        blocks = [zone for zone in ready if not zone.tapped]
        if blocks:
            insert_by_level(self._lures, level, (minor_bar, blocks))

    def _rest(self, pool: Pool) -> None:
        insert_by_level(self._resting, -pool.level, pool)

    def _note_zone(self, bar: int, zone: Zone, state: State) -> None:
        self._note_bounds(bar, zone.kind, state, zone.bar, zone.middle, zone.lower, zone.upper)

    def _note(self, bar: int, kind: EventKind, state: State, event_bar: int, level: float) -> None:
        level *= self._sign
        self._events.append(
            StructureEvent(bar, kind, state, event_bar, self._sign, level, level, level)
        )

    def _note_bounds(
        self,
        bar: int,
        kind: EventKind,
        state: State,
        event_bar: int,
        level: float,
        lower: float,
        upper: float,
    ) -> None:
        if self._sign < 0:
            level, lower, upper = -level, -upper, -lower
        self._events.append(
            StructureEvent(bar, kind, state, event_bar, self._sign, level, lower, upper)
        )
