"""One direction of a tracker. Everything here is seen as if up were the only way.

The other direction is a second side that is fed the mirror image (negated prices, highs and lows
exchanged). Levels that wait are kept in order, so that a bar looks at those that it reaches and
one more. Definitions stand at the vectorised detectors.
"""

from __future__ import annotations

from collections import deque

from backend.domain.smc.events import EventKind, SmcSettings, State, StructureEvent
from backend.domain.smc.waiting import NEVER, PeakWindow, Period, Pool, Swing, Zone, insert_by_level

_Candle = tuple[int, float, float]
"""Bar, low, high."""
_Waiting = list[tuple[float, Zone]]


class Side:
    """Pools above, breaks upward, bullish zones."""

    __slots__ = (
        "_block_bar",
        "_break_level",
        "_day",
        "_down_candle",
        "_equal_atr",
        "_events",
        "_lures",
        "_origin",
        "_origin_candle",
        "_origin_low",
        "_recent",
        "_reclaim_bars",
        "_resting",
        "_sign",
        "_taken",
        "_unfilled",
        "_unlured",
        "_unmitigated",
        "_untapped",
        "_valid",
        "_week",
        "forced_at",
        "minors",
        "swept_at",
        "swing",
        "violated",
    )

    def __init__(self, sign: int, settings: SmcSettings, events: list[StructureEvent]) -> None:
        self._sign = sign
        self._events = events
        self._equal_atr = settings.equal_atr
        self._reclaim_bars = settings.reclaim_bars
        self.minors = PeakWindow(settings.minor_bars)
        self._day = Period(EventKind.PREVIOUS_DAY)
        self._week = Period(EventKind.PREVIOUS_WEEK)
        # Pools that wait to be taken (by negated level), and those taken that may be reclaimed.
        self._resting: list[tuple[float, Pool]] = []
        self._taken: list[Pool] = []
        self.swept_at = -1
        self.swing: Swing | None = None
        """The latest confirmed swing high."""
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
        self._untapped: _Waiting = []
        self._unmitigated: _Waiting = []
        self._unfilled: _Waiting = []
        self._valid: _Waiting = []
        self.violated: list[Zone] = []
        # Blocks before their first minor low; and minor lows with the blocks behind them.
        self._unlured: list[Zone] = []
        self._lures: list[tuple[float, tuple[int, list[Zone]]]] = []

    def turn(self, bar: int, day: int, week: int) -> None:
        """Begin a new day, and a new week if it is one."""
        for period, number in ((self._day, day), (self._week, week)):
            pool = period.turn(number)
            if pool is not None:
                self._note(bar, pool.kind, State.FORMED, pool.bar, pool.level)

    def step(self, bar: int, open_: float, high: float, low: float, close: float) -> bool:
        """Judge the bar by what was known before it; say whether it breaks the swing."""
        self._step_pools(bar, high, close)
        if self._lures and self._lures[-1][0] > low:
            self._take_lures(bar, low)
        # The last stage first: a zone that moves on has had its bar.
        if self._valid and self._valid[-1][0] > close:
            self._move(bar, self._valid, 3, low, close)
        if self._unfilled and self._unfilled[-1][0] >= low:
            self._move(bar, self._unfilled, 2, low, close)
        if self._unmitigated and self._unmitigated[-1][0] >= low:
            self._move(bar, self._unmitigated, 1, low, close)
        if self._untapped and self._untapped[-1][0] >= low:
            self._move(bar, self._untapped, 0, low, close)
        if close < open_:
            self._down_candle = (bar, low, high)
        self._recent.append((bar, low, self._down_candle))
        if low <= self._origin_low:
            self._origin, self._origin_low = bar, low
            self._origin_candle = self._down_candle
        return close > self._break_level

    def break_up(self, bar: int) -> tuple[float, bool]:
        """Spend the swing, leave an order block; return the level and if it was displaced."""
        level, swing_bar = self.swing or (NEVER, -1)
        self._break_level = NEVER
        displaced = self.forced_at >= self._origin
        candle = self._origin_candle
        if displaced and candle is not None and swing_bar <= candle[0] != self._block_bar:
            self._block_bar = candle[0]
            block = Zone(EventKind.ORDER_BLOCK, candle[0], bar, candle[1], candle[2])
            self.add_zone(block)
            self._unlured.append(block)
        return level, displaced

    def add_zone(self, zone: Zone) -> None:
        """Announce a zone and let it wait."""
        self._note_zone(zone.known_at, zone, State.FORMED)
        insert_by_level(self._untapped, zone.upper, zone)

    def confirm(self, bar: int, found: Swing, atr: float) -> None:
        """Take up a swing that this bar confirmed."""
        level, swing_bar = found
        self._note(bar, EventKind.SWING, State.FORMED, swing_bar, level)
        self._rest(Pool(EventKind.SWING, swing_bar, level))
        if self.swing is not None:
            before = self.swing[0]
            if abs(level - before) <= self._equal_atr * atr:
                equal = Pool(EventKind.EQUAL, swing_bar, max(level, before))
                self._note(bar, EventKind.EQUAL, State.FORMED, swing_bar, equal.level)
                self._rest(equal)
        self.swing = found
        self._break_level = level
        self._origin_low = NEVER
        # As many bars as the swing waited, once a swing: a constant share of each bar.
        for at, low, candle in self._recent:
            if low <= self._origin_low:
                self._origin, self._origin_low, self._origin_candle = at, low, candle

    def lure(self, minor_bar: int, level: float) -> None:
        """Let a minor low stand before the untapped blocks that were known when it formed."""
        ready = [zone for zone in self._unlured if zone.known_at < minor_bar]
        if not ready:
            return
        self._unlured = [zone for zone in self._unlured if zone.known_at >= minor_bar]
        blocks = [zone for zone in ready if not zone.tapped]
        if blocks:
            insert_by_level(self._lures, level, (minor_bar, blocks))

    def _step_pools(self, bar: int, high: float, close: float) -> None:
        if high > self._day.watched or high > self._week.watched:
            for period in (self._day, self._week):
                pool = period.reach(bar, high)
                if pool is not None:
                    self._take(bar, pool)
        resting = self._resting
        while resting and high > -resting[-1][0]:
            self._take(bar, resting.pop()[1])
        if self._taken:
            self._taken = [pool for pool in self._taken if self._still_out(bar, pool, close)]

    def _take(self, bar: int, pool: Pool) -> None:
        pool.deadline = bar + self._reclaim_bars - 1
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

    def _take_lures(self, bar: int, low: float) -> None:
        lures = self._lures
        while lures and lures[-1][0] > low:
            level, (minor, blocks) = lures.pop()
            for zone in blocks:
                self._note_bounds(
                    bar, EventKind.INDUCEMENT, State.FORMED, minor, level, zone.lower, zone.upper
                )

    def _move(self, bar: int, waiting: _Waiting, stage: int, low: float, close: float) -> None:
        """Move on the zones whose next stage the bar reached."""
        reached = close if stage == 3 else low
        while waiting:
            level = waiting[-1][0]
            # A zone is closed through below its edge, every other stage is reached at it.
            if level < reached or (stage == 3 and level == reached):
                return
            self._advance(bar, waiting.pop()[1], stage, low, close)

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
