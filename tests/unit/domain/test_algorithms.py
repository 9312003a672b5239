"""Whatever the market does, children add up to their parent, in steps, inside its time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.algorithms import (
    Algorithm,
    Finished,
    Market,
    Parent,
    Plan,
    Progress,
    Resting,
    Send,
    SlicingPolicy,
    Wait,
    choose,
    learn_curves,
    make_plan,
    next_step,
)
from backend.domain.algorithms.apportion import child_size
from backend.domain.algorithms.passive import Stage, stage_at
from backend.domain.sessions import session_of
from backend.values import LatencyClass, OrderType, Side

D = Decimal
START = datetime(2026, 11, 19, 14, tzinfo=UTC)
POLICY = SlicingPolicy(
    immediate_up_to=D(2),
    algorithm=Algorithm.VWAP,
    algorithm_parked=Algorithm.PASSIVE,
    duration_s=600,
    child_ttl_s=30,
    interval_s=60,
    urgency=D("0.5"),
    jitter_share=D("0.3"),
    participation=D("0.1"),
    lots_per_volume=D(1),
    display_share=D("0.1"),
    child_max=D(1),
    depth_share=D("0.25"),
    fill_probability_min=D("0.4"),
    ahead_share=D("0.15"),
    spread_ratio_max=D("1.5"),
    defer_s_max=60,
    park_s_max=300,
)
PARENT = Parent(
    side=Side.BUY,
    quantity=D(11),
    volume_min=D("0.1"),
    volume_max=D(50),
    volume_step=D("0.01"),
    tick_size=D("0.00001"),
    latency_class=LatencyClass.IMMEDIATE,
    starts_at=START,
    ends_at=START + timedelta(seconds=600),
    seed=7,
)
MARKET = Market(
    now=START,
    bid=D("1.10000"),
    ask=D("1.10010"),
    spread_usual=D("0.00010"),
    depth=D(20),
    queue=D(20),
    traded=D(0),
    rate=D(2),
)


def day(hour_volumes: dict[int, int]) -> Iterator[tuple[datetime, Decimal]]:
    for nr in range(6):
        for quarter in range(96):
            at = datetime(2026, 11, 9 + nr, tzinfo=UTC) + timedelta(minutes=15 * quarter)
            if at.weekday() < 5:
                yield at, D(hour_volumes.get(at.hour, 100))


CURVES = {curve.session: curve for curve in learn_curves("EURUSD", 900, day({}))}
RISING = {
    curve.session: curve
    for curve in learn_curves("EURUSD", 900, day({14: 300, 15: 900, 13: 100, 16: 50}))
}


def work(
    plan: Plan, fills: st.DataObject | None, per_s: int = 30
) -> list[tuple[datetime, Send, Decimal]]:
    """Work a parent to its end; children fill as drawn, else fully; resting ones may expire."""
    now, done, traded = START, D(0), D(0)
    resting: list[tuple[Send, Decimal]] = []
    sent: list[tuple[datetime, Send, Decimal]] = []
    for _ in range(5_000):
        kept: list[tuple[Send, Decimal]] = []
        for child, left in resting:
            share = D(1) if fills is None else fills.draw(st.sampled_from([D(0), D("0.5"), D(1)]))
            part = (left * share).quantize(plan.parent.volume_step)
            done += part
            if now < child.expires_at and left > part:
                kept.append((child, left - part))
        resting = kept
        market = replace(MARKET, now=now, traded=traded)
        progress = Progress(
            done,
            tuple(Resting(left, c.limit_price) for c, left in resting),
            len(sent),
            sent[-1][0] if sent else None,
        )
        step = next_step(plan, progress, market)
        if isinstance(step, Finished):
            return sent
        if isinstance(step, Send):
            sent.append((now, step, traded))
            if step.limit_price is None:
                share = D(1)
                if fills is not None:
                    share = fills.draw(st.sampled_from([D(0), D("0.5"), D(1)]))
                done += (step.quantity * share).quantize(plan.parent.volume_step)
            else:
                resting.append((step, step.quantity))
        else:
            assert step.until > now
            traded += D(per_s) / 10 * D(str((step.until - now).total_seconds()))
            now = step.until
    raise AssertionError("it never ends")


def planned(algorithm: Algorithm, **changes: object) -> Plan:
    terms = replace(POLICY.terms(), **changes)
    return make_plan(PARENT, algorithm, terms, CURVES)


@given(
    st.sampled_from(Algorithm),
    st.integers(10, 4_000),
    st.integers(1, 2_000),
    st.sampled_from([D("0.5"), D(5), D(50)]),
    st.sampled_from([D("0.01"), D("0.1")]),
    st.integers(0, 9),
    st.data(),
)
def test_children_add_up_on_the_step_and_inside_the_window(
    algorithm: Algorithm,
    steps: int,
    window_s: int,
    most: Decimal,
    least: Decimal,
    seed: int,
    data: st.DataObject,
) -> None:
    parent = replace(
        PARENT,
        quantity=steps * PARENT.volume_step,
        volume_max=most,
        volume_min=least,
        ends_at=START + timedelta(seconds=window_s),
        seed=seed,
    )
    plan = make_plan(parent, algorithm, POLICY.terms(), CURVES)
    totals = [s.total for s in plan.schedule.slices]
    assert totals == sorted(totals)
    assert all(total % parent.volume_step == 0 for total in totals)
    assert totals[-1] == parent.quantity or algorithm is Algorithm.POV
    assert all(START <= s.at <= parent.ends_at for s in plan.schedule.slices)
    sent = work(plan, data if data.draw(st.booleans()) else None)
    for at, child, _ in sent:
        assert least <= child.quantity <= most
        assert child.quantity % parent.volume_step == 0
        assert START <= at < parent.ends_at
        assert at < child.expires_at <= parent.ends_at


@pytest.mark.parametrize("algorithm", Algorithm)
def test_what_fills_in_full_sums_to_the_parent_exactly(algorithm: Algorithm) -> None:
    sent = work(planned(algorithm), None, per_s=300)
    assert sum(child.quantity for _, child, _ in sent) == PARENT.quantity


@given(st.integers(1, 300), st.data())
def test_pov_never_takes_more_than_its_share_and_never_less_than_before(
    per_s: int, data: st.DataObject
) -> None:
    plan = planned(Algorithm.POV)
    released = D(0)
    for _, child, others in work(plan, None, per_s=per_s):
        released += child.quantity
        assert released <= D("0.1") * (others + released)


def test_pov_waits_while_nobody_knows_what_others_trade() -> None:
    step = next_step(planned(Algorithm.POV), Progress(), replace(MARKET, traded=None))
    assert isinstance(step, Wait)


def test_vwap_follows_the_session_and_twap_does_not() -> None:
    parent = replace(
        PARENT, starts_at=START + timedelta(minutes=30), ends_at=START + timedelta(minutes=90)
    )
    terms = replace(POLICY.terms(), interval_s=900, jitter_share=D(0))
    vwap = make_plan(parent, Algorithm.VWAP, terms, RISING).schedule
    twap = make_plan(parent, Algorithm.TWAP, terms, RISING).schedule
    middle = START + timedelta(minutes=45)
    assert vwap.total_at(middle) < parent.quantity * D("0.2") < twap.total_at(middle)
    assert vwap.slices[-1].total == twap.slices[-1].total == parent.quantity


def test_a_learned_curve_gives_the_volume_that_went_in() -> None:
    curve = RISING[session_of(START)]
    assert curve.days == 5
    assert sum(curve.volumes) == sum(
        (D({13: 100, 14: 300, 15: 900, 16: 50}[h]) * 4 for h in (13, 14, 15, 16)), D(0)
    )


def test_without_a_curve_nothing_goes_by_volume() -> None:
    with pytest.raises(ValueError, match="no volume curve"):
        make_plan(PARENT, Algorithm.VWAP, POLICY.terms(), {})
    chosen = choose(POLICY, LatencyClass.DEFER, D(9), START, volume_known=False)
    assert (chosen.algorithm, chosen.worked) == (Algorithm.TWAP, True)


def test_the_same_seed_shifts_slices_alike_and_another_differently() -> None:
    first, again = planned(Algorithm.TWAP), planned(Algorithm.TWAP)
    other = make_plan(replace(PARENT, seed=8), Algorithm.TWAP, POLICY.terms(), CURVES)
    assert first == again
    assert first.schedule != other.schedule


def test_an_iceberg_shows_a_part_and_refills_only_when_it_is_gone() -> None:
    plan = planned(Algorithm.ICEBERG)
    first = next_step(plan, Progress(), MARKET)
    assert isinstance(first, Send)
    assert (first.quantity, first.limit_price) == (D("1.10"), MARKET.bid)
    rests = Progress(D("0.5"), (Resting(D("0.6"), MARKET.bid),), 1)
    assert isinstance(next_step(plan, rests, MARKET), Wait)
    refill = next_step(plan, Progress(D("1.1"), (), 1), MARKET)
    assert isinstance(refill, Send)
    assert refill.quantity == D("1.10")


def test_a_passive_order_escalates_with_time_and_sooner_when_urgent() -> None:
    def stages(urgency: str) -> list[Stage]:
        plan = planned(Algorithm.PASSIVE, urgency=D(urgency))
        return [
            stage_at(
                plan, Progress(), replace(MARKET, queue=None, now=START + timedelta(seconds=s))
            )
            for s in range(0, 600, 30)
        ]

    calm, urgent = stages("0.1"), stages("0.7")
    order = list(Stage)
    for path in (calm, urgent):
        assert [order.index(stage) for stage in path] == sorted(order.index(s) for s in path)
    assert calm.count(Stage.JOIN) > urgent.count(Stage.JOIN)
    assert set(stages("1")) == {Stage.CROSS}


def test_a_queue_without_hope_is_not_joined() -> None:
    plan = planned(Algorithm.PASSIVE, urgency=D("0.1"))
    assert stage_at(plan, Progress(), replace(MARKET, queue=D(1))) is Stage.JOIN
    assert stage_at(plan, Progress(), replace(MARKET, queue=D(10_000))) is Stage.IMPROVE


def test_an_adaptive_child_follows_spread_depth_and_odds() -> None:
    plan = planned(Algorithm.ADAPTIVE)
    at = START + timedelta(seconds=200)
    hopeless = replace(MARKET, now=at, queue=D(10_000))

    def child(market: Market) -> Send:
        step = next_step(plan, Progress(), market)
        assert isinstance(step, Send)
        return step

    assert child(hopeless).quantity <= MARKET.depth * POLICY.depth_share
    assert child(replace(hopeless, depth=D(4))).quantity == D(1)
    assert child(hopeless).order_type is OrderType.MARKET
    ahead = Progress(D("3.3"), (), 3)
    dear = replace(hopeless, ask=D("1.10020"))
    assert isinstance(next_step(plan, ahead, dear), Wait)
    cheap = replace(hopeless, ask=D("1.10004"))
    assert isinstance(next_step(plan, ahead, cheap), Send)
    likely = replace(hopeless, queue=D(0), rate=D(20), depth=D(4))
    assert next_step(plan, ahead, replace(likely, ask=D("1.10004"))).limit_price == MARKET.bid


def test_latency_classes_start_at_once_wait_a_while_or_wait_for_the_market() -> None:
    wide = replace(MARKET, ask=D("1.10030"))
    late = replace(wide, now=START + timedelta(seconds=61))
    plans = {
        c: make_plan(replace(PARENT, latency_class=c), Algorithm.TWAP, POLICY.terms())
        for c in LatencyClass
    }
    assert isinstance(next_step(plans[LatencyClass.IMMEDIATE], Progress(), wide), Send)
    assert isinstance(next_step(plans[LatencyClass.DEFER], Progress(), wide), Wait)
    assert isinstance(next_step(plans[LatencyClass.DEFER], Progress(), late), Send)
    assert isinstance(next_step(plans[LatencyClass.PARK], Progress(), late), Wait)
    assert isinstance(next_step(plans[LatencyClass.PARK], Progress(), MARKET), Send)
    unknown = replace(MARKET, spread_usual=None)
    assert isinstance(next_step(plans[LatencyClass.PARK], Progress(), unknown), Wait)
    over = replace(wide, now=START + timedelta(seconds=300))
    assert isinstance(next_step(plans[LatencyClass.PARK], Progress(), over), Finished)


def test_no_child_is_priced_beyond_the_parents_limit() -> None:
    for side, limit in ((Side.BUY, D("1.09995")), (Side.SELL, D("1.10015"))):
        for algorithm in (Algorithm.TWAP, Algorithm.PASSIVE, Algorithm.ICEBERG):
            parent = replace(PARENT, side=side, limit_price=limit)
            step = next_step(make_plan(parent, algorithm, POLICY.terms()), Progress(), MARKET)
            assert isinstance(step, Send)
            assert step.limit_price == limit


@given(st.integers(1, 500), st.integers(0, 500), st.integers(1, 60))
def test_no_child_strands_a_rest_that_the_venue_would_not_take(
    free: int, wanted: int, least: int
) -> None:
    parent = replace(PARENT, volume_min=least * PARENT.volume_step)
    size = child_size(parent, wanted * PARENT.volume_step, free * PARENT.volume_step)
    rest = free * PARENT.volume_step - size
    assert size == 0 or size >= parent.volume_min
    assert size <= wanted * PARENT.volume_step
    assert size == 0 or rest == 0 or rest >= parent.volume_min


@pytest.mark.parametrize(
    ("latency", "quantity", "algorithm", "worked"),
    [
        (LatencyClass.IMMEDIATE, D(40), Algorithm.IMMEDIATE, False),
        (LatencyClass.DEFER, D(2), Algorithm.IMMEDIATE, True),
        (LatencyClass.DEFER, D(3), Algorithm.VWAP, True),
        (LatencyClass.PARK, D(3), Algorithm.PASSIVE, True),
    ],
)
def test_the_pack_chooses_by_class_and_size(
    latency: LatencyClass, quantity: Decimal, algorithm: Algorithm, worked: bool
) -> None:
    chosen = choose(POLICY, latency, quantity, START, volume_known=True)
    assert (chosen.algorithm, chosen.worked) == (algorithm, worked)
    assert chosen.ends_at > START


@pytest.mark.parametrize("quantity", [D("0.05"), D("1.005"), D(50_000)])
def test_what_the_venue_cannot_express_is_an_error(quantity: Decimal) -> None:
    parent = replace(PARENT, quantity=quantity, volume_max=D(5))
    with pytest.raises(ValueError, match=r"step|children"):
        make_plan(parent, Algorithm.IMMEDIATE, POLICY.terms())


@given(st.integers(0, 90), st.integers(0, 10_000), st.sampled_from(Algorithm), st.data())
def test_children_are_never_closer_than_the_venue_can_take(
    pace_s: int, seed: int, algorithm: Algorithm, data: st.DataObject
) -> None:
    policy = replace(POLICY, jitter_share=D("0.49")).paced(pace_s)
    ends_at = START + timedelta(seconds=policy.duration_s)
    parent = replace(PARENT, seed=seed, ends_at=ends_at)
    plan = make_plan(parent, algorithm, policy.terms(), CURVES)
    # Instants are whole milliseconds.
    apart = timedelta(seconds=pace_s) - timedelta(milliseconds=1)
    due = [one.at for one in plan.schedule.slices]
    assert all(later - earlier >= apart for earlier, later in pairwise(due))
    sent = sorted({at for at, _, _ in work(plan, data)})
    assert all(later - earlier >= apart for earlier, later in pairwise(sent))
    assert policy.child_ttl_s >= 2 * pace_s
