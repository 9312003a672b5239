"""From bars to a picture or a page: detect, choose what to show, draw."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from backend.charts.marks import Marks, marks_of
from backend.domain.market.bars import Bars
from backend.domain.smc import DEFAULT_SETTINGS, SmcSettings, detect
from backend.domain.timeframe import timeframe_seconds
from backend.errors import DeskError

FORMATS = {"png": "image/png", "svg": "image/svg+xml", "html": "text/html; charset=utf-8"}
BARS_MAX = 500
"""More candles than that cannot be told apart."""
WARM_UP_BARS = 600
"""Older bars that detectors see and a chart does not: what stands was often formed before."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawn chart: its bytes, and what it shows."""

    content: bytes
    media_type: str
    marks: Marks
    as_of: datetime
    """When its last bar closed."""


def make_chart(
    bars: Bars, shown: int, form: str = "png", settings: SmcSettings = DEFAULT_SETTINGS
) -> Chart:
    """Draw the last `shown` bars of a run with the structures found in all of it.

    Raises DeskError chart.no_bars, chart.format or chart.library.
    """
    if form not in FORMATS:
        raise DeskError("chart.format", f"no format {form}", f"one of {', '.join(FORMATS)}")
    if len(bars) < 2:
        raise DeskError("chart.no_bars", f"no bars of {bars.symbol} {bars.timeframe}")
    marks = marks_of(detect(bars, settings), bars, max(0, len(bars) - shown))
    chart = Chart(b"", FORMATS[form], marks, bars.known_until())
    if form == "html":
        from backend.charts.page import write_page

        return replace(chart, content=write_page(bars, chart, _draw(bars, chart, "svg")).encode())
    return replace(chart, content=_draw(bars, chart, form))


def opened_before(until: datetime, timeframe: str) -> datetime:
    """Return before which instant a bar has opened that is finished at `until`."""
    return until - timedelta(seconds=timeframe_seconds(timeframe)) + timedelta(microseconds=1)


def _draw(bars: Bars, chart: Chart, form: str) -> bytes:
    try:
        # Takes half a second to load: only who wants a picture pays for it.
        from backend.charts.drawing import draw
    except ModuleNotFoundError as missing:
        raise DeskError(
            "chart.library",
            f"charts need {missing.name}",
            "install the extra: pip install 'dynamic-capital-desk[charts]'",
        ) from missing
    return draw(bars, chart.marks, chart.as_of, form)
