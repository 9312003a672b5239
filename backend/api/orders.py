"""Orders as the state machine left them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from backend.api.auth import Session
from backend.api.listing import AfterCursor, Limit, Page, SymbolFilter, page
from backend.api.problems import documented
from backend.db import reads

router = APIRouter(tags=["orders"], responses=documented(401, 403, 422, 503))


@router.get("/orders", summary="Orders, newest first")
def list_orders(
    conn: Session,
    after: AfterCursor,
    symbol: SymbolFilter = None,
    status: Annotated[str | None, Query(max_length=32, description="Such as `filled`.")] = None,
    limit: Limit = 100,
) -> Page:
    """List orders, newest first."""
    return page(
        reads.orders(conn, symbol, status, after, limit + 1), "created_at", "order_id", limit
    )
