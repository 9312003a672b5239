"""Files of bars: found by their first lines, read exactly, refused by line and column."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.market.bars import Bar
from backend.domain.market.formats import BarFormat, LayoutUnknown, detect_layout, read_bars
from backend.domain.market.quality import BarCode, BarRefused
from backend.domain.market.zones import parse_zone

D = Decimal
SAMPLES = {
    BarFormat.MT5: (
        "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n"
        "2014.05.01\t00:00:00\t1.38676\t1.38686\t1.38669\t1.38680\t55\t0\t10\n"
    ),
    BarFormat.HISTDATA: "20140501 000000;1.38676;1.38686;1.38669;1.38680;55\n",
    BarFormat.HISTDATA_MT: "2014.05.01,00:00,1.38676,1.38686,1.38669,1.38680,55\n",
    BarFormat.DUKASCOPY: (
        "Gmt time,Open,High,Low,Close,Volume\n"
        "01.05.2014 00:00:00.000,1.38676,1.38686,1.38669,1.38680,55\n"
    ),
    BarFormat.OHLCV: (
        "time,open,high,low,close,volume\n2014-05-01T00:00:00Z,1.38676,1.38686,1.38669,1.38680,55\n"
    ),
    BarFormat.BID_ASK: (
        "t,bid_open,bid_high,bid_low,bid_close,ask_open,ask_high,ask_low,ask_close,volume\n"
        "2014-05-01 00:00:00,1.38676,1.38686,1.38669,1.38680,1.4,1.4,1.4,1.38690,55\n"
    ),
}


def read(text: str, zone: str = "", **options: object) -> list[tuple[int, Bar] | BarRefused]:
    lines = text.splitlines()
    layout = detect_layout(lines[:3])
    return list(read_bars(lines, layout, parse_zone(zone) if zone else None, **options))


def bar_of(text: str, zone: str = "", **options: object) -> Bar:
    (row,) = read(text, zone, **options)
    assert not isinstance(row, BarRefused), row
    return row[1]


@pytest.mark.parametrize("format_", list(SAMPLES))
def test_each_format_is_found_and_read_exactly(format_: BarFormat):
    assert detect_layout(SAMPLES[format_].splitlines()).format is format_
    bar = bar_of(SAMPLES[format_], "UTC")
    assert bar.opened_at == datetime(2014, 5, 1, tzinfo=UTC)
    assert [str(price) for price in (bar.open, bar.high, bar.low, bar.close)] == [
        "1.38676",
        "1.38686",
        "1.38669",
        "1.38680",
    ]
    assert bar.volume == 55


def test_histdata_is_eastern_standard_time_all_year():
    assert bar_of(SAMPLES[BarFormat.HISTDATA]).opened_at.hour == 5


def test_a_brokers_clock_follows_new_yorks_daylight_saving():
    summer = SAMPLES[BarFormat.MT5]
    winter = summer.replace("2014.05.01", "2014.12.01")
    assert bar_of(summer, "ny-close").opened_at == datetime(2014, 4, 30, 21, tzinfo=UTC)
    assert bar_of(winter, "ny-close").opened_at == datetime(2014, 11, 30, 22, tzinfo=UTC)


def test_a_wrong_label_is_kept_unless_the_reader_is_told():
    text = SAMPLES[BarFormat.OHLCV]
    assert bar_of(text, "UTC+3").opened_at.hour == 0
    assert bar_of(text, "UTC+3", relabel=True).opened_at == datetime(2014, 4, 30, 21, tzinfo=UTC)


def test_spreads_in_points_need_the_size_of_a_point():
    assert bar_of(SAMPLES[BarFormat.MT5]).spread is None
    assert bar_of(SAMPLES[BarFormat.MT5], point=D("0.00001")).spread == D("0.00010")
    assert bar_of(SAMPLES[BarFormat.BID_ASK]).spread == D("0.00010")


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        ("2014-05-01T00:00:00Z,1.1,1.2", "row", BarCode.UNREADABLE),
        ("yesterday,1,1,1,1,1", "time", BarCode.TIME_UNREADABLE),
        ("2014-05-01T00:00:00Z,1.1,high,1,1,1", "high", BarCode.UNREADABLE),
        ("2014-05-01T00:00:00Z,1.1,1.2,1,nan,1", "close", BarCode.UNREADABLE),
        ("2014-05-01T00:00:00Z,1.1,1.2,1,1.1,much", "volume", BarCode.UNREADABLE),
    ],
)
def test_a_row_that_cannot_be_read_is_named(row: str, column: str, code: BarCode):
    (refused,) = read(f"time,open,high,low,close,volume\n{row}\n")
    assert isinstance(refused, BarRefused)
    assert (refused.line, refused.column, refused.code) == (2, column, code)


@pytest.mark.parametrize("head", ["", "\n", "hello", "a,b,c", "time,open,high,low\n", "1;2;3"])
def test_an_unknown_file_says_what_was_looked_for(head: str):
    with pytest.raises(LayoutUnknown, match="line 1"):
        detect_layout(head.splitlines() or [""])


@pytest.mark.parametrize("name", ["UTC+25", "Mars/Olympus", "", "UTC+", "../etc/passwd"])
def test_an_unknown_zone_is_refused(name: str):
    with pytest.raises(ValueError, match="time zone"):
        parse_zone(name)


@given(st.sampled_from(list(SAMPLES.values())), st.lists(st.text(max_size=40), max_size=5))
def test_no_text_after_a_header_raises(sample: str, rows: list[str]):
    lines = [*sample.splitlines(), *rows]
    for row in read_bars(lines, detect_layout(lines[:1])):
        assert isinstance(row, BarRefused) or row[1].opened_at.tzinfo is not None


@given(st.lists(st.text(max_size=60), min_size=1, max_size=3))
def test_any_head_is_a_layout_or_unknown(head: list[str]):
    with suppress(LayoutUnknown):
        assert detect_layout(head).format in BarFormat
