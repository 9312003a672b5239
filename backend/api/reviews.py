"""The review queue: what the desk would not decide without a person."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request
from psycopg.types.json import Jsonb
from pydantic import BaseModel, Field

from backend.api.auth import Asking, Session
from backend.api.idempotency import once
from backend.api.listing import Before, Limit, Page, page
from backend.db import reads

router = APIRouter(tags=["reviews"])


class ReviewDecision(BaseModel):
    """What a person decides, and why."""

    decision: Literal["approved", "refused"]
    reason: Annotated[str, Field(min_length=1, max_length=2000)]


@router.get("/reviews", summary="What waits for a person")
def list_reviews(
    conn: Session,
    state: Annotated[Literal["open", "approved", "refused"] | None, Query()] = "open",
    before: Before = None,
    limit: Limit = 100,
) -> Page:
    """List reviews, newest first."""
    return page(reads.reviews(conn, state, before, limit), "opened_at", limit)


@router.post("/reviews/{review_id}/decision", summary="Decide a review")
def decide_review(
    review_id: UUID,
    decision: ReviewDecision,
    conn: Session,
    person: Asking,
    request: Request,
    idempotency_key: Annotated[str, Header(min_length=8, max_length=128)],
) -> dict[str, Any]:
    """Approve or refuse what waits; the same key again gives the same answer."""

    def decide() -> dict[str, Any]:
        row = conn.execute(
            "select intake.decide_review(%s, %s, %s)",
            (review_id, decision.decision, decision.reason),
        ).fetchone()
        assert row is not None
        return row[0]

    body = {"review_id": str(review_id), **decision.model_dump()}
    answer = once(conn, person, idempotency_key, "reviews.decide", Jsonb(body), decide)
    request.app.state.waker.wake("intake")
    request.app.state.waker.wake("rationale_scorer")
    return answer
