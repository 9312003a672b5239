"""The gate lets sound bars through and names what is wrong with the others."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from backend.domain.market.bars import Bar, from_us, to_us
from backend.domain.market.quality import BarCode, check_bars, is_fresh
from backend.domain.sessions import Calendar
from backend.domain.timeframe import infer_timeframe

D = Decimal
T0 = datetime(2026, 11, 19, 14, tzinfo=UTC)
STEP = timedelta(minutes=15)
SOUND = Bar(T0, D("1.1"), D("1.2"), D("1.0"), D("1.15"), D(10), D("0.0001"))


def codes(*bars: Bar, until: datetime | None = None) -> list[tuple[str, BarCode]]:
    checked = check_bars(enumerate(bars, 1), "M15", Calendar.WEEKDAYS, until)
    return [(refused.column, refused.code) for refused in checked.refused]


@pytest.mark.parametrize(
    ("changes", "column", "code"),
    [
        ({"open": D(0)}, "open", BarCode.PRICE_NOT_POSITIVE),
        ({"close": D("NaN")}, "close", BarCode.PRICE_NOT_POSITIVE),
        ({"high": D("0.9")}, "high", BarCode.HIGH_BELOW_LOW),
        ({"open": D("1.3")}, "open", BarCode.OPEN_OUTSIDE_RANGE),
        ({"close": D("0.99")}, "close", BarCode.CLOSE_OUTSIDE_RANGE),
        ({"volume": D(-1)}, "volume", BarCode.VOLUME_NEGATIVE),
        ({"spread": D(-1)}, "spread", BarCode.SPREAD_NEGATIVE),
        ({"opened_at": T0 + timedelta(minutes=7)}, "time", BarCode.TIME_NOT_IN_SLOT),
        ({"opened_at": T0 + timedelta(days=1)}, "time", BarCode.TIME_IN_FUTURE),
    ],
)
def test_a_bar_with_one_fault_is_refused_by_name(
    changes: dict[str, object], column: str, code: BarCode
):
    assert codes(replace(SOUND, **changes), until=T0 + timedelta(hours=1)) == [(column, code)]


def test_order_and_duplicates_are_checked_against_the_last_sound_bar():
    later = replace(SOUND, opened_at=T0 + STEP)
    found = codes(SOUND, later, later, SOUND)
    assert found == [("time", BarCode.DUPLICATE), ("time", BarCode.TIME_NOT_ASCENDING)]


def test_missing_bars_are_counted_only_while_the_market_is_open():
    friday = datetime(2026, 11, 20, 21, 45, tzinfo=UTC)
    monday = datetime(2026, 11, 22, 22, 0, tzinfo=UTC)
    bars = [replace(SOUND, opened_at=t) for t in (friday - 3 * STEP, friday, monday)]
    checked = check_bars(enumerate(bars, 1), "M15", Calendar.WEEKDAYS)
    assert [(gap.after, gap.missing) for gap in checked.gaps] == [(friday - 3 * STEP, 2)]
    always = check_bars(enumerate(bars, 1), "M15", Calendar.ALWAYS)
    assert always.gaps[1].missing == (monday - friday) // STEP - 1


def test_a_bar_is_fresh_until_its_followers_are_late():
    assert is_fresh(T0, "M15", T0 + 2 * STEP, bars_late_max=1)
    assert not is_fresh(T0, "M15", T0 + 2 * STEP + timedelta(seconds=1), bars_late_max=1)


def test_the_commonest_step_is_the_timeframe():
    times = [T0, T0 + STEP, T0 + 2 * STEP, T0 + 9 * STEP, T0 + 10 * STEP]
    assert infer_timeframe(times) == "M15"
    assert infer_timeframe([T0]) is None
    assert infer_timeframe([T0, T0 + timedelta(seconds=1)]) is None


def test_instants_survive_the_way_through_microseconds():
    instant = T0 + timedelta(microseconds=123_457)
    assert from_us(to_us(instant)) == instant
