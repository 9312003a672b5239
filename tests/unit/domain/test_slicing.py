"""Children add up to their parent and stay inside its window."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.slicing import Algorithm, SlicingFacts, SlicingPolicy, slice_order
from backend.values import LatencyClass

D = Decimal
START = datetime(2026, 11, 19, 14, tzinfo=UTC)
POLICY = SlicingPolicy(twap_above=D(2), twap_duration_s=600, twap_interval_s=60, child_ttl_s=30)
ORDER = SlicingFacts(D(1), D("0.01"), D(50), D("0.01"), LatencyClass.DEFER, START)


@given(
    st.integers(1, 10_000),
    st.sampled_from(LatencyClass),
    st.none() | st.integers(0, 2_000),
    st.sampled_from([D("0.5"), D(5), D(50)]),
)
def test_children_sum_to_the_parent_and_respect_the_venue(
    steps: int, latency: LatencyClass, window_s: int | None, most: Decimal
):
    ends = None if window_s is None else START + timedelta(seconds=window_s)
    order = replace(
        ORDER,
        quantity=steps * ORDER.volume_step,
        latency_class=latency,
        ends_at_max=ends,
        volume_max=most,
    )
    children = slice_order(order, POLICY)
    assert sum(child.quantity for child in children) == order.quantity
    assert [child.child_index for child in children] == list(range(len(children)))
    for child in children:
        assert order.volume_min <= child.quantity <= order.volume_max
        assert child.quantity % order.volume_step == 0
        assert child.not_before >= START
        assert ends is None or child.expires_at <= ends


def test_a_small_order_goes_at_once():
    (child,) = slice_order(ORDER, POLICY)
    assert (child.algorithm, child.not_before) == (Algorithm.IMMEDIATE, START)


def test_a_large_order_is_spread_evenly_over_time():
    children = slice_order(replace(ORDER, quantity=D("11.05")), POLICY)
    assert [child.algorithm for child in children] == [Algorithm.TWAP] * 11
    assert children[-1].not_before == START + timedelta(seconds=600)
    assert {child.quantity for child in children} == {D("1.01"), D("1.00")}


def test_an_urgent_order_is_never_spread():
    urgent = replace(ORDER, quantity=D(11), latency_class=LatencyClass.IMMEDIATE)
    assert len(slice_order(urgent, POLICY)) == 1


def test_a_quantity_off_the_step_is_refused():
    with pytest.raises(ValueError, match="off the step"):
        slice_order(replace(ORDER, quantity=D("0.015")), POLICY)


def test_an_order_that_needs_too_many_children_is_refused():
    with pytest.raises(ValueError, match="more than 200"):
        slice_order(replace(ORDER, quantity=D(101), volume_max=D("0.5")), POLICY)
