"""Generated bars and alerts: the same for a seed, sound, and really like the real ones."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.domain.instruments import Instrument
from backend.domain.intake import IntakeCode, ParsedAlert, dedupe_key, parse_alert
from backend.domain.market.alerts import MarketState, plan_alerts, write_alerts
from backend.domain.market.bars import Bars
from backend.domain.market.generator import generate_bars, restamp
from backend.domain.market.quality import check_bars
from backend.domain.market.universe import MODELS, UNIVERSE, default_registry
from backend.domain.volatility import log_returns, yang_zhang_variance

LAST = datetime(2026, 11, 19, 14, 3, tzinfo=UTC)
SATURDAY = datetime(2026, 11, 21, 4, 7, tzinfo=UTC)
STATES = [
    MarketState(
        i.symbol,
        Decimal(repr(MODELS[i.symbol].start_price)),
        i.tick_size * 100,
        i.tick_size,
        i.pip_size,
    )
    for i in UNIVERSE
]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from(UNIVERSE), st.sampled_from(["M1", "M15", "H1", "D1"]))
def test_every_generated_bar_passes_the_gate(seed: int, instrument: Instrument, timeframe: str):
    rows = generate_bars(instrument, MODELS[instrument.symbol], timeframe, 80, LAST, seed)
    checked = check_bars(enumerate(rows, 1), timeframe, instrument.calendar, LAST)
    assert (len(checked.bars), checked.refused, checked.gaps) == (80, (), ())
    assert all(bar.high % instrument.tick_size == 0 for bar in rows)


def test_a_seed_fixes_the_bars_and_another_changes_them():
    def bars(seed: int):
        return generate_bars(UNIVERSE[0], MODELS["EURUSD"], "M15", 50, LAST, seed)

    assert bars(7) == bars(7)
    assert bars(7) != bars(8)


def test_volatility_is_what_was_asked_for_changes_and_clusters():
    rows = generate_bars(UNIVERSE[4], MODELS["BTCUSD"], "H1", 6_000, LAST, 11)
    bars = Bars.from_rows("BTCUSD", "H1", rows)
    daily = (yang_zhang_variance(bars.open, bars.high, bars.low, bars.close) * 24) ** 0.5
    assert daily == pytest.approx(MODELS["BTCUSD"].daily_sigma, rel=0.25)
    squares = log_returns(bars.close) ** 2
    assert np.corrcoef(squares[1:], squares[:-1])[0, 1] > 0.05
    hours = np.array([row.opened_at.hour for row in rows])
    ranges = bars.high - bars.low
    assert ranges[hours == 15].mean() > 1.3 * ranges[hours == 3].mean()


def test_bars_are_restamped_to_end_in_the_present_slot():
    rows = generate_bars(UNIVERSE[0], MODELS["EURUSD"], "M15", 50, SATURDAY, 7)
    assert rows[-1].opened_at == datetime(2026, 11, 20, 21, 45, tzinfo=UTC)
    moved = restamp(rows, "M15", SATURDAY)
    assert moved[-1].opened_at == datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
    assert [bar.close for bar in moved] == [bar.close for bar in rows]
    assert restamp([], "M15", SATURDAY) == []


def posts(seed: int, count: int = 400):
    plans = plan_alerts(seed, count, STATES)
    ids = [f"0199-{seed}-{i:05d}" for i in range(count)]
    return write_alerts(plans, ids, [LAST + timedelta(milliseconds=i) for i in range(count)])


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_alerts_are_understood_as_they_were_planned(seed: int):
    registry = default_registry()
    for post in posts(seed, 120):
        alert = parse_alert(post.body, post.content_type)
        if not isinstance(alert, ParsedAlert):
            assert alert.reason_code in (
                IntakeCode.DIRECTION_UNKNOWN,
                IntakeCode.PLACEHOLDER_NOT_FILLED,
                IntakeCode.TEXT_NOT_UNDERSTOOD,
                IntakeCode.DIRECTION_MISSING,
            )
            continue
        found = registry.resolve(alert.symbol_raw)
        assert found is not None
        assert (found.symbol, alert.side) == (post.plan.symbol, post.plan.side)
        assert alert.warnings == ()


def test_only_the_planned_copies_are_duplicates():
    written = posts(3)
    keys = Counter(dedupe_key(parse_alert(p.body, p.content_type), p.body) for p in written)
    copies = sum(post.plan.repeats is not None for post in written)
    assert copies == 12
    assert len(keys) == len(written) - copies


def test_a_seed_fixes_shapes_but_neither_ids_nor_times():
    plans = plan_alerts(5, 40, STATES)
    assert plans == plan_alerts(5, 40, STATES)
    first = write_alerts(plans, [f"a-{i}" for i in range(40)], [LAST] * 40)
    second = write_alerts(plans, [f"b-{i}" for i in range(40)], [LAST] * 40)
    assert not {post.body for post in first} & {post.body for post in second}


def test_more_than_a_twentieth_of_copies_is_refused():
    with pytest.raises(ValueError, match="duplicates"):
        plan_alerts(1, 100, STATES, duplicate_share=0.06)
