"""Read bars from lines of text: MetaTrader exports, HistData, Dukascopy, plain OHLCV CSV.

The layout is found from the first lines. A row that cannot be read becomes a `BarRefused`
naming line and column; a file that cannot be recognised raises `LayoutUnknown`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from backend.domain.market.bars import Bar
from backend.domain.market.quality import BarCode, BarRefused
from backend.domain.market.times import TimeReader, reader_for
from backend.domain.market.zones import EASTERN_STANDARD, UTC_FILE, FileZone

HEAD_LINES = 3
"""How many lines `detect_layout` wants to see."""
_CELL_MAX = 64


class BarFormat(StrEnum):
    """Families of files."""

    MT5 = "mt5"
    HISTDATA = "histdata"
    HISTDATA_MT = "histdata-mt"
    DUKASCOPY = "dukascopy"
    OHLCV = "ohlcv"
    BID_ASK = "bid-ask"


class LayoutUnknown(ValueError):
    """The first lines are of no known format; the message names what was looked for."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things stand in a row. Columns are positions; None where a file has none."""

    format: BarFormat
    delimiter: str
    header_lines: int
    time: tuple[int, ...]
    """Position of the time, or of date and time."""
    prices: tuple[int, int, int, int]
    volume: int | None
    spread_points: int | None = None
    ask_close: int | None = None
    zone: FileZone = UTC_FILE
    """What the format's publisher uses, unless the caller knows better."""


_TIME_NAMES = (
    "time",
    "datetime",
    "timestamp",
    "date",
    "gmttime",
    "localtime",
    "utc",
    "t",
    "opentime",
)
_VOLUME_NAMES = ("tickvol", "tickvolume", "volume", "vol", "v")
_PRICE_NAMES = ("open", "high", "low", "close")


def detect_layout(head: Sequence[str]) -> Layout:
    """Find the layout from the first lines. Raises LayoutUnknown."""
    if not head or not head[0].strip():
        raise LayoutUnknown("line 1: the file is empty")
    first = head[0].strip().lstrip("\ufeff")
    delimiter = next((d for d in ("\t", ";", ",") if d in first), None)
    if delimiter is None:
        raise LayoutUnknown("line 1: no tab, semicolon or comma separates columns")
    cells = _split(first, delimiter)
    if cells[0][:1].isdigit():
        return _headless(cells, delimiter)
    names = [_bare(cell) for cell in cells]
    if "bidopen" in names or "openbid" in names:
        return _bid_ask(names, delimiter)
    missing = [name for name in _PRICE_NAMES if name not in names and name[0] not in names]
    if missing:
        raise LayoutUnknown(f"line 1: no column {', '.join(missing)} in {first[:80]!r}")
    prices = [names.index(n) if n in names else names.index(n[0]) for n in _PRICE_NAMES]
    return Layout(
        format=_family(first, names),
        delimiter=delimiter,
        header_lines=1,
        time=_time_columns(names, first),
        prices=(prices[0], prices[1], prices[2], prices[3]),
        volume=next((names.index(name) for name in _VOLUME_NAMES if name in names), None),
        spread_points=names.index("spread") if "spread" in names else None,
    )


def read_bars(
    lines: Iterable[str],
    layout: Layout,
    zone: FileZone | None = None,
    relabel: bool = False,
    point: Decimal | None = None,
) -> Iterator[tuple[int, Bar] | BarRefused]:
    """Yield numbered bars or refusals, in the order of the file; blank lines are skipped.

    zone: the file's clock; None takes the format's own. A time that carries an offset keeps
    it, unless `relabel` says that the label is wrong. point: price units of one point of a
    spread column; None leaves such spreads unknown.
    """
    clock = zone if zone is not None else layout.zone
    times: TimeReader | None = None
    for line, text in enumerate(lines, start=1):
        stripped = text.strip()
        if line <= layout.header_lines or not stripped:
            continue
        cells = _split(stripped, layout.delimiter)
        if len(cells) <= max(*layout.time, *layout.prices):
            yield BarRefused(line, "row", BarCode.UNREADABLE, f"{len(cells)} columns")
            continue
        written = " ".join(cells[i] for i in layout.time)
        if times is None:
            times = reader_for(written)
        opened_at = times.read(written, clock, relabel) if times is not None else None
        if opened_at is None:
            yield BarRefused(line, "time", BarCode.TIME_UNREADABLE, written[:_CELL_MAX])
            times = None
            continue
        yield _bar(line, cells, opened_at, layout, point)


