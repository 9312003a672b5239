"""desk chart: draw candles with the structures found in them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from backend.errors import DeskError
from backend.settings import load_settings
from cli.console import out, print_json
from cli.options import AsJson
from cli.sessions import session_as


def chart(
    symbol: Annotated[str, typer.Argument(help="Canonical, like EURUSD.", show_default=False)],
    timeframe: Annotated[str, typer.Option(help="As M15, 15 or 15m.")] = "M15",
    bars: Annotated[int, typer.Option(min=20, max=500, help="So many candles.")] = 160,
    out_file: Annotated[
        Path | None,
        typer.Option("--out", help="Where to write it; SYMBOL-TIMEFRAME.FORMAT without."),
    ] = None,
    form: Annotated[
        str | None, typer.Option("--format", help="png, svg or html; by the file's name without.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(help="Draw what was known then, UTC; now without it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Draw candles with swings, breaks, blocks, gaps, liquidity and sweeps; print the file's path.

    Examples: `desk chart EURUSD`, `desk chart XAUUSD --timeframe M5 --bars 200 --out gold.svg`.
    """
    from datetime import UTC

    from backend.charts import FORMATS, WARM_UP_BARS, make_chart, opened_before
    from backend.db.market import read_bars
    from backend.domain.market.bars import Bars
    from backend.domain.timeframe import canonical_timeframe
    from backend.ports import SystemClock

    canonical = canonical_timeframe(timeframe)
    if canonical is None:
        raise DeskError("chart.timeframe", f"no timeframe {timeframe}", "M1 to W1, as M15")
    if form is None:
        suffix = out_file.suffix.removeprefix(".") if out_file is not None else ""
        form = suffix if suffix in FORMATS else "png"
    name = symbol.upper()
    instant = SystemClock().now() if until is None else until.replace(tzinfo=UTC)
    before = opened_before(instant, canonical)
    with session_as(load_settings(), "desk_operator") as conn:
        rows = read_bars(conn, name, canonical, before, bars + WARM_UP_BARS)
    run = Bars.from_rows(name, canonical, rows)
    if len(run) < 2:
        raise DeskError(
            "chart.no_bars",
            f"no bars of {name} {canonical}",
            "a running desk keeps them, or `desk import` reads a file",
        )
    drawn = make_chart(run, bars, form)
    path = (out_file or Path(f"{name}-{canonical}.{form}")).resolve()
    try:
        path.write_bytes(drawn.content)
    except OSError as error:
        raise DeskError("chart.unwritable", f"{path}: {error.strerror}", "--out FILE") from None
    if as_json:
        print_json({"path": str(path), "bars": len(run), "as_of": drawn.as_of})
        return
    out().print(str(path), soft_wrap=True)
