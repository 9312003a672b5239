"""Structure is reported when it could have been known, and never changes afterwards."""

from __future__ import annotations

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
    detect,
    list_events,
    read_structure,
    structure_features,
)


def bars_of(rows: list[tuple[float, float, float, float]]) -> Bars:
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    opened = np.arange(len(rows), dtype=np.int64) * 900_000_000
    columns = [np.ascontiguousarray(table[:, i]) for i in range(4)]
    return Bars("EURUSD", "M15", opened, *columns, np.ones(len(rows)))


def flat(*closes: float) -> Bars:
    """Make bars that open where the last closed, with a tenth above and below."""
    rows: list[tuple[float, float, float, float]] = []
    before = closes[0]
    for close in closes:
        rows.append((before, max(before, close) + 0.1, min(before, close) - 0.1, close))
        before = close
    return bars_of(rows)


@st.composite
def walks(draw: st.DrawFn) -> Bars:
    seed = draw(st.integers(0, 10_000))
    n = draw(st.integers(0, 90))
    dice = np.random.default_rng(seed)
    close = 100 + dice.integers(-4, 5, n).cumsum() / 4
    opened = np.concatenate(([100.0], close[:-1]))[:n]
    # Steps on a grid make ties, which is where definitions go wrong.
    high = np.maximum(opened, close) + dice.integers(0, 3, n) / 4
    low = np.minimum(opened, close) - dice.integers(0, 3, n) / 4
    return bars_of(list(zip(opened, high, low, close, strict=True)))


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
)


@settings(max_examples=40, deadline=None)
@given(walks(), RULES)
def test_no_prefix_knows_less_or_other_than_the_whole(bars: Bars, rules: SmcSettings):
    whole = list_events(detect(bars, rules))
    for n in range(len(bars) + 1):
        before = [event for event in whole if event.known_at < n]
        assert list_events(detect(bars.prefix(n), rules)) == before


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


@given(walks())
def test_features_stay_between_minus_one_and_one(bars: Bars):
    assert all(-1 <= value <= 1 for value in structure_features(bars).values())


@given(walks(), RULES)
def test_upside_down_bars_give_upside_down_structure(bars: Bars, rules: SmcSettings):
    mirror = bars_of(
        list(zip(200 - bars.open, 200 - bars.low, 200 - bars.high, 200 - bars.close, strict=True))
    )
    sides = {EventKind.PREMIUM: EventKind.DISCOUNT, EventKind.DISCOUNT: EventKind.PREMIUM}
    # The bounds of the trade entry are rounded, so that a close may lie on either side of one.
    there = [e for e in list_events(detect(bars, rules)) if e.kind is not EventKind.OTE]
    back = [e for e in list_events(detect(mirror, rules)) if e.kind is not EventKind.OTE]
    assert sorted((e.known_at, e.kind, e.state, e.event_bar, e.direction) for e in there) == sorted(
        (e.known_at, sides.get(e.kind, e.kind), e.state, e.event_bar, -e.direction) for e in back
    )


def test_a_close_beyond_a_swing_is_a_break_and_against_the_bias_a_change():
    bars = flat(10, 11, 12, 11, 10, 9, 10, 11, 12, 13, 12, 11, 10, 9, 8, 7)
    breaks = [
        (event.kind, event.direction)
        for event in list_events(detect(bars, SmcSettings(2)))
        if event.kind in (EventKind.BOS, EventKind.CHOCH)
    ]
    assert breaks == [(EventKind.BOS, 1), (EventKind.CHOCH, -1)]


def test_a_wick_that_closes_back_inside_is_a_sweep_not_a_break():
    rows = [
        (10, 10.1, 9.9, 10),
        (10, 12, 10, 11),
        (11, 11.2, 10, 10),
        (10, 10.2, 9.9, 10),
        (10, 12.5, 10, 10.5),
    ]
    events = list_events(detect(bars_of(rows), SmcSettings(1)))
    sweeps = [event for event in events if event.state is State.SWEPT and event.level == 12]
    assert [(event.known_at, event.direction) for event in sweeps] == [(4, 1)]
    assert not any(event.kind is EventKind.BOS for event in events)


def test_a_gap_lies_between_the_first_and_the_third_candle():
    rows = [(10, 10.5, 9.5, 10.2), (10.2, 12, 10.1, 11.8), (11.8, 12.5, 11, 12)]
    events = list_events(detect(bars_of(rows)))
    gaps = [event for event in events if event.kind is EventKind.FVG]
    assert [(gap.event_bar, gap.lower, gap.upper, gap.direction) for gap in gaps] == [
        (1, 10.5, 11, 1)
    ]


def test_without_bars_there_is_no_structure():
    assert list_events(detect(bars_of([]))) == []
    assert read_structure(bars_of([])).bias == 0
    with pytest.raises(ValueError, match="one bar on each side"):
        detect(flat(1, 2, 3), SmcSettings(0))
