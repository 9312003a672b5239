"""The console's routes: log in, the review queue, one review, one decision."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

import psycopg
import structlog
from fastapi import APIRouter, FastAPI, Form, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from psycopg_pool import PoolTimeout
from starlette.responses import HTMLResponse, RedirectResponse, Response

from backend.charts import WARM_UP_BARS, make_chart, opened_before
from backend.console.gate import (
    HEADERS,
    PATH,
    Gate,
    NotLetIn,
    came_from_us,
    forget,
    remember,
    visitor_of,
)
from backend.console.views import STYLE, page, review_view
from backend.contracts.denials import Code
from backend.db import reads, reviews
from backend.db.gateway import DenialRaised, Fault
from backend.db.market import read_bars
from backend.domain.market.bars import Bars
from backend.errors import DeskError

log = structlog.get_logger()

LIST_MAX = 200
CHART_BARS = 120
TOKEN_MAX, REASON_MAX = 4_096, 2_000
DECIDER = "desk_operator"


def install(app: FastAPI, gate: Gate) -> None:
    """Serve the console's pages from an application."""
    app.include_router(build_router(gate))


def build_router(gate: Gate) -> APIRouter:
    """Return the console's routes. They are for people: no API document lists them."""
    router = APIRouter(prefix=PATH, include_in_schema=False, route_class=_Page)
    _add_doors(router, gate)
    _add_reviews(router, gate)
    _add_rest(router)
    return router


class _Page(APIRoute):
    """Answers people in words: a failure is a page, and whoever is not known logs in first."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                response = await handle(request)
            except NotLetIn as refused:
                response = _to_login(request, str(refused))
            except DenialRaised as denial:
                code = Code.of_number(denial.code)
                words = "the desk says no" if code is None else code.meaning
                status = 404 if code is Code.REVIEW_UNKNOWN else 409
                response = _failed(status, f"Not done: {words}.", code=denial.code)
            except RequestValidationError:
                response = _failed(422, "The form was not filled in as it must be.")
            except (psycopg.Error, Fault, PoolTimeout) as fault:
                response = _database_failed(fault)
            response.headers.update(HEADERS)
            return response

        return answer


def _add_doors(router: APIRouter, gate: Gate) -> None:
    @router.get("")
    def console() -> Response:
        return RedirectResponse(f"{PATH}/reviews", 303)

    @router.get("/style.css")
    def style() -> Response:
        return Response(STYLE, media_type="text/css")

    @router.get("/login")
    def show_login(target: str = "", said: str = "") -> Response:
        return page("login.html", target=_inside(target), said=said[:200])

    @router.post("/login")
    def log_in(
        request: Request,
        token: Annotated[str, Form(max_length=TOKEN_MAX)],
        target: Annotated[str, Form()] = "",
    ) -> Response:
        if not came_from_us(request):
            return _failed(403, "This form was not sent from the console.")
        token = token.strip()
        try:
            gate.person_of(request, token)
        except NotLetIn as refused:
            return page("login.html", 401, target=_inside(target), said=str(refused))
        response = RedirectResponse(_inside(target), 303)
        remember(response, request, token)
        return response

    @router.post("/logout")
    def log_out(request: Request, csrf: Annotated[str, Form()] = "") -> Response:
        visitor = visitor_of(gate, request)
        if not _is_ours(request, csrf, visitor.csrf):
            return _failed(403, "This form was not sent from the console.")
        response = RedirectResponse(f"{PATH}/login", 303)
        forget(response)
        return response


def _add_reviews(router: APIRouter, gate: Gate) -> None:
    @router.get("/reviews")
    def list_reviews(request: Request, decided: bool = False) -> Response:
        visitor = visitor_of(gate, request)
        with gate.session_of(request, visitor.person) as conn:
            rows = reviews.reviews(conn, waiting=not decided, limit=LIST_MAX)
            waiting = reviews.count_waiting(conn)
        return page(
            "reviews.html",
            visitor=visitor,
            rows=rows,
            decided=decided,
            waiting=waiting,
            list_max=LIST_MAX,
        )

    @router.get("/reviews/{review_id}")
    def show_review(request: Request, review_id: UUID) -> Response:
        visitor = visitor_of(gate, request)
        with gate.session_of(request, visitor.person) as conn:
            row = reviews.review(conn, review_id)
        if row is None:
            return _failed(404, "There is no such review, or it is another organisation's.")
        return page(
            "review.html",
            visitor=visitor,
            review=review_view(row),
            may_decide=visitor.person.role == DECIDER,
        )

    @router.get("/reviews/{review_id}/chart")
    def draw_market(request: Request, review_id: UUID) -> Response:
        visitor = visitor_of(gate, request)
        with gate.session_of(request, visitor.person) as conn:
            row = reviews.review(conn, review_id)
            if row is None or row["symbol"] is None:
                return _failed(404, "There is no such review, or it is about no symbol.")
            until = opened_before(row["opened_at"], row["timeframe"])
            rows = read_bars(
                conn, row["symbol"], row["timeframe"], until, CHART_BARS + WARM_UP_BARS
            )
        bars = Bars.from_rows(row["symbol"], row["timeframe"], rows)
        try:
            chart = make_chart(bars, CHART_BARS)
        except DeskError as refused:
            return _failed(404, f"Not drawn: {refused.message}.", code=refused.code)
        return Response(chart.content, media_type=chart.media_type)

    @router.post("/reviews/{review_id}")
    def decide(
        request: Request,
        review_id: UUID,
        decision: Annotated[str, Form(max_length=16)],
        reason: Annotated[str, Form(max_length=REASON_MAX)] = "",
        csrf: Annotated[str, Form(max_length=128)] = "",
    ) -> Response:
        visitor = visitor_of(gate, request)
        if not _is_ours(request, csrf, visitor.csrf):
            return _failed(403, "This form was not sent from the console.")
        with gate.session_of(request, visitor.person) as conn:
            reads.decide_review(conn, review_id, decision, reason)
        # Committed by now: a hint before it would find nothing.
        gate.wake(request)
        return RedirectResponse(f"{PATH}/reviews/{review_id}", 303)


def _add_rest(router: APIRouter) -> None:
    @router.get("/{rest:path}")
    def nothing_there(rest: str) -> Response:
        return _failed(404, "The console has no such page.")


def _is_ours(request: Request, given: str, wanted: str) -> bool:
    return came_from_us(request) and hmac.compare_digest(given.encode(), wanted.encode())


def _inside(target: str) -> str:
    """Return where to go after logging in: a page of the console, never another site."""
    if target.startswith(f"{PATH}/") and "\\" not in target and "//" not in target:
        return target
    return f"{PATH}/reviews"


def _to_login(request: Request, said: str) -> Response:
    target = request.url.path if request.method == "GET" else ""
    response = RedirectResponse(f"{PATH}/login?target={quote(target)}&said={quote(said)}", 303)
    forget(response)
    return response


def _database_failed(fault: Exception) -> HTMLResponse:
    state = getattr(fault, "sqlstate", None) or ""
    if state == "42501":
        return _failed(403, "Your role may not do this.")
    log.error("console.database_failed", sqlstate=state, error=type(fault).__name__)
    return _failed(503, "The database cannot answer now. Try again in a moment.")


def _failed(status: int, words: str, code: str = "") -> HTMLResponse:
    return page("failed.html", status, words=words, code=code)
