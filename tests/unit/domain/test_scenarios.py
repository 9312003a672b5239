"""Scenarios say what all symbols did on the same days; tails are the worst of them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.scenarios import SCENARIOS, Frame, build_scenarios, tail_losses

DAY = 86_400


def walk(days: int, step: float = 0.01, start: int = 0) -> dict[int, float]:
    return {(start + i) * DAY: 100 * math.exp(step * math.sin(i * i)) for i in range(days)}


def test_returns_are_those_of_the_closes_on_common_days():
    built = build_scenarios([Frame("D1", 1, {"EURUSD": walk(300), "USDJPY": walk(300)})])
    assert built is not None
    closes = list(walk(300).values())
    assert built.returns["EURUSD"][-1] == pytest.approx(closes[-1] / closes[-2] - 1)
    assert len(built.returns["USDJPY"]) == len(built.times) == 299
    assert built.correlations["EURUSD"]["USDJPY"] == pytest.approx(1)


def test_no_more_days_than_wanted_and_the_newest_of_them():
    built = build_scenarios([Frame("D1", 1, {"EURUSD": walk(900)})])
    assert built is not None
    assert len(built.times) == SCENARIOS
    assert built.times[-1] == 899 * DAY


def test_shorter_bars_are_scaled_by_the_root_of_time():
    daily = build_scenarios([Frame("D1", 1, {"EURUSD": walk(200)})])
    hourly = build_scenarios([Frame("H1", 24, {"EURUSD": walk(200)})])
    assert daily is not None
    assert hourly is not None
    scaled = math.log1p(daily.returns["EURUSD"][0]) * math.sqrt(24)
    assert math.log1p(hourly.returns["EURUSD"][0]) == pytest.approx(scaled)


def test_the_frame_that_covers_most_symbols_speaks():
    long = Frame("D1", 1, {"EURUSD": walk(200)})
    short = Frame("M15", 96, {"EURUSD": walk(200), "XAUUSD": walk(200)})
    built = build_scenarios([long, short])
    assert built is not None
    assert built.timeframe == "M15"


def test_who_did_not_trade_on_most_days_is_left_out():
    half = dict(list(walk(200).items())[::2])
    built = build_scenarios([Frame("D1", 1, {"EURUSD": walk(200), "XAUUSD": half})])
    assert built is not None
    assert list(built.returns) == ["EURUSD"]


def test_without_enough_history_there_are_none():
    assert build_scenarios([Frame("D1", 1, {"EURUSD": walk(50)}), Frame("H1", 24, {})]) is None


def test_a_symbol_that_never_moved_counts_as_moving_with_every_other():
    flat = dict.fromkeys(walk(200), 1.0)
    built = build_scenarios([Frame("D1", 1, {"EURUSD": walk(200), "PEGGED": flat})])
    assert built is not None
    assert built.correlations["PEGGED"] == {"EURUSD": 1.0}


def test_the_tail_of_five_hundred_days_is_its_five_worst():
    losses = [float(i) for i in range(-5, 495)]
    assert tail_losses(losses) == (1.0, 3.0)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=600))
def test_expected_shortfall_is_never_less_than_value_at_risk(values: list[float]):
    var, shortfall = tail_losses(values)
    assert shortfall >= var - 1e-6
    assert -max(values) - 1e-6 <= var <= -min(values) + 1e-6
