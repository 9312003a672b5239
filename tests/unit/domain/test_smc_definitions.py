"""Each definition on bars drawn by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from backend.domain.market.bars import Bars, to_us
from backend.domain.smc import (
    DayTurn,
    EventKind,
    SmcSettings,
    State,
    StructureEvent,
    SwingRule,
    detect,
    list_events,
)
from backend.domain.smc.days import trading_day, trading_days
from tests.kit.drawn_bars import START_US, bars_of, steps

QUICK = SmcSettings(swing_bars=1, atr_bars=2, reclaim_bars=1)
RALLY = [
    (10.0, 10.2, 9.8, 10.1),
    (10.1, 11.0, 10.0, 10.8),
    (10.8, 10.9, 10.3, 10.4),
    (10.4, 10.5, 9.9, 10.0),
    (10.0, 11.6, 9.95, 11.5),
]
"""The last candle breaks the second one's high with force."""


def found(
    bars: Bars, settings: SmcSettings, *kinds: EventKind, state: State | None = State.FORMED
) -> list[StructureEvent]:
    return [
        event
        for event in list_events(detect(bars, settings))
        if event.kind in kinds and (state is None or event.state is state)
    ]


def test_a_close_beyond_a_swing_is_a_break_and_against_the_bias_a_change():
    bars = steps(10, 11, 12, 11, 10, 9, 10, 11, 12, 13, 12, 11, 10, 9, 8, 7)
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


def test_an_order_block_is_the_last_down_candle_before_a_displaced_break():
    (block,) = found(bars_of(RALLY), QUICK, EventKind.ORDER_BLOCK)
    assert (block.known_at, block.event_bar, block.direction) == (4, 3, 1)
    assert (block.lower, block.upper) == (9.9, 10.5)
    weak = SmcSettings(swing_bars=1, atr_bars=2, displacement_atr=3.0)
    assert found(bars_of(RALLY), weak, EventKind.BOS)
    assert not found(bars_of(RALLY), weak, EventKind.ORDER_BLOCK)


def test_a_zone_is_tapped_mitigated_filled_and_invalidated_in_turn():
    back = [(11.5, 11.8, 11.3, 11.6), (11.6, 11.7, 10.45, 10.6), (10.6, 10.7, 10.1, 10.3)]
    fall = [(10.3, 10.4, 9.85, 10.0), (10.0, 10.1, 9.5, 9.6)]
    life = found(bars_of(RALLY + back + fall), QUICK, EventKind.ORDER_BLOCK, state=None)
    assert [(event.known_at, event.state) for event in life] == [
        (4, State.FORMED),
        (6, State.TAPPED),
        (7, State.MITIGATED),
        (8, State.FILLED),
        (9, State.INVALIDATED),
    ]


def test_a_violated_block_is_a_breaker_after_a_sweep_and_a_mitigation_block_without():
    failure = [(11.5, 11.8, 11.3, 11.6), (11.6, 11.7, 10.45, 10.6), (10.6, 10.7, 9.5, 9.6)]
    bars = bars_of(RALLY + failure)
    kinds = (EventKind.BREAKER, EventKind.MITIGATION_BLOCK)
    # The break held for its bar, and was lost two bars later: with time to reclaim, a sweep.
    patient = SmcSettings(swing_bars=1, atr_bars=2, reclaim_bars=3)
    for settings, kind in ((QUICK, EventKind.MITIGATION_BLOCK), (patient, EventKind.BREAKER)):
        (turned,) = found(bars, settings, *kinds)
        assert (turned.kind, turned.known_at, turned.event_bar, turned.direction) == (
            kind,
            7,
            3,
            -1,
        )


def test_inducement_is_the_first_pullback_before_the_block_once_it_is_taken():
    pullback = [(11.5, 11.8, 11.2, 11.6), (11.6, 11.7, 11.0, 11.4), (11.4, 11.6, 11.3, 11.5)]
    taken = [(11.5, 11.5, 10.8, 10.9)]
    assert not found(bars_of(RALLY + pullback), QUICK, EventKind.INDUCEMENT)
    (event,) = found(bars_of(RALLY + pullback + taken), QUICK, EventKind.INDUCEMENT)
    assert (event.known_at, event.event_bar, event.direction, event.level) == (8, 6, 1, 11.0)


def test_a_shift_is_a_displaced_change_that_the_next_break_confirms():
    bars = steps(10, 11, 12, 11, 10, 9, 10, 11, 12, 13, 12, 11, 10, 9, 8, 7, 8, 9, 8, 7, 6)
    settings = SmcSettings(2, atr_bars=2, displacement_atr=0.5)
    (change,) = found(bars, settings, EventKind.CHOCH)
    (shift,) = found(bars, settings, EventKind.SMS)
    assert (shift.event_bar, shift.direction, shift.level) == (change.known_at, -1, change.level)
    assert shift.known_at == len(bars) - 1
    quiet = SmcSettings(2, atr_bars=2, displacement_atr=2.0)
    assert found(bars, quiet, EventKind.CHOCH)
    assert not found(bars, quiet, EventKind.SMS)


def test_swings_at_nearly_one_height_are_one_pool_at_the_higher():
    bars = steps(10, 11, 12, 11, 10, 11, 11.95, 11, 10, 11, 12.5, 13, 14)
    settings = SmcSettings(2, atr_bars=2, reclaim_bars=1)
    (pool,) = (e for e in found(bars, settings, EventKind.EQUAL) if e.direction > 0)
    assert (pool.event_bar, pool.known_at, pool.direction, pool.level) == (6, 8, 1, 12.1)
    (run,) = found(bars, settings, EventKind.EQUAL, state=State.RUN)
    assert (run.known_at, run.event_bar) == (10, 6)
    apart = SmcSettings(2, atr_bars=2, equal_atr=0.01)
    assert all(event.direction < 0 for event in found(bars, apart, EventKind.EQUAL))


