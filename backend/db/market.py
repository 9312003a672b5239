"""Bars in and out of `public.market_bars`; writing goes through its procedure alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from psycopg import Connection

from backend.domain.market.bars import Bar
from backend.values import format_decimal, format_instant

ROWS_MAX = 5_000
"""Bars per call; longer runs are cut by the caller."""


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A bar that the database refused, by its opening instant."""

    opened_at: str
    code: str


@dataclass(frozen=True, slots=True)
class InsertCounts:
    """What became of the bars of one call."""

    inserted: int
    existing: int
    refused: tuple[RefusedRow, ...]


def insert_bars(
    conn: Connection[Any], symbol: str, timeframe: str, source: str, rows: Sequence[Bar]
) -> InsertCounts:
    """Add bars; those already there stay as they are. Raises ValueError above ROWS_MAX.

    Repeating a call is harmless: its bars then count as existing.
    """
    if len(rows) > ROWS_MAX:
        raise ValueError(f"at most {ROWS_MAX} bars in one call")
    document = orjson.dumps([_record(row) for row in rows]).decode()
    row = conn.execute(
        "select ops.ingest_bars(%s, %s, %s, %s::jsonb)", (symbol, timeframe, source, document)
    ).fetchone()
    assert row is not None
    answer: dict[str, Any] = row[0]
    refused = tuple(
        RefusedRow(str(item.get("opened_at", "")), str(item["code"])) for item in answer["refused"]
    )
    return InsertCounts(int(answer["inserted"]), int(answer["existing"]), refused)


def read_bars(
    conn: Connection[Any], symbol: str, timeframe: str, until: datetime, count: int
) -> list[Bar]:
    """Return the last `count` bars that opened before an instant, oldest first."""
    rows = conn.execute(
        """
        select opened_at, open, high, low, close, volume, spread
          from public.market_bars
         where symbol = %s and timeframe = %s and opened_at < %s
         order by opened_at desc
         limit %s
        """,
        (symbol, timeframe, until, count),
    ).fetchall()
    return [Bar(*row) for row in reversed(rows)]


def _record(bar: Bar) -> dict[str, str | None]:
    return {
        "opened_at": format_instant(bar.opened_at),
        "open": format_decimal(bar.open),
        "high": format_decimal(bar.high),
        "low": format_decimal(bar.low),
        "close": format_decimal(bar.close),
        "volume": format_decimal(bar.volume),
        "spread": _optional(bar.spread),
    }


def _optional(value: Decimal | None) -> str | None:
    return None if value is None else format_decimal(value)
