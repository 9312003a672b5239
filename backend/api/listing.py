"""How lists are paged: newest first, `before` an instant, at most 500 rows."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel

Before = Annotated[datetime | None, Query(description="Only rows older than this instant.")]
Limit = Annotated[int, Query(ge=1, le=500)]
SymbolFilter = Annotated[str | None, Query(max_length=20)]


class Page(BaseModel):
    """One page of rows; ask again with `before` set to `next_before` for the following one."""

    items: list[dict[str, Any]]
    next_before: datetime | None


def page(rows: list[dict[str, Any]], ordered_by: str, limit: int) -> Page:
    """Return rows as a page that knows where the next one begins."""
    return Page(items=rows, next_before=rows[-1][ordered_by] if len(rows) == limit else None)
