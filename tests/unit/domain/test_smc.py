"""Structure is reported when it could have been known, and never changes afterwards."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.domain.market.bars import Bars
from backend.domain.smc import (
    DayTurn,
    EventKind,
    SmcSettings,
    State,
    SwingRule,
    Tracker,
    detect,
    list_events,
    read_structure,
    structure_features,
)
from tests.kit.drawn_bars import START_US, bars_of


@st.composite
def walks(draw: st.DrawFn) -> Bars:
    seed = draw(st.integers(0, 10_000))
    n = draw(st.integers(0, 90))
    # Steps of hours and days reach into weeks and over a change of clocks.
    step_us = draw(st.sampled_from((900, 4 * 3_600, 86_400))) * 1_000_000
    dice = np.random.default_rng(seed)
    opened_us = START_US + step_us * dice.choice((1, 1, 1, 3), n).cumsum()
    close = 100 + dice.integers(-4, 5, n).cumsum() / 4
    opened = np.concatenate(([100.0], close[:-1]))[:n]
    # Steps on a grid make ties, which is where definitions go wrong.
    high = np.maximum(opened, close) + dice.integers(0, 3, n) / 4
    low = np.minimum(opened, close) - dice.integers(0, 3, n) / 4
    return bars_of(list(zip(opened, high, low, close, strict=True)), opened_us)


RULES = st.builds(
    SmcSettings,
    swing_bars=st.integers(1, 4),
    minor_bars=st.integers(1, 3),
    atr_bars=st.integers(2, 14),
    equal_atr=st.sampled_from((0.0, 0.1, 0.5)),
    reclaim_bars=st.integers(1, 4),
    displacement_atr=st.sampled_from((0.5, 1.0, 1.5)),
    displacement_body=st.sampled_from((0.0, 0.6)),
    day_turn=st.sampled_from(DayTurn),
    swing_rule=st.sampled_from(SwingRule),
)


@settings(max_examples=25, deadline=None)
@given(walks(), RULES)
def test_no_prefix_knows_less_or_other_than_the_whole(bars: Bars, rules: SmcSettings):
    whole = list_events(detect(bars, rules))
    for n in range(len(bars) + 1):
        before = [event for event in whole if event.known_at < n]
        assert list_events(detect(bars.prefix(n), rules)) == before


@settings(deadline=None)
@given(walks(), RULES)
def test_nothing_is_known_before_it_happened(bars: Bars, rules: SmcSettings):
    for event in list_events(detect(bars, rules)):
        assert event.event_bar <= event.known_at < len(bars)
        if event.kind is EventKind.INDUCEMENT:
            # It lies before the block, whose bounds it carries.
            assert event.level > event.upper if event.direction > 0 else event.level < event.lower
        else:
            assert event.lower <= event.level <= event.upper
        if event.kind is EventKind.SWING and event.state is State.FORMED:
            assert event.known_at == event.event_bar + rules.swing_bars
        if event.kind is EventKind.FVG and event.state is State.FORMED:
            assert event.known_at == event.event_bar + 1
            assert event.lower < event.upper


@settings(deadline=None)
@given(walks())
def test_features_stay_between_minus_one_and_one(bars: Bars):
    assert all(-1 <= value <= 1 for value in structure_features(bars).values())


@settings(deadline=None)
@given(walks(), RULES)
def test_a_tracker_tells_bar_by_bar_what_detection_finds_at_once(bars: Bars, rules: SmcSettings):
    tracker = Tracker(rules)
    columns = (bars.opened_us, bars.open, bars.high, bars.low, bars.close)
    told = [tracker.push_prices(*row) for row in zip(*(c.tolist() for c in columns), strict=True)]
    assert all(event.known_at == bar for bar, events in enumerate(told) for event in events)
    assert [event for events in told for event in events] == list_events(detect(bars, rules))


@settings(deadline=None)
@given(walks(), RULES.filter(lambda rules: rules.swing_rule is SwingRule.FRACTAL))
def test_upside_down_bars_give_upside_down_structure(bars: Bars, rules: SmcSettings):
    flipped = zip(200 - bars.open, 200 - bars.low, 200 - bars.high, 200 - bars.close, strict=True)
    mirror = bars_of(list(flipped), bars.opened_us)
    sides = {EventKind.PREMIUM: EventKind.DISCOUNT, EventKind.DISCOUNT: EventKind.PREMIUM}
    # The bounds of the trade entry are rounded, so that a close may lie on either side of one.
    there = [e for e in list_events(detect(bars, rules)) if e.kind is not EventKind.OTE]
    back = [e for e in list_events(detect(mirror, rules)) if e.kind is not EventKind.OTE]
    assert sorted((e.known_at, e.kind, e.state, e.event_bar, e.direction) for e in there) == sorted(
        (e.known_at, sides.get(e.kind, e.kind), e.state, e.event_bar, -e.direction) for e in back
    )


def test_without_bars_there_is_no_structure():
    assert list_events(detect(bars_of([]))) == []
    assert read_structure(bars_of([])).bias == 0
    assert Tracker().bars == 0


def test_settings_that_make_no_sense_are_refused():
    for wrong in ({"swing_bars": 0}, {"minor_bars": 0}, {"reclaim_bars": 0}, {"equal_atr": -0.1}):
        with pytest.raises(ValueError, match=r"at least one bar|negative"):
            SmcSettings(**wrong)


def test_a_tracker_does_no_more_work_after_a_long_history():
    dice = np.random.default_rng(7)
    close = 100 + dice.normal(0, 0.2, 6_300).cumsum()
    opened = np.concatenate(([100.0], close[:-1]))
    reach = dice.exponential(0.1, (2, 6_300))
    high, low = np.maximum(opened, close) + reach[0], np.minimum(opened, close) - reach[1]
    times = START_US + 900_000_000 * np.arange(6_300)
    rows = list(zip(*(c.tolist() for c in (times, opened, high, low, close)), strict=True))
    long, short = Tracker(), Tracker()
    for row in rows[:6_000]:
        long.push_prices(*row)
    for row in rows[5_700:6_000]:
        short.push_prices(*row)
    assert lines_run(long, rows[6_000:]) <= 1.05 * lines_run(short, rows[6_000:])


def lines_run(tracker: Tracker, rows: list[tuple[int, float, float, float, float]]) -> int:
    """Count lines of Python: work that no other program on the machine can disturb."""
    count = 0

    def trace(frame: object, event: str, argument: object) -> object:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        for row in rows:
            tracker.push_prices(*row)
    finally:
        sys.settrace(before)
    return count
