"""The webhook: store, deduplicate, answer. Everything else happens after the answer.

How it keeps its pace while the chain takes all of the machine that it can get:
- A post costs one pass over its bytes in Python (`backend/domain/intake`) and a share of one
  statement: posts that wait for a commit gather for the next (`alert_store`).
- `Door` takes posts out of the application's stack before routing, validation and the rest,
  which cost more than reading the alert.
- Nothing is asked of the database beforehand. It answers with the source's rate, so that a
  flood is turned away in memory from its second post on.
- Workers yield the processor to the API (`bootstrap`), and hints to them are coalesced (`waker`).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID

import orjson
import uuid_utils
from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.api.addresses import sender_of
from backend.api.alert_store import StoreBusy
from backend.api.problems import documented, problem_response
from backend.contracts.denials import Code
from backend.db.gateway import Fault
from backend.db.intake import Alert
from backend.domain.intake.alert import IntakeCode, NotUnderstood
from backend.domain.intake.dedupe import dedupe_key
from backend.domain.intake.parse import BODY_BYTES_MAX, parse_alert
from backend.domain.intake.wire import stored_form
from backend.ports import Clock

# TradingView gives up after 3 s; it sends again what it got a 5xx for.
ANSWER_S = 2.5
PATH = "/webhooks/tradingview/"
_REFUSED = {
    Code.TOKEN_UNKNOWN: 404,
    Code.TOKEN_REVOKED: 410,
    Code.RATE_LIMITED: 429,
    Code.BODY_TOO_LARGE: 413,
    Code.ADDRESS_NOT_ALLOWED: 403,
}


class _PlainRoute(APIRoute):
    """A documented route whose function gets the bare request: this is the hot path."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        return self.endpoint


router = APIRouter(tags=["webhooks"], route_class=_PlainRoute)


class Door:
    """Middleware that takes the webhook's posts out of the stack before anything else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a post to the webhook; hand everything else on."""
        if scope["type"] == "http" and scope["method"] == "POST":
            path: str = scope["path"]
            token = path[len(PATH) :]
            if path.startswith(PATH) and token and "/" not in token:
                scope["path_params"] = {"token": token}
                response = await take_alert(Request(scope, receive))
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)


@router.post(
    PATH + "{token}",
    summary="Take one TradingView alert",
    responses={
        200: {
            "description": "Committed: a new alert, or one that came before",
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["status", "alert_id"],
                        "properties": {
                            "status": {"enum": ["accepted", "duplicate"]},
                            "alert_id": {"type": "string", "format": "uuid"},
                        },
                    }
                }
            },
        },
        **documented(403, 404, 410, 413, 429, 503),
    },
    openapi_extra={
        "parameters": [
            {"name": "token", "in": "path", "required": True, "schema": {"type": "string"}}
        ],
        "requestBody": {
            "description": "JSON or text, at most 64 KiB, whatever its declared type",
            "content": {
                "application/json": {"schema": {}},
                "text/plain": {"schema": {"type": "string"}},
            },
        },
    },
)
async def take_alert(request: Request) -> Response:
    """Answer 200 once the alert is committed, also for duplicates and bodies nobody understands.

    TradingView resends on 5xx only, cannot send headers, and gives up after 3 seconds; so a
    body that cannot be understood is kept for a person instead of being refused.
    """
    state = request.app.state
    token: str = request.path_params["token"]
    digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
    wait_s = state.rates.spend(digest, state.clock.monotonic_ns())
    if wait_s:
        return _refuse(Code.RATE_LIMITED, wait_s)
    try:
        body = await _read(request)
    except ClientDisconnect:  # half a body is no alert, and nobody hears the answer
        return Response(status_code=400)
    if body is None:
        return _refuse(Code.BODY_TOO_LARGE)
    headers = request.headers
    sender = sender_of(request.client and request.client.host, headers, state.trusted_proxies)
    alert = _alert(state.clock, digest, body, headers.get("content-type"), sender)
    try:
        async with asyncio.timeout(ANSWER_S):
            # What was taken is stored even if nobody waits for the answer any more.
            accepted = await state.alerts.store(alert)
    except StoreBusy:
        return problem_response(503, "database.busy", "too many posts wait, send it again")
    except (Fault, TimeoutError):
        return problem_response(503, "database.unavailable", "the database cannot answer now")
    state.rates.learn(digest, accepted.source_id, accepted.rate_per_minute)
    if accepted.status == "refused":
        return _refuse(Code.of_number(accepted.code) or Code.TOKEN_UNKNOWN)
    return Response(
        orjson.dumps({"status": accepted.status, "alert_id": accepted.alert_id}),
        media_type="application/json",
    )


def _refuse(code: Code, wait_s: int = 0) -> Response:
    refusal = problem_response(_REFUSED.get(code, 403), code.value, code.meaning, name=code.name)
    if wait_s:
        refusal.headers["Retry-After"] = str(wait_s)
    return refusal


async def _read(request: Request) -> bytes | None:
    """Return the body; None if it is larger than an alert may be. Raises ClientDisconnect."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > BODY_BYTES_MAX:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def _alert(
    clock: Clock, digest: bytes, body: bytes, content_type: str | None, sender: str | None
) -> Alert:
    received_at = clock.now()
    outcome = parse_alert(body, content_type)
    key = dedupe_key(outcome, body)
    parsed, reason, secrets = None, None, ()
    if isinstance(outcome, NotUnderstood):
        reason = outcome.reason_code.value
    else:
        parsed, secrets = stored_form(outcome), outcome.secrets
        reason = None if parsed else IntakeCode.TEXT_NOT_UNDERSTOOD.value
    return Alert(
        alert_id=UUID(bytes=uuid_utils.uuid7().bytes),
        token_sha256=digest,
        body=body,
        content_type=None if content_type is None else content_type[:256],
        remote_address=sender,
        parsed=parsed,
        reason_code=reason,
        dedupe_kind=key.kind,
        dedupe_value=key.value,
        received_at=received_at,
        secrets=secrets,
    )
