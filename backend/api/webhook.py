"""The webhook: store, deduplicate, answer. Everything else happens after the answer."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

import uuid_utils
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from backend.api.problems import Problem, problem_response
from backend.contracts.denials import Code
from backend.db.intake import Accepted, accept_alert
from backend.domain.intake.alert import ParsedAlert
from backend.domain.intake.dedupe import dedupe_key
from backend.domain.intake.parse import parse_alert
from backend.domain.intake.wire import encode_alert

router = APIRouter(tags=["webhooks"])

BODY_BYTES_MAX = 64 * 1024
_REFUSED = {Code.TOKEN_UNKNOWN: 404, Code.TOKEN_REVOKED: 410, Code.RATE_LIMITED: 429}


@router.post("/webhooks/tradingview/{token}", summary="Take one TradingView alert")
async def take_alert(token: str, request: Request) -> JSONResponse:
    """Answer 200 once the alert is committed, also for duplicates and bodies nobody understands.

    TradingView resends on 5xx only, cannot send headers, and gives up after 3 seconds; so a
    body that cannot be understood is kept for a person instead of being refused.
    """
    body = await _read(request)
    accepted = await run_in_threadpool(_accept, request, token, body)
    if accepted.status == "refused":
        code = Code(accepted.code or Code.TOKEN_UNKNOWN)
        return problem_response(_REFUSED.get(code, 403), code.value, code.meaning)
    request.app.state.waker.wake("intake")
    return JSONResponse({"status": accepted.status, "alert_id": str(accepted.alert_id)})


async def _read(request: Request) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > BODY_BYTES_MAX:
            raise Problem(413, Code.BODY_TOO_LARGE.value, Code.BODY_TOO_LARGE.meaning)
        chunks.append(chunk)
    return b"".join(chunks)


def _accept(request: Request, token: str, body: bytes) -> Accepted:
    state: Any = request.app.state
    received_at = state.clock.now()
    content_type = request.headers.get("content-type")
    digest = hashlib.sha256(token.encode()).digest()
    parsed = parse_alert(body, content_type)
    understood = isinstance(parsed, ParsedAlert)
    key = dedupe_key(digest.hex(), parsed, body)
    with state.pool.connection() as conn:
        return accept_alert(
            conn,
            token_sha256=digest,
            body=body,
            content_type=content_type,
            remote_address=request.client.host if request.client else None,
            parsed=encode_alert(parsed) if understood else None,
            reason_code=None if understood else parsed.reason_code,
            dedupe_kind=key.kind,
            dedupe_value=key.value,
            alert_id=UUID(bytes=uuid_utils.uuid7().bytes),
            received_at=received_at,
        )
