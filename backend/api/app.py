"""The FastAPI application, put together."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from psycopg_pool import ConnectionPool

from backend.api import (
    charts,
    console,
    decisions,
    docs,
    health,
    orders,
    problems,
    reviews,
    signals,
    votes,
    webhook,
)
from backend.api.addresses import networks
from backend.api.alert_store import AlertStore
from backend.api.rates import SourceRates
from backend.api.waker import Waker
from backend.db.gateway import configure, connect, dsn_of
from backend.log import configure_logging
from backend.ports import SystemClock
from backend.settings import Settings, load_settings

ROLE = "desk_api"
POOL_MIN, POOL_MAX = 1, 8
POOL_WAIT_S = 2.0
# TradingView gives up after 3 s: what takes longer need not be tried longer.
CONNECT_S = 2
WEBHOOK_STATEMENT_MS = 2_000


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the application; its database sessions open and close with it."""
    given = settings or load_settings()
    if settings is None:  # started by a server's factory, which sets up nothing
        configure_logging(given)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        dsn = dsn_of(given, ROLE)
        # Many short turns: the default of 5 ms lets one thread hold up all others.
        sys.setswitchinterval(0.0005)
        open_session = partial(connect, dsn, application_name="desk api")
        waker = Waker(open_session)
        alerts = AlertStore(
            partial(open_session, statement_timeout_ms=WEBHOOK_STATEMENT_MS),
            asyncio.get_running_loop(),
            stored=partial(waker.wake, "intake"),
        )
        pool = ConnectionPool(
            dsn,
            min_size=POOL_MIN,
            max_size=POOL_MAX,
            kwargs=_session_options(),
            configure=configure,
            check=ConnectionPool.check_connection,
            timeout=POOL_WAIT_S,
            open=True,
        )
        app.state.settings, app.state.clock = given, SystemClock()
        app.state.pool, app.state.alerts, app.state.waker = pool, alerts, waker
        app.state.rates = SourceRates()
        app.state.trusted_proxies = networks(given.trusted_proxies)
        app.state.charts = {}
        try:
            yield
        finally:
            alerts.close()
            waker.close()
            pool.close()

    app = FastAPI(
        title="Dynamic Capital Desk",
        summary="TradingView alerts in, explained and authorised orders out.",
        description=_DESCRIPTION,
        version="0.1.0",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation_id,
    )
    app.add_middleware(webhook.Door)
    problems.install(app)
    for module in (webhook, health, signals, orders, decisions, reviews, votes, charts):
        app.include_router(module.router)
    console.install(app)
    docs.install(app)
    return app


def _session_options() -> dict[str, Any]:
    return {
        "autocommit": True,
        "application_name": "desk api",
        "connect_timeout": CONNECT_S,
    }


def _operation_id(route: APIRoute) -> str:
    """Name an operation after its function: generated clients keep their names."""
    return route.name


_DESCRIPTION = """\
Everything but the webhook and health needs a bearer token: a Supabase access token whose
`app_metadata` names `desk_role` and `org_id`, or one made by `desk token create`. A request runs
under that role and sees that organisation only.

Money, prices, quantities and 64-bit integers are strings, exact; instants are UTC. Errors are
`application/problem+json` (RFC 9457) with a stable `code`.
"""
