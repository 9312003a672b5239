"""`desk bench smc`: our vectorised detectors beside the smartmoneyconcepts package.

Both read the same bars in one run, structure by structure, in turns: theirs once (a run takes
the better part of a minute), ours several times, the median of which counts. Compared are the
structures that both have; what only we have is timed as `detect_s` in one go with the rest.
Then a tracker is timed at the end of a short and of a long history.
"""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.domain.market.bars import Bars
from backend.domain.smc import DayTurn, SmcSettings, Tracker, detect
from research.bench.smc_agreement import agreement
from research.bench.smc_bars import bars_for
from research.bench.smc_ours import Ours, run_ours
from research.bench.smc_reference import STRUCTURES, Reference, load_package

Progress = Callable[[int, int, str], None]
"""Steps done, steps in all, what comes next."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much: the defaults are what the desk is judged by."""

    bars: int = 100_000
    rounds: int = 7
    short_history: int = 1_000
    window: int = 200
    windows: int = 25
    repeats: int = 5
    swing_bars: int = 5


QUICK = Sizes(bars=10_000, rounds=3, windows=10, repeats=3)


def run_smc_bench(folder: Path | None, sizes: Sizes, progress: Progress) -> dict[str, Any]:
    """Measure and compare; return the figures. Raises DeskError without the package."""
    steps = len(STRUCTURES) + 3
    progress(0, steps, "bars")
    package = load_package()
    source, everything = bars_for(folder, sizes.bars + sizes.window * sizes.windows)
    bars = everything.prefix(sizes.bars)
    settings = SmcSettings(swing_bars=sizes.swing_bars, day_turn=DayTurn.UTC)
    reference = Reference(package, bars, sizes.swing_bars)
    ours_s: dict[str, list[float]] = {name: [] for name in STRUCTURES}
    reference_s: dict[str, float] = {}
    detect_s: list[float] = []
    ours = _rounds(bars, settings, sizes.rounds, ours_s, detect_s)
    for step, name in enumerate(STRUCTURES, 1):
        progress(step, steps, f"the package's {name}")
        reference_s[name] = _seconds(lambda name=name: reference.run(name))
        # Ours again after each of theirs: what else the machine does meets both.
        ours = _rounds(bars, settings, 1, ours_s, detect_s)
    progress(steps - 2, steps, "trackers")
    costs = _tracker_costs(everything, settings, sizes)
    progress(steps - 1, steps, "differences")
    medians = {name: statistics.median(times) for name, times in ours_s.items()}
    report = {
        "bars": len(bars),
        "source": source,
        "swing_bars": sizes.swing_bars,
        "ours_s": round(sum(medians.values()), 6),
        "reference_s": round(sum(reference_s.values()), 3),
        "speedup": round(sum(reference_s.values()) / sum(medians.values()), 1),
        "structures": {
            name: {
                "ours_s": round(medians[name], 6),
                "reference_s": round(reference_s[name], 4),
                "speedup": round(reference_s[name] / medians[name], 1),
            }
            for name in STRUCTURES
        },
        "detect_s": round(statistics.median(detect_s), 6),
        **costs,
        "agreement": agreement(ours, reference.found),
    }
    progress(steps, steps, "done")
    return report


def _rounds(
    bars: Bars,
    settings: SmcSettings,
    rounds: int,
    times: dict[str, list[float]],
    detect_s: list[float],
) -> Ours:
    while True:
        ours = run_ours(bars, settings)
        for name, seconds in ours.seconds.items():
            times[name].append(seconds)
        detect_s.append(_seconds(lambda: detect(bars, settings)))
        rounds -= 1
        if rounds <= 0:
            return ours


def _tracker_costs(bars: Bars, settings: SmcSettings, sizes: Sizes) -> dict[str, Any]:
    """Time the same bars at the end of both histories, in turns."""
    rows = list(
        zip(
            *(
                column.tolist()
                for column in (bars.opened_us, bars.open, bars.high, bars.low, bars.close)
            ),
            strict=True,
        )
    )
    long, short = Tracker(settings), Tracker(settings)
    for row in rows[: sizes.bars]:
        long.push_prices(*row)
    for row in rows[sizes.bars - sizes.short_history : sizes.bars]:
        short.push_prices(*row)
    costs: dict[str, list[float]] = {"short": [], "long": []}
    for number in range(sizes.windows):
        start = sizes.bars + number * sizes.window
        window = rows[start : start + sizes.window]
        best = {"short": math.inf, "long": math.inf}
        # The same work on copies, so that the least of several is free of what else runs here.
        for _ in range(sizes.repeats):
            for name, tracker in (("short", short), ("long", long)):
                copied = deepcopy(tracker)
                seconds = _seconds(lambda t=copied, w=window: _push(t, w))
                best[name] = min(best[name], seconds / len(window))
        for name, tracker in (("short", short), ("long", long)):
            costs[name].append(best[name])
            _push(tracker, window)
    ratios = [long / short for short, long in zip(costs["short"], costs["long"], strict=True)]
    return {
        "tracker_us_per_bar_short_history": round(statistics.median(costs["short"]) * 1e6, 2),
        "tracker_us_per_bar_long_history": round(statistics.median(costs["long"]) * 1e6, 2),
        "tracker_history_short": sizes.short_history,
        "tracker_history_long": sizes.bars,
        "tracker_cost_ratio": round(statistics.median(ratios), 3),
    }


def _push(tracker: Tracker, rows: list[tuple[int, float, float, float, float]]) -> None:
    for row in rows:
        tracker.push_prices(*row)


def _seconds(work: Callable[[], object]) -> float:
    # As timeit does: the collector's turn would fall on whoever happens to run.
    gc.collect()
    gc.disable()
    try:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start
    finally:
        gc.enable()
