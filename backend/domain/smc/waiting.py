"""What a tracker's side is made of: peaks in a window, levels that wait, zones, periods."""

from __future__ import annotations

from collections import deque
from typing import TypeVar

from backend.domain.smc.events import EventKind

NEVER = float("inf")

Item = TypeVar("Item")


Swing = tuple[float, int]
"""Level and bar."""


class PeakWindow:
    """Finds swing highs n bars late, in constant time a bar, by a falling queue of maxima."""

    __slots__ = ("_n", "_queue")

    def __init__(self, n: int) -> None:
        self._n = n
        self._queue: deque[Swing] = deque()

    def push(self, bar: int, high: float) -> Swing | None:
        """Take a bar's high; return the swing that it confirms, if any."""
        queue = self._queue
        # Equal highs stay: of them the first counts.
        while queue and queue[-1][0] < high:
            queue.pop()
        queue.append((high, bar))
        middle = bar - self._n
        first = middle - self._n
        if queue[0][1] < first:
            queue.popleft()
        if first >= 0 and queue[0][1] == middle:
            return queue[0]
        return None


class Fractals:
    """Finds swings of both sides, each by itself."""

    __slots__ = ("_highs", "_lows")

    def __init__(self, n: int) -> None:
        self._highs, self._lows = PeakWindow(n), PeakWindow(n)

    def push(self, bar: int, high: float, low: float) -> tuple[Swing | None, Swing | None]:
        """Take a bar; return the swing high that it confirms, and the low, negated."""
        return self._highs.push(bar, high), self._lows.push(bar, -low)


class Legs:
    """Finds swings where the leg turns, so that highs and lows take turns."""

    __slots__ = ("_falling", "_highs", "_lows", "_n")

    def __init__(self, n: int) -> None:
        self._n = n
        self._highs: deque[Swing] = deque()
        self._lows: deque[Swing] = deque()
        self._falling = True

    def push(self, bar: int, high: float, low: float) -> tuple[Swing | None, Swing | None]:
        """Take a bar; return the swing high that it confirms, or the low, negated."""
        top = self._first_above_rest(self._highs, bar, high)
        bottom = self._first_above_rest(self._lows, bar, -low)
        if top is not None:
            turned = not self._falling
            self._falling = True
            return (top, None) if turned else (None, None)
        if bottom is not None and self._falling:
            self._falling = False
            return None, bottom
        return None, None

    def _first_above_rest(self, queue: deque[Swing], bar: int, high: float) -> Swing | None:
        while queue and queue[-1][0] <= high:
            queue.pop()
        queue.append((high, bar))
        first = bar - self._n
        if queue[0][1] < first:
            queue.popleft()
        return queue[0] if queue[0][1] == first else None


class Zone:
    """A zone that is expected to hold from above, in its side's coordinates."""

    __slots__ = ("bar", "kind", "known_at", "lower", "middle", "tapped", "upper")

    def __init__(
        self, kind: EventKind, bar: int, known_at: int, lower: float, upper: float
    ) -> None:
        self.kind = kind
        self.bar = bar
        self.known_at = known_at
        self.lower = lower
        self.upper = upper
        self.middle = (lower + upper) / 2
        self.tapped = False


class Pool:
    """A level above the market, in its side's coordinates."""

    __slots__ = ("bar", "deadline", "kind", "level")

    def __init__(self, kind: EventKind, bar: int, level: float) -> None:
        self.kind = kind
        self.bar = bar
        self.level = level
        self.deadline = -1


class Period:
    """The high of the running day or week, and the pool that the one before left."""

    __slots__ = ("_bar", "_begun", "_high", "_kind", "_pool", "_whole", "watched")

    def __init__(self, kind: EventKind) -> None:
        self._kind = kind
        self._begun: int | None = None
        self._whole = False
        self._high = -NEVER
        self._bar = -1
        self._pool: Pool | None = None
        self.watched = -NEVER
        """Nothing happens up to this level."""

    def turn(self, number: int) -> Pool | None:
        """Begin the period of that number, if it has not begun; return the last one's high."""
        if number == self._begun:
            return None
        # The first period may lack its beginning.
        self._pool = Pool(self._kind, self._bar, self._high) if self._whole else None
        self._whole = self._begun is not None
        self._begun, self._high, self.watched = number, -NEVER, -NEVER
        return self._pool

    def reach(self, bar: int, high: float) -> Pool | None:
        """Take a high into the period; return the pool if that takes it."""
        taken = self._pool if self._pool is not None and high > self._pool.level else None
        if taken is not None:
            self._pool = None
        if high > self._high:
            self._high, self._bar = high, bar
        self.watched = self._high if self._pool is None else min(self._high, self._pool.level)
        return taken


def insert_by_level(waiting: list[tuple[float, Item]], level: float, item: Item) -> None:
    """Insert where levels rise towards the end.

    New levels are near the market, and so near the end: what lies between has formed within the
    same leg. The walk therefore does not grow with the history.
    """
    at = len(waiting)
    while at and waiting[at - 1][0] > level:
        at -= 1
    waiting.insert(at, (level, item))
