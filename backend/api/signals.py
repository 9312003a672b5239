"""Signals and the rationales that explain them."""

from __future__ import annotations

from fastapi import APIRouter

from backend.api.auth import Session
from backend.api.listing import AfterCursor, Limit, Page, SymbolFilter, page
from backend.api.problems import documented
from backend.db import reads

router = APIRouter(tags=["signals"], responses=documented(401, 403, 422, 503))


@router.get("/signals", summary="Normalised signals and what became of them")
def list_signals(
    conn: Session, after: AfterCursor, symbol: SymbolFilter = None, limit: Limit = 100
) -> Page:
    """List signals, newest first."""
    return page(reads.signals(conn, symbol, after, limit + 1), "normalized_at", "signal_id", limit)


@router.get("/rationales", summary="Scores, and what they are made of")
def list_rationales(
    conn: Session, after: AfterCursor, symbol: SymbolFilter = None, limit: Limit = 100
) -> Page:
    """List rationales, newest first."""
    return page(
        reads.rationales(conn, symbol, after, limit + 1), "scored_at", "rationale_id", limit
    )
