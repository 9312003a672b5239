"""Volatility as its sources define it; figures held to published ones where data is there."""

from __future__ import annotations

import numpy as np
import pytest

from backend.domain.market.bars import Bars
from backend.domain.volatility import (
    Regime,
    atr,
    log_returns,
    realized_variance,
    regime_of,
    true_range,
    volatility_state,
    yang_zhang_variance,
)
from tests.unit.domain.test_smc import bars_of


def test_the_true_range_bridges_a_gap():
    bars = bars_of([(10, 11, 9, 10), (15, 16, 14, 15)])
    assert true_range(bars.high, bars.low, bars.close).tolist() == [2, 6]


def wilder(bars: Bars, n: int) -> float:
    """Follow Wilder's recursion as he wrote it."""
    ranges = true_range(bars.high, bars.low, bars.close).tolist()
    value = sum(ranges[:n]) / n
    for true in ranges[n:]:
        value = (value * (n - 1) + true) / n
    return value


def random_walk(seed: int, n: int, sigma: float) -> Bars:
    dice = np.random.default_rng(seed)
    path = np.exp(dice.normal(0, sigma / np.sqrt(60), (n, 60)).cumsum(axis=1))
    opened = np.concatenate(([1.0], path[:, -1].cumprod()[:-1]))
    rows = np.stack(
        [
            opened,
            opened * path.max(1).clip(1),
            opened * path.min(1).clip(None, 1),
            opened * path[:, -1],
        ],
        axis=1,
    )
    return bars_of([tuple(row) for row in rows.tolist()])


@pytest.mark.parametrize("n", [14, 15, 80])
def test_the_average_true_range_is_wilders(n: int):
    bars = random_walk(1, n, 0.01)
    assert atr(bars) == pytest.approx(wilder(bars, 14), rel=1e-12)


def test_yang_zhang_reads_the_variance_that_went_in():
    bars = random_walk(3, 3_000, 0.02)
    measured = yang_zhang_variance(bars.open, bars.high, bars.low, bars.close)
    # Sixty steps a bar see a little less than the whole range.
    assert measured**0.5 == pytest.approx(0.02, rel=0.12)


def test_realised_variance_refuses_what_is_not_finite():
    assert realized_variance(log_returns(np.array([1.0, np.e, np.e]))) == pytest.approx(1)
    with pytest.raises(ValueError, match="finite"):
        realized_variance(np.array([np.nan]))


def test_regimes_have_their_bounds():
    assert [regime_of(x) for x in (0.5, 1.0, 1.5, 2.5)] == list(Regime)


def test_a_storm_at_the_end_is_seen():
    calm, storm = random_walk(5, 100, 0.002), random_walk(5, 15, 0.02)
    rows = [
        tuple(row)
        for part in (calm, storm)
        for row in np.stack([part.open, part.high, part.low, part.close], axis=1).tolist()
    ]
    assert volatility_state(bars_of(rows)).regime is Regime.EXTREME


def test_too_few_bars_raise():
    few = random_walk(1, 5, 0.01)
    for measure in (atr, volatility_state):
        with pytest.raises(ValueError, match="needs"):
            measure(few)
