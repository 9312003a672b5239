"""Errors as RFC 9457 problem documents, each with a stable code."""

from __future__ import annotations

from typing import Any

import psycopg
import structlog
from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from psycopg_pool import PoolTimeout
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from backend.contracts.denials import Code
from backend.db.gateway import DenialRaised, Fault

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"

# 422 is for malformed requests alone; a no of ours is a conflict with how things stand.
_STATUS = {
    Code.REVIEW_UNKNOWN: 404,
    Code.PROPOSAL_UNKNOWN: 404,
    Code.SESSION_MAY_NOT_VOTE: 403,
    Code.NOT_A_VOTER: 403,
}
_WORDS = {
    401: "No bearer token, or one that does not hold",
    403: "The role may not do this, or the address may not post here",
    404: "Unknown, or another organisation's",
    409: "The desk says no; `code` says why",
    410: "The source's token was revoked",
    413: "The body is larger than 64 KiB",
    422: "The request is malformed",
    429: "The source posts faster than it may",
    503: "The database cannot answer now; try again",
}


class ProblemDocument(BaseModel):
    """RFC 9457: what went wrong. `code` is stable; a TR number has its `name` beside it."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str
    name: str | None = None


class Problem(Exception):
    """Something to tell the caller: a status, a code, a sentence."""

    def __init__(self, status: int, code: str, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.more = more


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return how OpenAPI is told of these errors."""
    schema = {"$ref": "#/components/schemas/ProblemDocument"}
    return {
        status: {"description": _WORDS[status], "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


def problem_response(status: int, code: str, detail: str, **more: Any) -> JSONResponse:
    """Return a problem document."""
    content = {"type": f"urn:desk:problem:{code}", "title": detail, "status": status, "code": code}
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse(
        jsonable_encoder({**content, **more}),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers=headers,
    )


def install(app: FastAPI) -> None:
    """Answer every kind of failure with a problem document."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(DenialRaised, _denied)
    app.add_exception_handler(psycopg.Error, _database)
    app.add_exception_handler(PoolTimeout, _busy)
    app.add_exception_handler(Exception, _bug)


def _problem(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)
    return problem_response(error.status, error.code, error.detail, **error.more)


def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return problem_response(error.status_code, f"http.{error.status_code}", str(error.detail))


def _malformed(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [
        {"where": ".".join(str(part) for part in fault["loc"]), "what": fault["msg"]}
        for fault in error.errors()
    ]
    return problem_response(422, "request.malformed", "the request is malformed", faults=faults)


def _denied(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DenialRaised)
    code = Code.of_number(error.code)
    if code is None:
        return problem_response(409, error.code, "the desk says no")
    return problem_response(_STATUS.get(code, 409), code.value, code.meaning, name=code.name)


def _database(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, psycopg.Error)
    state = error.sqlstate or ""
    if state == "42501":
        return problem_response(403, "access.denied", "your role may not do this")
    # The primary message only: details quote values. The route, not the path: tokens are in it.
    log.error("api.database_failed", route=_route(request), sqlstate=state, error=_primary(error))
    if state and not isinstance(error, Fault):
        return problem_response(500, "desk.failed", "the desk failed; it is on record")
    return problem_response(503, "database.unavailable", "the database cannot answer now")


def _busy(_: Request, __: Exception) -> JSONResponse:
    return problem_response(503, "database.busy", "no database session is free, try again")


def _bug(request: Request, error: Exception) -> JSONResponse:
    log.error("api.failed", route=_route(request), error=type(error).__name__)
    return problem_response(500, "desk.failed", "the desk failed; it is on record")


def _route(request: Request) -> str:
    return getattr(request.scope.get("route"), "path", "none")


def _primary(error: psycopg.Error) -> str:
    return error.diag.message_primary or type(error).__name__
