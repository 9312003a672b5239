"""What an order cost is split without a rest; laws and queues give the published figures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.algorithms import Execution, Schedule, Slice, measure_shortfall
from backend.domain.algorithms.impact import optimal_trajectory, square_root_impact_bps
from backend.domain.algorithms.queueing import advance, fill_probability, logarithm, power
from backend.values import Side

D = Decimal
START = datetime(2026, 11, 19, 14, tzinfo=UTC)
SCHEDULE = Schedule((Slice(START, D(1)), Slice(START + timedelta(seconds=60), D(2))))
prices = st.decimals(min_value=D("1.05"), max_value=D("1.15"), places=5)


@given(
    st.sampled_from(Side),
    prices,
    prices,
    prices,
    st.lists(st.tuples(st.integers(1, 50), prices, st.none() | prices), max_size=4),
)
def test_the_four_parts_sum_to_the_whole(
    side: Side,
    decided: Decimal,
    arrival: Decimal,
    final: Decimal,
    fills: list[tuple[int, Decimal, Decimal | None]],
) -> None:
    executions = [
        Execution(START, D(n) / 100, price, bid, bid and bid + D("0.0001"))
        for n, price, bid in fills
    ]
    found = measure_shortfall(side, D(2), decided, arrival, final, executions, SCHEDULE)
    assert found.delay + found.impact + found.spread + found.opportunity == found.total
    paid = sum((e.quantity * (e.price - decided) for e in executions), D(0))
    missed = (D(2) - found.filled) * (final - decided)
    exact = side.sign * 10_000 * (paid + missed) / (2 * decided)
    assert abs(found.total - exact) < D("0.000001")


def test_each_part_is_what_its_name_says() -> None:
    executions = [Execution(START, D(1), D("1.10038"), D("1.10025"), D("1.10035"))]
    found = measure_shortfall(
        Side.BUY, D(2), D("1.10000"), D("1.10010"), D("1.10100"), executions, SCHEDULE
    )
    scale = D(10_000) / (2 * D("1.1"))
    assert found.delay == pytest.approx(scale * D("0.00010"), abs=D("1e-6"))
    assert found.spread == pytest.approx(scale * D("0.00005"), abs=D("1e-6"))
    assert found.impact == pytest.approx(scale * D("0.00023"), abs=D("1e-6"))
    assert found.opportunity == pytest.approx(scale * D("0.00100"), abs=D("1e-6"))
    assert found.behind_share == D("0.25")


def test_who_waited_for_the_fill_earned_the_spread() -> None:
    executions = [Execution(START, D(2), D("1.09995"), D("1.09995"), D("1.10005"))]
    found = measure_shortfall(Side.BUY, D(2), D("1.1"), D("1.1"), D("1.1"), executions, SCHEDULE)
    assert found.spread < 0
    assert found.total == found.spread


def test_the_square_root_law_is_twenty_basis_points_at_one_percent() -> None:
    assert square_root_impact_bps(1, 100, 0.02) == pytest.approx(20.0)


@pytest.mark.parametrize(
    ("aversion", "cost", "deviation"), [(1e-6, 911_227, 603_431), (0.0, 662_500, 1_040_673)]
)
def test_the_trajectories_of_almgren_and_chriss(
    aversion: float, cost: float, deviation: float
) -> None:
    found = optimal_trajectory(1e6, 5, 0.95, 0.0625, 2.5e-7, 2.5e-6, aversion)
    assert (found.cost, found.deviation) == pytest.approx((cost, deviation), abs=1)
    if aversion:
        assert found.holdings == pytest.approx((1e6, 541_956, 289_854, 147_897, 62_142, 0), abs=1)


def test_cancels_advance_a_queue_as_the_models_say() -> None:
    models = (None, logarithm, power(1), power(3))
    found = [advance(10, 30, 0, 32, weigh) for weigh in models]
    assert found == pytest.approx([10, 6.7106, 8.0, 9.7143], abs=1e-4)
    assert advance(10, 30, 4, 36) == 6


@given(st.integers(0, 100), st.integers(1, 100), st.integers(0, 600))
def test_odds_fall_with_the_queue_and_rise_with_time(ahead: int, rate: int, seconds: int) -> None:
    odds = fill_probability(D(ahead), D(1), D(rate) / 10, D(seconds))
    assert 0 <= odds <= 1
    assert odds >= fill_probability(D(ahead + 5), D(1), D(rate) / 10, D(seconds))
    assert odds <= fill_probability(D(ahead), D(1), D(rate) / 10, D(seconds + 30))
