"""Recorded bars from public repositories, defects included; DESK_MARKET_DATA names the folder."""

from __future__ import annotations

import gzip
import os
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from backend.domain.market.bars import Bar, Bars
from backend.domain.market.formats import detect_layout, read_bars
from backend.domain.market.quality import BarGate, BarRefused
from backend.domain.market.zones import parse_zone
from backend.domain.sessions import Calendar
from backend.domain.smc import EventKind, detect, list_events
from backend.domain.timeframe import infer_timeframe
from backend.domain.volatility import atr, log_returns, realized_variance, yang_zhang_variance

FOLDER = os.environ.get("DESK_MARKET_DATA")
pytestmark = pytest.mark.skipif(not FOLDER, reason="DESK_MARKET_DATA is not set")


def rows_of(
    name: str, zone: str = "", relabel: bool = False
) -> Iterator[tuple[int, Bar] | BarRefused]:
    with gzip.open(Path(FOLDER or "") / name, "rt") as lines:
        first = next(lines)
        chosen = parse_zone(zone) if zone else None
        everything = (line for part in ([first], lines) for line in part)
        yield from read_bars(everything, detect_layout([first]), chosen, relabel)


def judged(name: str, zone: str = "", relabel: bool = False) -> tuple[list[Bar], list[BarRefused]]:
    rows = list(rows_of(name, zone, relabel))
    opened = [row[1].opened_at for row in rows[:500] if not isinstance(row, BarRefused)]
    timeframe = infer_timeframe(opened)
    assert timeframe is not None
    gate = BarGate(timeframe, Calendar.ALWAYS)
    verdicts = [row if isinstance(row, BarRefused) else gate.judge(*row) for row in rows]
    return (
        [verdict for verdict in verdicts if isinstance(verdict, Bar)],
        [verdict for verdict in verdicts if isinstance(verdict, BarRefused)],
    )


@pytest.mark.parametrize(
    ("name", "refusals"),
    [
        ("ork_ad/EURUSD_5m_2026.csv.gz", 1_071),
        ("ork_ad/XAUUSD_5m_2026.csv.gz", 170),
        ("ork_ad/XAUUSD_3m_2026.csv.gz", 403),
    ],
)
def test_bars_outside_their_own_range_are_refused_by_name(name: str, refusals: int):
    _, refused = judged(name)
    assert len(refused) == refusals
    assert set(Counter(r.code.value for r in refused)) <= {
        "OPEN_OUTSIDE_RANGE",
        "CLOSE_OUTSIDE_RANGE",
        "HIGH_BELOW_LOW",
    }


@pytest.mark.parametrize(
    ("name", "bars"),
    [
        ("smc_tests/EURUSD_15M.csv.gz", 24_424),
        ("lean/xauusd_oanda_m1_bidask_201405.csv.gz", 15_222),
        ("thesnowguru/BTCUSD_M30_2017_2023.csv.gz", 78_408),
    ],
)
def test_sound_files_pass_whole(name: str, bars: int):
    passed, refused = judged(name)
    assert (len(passed), refused) == (bars, [])


def test_broker_time_labelled_utc_is_put_right_on_request():
    name = "nkoroi/XAUUSD_M1_20251219_20260325.csv.gz"
    as_labelled, _ = judged(name)
    # This broker changes its clock with Europe, not with New York.
    corrected, _ = judged(name, "Europe/Athens", relabel=True)
    assert {opening.weekday() for opening in weekly_openings(as_labelled)} == {0}
    assert {(o.weekday(), o.hour) for o in weekly_openings(corrected)} == {(6, 22), (6, 23)}


def weekly_openings(bars: list[Bar]) -> list[datetime]:
    return [
        later.opened_at
        for earlier, later in pairwise(bars)
        if (later.opened_at - earlier.opened_at).days >= 1 and later.opened_at.weekday() in (0, 6)
    ]


def test_annual_volatility_of_the_euro_in_2017_is_the_known_one():
    days: dict[object, list[tuple[float, float, float, float]]] = {}
    with gzip.open(
        Path(FOLDER or "") / "lean/eurusd_oanda_h1_bidask_2007_2018.csv.gz", "rt"
    ) as lines:
        next(lines)
        for line in lines:
            if not line.startswith("2017"):
                continue
            cells = line.split(",")
            prices = [float(cell) for cell in cells[1:]]
            mid = tuple((prices[i] + prices[i + 4]) / 2 for i in range(4))
            day = np.datetime64(cells[0][:10])
            if np.is_busday(day):
                days.setdefault(day, []).append(mid)  # type: ignore[arg-type]
    table = np.array(
        [[b[0][0], max(x[1] for x in b), min(x[2] for x in b), b[-1][3]] for b in days.values()]
    )
    opened, high, low, close = np.ascontiguousarray(table.T)
    assert len(table) == 259
    yang_zhang = (yang_zhang_variance(opened, high, low, close) * 252) ** 0.5 * 100
    assert yang_zhang == pytest.approx(7.1908, rel=0.02)
    returns = log_returns(close)
    spread = (realized_variance(returns - returns.mean()) / (len(returns) - 1) * 252) ** 0.5 * 100
    assert spread == pytest.approx(7.1295, rel=0.02)
    opened_us = np.arange(len(table), dtype=np.int64)
    bars = Bars("EURUSD", "D1", opened_us, opened, high, low, close, np.ones(len(table)))
    assert atr(bars) == pytest.approx(0.006826, abs=5e-6)


def test_structure_on_real_bars_is_plentiful_and_causal():
    passed, _ = judged("smc_tests/EURUSD_15M.csv.gz", "ny-close")
    bars = Bars.from_rows("EURUSD", "M15", passed[:3_000])
    whole = list_events(detect(bars))
    kinds = Counter(event.kind for event in whole)
    assert all(kinds[kind] > 10 for kind in EventKind)
    for n in range(100, 3_000, 371):
        known = [event for event in whole if event.known_at < n]
        assert list_events(detect(bars.prefix(n))) == known
    spreads = [bar.spread for bar in passed[:10]]
    assert spreads == [None] * 10
    assert passed[0].open == Decimal("0.97312")
