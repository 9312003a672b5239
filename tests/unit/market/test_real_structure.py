"""Structure of recorded bars, beside other programs' reading of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.domain.market.bars import Bars
from backend.domain.smc import SmcSettings, SwingRule, Tracker, detect, list_events
from research.bench.smc_agreement import compare_gaps
from research.bench.smc_bars import sound_bars
from research.bench.smc_reference import Reference


@pytest.fixture(scope="module")
def bars(market_data: Path) -> Bars:
    rows = list(sound_bars(market_data / "smc_tests" / "EURUSD_15M.csv.gz"))
    return Bars.from_rows("EURUSD", "M15", rows)


def test_gaps_and_their_first_touch_are_the_packages(bars: Bars, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SMC_CREDIT", "0")
    package = pytest.importorskip("smartmoneyconcepts").smc
    reference = Reference(package, bars, 5)
    reference.run("gaps")
    counts = compare_gaps(detect(bars).gaps, reference.found["gaps"])
    assert counts["ours"] > 1_000
    assert counts["identical"]


@pytest.mark.parametrize("rule", SwingRule)
def test_a_tracker_reads_a_year_as_detection_does(bars: Bars, rule: SwingRule):
    settings = SmcSettings(5, swing_rule=rule)
    tracker = Tracker(settings)
    columns = (bars.opened_us, bars.open, bars.high, bars.low, bars.close)
    told = [
        event
        for row in zip(*(column.tolist() for column in columns), strict=True)
        for event in tracker.push_prices(*row)
    ]
    assert told == list_events(detect(bars, settings))


@pytest.mark.parametrize("size", [3, 5, 50])
def test_breaks_by_legs_are_those_of_the_public_luxalgo_rule(bars: Bars, size: int):
    breaks = detect(bars, SmcSettings(size, swing_rule=SwingRule.LEG)).breaks
    columns = (breaks.known_at, breaks.direction, breaks.change)
    ours = set(zip(*(column.tolist() for column in columns), strict=True))
    theirs = set(luxalgo_breaks(bars, size))
    # It replaces a pivot before it looks for a break on the same bar; we look first.
    assert len(ours ^ theirs) <= 0.02 * len(theirs)


def luxalgo_breaks(bars: Bars, size: int) -> list[tuple[int, int, bool]]:
    """Return bar, direction and whether it is a change, as the indicator's public ports do."""
    high, low, close = bars.high.tolist(), bars.low.tolist(), bars.close.tolist()
    falling, bias = True, 0
    pivots: dict[int, float | None] = {1: None, -1: None}
    found: list[tuple[int, int, bool]] = []
    for t in range(size, len(close)):
        after = slice(t - size + 1, t + 1)
        if high[t - size] > max(high[after]):
            if not falling:
                pivots[1] = high[t - size]
            falling = True
        elif low[t - size] < min(low[after]):
            if falling:
                pivots[-1] = low[t - size]
            falling = False
        for direction, level in pivots.items():
            if level is not None and (close[t] - level) * direction > 0:
                found.append((t, direction, bias == -direction))
                pivots[direction], bias = None, direction
    return found
