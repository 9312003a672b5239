"""A chart shows what was detected, from where it lies to where the market was done with it."""

from __future__ import annotations

import random
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from backend.charts import make_chart, marks_of
from backend.charts.labels import Tag, place_tags, price_digits
from backend.domain.market.bars import Bars
from backend.domain.smc import EventKind, detect
from backend.errors import DeskError

PNG = b"\x89PNG\r\n"


def a_walk(count: int = 400, seed: int = 7, volume: float = 100.0) -> Bars:
    """Give bars of a price that wanders, now and then with force."""
    rng = random.Random(seed)
    rows, close = [], 1.1
    for index in range(count):
        opened = close
        close = opened + rng.gauss(0, 0.0004) * (4 if rng.random() < 0.08 else 1)
        high = max(opened, close) + abs(rng.gauss(0, 0.0002))
        low = min(opened, close) - abs(rng.gauss(0, 0.0002))
        rows.append((index * 900_000_000, opened, high, low, close, volume))
    return Bars.from_records("EURUSD", "M15", rows)


def test_every_mark_lies_where_the_detectors_say():
    bars = a_walk()
    found = detect(bars)
    marks = marks_of(found, bars, 0)
    gaps = [box for box in marks.boxes if box.kind is EventKind.FVG]
    assert [box.start for box in gaps] == found.gaps.bar.tolist()
    for box, filled, invalid in zip(
        gaps, found.gaps.filled_at, found.gaps.invalidated_at, strict=True
    ):
        ends = [int(at) for at in (filled, invalid) if at >= 0]
        assert (box.end, box.ended) == ((min(ends), True) if ends else (len(bars) - 1, False))
    blocks = [box for box in marks.boxes if box.kind is EventKind.ORDER_BLOCK]
    assert [box.start for box in blocks] == found.order_blocks.bar.tolist()
    assert {box.ended for box in blocks} == {True, False}
    assert [line.end for line in marks.breaks] == found.breaks.known_at.tolist()
    assert {line.label for line in marks.breaks} == {"BOS", "CHoCH"}
    assert len(marks.swings) == len(found.swings.bar)
    swept = found.pools.swept_at >= 0
    assert {point.bar for point in marks.sweeps} == set(found.pools.taken_at[swept].tolist())


def test_what_ended_before_the_first_visible_bar_is_left_out():
    bars = a_walk()
    marks = marks_of(detect(bars), bars, 300)
    for part in (marks.boxes, marks.breaks, marks.levels):
        assert part
        assert all(mark.end >= 300 for mark in part)
    assert all(point.bar >= 300 for point in (*marks.swings, *marks.sweeps, *marks.shifts))


def test_nothing_that_later_bars_bring_is_on_the_chart_of_an_earlier_moment():
    bars = a_walk()
    then = marks_of(detect(bars.prefix(250)), bars.prefix(250), 0)
    now = marks_of(detect(bars), bars, 0)
    known = [line for line in now.breaks if line.known_at < 250]
    assert list(then.breaks) == known
    starts = {(box.kind, box.start, box.lower) for box in now.boxes if box.known_at < 250}
    assert {(box.kind, box.start, box.lower) for box in then.boxes} == starts


def test_pictures_are_what_they_say_and_the_same_bars_give_the_same_bytes():
    bars = a_walk()
    assert make_chart(bars, 120).content.startswith(PNG)
    svg = make_chart(bars, 120, "svg").content
    assert ET.fromstring(svg).tag.endswith("svg")
    assert make_chart(bars, 120, "svg").content == svg
    for word in (b"EURUSD", b"BOS", b"CHoCH", b"FVG", b"OB", b"premium", b"sweep"):
        assert word in svg


def test_page_holds_the_picture_and_names_what_stands():
    page = make_chart(a_walk(), 120, "html").content.decode()
    assert page.count("<svg") == 1
    assert "<script" not in page
    assert "Zones that stand" in page
    assert "the last close lies in" in page


@pytest.mark.parametrize("count", [2, 3, 20])
def test_a_few_bars_without_volume_are_drawn_too(count: int):
    assert make_chart(a_walk(count, volume=0.0), 120).content.startswith(PNG)


def test_bars_that_do_not_move_are_drawn_too():
    flat = Bars.from_records(
        "XAUUSD", "H1", [(i * 3_600_000_000, *[2000.0] * 4, 1) for i in range(30)]
    )
    assert make_chart(flat, 30).content.startswith(PNG)


def test_an_unknown_format_and_no_bars_are_refused():
    with pytest.raises(DeskError) as caught:
        make_chart(a_walk(), 120, "gif")
    assert caught.value.code == "chart.format"
    with pytest.raises(DeskError) as caught:
        make_chart(a_walk(1), 120)
    assert caught.value.code == "chart.no_bars"


def test_words_at_the_right_do_not_cover_one_another():
    tags = [Tag(1.0 + 0.001 * (n % 5), f"t{n}", f"#{n}") for n in range(20)]
    places = sorted(at for _, at in place_tags(tags, 1.0, 1.1, 0.02))
    assert min(np.diff(places)) >= 0.002 - 1e-9
    assert places[-1] <= 1.1


def test_prices_have_as_many_digits_as_tell_them_apart():
    assert [price_digits(np.array([price])) for price in (1.1, 150.0, 2000.0, 70_000.0)] == [
        5,
        3,
        2,
        0,
    ]
