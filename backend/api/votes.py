"""Votes: what waits for them, what was voted and why, and casting one's own."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, BackgroundTasks, Header, Request
from psycopg.types.json import Jsonb
from pydantic import BaseModel, Field

from backend.api.auth import Asking, Session
from backend.api.idempotency import once
from backend.api.listing import AfterCursor, Limit, Page, page
from backend.api.problems import documented
from backend.db import treasury

router = APIRouter(tags=["votes"], responses=documented(401, 403, 422, 503))

_RESUMING = ("risk",)
"""Who goes on with an intent that its vote approved."""


class Ballot(BaseModel):
    """How a person votes, and why."""

    decision: Literal["approve", "refuse"]
    reason: Annotated[str, Field(min_length=1, max_length=2000)]


class Voted(BaseModel):
    """The proposal as it stands after the vote."""

    proposal_id: UUID
    state: Literal["open", "approved", "refused", "expired", "executed"]


@router.get("/votes/pending", summary="What waits for votes")
def list_pending_votes(conn: Session, after: AfterCursor, limit: Limit = 100) -> Page:
    """List open proposals with why, how far they have come and whose votes are missing."""
    rows = treasury.pending_votes(conn, after, limit + 1)
    return page(rows, "opened_at", "proposal_id", limit)


@router.get("/votes", summary="What was voted, and why")
def list_votes(conn: Session, after: AfterCursor, limit: Limit = 100) -> Page:
    """List votes, newest first; `counts` is false for those that a later one superseded."""
    return page(treasury.vote_history(conn, after, limit + 1), "cast_at", "vote_id", limit)


@router.post(
    "/proposals/{proposal_id}/vote", summary="Vote on a proposal", responses=documented(404, 409)
)
def cast_vote(
    proposal_id: UUID,
    ballot: Ballot,
    conn: Session,
    person: Asking,
    request: Request,
    background: BackgroundTasks,
    idempotency_key: Annotated[
        str, Header(min_length=8, max_length=128, description="The same key does it once.")
    ],
) -> Voted:
    """Cast one's vote, or change it before the decision; the last vote that is needed decides."""
    answer = once(
        conn,
        person,
        idempotency_key,
        "votes.cast",
        Jsonb({"proposal_id": str(proposal_id), **ballot.model_dump()}),
        lambda: treasury.cast_vote(conn, proposal_id, ballot.decision, ballot.reason),
    )
    # Runs after the answer, which comes after the commit: a hint before it would find nothing.
    background.add_task(request.app.state.waker.wake, *_RESUMING)
    return Voted.model_validate(answer)
