"""How lists are paged: newest first, from a cursor that names the last row seen."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query
from pydantic import BaseModel

from backend.api.problems import Problem
from backend.db.reads import After, Row

Limit = Annotated[int, Query(ge=1, le=500, description="At most so many rows.")]
SymbolFilter = Annotated[str | None, Query(max_length=20, description="Canonical, like EURUSD.")]


class Page(BaseModel):
    """One page of rows; `cursor` leads to the next one and is null on the last."""

    items: list[dict[str, Any]]
    cursor: str | None


def _after(
    cursor: Annotated[
        str | None, Query(max_length=200, description="The `cursor` of the page before.")
    ] = None,
) -> After | None:
    if cursor is None:
        return None
    try:
        at, _, row_id = base64.urlsafe_b64decode(cursor).decode().partition(" ")
        instant = datetime.fromisoformat(at)
        if instant.tzinfo is None:
            raise ValueError
        return instant, UUID(row_id)
    except (ValueError, binascii.Error) as error:
        raise Problem(422, "cursor.malformed", "take the cursor from the page before") from error


AfterCursor = Annotated[After | None, Depends(_after)]


def page(rows: list[Row], ordered_by: str, key: str, limit: int) -> Page:
    """Return a page of rows that were asked for with one more than the limit."""
    more = len(rows) > limit
    rows = rows[:limit]
    cursor = None
    if more:
        last = f"{rows[-1][ordered_by].isoformat()} {rows[-1][key]}"
        cursor = base64.urlsafe_b64encode(last.encode()).decode()
    return Page(items=rows, cursor=cursor)