def test_a_level_is_swept_if_a_close_comes_back_in_time_and_run_if_not():
    rows = [(10, 10.1, 9.9, 10), (10, 12, 10, 11), (11, 11.2, 10, 10), (10, 13, 10, 12.8)]
    back = [(12.8, 13, 12.5, 12.9), (12.9, 13, 11, 11.5)]
    bars = bars_of(rows + back)
    outcomes = {
        patience: [
            (event.state, event.known_at)
            for event in list_events(detect(bars, SmcSettings(1, reclaim_bars=patience)))
            if event.level == 12 and event.state in (State.SWEPT, State.RUN)
        ]
        for patience in (1, 2, 3)
    }
    assert outcomes == {1: [(State.RUN, 3)], 2: [(State.RUN, 4)], 3: [(State.SWEPT, 5)]}


def test_the_high_of_the_day_before_is_a_pool_until_the_day_turns():
    prices = np.full((80, 4), 10.0)
    prices[:, 1], prices[:, 2] = 10.1, 9.9
    # Day one is not reported; day two's high is swept on day three, day three's not on day four.
    prices[30, 1], prices[55, 1], prices[60, 1] = 11.0, 11.5, 12.0
    bars = bars_of([tuple(row) for row in prices.tolist()], step_s=3_600)
    settings = SmcSettings(day_turn=DayTurn.UTC)
    life = [
        (event.known_at, event.state, event.event_bar, event.level)
        for event in found(bars, settings, EventKind.PREVIOUS_DAY, state=None)
        if event.direction > 0
    ]
    assert life == [
        (48, State.FORMED, 30, 11.0),
        (55, State.SWEPT, 30, 11.0),
        (72, State.FORMED, 60, 12.0),
    ]


def test_a_trading_day_turns_at_five_in_new_york_in_winter_and_in_summer():
    def day(text: str) -> int:
        instant = to_us(datetime.fromisoformat(text))
        number, begin, end = trading_day(instant, DayTurn.NEW_YORK_CLOSE)
        assert begin <= instant < end
        assert trading_days(np.array([instant]), DayTurn.NEW_YORK_CLOSE)[0] == number
        return number

    friday = (datetime(2024, 3, 8, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(1)
    assert day("2024-03-08T21:59:00+00:00") == friday
    assert day("2024-03-08T22:00:00+00:00") == friday + 1
    # From the tenth of March on New York's clocks show an hour more.
    assert day("2024-03-10T20:59:00+00:00") == friday + 2
    assert day("2024-03-10T21:00:00+00:00") == friday + 3
    # One every hour over the year: vector and scalar agree, no day is shorter than 23 hours.
    hours = START_US + 3_600_000_000 * np.arange(8_760)
    numbers = trading_days(hours, DayTurn.NEW_YORK_CLOSE)
    assert numbers.tolist() == [trading_day(t, DayTurn.NEW_YORK_CLOSE)[0] for t in hours.tolist()]
    lengths = np.unique(np.bincount(numbers - numbers[0])[1:-1])
    assert lengths.tolist() == [23, 24, 25]


def test_premium_and_discount_lie_about_the_middle_and_the_entry_within_the_retracement():
    bars = steps(12, 11, 10, 11, 13, 15, 17, 20, 19, 18, 16, 14, 13, 12.5)
    dealing = detect(bars, SmcSettings(2)).dealing
    # From 9.9 to 20.1, known from the tenth bar's close on: the middle is 15, the entry lies
    # between 12.042 and 13.776.
    assert dealing.zone[-5:].tolist() == [0, 1, -1, -1, -1]
    assert dealing.ote[-5:].tolist() == [0, 0, 0, 1, 1]
    assert dealing.position[-1] == (12.5 - 9.9) / (20.1 - 9.9)
    (entry,) = found(bars, SmcSettings(2), EventKind.OTE)
    assert (entry.known_at, entry.direction) == (12, 1)
    (discount,) = found(bars, SmcSettings(2), EventKind.DISCOUNT)
    assert (discount.known_at, discount.level) == (11, 15.0)


def test_swings_by_legs_take_turns():
    dice = np.random.default_rng(3)
    bars = steps(*(100 + dice.integers(-3, 4, 400).cumsum()))
    swings = detect(bars, SmcSettings(3, swing_rule=SwingRule.LEG)).swings
    assert len(swings.bar) > 20
    assert (np.diff(swings.direction) != 0).all()
    assert (swings.known_at == swings.bar + 3).all()


def test_gaps_are_those_of_the_common_definition_with_their_first_touch():
    dice = np.random.default_rng(11)
    bars = steps(*(100 + dice.normal(0, 1, 600).cumsum()))
    open_, high, low, close = bars.open, bars.high, bars.low, bars.close
    expected = []
    for i in range(1, len(bars) - 1):
        later = range(i + 2, len(bars))
        if high[i - 1] < low[i + 1] and close[i] > open_[i]:
            touched = next((j for j in later if low[j] <= low[i + 1]), -1)
            expected.append((i, 1, high[i - 1], low[i + 1], touched))
        if low[i - 1] > high[i + 1] and close[i] < open_[i]:
            touched = next((j for j in later if high[j] >= high[i + 1]), -1)
            expected.append((i, -1, high[i + 1], low[i - 1], touched))
    gaps = detect(bars).gaps
    columns = (gaps.bar, gaps.direction, gaps.lower, gaps.upper, gaps.tapped_at)
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == expected
    assert len(expected) > 50
