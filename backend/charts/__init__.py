"""Charts of candles with the structures that the detectors found in them."""

from backend.charts.chart import BARS_MAX, FORMATS, WARM_UP_BARS, Chart, make_chart, opened_before
from backend.charts.marks import Marks, marks_of

__all__ = [
    "BARS_MAX",
    "FORMATS",
    "WARM_UP_BARS",
    "Chart",
    "Marks",
    "make_chart",
    "marks_of",
    "opened_before",
]
