"""Charts of candles with the structures found in them, to check them by eye."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Query, Request, Response

from backend.api.auth import Session
from backend.api.listing import AfterCursor, Limit, Page, SymbolFilter, page
from backend.api.problems import Problem, documented
from backend.charts import BARS_MAX, FORMATS, WARM_UP_BARS, Chart, make_chart, opened_before
from backend.db import reads
from backend.db.market import read_bars
from backend.domain.market.bars import Bars
from backend.domain.timeframe import canonical_timeframe
from backend.errors import DeskError

router = APIRouter(tags=["charts"], responses=documented(401, 403, 404, 422, 503))

OddFilter = Annotated[
    bool, Query(description="Only those out of pattern that wait for a person's word.")
]

_MEDIA = {media.partition(";")[0]: form for form, media in FORMATS.items()}
_KEPT_MAX = 32


@router.get(
    "/charts/{symbol}",
    summary="Candles with swings, breaks, blocks, gaps, liquidity, sweeps and the dealing range",
    response_class=Response,
    responses={200: {"content": {media: {} for media in _MEDIA}}},
)
def draw_chart(
    request: Request,
    conn: Session,
    symbol: Annotated[str, Path(max_length=20, description="Canonical, like EURUSD.")],
    timeframe: Annotated[str, Query(max_length=16, description="As M15, 15 or 15m.")] = "M15",
    bars: Annotated[int, Query(ge=20, le=BARS_MAX, description="So many candles.")] = 160,
    until: Annotated[
        datetime | None, Query(description="Draw what was known then; now without it.")
    ] = None,
    format: Annotated[
        Literal["png", "svg", "html"] | None, Query(description="Goes before Accept.")
    ] = None,
    accept: Annotated[str | None, Header(max_length=1_000)] = None,
) -> Response:
    """Draw a chart as PNG, SVG or a page, by `format` or the Accept header."""
    canonical = canonical_timeframe(timeframe)
    if canonical is None:
        raise Problem(422, "timeframe.unknown", f"no timeframe {timeframe}")
    if until is not None and until.tzinfo is None:
        raise Problem(422, "until.local", "an instant needs its offset, as 2026-03-04T10:00:00Z")
    before = opened_before(until or request.app.state.clock.now(), canonical)
    rows = read_bars(conn, symbol.upper(), canonical, before, bars + WARM_UP_BARS)
    run = Bars.from_rows(symbol.upper(), canonical, rows)
    if len(run) < 2:
        raise Problem(404, "chart.no_bars", f"no bars of {symbol.upper()} {canonical} until then")
    chart = _chart(request, run, bars, format or _form(accept))
    return Response(
        chart.content,
        media_type=chart.media_type,
        headers={"Cache-Control": "private, max-age=5", "Vary": "Accept, Authorization"},
    )


@router.get("/structures", summary="Structures in the market, and what readers voted on them")
def list_structures(
    conn: Session,
    after: AfterCursor,
    symbol: SymbolFilter = None,
    odd: OddFilter = False,
    limit: Limit = 100,
) -> Page:
    """List structures, newest first."""
    rows = reads.structures(conn, symbol, odd, after, limit + 1)
    return page(rows, "known_at", "structure_id", limit)


def _form(accept: str | None) -> str:
    """Return the first format that the header names in its own order; PNG where any will do."""
    for wanted in (accept or "").split(","):
        form = _MEDIA.get(wanted.partition(";")[0].strip().lower())
        if form is not None:
            return form
    return "png"


def _chart(request: Request, run: Bars, shown: int, form: str) -> Chart:
    """Draw it, or give what was drawn of the same bars."""
    kept: dict[tuple[str, str, int, int, int, str], Chart] = request.app.state.charts
    key = (run.symbol, run.timeframe, int(run.opened_us[-1]), len(run), shown, form)
    chart = kept.get(key)
    if chart is None:
        try:
            chart = make_chart(run, shown, form)
        except DeskError as refused:
            raise Problem(503, refused.code, f"{refused.message}; {refused.hint}") from refused
        while len(kept) >= _KEPT_MAX:
            kept.pop(next(iter(kept)), None)
        kept[key] = chart
    return chart
