"""Signals and the rationales that explain them."""

from __future__ import annotations

from fastapi import APIRouter

from backend.api.auth import Session
from backend.api.listing import Before, Limit, Page, SymbolFilter, page
from backend.db import reads

router = APIRouter(tags=["signals"])


@router.get("/signals", summary="Normalised signals and what became of them")
def list_signals(
    conn: Session, symbol: SymbolFilter = None, before: Before = None, limit: Limit = 100
) -> Page:
    """List signals, newest first."""
    return page(reads.signals(conn, symbol, before, limit), "normalized_at", limit)


@router.get("/rationales", summary="Scores, and what they are made of")
def list_rationales(
    conn: Session, symbol: SymbolFilter = None, before: Before = None, limit: Limit = 100
) -> Page:
    """List rationales, newest first."""
    return page(reads.rationales(conn, symbol, before, limit), "scored_at", limit)
