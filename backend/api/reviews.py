"""The review queue: what the desk would not decide without a person."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, BackgroundTasks, Header, Query, Request
from psycopg.types.json import Jsonb
from pydantic import BaseModel, Field

from backend.api.auth import Asking, Session
from backend.api.idempotency import once
from backend.api.listing import AfterCursor, Limit, Page, page
from backend.api.problems import documented
from backend.db import reads

router = APIRouter(tags=["reviews"], responses=documented(401, 403, 422, 503))

RESUMING = ("intake", "rationale_scorer")
"""Agents that an approved review goes back to."""


class ReviewDecision(BaseModel):
    """What a person decides, and why."""

    decision: Literal["approved", "refused"]
    reason: Annotated[str, Field(min_length=1, max_length=2000)]


class ReviewDecided(BaseModel):
    """The review as it stands now."""

    review_id: UUID
    state: str


@router.get("/reviews", summary="What waits for a person")
def list_reviews(
    conn: Session,
    after: AfterCursor,
    state: Annotated[
        Literal["open", "approved", "refused", "expired"] | None, Query(description="Or all.")
    ] = None,
    limit: Limit = 100,
) -> Page:
    """List reviews, newest first."""
    return page(reads.reviews(conn, state, after, limit + 1), "opened_at", "review_id", limit)


@router.post(
    "/reviews/{review_id}/decision", summary="Decide a review", responses=documented(404, 409)
)
def decide_review(
    review_id: UUID,
    decision: ReviewDecision,
    conn: Session,
    person: Asking,
    request: Request,
    background: BackgroundTasks,
    idempotency_key: Annotated[
        str, Header(min_length=8, max_length=128, description="The same key does it once.")
    ],
) -> ReviewDecided:
    """Approve or refuse what waits; the same key again gives the same answer."""
    answer = once(
        conn,
        person,
        idempotency_key,
        "reviews.decide",
        Jsonb({"review_id": str(review_id), **decision.model_dump()}),
        lambda: reads.decide_review(conn, review_id, decision.decision, decision.reason),
    )
    # Runs after the answer, which comes after the commit: a hint before it would find nothing.
    background.add_task(request.app.state.waker.wake, *RESUMING)
    return ReviewDecided.model_validate(answer)
