"""The webhook: store, deduplicate, answer. Everything else happens after the answer."""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
from collections.abc import Callable, Coroutine
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
import uuid_utils
from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from backend.api.alert_store import StoreBusy
from backend.api.problems import Problem, documented, problem_response
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
_REFUSED = {Code.TOKEN_UNKNOWN: 404, Code.TOKEN_REVOKED: 410, Code.RATE_LIMITED: 429}


class _PlainRoute(APIRoute):
    """A documented route whose function gets the bare request: this is the hot path."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        return self.endpoint


router = APIRouter(tags=["webhooks"], route_class=_PlainRoute)


@router.post(
    "/webhooks/tradingview/{token}",
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
        **documented(404, 410, 413, 429, 503),
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
    digest = hashlib.sha256(request.path_params["token"].encode()).digest()
    if not state.rates.spend(digest, state.clock.monotonic_ns()):
        return _refuse(Code.RATE_LIMITED)
    body = await _read(request)
    client = request.client.host if request.client else None
    alert = _alert(state.clock, digest, body, request.headers.get("content-type"), client)
    try:
        async with asyncio.timeout(ANSWER_S):
            # What was taken is stored even if nobody waits for the answer any more.
            accepted = await state.alerts.store(alert)
    except StoreBusy:
        return problem_response(503, "database.busy", "too many posts wait, send it again")
    except (Fault, TimeoutError):
        return problem_response(503, "database.unavailable", "the database cannot answer now")
    state.rates.learn(digest, accepted.rate_per_minute)
    if accepted.status == "refused":
        return _refuse(Code.of_number(accepted.code) or Code.TOKEN_UNKNOWN)
    return Response(
        orjson.dumps({"status": accepted.status, "alert_id": accepted.alert_id}),
        media_type="application/json",
    )


def _refuse(code: Code) -> Response:
    return problem_response(_REFUSED.get(code, 403), code.value, code.meaning, name=code.name)


async def _read(request: Request) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > BODY_BYTES_MAX:
            code = Code.BODY_TOO_LARGE
            raise Problem(413, code.value, code.meaning, name=code.name)
        chunks.append(chunk)
    return b"".join(chunks)


def _alert(
    clock: Clock, digest: bytes, body: bytes, content_type: str | None, client: str | None
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
        content_type=content_type,
        remote_address=_address(client),
        parsed=parsed,
        reason_code=reason,
        dedupe_kind=key.kind,
        dedupe_value=key.value,
        received_at=received_at,
        secrets=secrets,
    )


@lru_cache(maxsize=1024)
def _address(client: str | None) -> str | None:
    """Return an address as `inet` takes it; a proxy's socket has none."""
    try:
        return str(ipaddress.ip_address((client or "").partition("%")[0]))
    except ValueError:
        return None
