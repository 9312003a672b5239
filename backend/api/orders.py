"""Orders as the state machine left them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from backend.api.auth import Session
from backend.api.listing import Before, Limit, Page, SymbolFilter, page
from backend.db import reads

router = APIRouter(tags=["orders"])


@router.get("/orders", summary="Orders, newest first")
def list_orders(
    conn: Session,
    symbol: SymbolFilter = None,
    status: Annotated[str | None, Query(max_length=32)] = None,
    before: Before = None,
    limit: Limit = 100,
) -> Page:
    """List orders, newest first."""
    return page(reads.orders(conn, symbol, status, before, limit), "created_at", limit)