def _bar(
    line: int, cells: list[str], opened_at: datetime, layout: Layout, point: Decimal | None
) -> tuple[int, Bar] | BarRefused:
    prices: list[Decimal] = []
    for name, position in zip(_PRICE_NAMES, layout.prices, strict=True):
        price = _decimal(cells[position])
        if price is None:
            return BarRefused(line, name, BarCode.UNREADABLE, cells[position][:_CELL_MAX])
        prices.append(price)
    volume = Decimal(0)
    if layout.volume is not None and layout.volume < len(cells) and cells[layout.volume]:
        read = _decimal(cells[layout.volume])
        if read is None:
            return BarRefused(line, "volume", BarCode.UNREADABLE, cells[layout.volume][:_CELL_MAX])
        volume = read
    spread: Decimal | None = None
    if layout.ask_close is not None:
        ask = _decimal(cells[layout.ask_close]) if layout.ask_close < len(cells) else None
        if ask is None:
            return BarRefused(line, "ask_close", BarCode.UNREADABLE)
        spread = ask - prices[3]
    elif layout.spread_points is not None and point is not None:
        points = _decimal(cells[layout.spread_points])
        if points is None:
            return BarRefused(line, "spread", BarCode.UNREADABLE)
        spread = points * point
    return line, Bar(opened_at, prices[0], prices[1], prices[2], prices[3], volume, spread)


def _headless(cells: list[str], delimiter: str) -> Layout:
    """Recognise HistData's two forms, which have no header."""
    if delimiter == ";" and len(cells) >= 5:
        volume = 5 if len(cells) > 5 else None
        return Layout(BarFormat.HISTDATA, ";", 0, (0,), (1, 2, 3, 4), volume, zone=EASTERN_STANDARD)
    if delimiter in (",", "\t") and len(cells) >= 6 and ":" in cells[1] and "." in cells[0]:
        volume = 6 if len(cells) > 6 else None
        zone = EASTERN_STANDARD if delimiter == "," else UTC_FILE
        return Layout(BarFormat.HISTDATA_MT, delimiter, 0, (0, 1), (2, 3, 4, 5), volume, zone=zone)
    if len(cells) >= 5 and reader_for(cells[0]) is not None:
        volume = 5 if len(cells) > 5 else None
        return Layout(BarFormat.OHLCV, delimiter, 0, (0,), (1, 2, 3, 4), volume)
    raise LayoutUnknown("line 1: no header, and not HistData's columns")


def _bid_ask(names: list[str], delimiter: str) -> Layout:
    def position(side: str, price: str) -> int:
        for name in (side + price, price + side):
            if name in names:
                return names.index(name)
        raise LayoutUnknown(f"line 1: no column {side} {price}")

    bids = [position("bid", price) for price in _PRICE_NAMES]
    return Layout(
        format=BarFormat.BID_ASK,
        delimiter=delimiter,
        header_lines=1,
        time=_time_columns(names, delimiter.join(names)),
        prices=(bids[0], bids[1], bids[2], bids[3]),
        volume=names.index("volume") if "volume" in names else None,
        ask_close=position("ask", "close"),
    )


def _time_columns(names: list[str], first: str) -> tuple[int, ...]:
    if "date" in names and "time" in names:
        return names.index("date"), names.index("time")
    for name in _TIME_NAMES:
        if name in names:
            return (names.index(name),)
    raise LayoutUnknown(f"line 1: no column for the time in {first[:80]!r}")


def _family(first: str, names: list[str]) -> BarFormat:
    if first.startswith("<"):
        return BarFormat.MT5
    if names[0] in ("gmttime", "localtime"):
        return BarFormat.DUKASCOPY
    return BarFormat.OHLCV


def _split(line: str, delimiter: str) -> list[str]:
    if '"' in line:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]
    return [cell.strip() for cell in line.split(delimiter)]


def _bare(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())


def _decimal(text: str) -> Decimal | None:
    if not text or len(text) > _CELL_MAX:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
