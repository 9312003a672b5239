"""Draw candles and marks with matplotlib, without its global state."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from threading import Lock
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from backend.charts.labels import Tag, place_tags, price_digits, time_ticks
from backend.charts.marks import Box, Line, Marks, Point
from backend.domain.market.bars import Bars
from backend.domain.smc import EventKind

INK, MUTED, GRID, PAPER = "#1f2933", "#7b8794", "#eceff3", "#ffffff"
UP, DOWN = "#1a9177", "#d64545"
BULL, BEAR = "#2f6fdb", "#d9782d"
LEVEL, SWEEP, SHIFT = "#5b4bb7", "#a61e78", "#0f5e9c"
PREMIUM, DISCOUNT, OTE = "#d64545", "#1a9177", "#b7950b"

_ZONE_STYLES: dict[EventKind, dict[str, Any]] = {
    EventKind.FVG: {"alpha": 0.16, "edge": 0.0, "line": "-"},
    EventKind.ORDER_BLOCK: {"alpha": 0.24, "edge": 1.1, "line": "-"},
    EventKind.BREAKER: {"alpha": 0.12, "edge": 1.1, "line": (0, (4, 2))},
    EventKind.MITIGATION_BLOCK: {"alpha": 0.10, "edge": 1.0, "line": (0, (1, 1.5))},
}
_SIZE_INCHES, _DPI = (16.0, 9.0), 110
_MARGIN = 0.085
"""Free room at the right, as a part of the bars shown: what still stands is named there."""

_drawing = Lock()
"""Fonts and caches of the library are shared by all threads."""


def draw(bars: Bars, marks: Marks, as_of: datetime, form: str) -> bytes:
    """Return a PNG or SVG of the visible bars and their marks; the same bars, the same bytes."""
    settings: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": "chart",
        "font.family": "DejaVu Sans",
    }
    with _drawing, mpl.rc_context(settings):
        figure = Figure(figsize=_SIZE_INCHES, dpi=_DPI, facecolor=PAPER)
        _compose(figure, bars, marks, as_of)
        stream = io.BytesIO()
        if form == "svg":
            FigureCanvasSVG(figure)
            figure.savefig(stream, format="svg", metadata={"Date": None})
        else:
            FigureCanvasAgg(figure)
            figure.savefig(stream, format="png", metadata={"Software": None})
        return stream.getvalue()


def _compose(figure: Figure, bars: Bars, marks: Marks, as_of: datetime) -> None:
    has_volume = bool(np.any(bars.volume[marks.first :] > 0))
    axes = figure.add_axes(
        (0.012, 0.115 if has_volume else 0.06, 0.925, 0.80 if has_volume else 0.855)
    )
    low = float(bars.low[marks.first :].min())
    high = float(bars.high[marks.first :].max())
    room = (high - low) * 0.05 or abs(high) * 1e-4
    axes.set_ylim(low - room, high + room)
    axes.set_xlim(marks.first - 1.5, marks.last + 1 + (marks.last - marks.first) * _MARGIN)
    _dress(axes, bars, marks)
    _dealing(axes, marks)
    for box in sorted(marks.boxes, key=lambda one: one.kind is not EventKind.FVG):
        _box(axes, box, marks)
    _levels(axes, marks)
    _candles(axes, bars, marks)
    _breaks(axes, marks)
    _points(axes, marks, (high - low) * 0.012)
    _right_tags(axes, bars, marks)
    if has_volume:
        below = figure.add_axes((0.012, 0.055, 0.925, 0.055), sharex=axes)
        _volume(below, bars, marks)
        axes.tick_params(labelbottom=False)
    _title(figure, bars, marks, as_of)


def _dress(axes: Axes, bars: Bars, marks: Marks) -> None:
    axes.set_facecolor(PAPER)
    axes.grid(True, color=GRID, linewidth=0.8, zorder=0)
    for side in axes.spines.values():
        side.set_color(GRID)
    axes.yaxis.tick_right()
    axes.tick_params(length=0, labelsize=9, colors=MUTED, pad=5)
    digits = price_digits(bars.close[marks.first :])
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.{digits}f}")
    ticks, names = time_ticks(bars.opened_us, marks.first)
    axes.set_xticks(ticks, names)


def _dealing(axes: Axes, marks: Marks) -> None:
    """Shade what is dear and what is cheap in the range that stands at the last bar."""
    view = marks.dealing
    if view is None:
        return
    start, end = max(view.start, marks.first) - 0.5, axes.get_xlim()[1]
    for lower, upper, color in (
        (view.middle, view.high, PREMIUM),
        (view.low, view.middle, DISCOUNT),
    ):
        axes.add_patch(
            Rectangle((start, lower), end - start, upper - lower, color=color, alpha=0.045, lw=0,
                      zorder=0.5)
        )  # fmt: skip
    axes.hlines(view.middle, start, end, colors=MUTED, linestyles=(0, (6, 4)), lw=0.9, zorder=1)
    if view.leg != 0:
        # Retraced by 62 to 79 %, measured from where the leg ended.
        height = view.high - view.low
        edge = view.high if view.leg > 0 else view.low
        lower, upper = sorted(edge - view.leg * part * height for part in (0.62, 0.79))
        axes.add_patch(
            Rectangle((start, lower), end - start, upper - lower, color=OTE, alpha=0.10, lw=0,
                      zorder=0.6)
        )  # fmt: skip


def _candles(axes: Axes, bars: Bars, marks: Marks) -> None:
    index = np.arange(marks.first, marks.last + 1)
    opened, close = bars.open[index], bars.close[index]
    colors = np.where(close >= opened, UP, DOWN)
    wicks = np.stack(
        [np.column_stack((index, bars.low[index])), np.column_stack((index, bars.high[index]))],
        axis=1,
    )
    width = max(0.8, min(1.4, 220 / len(index)))
    axes.add_collection(LineCollection(list(wicks), colors=colors, linewidths=width, zorder=3))
    # A body without height is still to be seen.
    least = (axes.get_ylim()[1] - axes.get_ylim()[0]) * 0.0008
    lower, upper = np.minimum(opened, close), np.maximum(opened, close)
    upper = np.maximum(upper, lower + least)
    half = 0.33
    corners = np.stack(
        [
            np.column_stack((index - half, lower)),
            np.column_stack((index + half, lower)),
            np.column_stack((index + half, upper)),
            np.column_stack((index - half, upper)),
        ],
        axis=1,
    )
    axes.add_collection(
        PolyCollection(list(corners), facecolors=colors, edgecolors=colors, linewidths=0.4,
                       zorder=3.1)
    )  # fmt: skip


def _box(axes: Axes, box: Box, marks: Marks) -> None:
    style = _ZONE_STYLES[box.kind]
    color = BULL if box.direction > 0 else BEAR
    start = max(box.start, marks.first - 1)
    end = box.end if box.ended else axes.get_xlim()[1]
    # What is over stays visible, and steps back.
    weight = 0.55 if box.ended else 1.0
    width, height = max(end - start, 0.6), box.upper - box.lower
    place = ((start - 0.33, box.lower), width + 0.33, height)
    axes.add_patch(Rectangle(*place, color=color, alpha=style["alpha"] * weight, lw=0, zorder=1.5))
    if style["edge"]:
        axes.add_patch(
            Rectangle(*place, fill=False, edgecolor=color, alpha=0.75 * weight, lw=style["edge"],
                      linestyle=style["line"], zorder=1.6)
        )  # fmt: skip
    elif not box.ended:
        middle = (box.lower + box.upper) / 2
        axes.hlines(middle, start, end, colors=color, alpha=0.5, lw=0.7, linestyles=(0, (2, 3)))
    enough = height > (axes.get_ylim()[1] - axes.get_ylim()[0]) * 0.008
    if width > 5 and (enough or box.kind is not EventKind.FVG):
        axes.text(
            start + 0.3, box.upper if box.direction < 0 else box.lower, box.label,
            fontsize=6.3, color=color, alpha=0.95 * max(weight, 0.75), clip_on=True, zorder=4,
            va="top" if box.direction < 0 else "bottom", ha="left",
        )  # fmt: skip


def _levels(axes: Axes, marks: Marks) -> None:
    for line in marks.levels:
        start = max(line.start, marks.first - 1)
        end = line.end if line.ended else axes.get_xlim()[1]
        named = bool(line.label)
        axes.hlines(
            line.level, start, end, colors=LEVEL if named else SWEEP, zorder=2,
            lw=1.0 if named else 0.8, alpha=0.45 if line.ended else 0.9,
            linestyles=(0, (1.2, 1.6)),
        )  # fmt: skip
        if named and line.ended and end - start > 4:
            axes.text(
                (start + end) / 2, line.level, line.label, fontsize=6.3, color=LEVEL, alpha=0.8,
                ha="center", va="bottom" if line.direction > 0 else "top", clip_on=True, zorder=4,
            )  # fmt: skip


def _breaks(axes: Axes, marks: Marks) -> None:
    for line in marks.breaks:
        color = UP if line.direction > 0 else DOWN
        start = max(line.start, marks.first - 1)
        change = line.kind is EventKind.CHOCH
        axes.hlines(
            line.level, start, line.end, colors=color, lw=1.5 if change else 1.1, zorder=3.5
        )
        axes.text(
            (start + line.end) / 2, line.level, line.label, fontsize=7.4, color=color,
            fontweight="bold" if change else "normal", ha="center", clip_on=True, zorder=5,
            va="bottom" if line.direction > 0 else "top",
        )  # fmt: skip


def _points(axes: Axes, marks: Marks, gap: float) -> None:
    def scatter(points: list[Point], shape: str, color: str, size: float, away: float) -> None:
        if points:
            axes.scatter(
                [p.bar for p in points], [p.price + p.direction * gap * away for p in points],
                marker=shape, s=size, color=color, zorder=4.5,
                linewidths=1.4 if shape == "x" else 0,
            )  # fmt: skip

    highs = [point for point in marks.swings if point.direction > 0]
    lows = [point for point in marks.swings if point.direction < 0]
    scatter(highs, "v", MUTED, 13, 0.9)
    scatter(lows, "^", MUTED, 13, 0.9)
    scatter(list(marks.sweeps), "x", SWEEP, 24, 1.9)
    for point in marks.inducements:
        axes.text(
            point.bar, point.price - point.direction * gap * 0.6, "IDM", fontsize=6, color=LEVEL,
            ha="center", va="top" if point.direction > 0 else "bottom", clip_on=True, zorder=5,
        )  # fmt: skip
    for point in marks.shifts:
        axes.text(
            point.bar, point.price + point.direction * gap * 2.4, "SMS", fontsize=7, color=SHIFT,
            fontweight="bold", ha="center", va="bottom" if point.direction > 0 else "top",
            clip_on=True, zorder=5,
        )  # fmt: skip


def _right_tags(axes: Axes, bars: Bars, marks: Marks) -> None:
    """Name at the right what still stands, without one name over another."""
    low, high = axes.get_ylim()
    digits = price_digits(bars.close[marks.first :])
    close = float(bars.close[-1])
    tags = [Tag(close, f"{close:,.{digits}f}", UP if close >= bars.open[-1] else DOWN, strong=True)]
    tags += [
        Tag(line.level, line.label, LEVEL)
        for line in _standing(marks.levels)
        if low < line.level < high
    ]
    if marks.dealing is not None:
        view = marks.dealing
        wanted = ((view.high, "range high"), (view.middle, "equilibrium"), (view.low, "range low"))
        tags += [Tag(level, name, MUTED) for level, name in wanted if low < level < high]
    for tag, at in place_tags(tags, low, high, 0.021):
        # A line that leads to its own name stops in front of it.
        fill = tag.color if tag.strong else PAPER
        box = {
            "boxstyle": f"round,pad={0.25 if tag.strong else 0.12}",
            "fc": fill,
            "ec": "none",
            "alpha": 1.0 if tag.strong else 0.8,
        }
        axes.text(
            axes.get_xlim()[1] - 0.4, at, tag.text, fontsize=7.6 if not tag.strong else 8.6,
            color=PAPER if tag.strong else tag.color, ha="right", va="center", bbox=box, zorder=6,
            fontweight="bold" if tag.strong else "normal",
        )  # fmt: skip


def _standing(levels: tuple[Line, ...]) -> list[Line]:
    """Return named levels that nothing took yet; of one name at one price, the first."""
    found: dict[tuple[str, float], Line] = {}
    for line in levels:
        if line.label and not line.ended:
            found.setdefault((line.label, line.level), line)
    return list(found.values())


def _volume(axes: Axes, bars: Bars, marks: Marks) -> None:
    index = np.arange(marks.first, marks.last + 1)
    colors = np.where(bars.close[index] >= bars.open[index], UP, DOWN)
    axes.bar(index, bars.volume[index], width=0.66, color=list(colors), alpha=0.45, zorder=2)
    axes.set_facecolor(PAPER)
    axes.set_ylim(0, float(bars.volume[index].max()) * 1.1)
    for side in axes.spines.values():
        side.set_color(GRID)
    axes.set_yticks([])
    axes.tick_params(length=0, labelsize=9, colors=MUTED, pad=5)
    axes.text(0.004, 0.86, "volume", transform=axes.transAxes, fontsize=7, color=MUTED, va="top")


def _title(figure: Figure, bars: Bars, marks: Marks, as_of: datetime) -> None:
    begin = datetime.fromtimestamp(int(bars.opened_us[marks.first]) / 1e6, UTC)
    figure.text(
        0.012, 0.965, f"{bars.symbol}", fontsize=17, fontweight="bold", color=INK, va="center"
    )
    figure.text(
        0.012 + 0.0125 * len(bars.symbol) + 0.012, 0.963,
        f"{bars.timeframe}    {begin:%d %b %Y %H:%M} to {as_of:%d %b %Y %H:%M} UTC    "
        f"{marks.last - marks.first + 1} bars",
        fontsize=10.5, color=MUTED, va="center",
    )  # fmt: skip
    handles = [
        Patch(color=BULL, alpha=0.35, label="support zone"),
        Patch(color=BEAR, alpha=0.35, label="resistance zone"),
        Line2D([], [], color=UP, lw=1.6, label="break up"),
        Line2D([], [], color=DOWN, lw=1.6, label="break down"),
        Line2D([], [], color=LEVEL, lw=1.2, ls=(0, (1.2, 1.6)), label="liquidity"),
        Line2D([], [], color=SWEEP, marker="x", ls="", ms=5, label="sweep"),
        Line2D([], [], color=MUTED, marker="v", ls="", ms=4, label="swing"),
        Patch(color=PREMIUM, alpha=0.12, label="premium"),
        Patch(color=DISCOUNT, alpha=0.12, label="discount"),
        Patch(color=OTE, alpha=0.25, label="OTE"),
    ]
    figure.legend(
        handles=handles, loc="upper right", bbox_to_anchor=(0.94, 0.985), ncol=len(handles),
        frameon=False, fontsize=8, labelcolor=MUTED, handlelength=1.6, columnspacing=1.2,
        handletextpad=0.5,
    )  # fmt: skip
