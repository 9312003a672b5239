"""The market that execution is measured in: recorded quotes second by second, else generated.

Foreign exchange has no public trades, so what others trade is taken from how often quotes
change; the report says so. A tape is read once and shared by every section of the bench.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from backend.domain.sessions import Calendar, Session, is_open, session_of

LOTS_PER_QUOTE = 0.5
"""What others trade per change of a quote. A scale: it moves every algorithm alike."""
_TICK_FILES = ("eurusd_oanda_tick_201405.csv.gz",)
_GENERATED_FROM = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
_SEED = 20260302
_TICK = 1e-5
_SECONDS_A_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Tape:
    """One symbol's market on a grid of seconds; all arrays have one entry per second."""

    source: str
    recorded: bool
    symbol: str
    tick: float
    started_at: datetime
    seconds: np.ndarray
    """Epoch seconds; there are gaps where the market was closed."""
    bid: np.ndarray
    ask: np.ndarray
    traded: np.ndarray
    """Lots that others traded in that second."""

    @property
    def mid(self) -> np.ndarray:
        """Return the middle of each second's quote."""
        return (self.bid + self.ask) / 2

    def mid_at(self, index: int) -> float:
        """Return the middle of one second's quote."""
        return float(self.bid[index] + self.ask[index]) / 2

    @property
    def days(self) -> float:
        """Return how many days of open market there are."""
        return len(self.seconds) / _SECONDS_A_DAY

    def session_at(self, index: int) -> Session:
        """Return the trading session of one second."""
        return session_of(datetime.fromtimestamp(int(self.seconds[index]), UTC))

    def windows(self, length_s: int, count: int, seed: int, first: int = 0) -> list[int]:
        """Return about `count` starts of unbroken windows, spread over the tape, in order of time.

        first: no window starts earlier.
        """
        last = len(self.seconds) - length_s - 1
        dice = np.random.default_rng([seed, length_s])
        edges = np.linspace(first, last, count + 1)
        starts: list[int] = []
        for low, high in pairwise(edges):
            for _ in range(20):
                start = int(dice.uniform(low, high))
                if self.seconds[start + length_s] - self.seconds[start] == length_s:
                    starts.append(start)
                    break
        return starts


def tape_for(folder: Path | None) -> Tape:
    """Return recorded ticks where the folder has a file of them, else a generated tape."""
    path = next(_found(folder), None) if folder is not None else None
    return _generated(10) if path is None else _recorded(path, folder)


def _found(folder: Path) -> Iterator[Path]:
    for name in _TICK_FILES:
        yield from sorted(folder.rglob(name))


def _recorded(path: Path, folder: Path | None) -> Tape:
    frame = pd.read_csv(path, parse_dates=["t"])
    stamps = frame["t"].dt.tz_localize("UTC").astype("datetime64[ns, UTC]")
    second = (stamps.astype("int64") // 1_000_000_000).to_numpy()
    grid = np.arange(second[0], second[-1] + 1)
    last = np.searchsorted(second, grid, side="right") - 1
    quotes = np.bincount(second - second[0], minlength=len(grid))
    bid, ask = frame["bid"].to_numpy()[last], frame["ask"].to_numpy()[last]
    # A quote that is minutes old is a closed market.
    open_hours = grid - second[last] < 120
    name = str(path.relative_to(folder)) if folder is not None else path.name
    return Tape(
        source=f"{name}; changes of quotes stand for volume ({LOTS_PER_QUOTE} lots each)",
        recorded=True,
        symbol="EURUSD",
        tick=_TICK,
        started_at=datetime.fromtimestamp(int(grid[0]), UTC),
        seconds=grid[open_hours],
        bid=bid[open_hours],
        ask=ask[open_hours],
        traded=(quotes * LOTS_PER_QUOTE)[open_hours].astype(float),
    )


def _generated(days: int) -> Tape:
    """Make a random walk with sessions' volume, clustered volatility and a spread that follows."""
    dice = np.random.default_rng(_SEED)
    start = int(_GENERATED_FROM.timestamp())
    seconds = np.arange(start, start + days * _SECONDS_A_DAY)
    hours = seconds[::3600]
    opens = np.array(
        [is_open(datetime.fromtimestamp(int(s), UTC), Calendar.WEEKDAYS) for s in hours]
    )
    busy = np.array([_ACTIVITY[session_of(datetime.fromtimestamp(int(s), UTC))] for s in hours])
    keep, level = np.repeat(opens, 3600), np.repeat(busy, 3600)
    minutes = len(seconds) // 60
    noise = np.empty(minutes)
    held = 0.0
    for i, shock in enumerate(dice.standard_normal(minutes)):
        held = 0.97 * held + 0.15 * shock
        noise[i] = held
    activity = level * np.repeat(np.exp(noise), 60)
    sigma = 0.006 / math.sqrt(_SECONDS_A_DAY) * np.sqrt(activity)
    mid = 1.10 * np.exp(np.cumsum(sigma * dice.standard_normal(len(seconds))))
    spread = np.round(
        np.clip(9 + 3 * dice.standard_normal(len(seconds)) / np.sqrt(activity), 3, 40)
    )
    bid = np.round(mid / _TICK - spread / 2) * _TICK
    return Tape(
        source=f"generated EURUSD seconds, seed {_SEED}: no recorded ticks",
        recorded=False,
        symbol="EURUSD",
        tick=_TICK,
        started_at=_GENERATED_FROM,
        seconds=seconds[keep],
        bid=bid[keep],
        ask=(bid + spread * _TICK)[keep],
        traded=(dice.poisson(0.6 * activity) * LOTS_PER_QUOTE)[keep].astype(float),
    )


_ACTIVITY = {
    Session.OVERLAP: 1.8,
    Session.LONDON: 1.3,
    Session.NEW_YORK: 1.1,
    Session.ASIA: 0.6,
    Session.OFF: 0.3,
}
