"""Liveness and readiness: is the process up, and can it take an alert now?"""

from __future__ import annotations

import psycopg
from fastapi import APIRouter, Request
from psycopg_pool import PoolTimeout
from pydantic import BaseModel

from backend.api.problems import Problem, documented

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """How the process is."""

    status: str


@router.get("/health", summary="Is the process alive")
def health() -> Health:
    """Answer as long as the process serves requests; asks nothing of the database."""
    return Health(status="alive")


@router.get("/ready", summary="Can alerts be taken now", responses=documented(503))
def ready(request: Request) -> Health:
    """Answer 200 if the database answers and is migrated, else 503."""
    try:
        with request.app.state.pool.connection(timeout=2.0) as conn:
            conn.execute("select ops.authenticate(''::bytea)").fetchone()
    except (psycopg.Error, PoolTimeout) as error:
        raise Problem(503, "database.unavailable", "the database cannot answer now") from error
    return Health(status="ready")
