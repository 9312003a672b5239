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
from starlette.exceptions import HTTPException

from backend.contracts.denials import Code

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """Something to tell the caller: a status, a code, a sentence."""

    def __init__(self, status: int, code: str, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.more = more


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
    app.add_exception_handler(psycopg.Error, _database)
    app.add_exception_handler(PoolTimeout, _busy)


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


def _database(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, psycopg.Error)
    state = error.sqlstate or ""
    code = Code.of_number(state)
    if code is not None:
        return problem_response(409, code.value, code.meaning, name=code.name)
    if state == "42501":
        return problem_response(403, "access.denied", "your role may not do this")
    log.error("api.database_failed", path=request.url.path, sqlstate=state, error=str(error))
    return problem_response(503, "database.unavailable", "the database cannot answer now")


def _busy(_: Request, __: Exception) -> JSONResponse:
    return problem_response(503, "database.busy", "no database session is free, try again")
