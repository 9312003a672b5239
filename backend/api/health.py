"""Liveness and readiness: is the process up, and can it take an alert now?"""

from __future__ import annotations

import psycopg
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from psycopg_pool import PoolTimeout

from backend.api.problems import problem_response

router = APIRouter(tags=["health"])


@router.get("/health", summary="Is the process alive")
def health() -> dict[str, str]:
    """Answer as long as the process serves requests; asks nothing of the database."""
    return {"status": "alive"}


@router.get("/ready", summary="Can alerts be taken now")
def ready(request: Request) -> JSONResponse:
    """Answer 200 if the database answers and is migrated, else 503."""
    try:
        with request.app.state.pool.connection(timeout=2.0) as conn:
            conn.execute("select bus.uuid7()").fetchone()
    except (psycopg.Error, PoolTimeout):
        return problem_response(503, "database.unavailable", "the database cannot answer now")
    return JSONResponse({"status": "ready"})
