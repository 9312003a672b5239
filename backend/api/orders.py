"""Orders as the state machine left them, and what people ask of those that work."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, BackgroundTasks, Header, Query, Request, Response
from psycopg.types.json import Jsonb
from pydantic import BaseModel, ConfigDict, Field

from backend.api.auth import Asking, Session
from backend.api.idempotency import once
from backend.api.listing import AfterCursor, Limit, Page, SymbolFilter, page
from backend.api.problems import documented
from backend.db import orders, reads
from backend.values import Instant, Positive

router = APIRouter(tags=["orders"], responses=documented(401, 403, 422, 503))

_BRIDGE = "execution"
CONFLICT = 409

Key = Annotated[str, Header(min_length=8, max_length=128, description="The same key does it once.")]
Reason = Annotated[str, Field(min_length=1, max_length=500)]


class CancelRequest(BaseModel):
    """Why an order is to end."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


class ModifyRequest(BaseModel):
    """Terms that are to be different; what is left out stays, null takes a stop away."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason
    quantity: Positive | None = None
    limit_price: Positive | None = None
    stop_price: Positive | None = None
    trail_distance: Positive | None = None
    stop_loss: Positive | None = None
    take_profit: Positive | None = None
    good_till: Instant | None = None

    def wanted(self) -> dict[str, Any]:
        """Give what was said, as SQL reads it."""
        return self.model_dump(mode="json", exclude={"reason"}, exclude_unset=True)


class OrderAsked(BaseModel):
    """How the order stands now; `code` says why it does not change, if it does not."""

    order_id: UUID
    status: str
    change_id: UUID | None = None
    code: str | None = None


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


@router.post("/orders/{order_id}/cancel", summary="Cancel an order", responses=documented(404, 409))
def cancel_order(
    order_id: UUID,
    body: CancelRequest,
    conn: Session,
    person: Asking,
    request: Request,
    background: BackgroundTasks,
    idempotency_key: Key,
) -> OrderAsked:
    """End an unsent order at once, or have its venue end it; halts do not stand in the way."""
    answer = once(
        conn,
        person,
        idempotency_key,
        "orders.cancel",
        Jsonb({"order_id": str(order_id), **body.model_dump()}),
        lambda: orders.cancel_order(conn, order_id, body.reason),
    )
    # Runs after the answer, which comes after the commit: a hint before it would find nothing.
    background.add_task(request.app.state.waker.wake, _BRIDGE)
    return OrderAsked.model_validate(answer)


@router.post(
    "/orders/{order_id}/modify",
    summary="Change a working order, or the stops of what an order opened",
    responses=documented(404, 409),
)
def modify_order(
    order_id: UUID,
    body: ModifyRequest,
    conn: Session,
    person: Asking,
    request: Request,
    response: Response,
    background: BackgroundTasks,
    idempotency_key: Key,
) -> OrderAsked:
    """Ask the venue for other terms; of an order that is over, for its position's other stops.

    More at stake, a wider stop among it, is authorised afresh, or refused with 409.
    """
    wanted = body.wanted()
    answer = once(
        conn,
        person,
        idempotency_key,
        "orders.modify",
        Jsonb({"order_id": str(order_id), "wanted": wanted, "reason": body.reason}),
        lambda: orders.modify_order(conn, order_id, wanted, body.reason),
    )
    # What was judged stays on record, so a refusal is an answer and not an exception.
    if answer.get("code") is not None:
        response.status_code = CONFLICT
    background.add_task(request.app.state.waker.wake, _BRIDGE)
    return OrderAsked.model_validate(answer)
