"""The whole story of one alert, from its bytes to its profit or loss."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from backend.api.auth import Session
from backend.api.problems import Problem, documented
from backend.db import reads

router = APIRouter(tags=["decisions"], responses=documented(401, 403, 404, 422, 503))


@router.get("/decisions/{correlation_id}", summary="Everything decided about one alert")
def tell_decision(correlation_id: UUID, conn: Session) -> dict[str, Any]:
    """Tell the story of one alert; 404 also for alerts of other organisations."""
    story = reads.decision_story(conn, correlation_id)
    if story["alert"] is None and not story["decisions"]:
        raise Problem(404, "decision.unknown", "nothing is known under this id")
    return story
