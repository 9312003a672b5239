"""Bars to measure structure on: real ones where there are enough, else generated ones."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path

from backend.domain.market.bars import Bar, Bars
from backend.domain.market.formats import HEAD_LINES, LayoutUnknown, detect_layout, read_bars
from backend.domain.market.generator import generate_bars
from backend.domain.market.quality import BarRefused, fault_of
from backend.domain.market.universe import MODELS, UNIVERSE

_TIMEFRAME = "M15"
_LAST = datetime(2026, 6, 30, 20, 0, tzinfo=UTC)
_SEED = 20260630


def bars_for(folder: Path | None, n: int) -> tuple[str, Bars]:
    """Return where they come from and n bars: the first of the largest file that has as many.

    folder: of CSV files, gzip or plain; None generates.
    """
    if folder is not None and folder.is_dir():
        files = [path for path in folder.rglob("*") if path.name.endswith((".csv", ".csv.gz"))]
        for path in sorted(files, key=lambda path: (-path.stat().st_size, path.name)):
            rows = list(islice(sound_bars(path), n))
            if len(rows) == n:
                return str(path.relative_to(folder)), Bars.from_rows(path.stem, "", rows)
    symbol = UNIVERSE[0].symbol
    rows = generate_bars(UNIVERSE[0], MODELS[symbol], _TIMEFRAME, n, _LAST, _SEED)
    return f"generated {symbol} {_TIMEFRAME}, seed {_SEED}", Bars.from_rows(
        symbol, _TIMEFRAME, rows
    )


def sound_bars(path: Path) -> Iterator[Bar]:
    """Yield the bars of a file that are sound and in order; none if it is no file of bars."""
    opener = gzip.open if path.name.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8", errors="replace") as lines:
        head = list(islice(lines, HEAD_LINES))
        try:
            layout = detect_layout(head)
        except LayoutUnknown:
            return
        before: datetime | None = None
        for row in read_bars(chain(head, lines), layout):
            if isinstance(row, BarRefused):
                continue
            bar = row[1]
            if fault_of(bar) is None and (before is None or bar.opened_at > before):
                before = bar.opened_at
                yield bar
