"""A page with a chart: the picture, what still stands, and what happened last."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING

from backend.charts.labels import price_digits
from backend.charts.marks import Box, Line, Marks
from backend.domain.market.bars import Bars

if TYPE_CHECKING:
    from backend.charts.chart import Chart

_EVENTS_SHOWN = 25
_STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; color: #1f2933; margin: 1.5rem auto;
       max-width: 1500px; padding: 0 1rem; }
body > div { overflow-x: auto; }
svg { width: 100%; min-width: 46rem; height: auto; border: 1px solid #eceff3; border-radius: 6px; }
main { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr));
       gap: 2rem; }
h2 { font-size: 1rem; margin: 1.2rem 0 .4rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
td, th { text-align: left; padding: .2rem .6rem .2rem 0; border-bottom: 1px solid #eceff3; }
th { color: #7b8794; font-weight: 500; }
td.n, th.n { text-align: right; }
.up { color: #1a9177; } .down { color: #d64545; }
"""


def write_page(bars: Bars, chart: Chart, svg: bytes) -> str:
    """Return the page; everything that it needs is in it."""
    marks = chart.marks
    picture = svg.decode()
    picture = picture[picture.index("<svg") :]
    heading = f"{bars.symbol} {bars.timeframe}"
    zones = [box for box in marks.boxes if not box.ended]
    levels = [line for line in marks.levels if line.label and not line.ended]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(heading)}"
        f"</title><style>{_STYLE}</style></head><body><div>{picture}</div><main>"
        f"<section><h2>Zones that stand</h2>{_zones(bars, zones)}</section>"
        f"<section><h2>Liquidity that rests</h2>{_levels(bars, levels)}"
        f"<h2>Dealing range</h2>{_range(bars, marks)}</section>"
        f"<section><h2>What became known last</h2>{_events(bars, marks)}</section>"
        f"</main></body></html>"
    )


def _zones(bars: Bars, zones: list[Box]) -> str:
    close = float(bars.close[-1])
    nearest = sorted(zones, key=lambda box: abs((box.lower + box.upper) / 2 - close))
    return _table(
        ("zone", "", "from", "to", "since"),
        [
            (box.label, _way(box.direction, "support", "resistance"), _price(bars, box.lower),
             _price(bars, box.upper), _time(bars, box.start))
            for box in nearest
        ],
    )  # fmt: skip


def _levels(bars: Bars, levels: list[Line]) -> str:
    return _table(
        ("level", "", "price", "since"),
        [
            (line.label, _way(line.direction, "above", "below"), _price(bars, line.level),
             _time(bars, line.start))
            for line in sorted(levels, key=lambda line: -line.level)
        ],
    )  # fmt: skip


def _range(bars: Bars, marks: Marks) -> str:
    view = marks.dealing
    if view is None:
        return "<p>Unknown: no swing high and low yet.</p>"
    where = {1: "premium", -1: "discount", 0: "equilibrium"}[view.zone]
    return (
        f"<p>{_price(bars, view.low)} to {_price(bars, view.high)}, equilibrium "
        f"{_price(bars, view.middle)}; the last close lies in {where}.</p>"
    )


def _events(bars: Bars, marks: Marks) -> str:
    """List breaks, sweeps and shifts, each at the bar at which it became known."""
    told = [(line.known_at, line.label, line.direction, line.level) for line in marks.breaks]
    told += [(point.known_at, "SMS", point.direction, point.price) for point in marks.shifts]
    told += [
        (point.known_at, "sweep of highs" if point.direction > 0 else "sweep of lows",
         -point.direction, point.price)
        for point in marks.sweeps
    ]  # fmt: skip
    told.sort(key=lambda event: -event[0])
    return _table(
        ("at", "what", "", "price"),
        [
            (_time(bars, at), label, _way(direction, "up", "down"), _price(bars, price))
            for at, label, direction, price in told[:_EVENTS_SHOWN]
        ],
    )


def _table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    if not rows:
        return "<p>None.</p>"
    numbers = {index for index, name in enumerate(columns) if name in ("from", "to", "price")}

    def cells(tag: str, values: tuple[str, ...]) -> str:
        return "".join(
            f"<{tag}{' class=n' if index in numbers else ''}>{value}</{tag}>"
            for index, value in enumerate(values)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f"<table><tr>{cells('th', columns)}</tr>{body}</table>"


def _way(direction: int, up: str, down: str) -> str:
    return f'<span class="up">{up}</span>' if direction > 0 else f'<span class="down">{down}</span>'


def _price(bars: Bars, value: float) -> str:
    return f"{value:,.{price_digits(bars.close)}f}"


def _time(bars: Bars, index: int) -> str:
    return f"{datetime.fromtimestamp(int(bars.opened_us[index]) / 1e6, UTC):%d %b %H:%M}"
