"""The FastAPI application, put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI
from psycopg_pool import ConnectionPool

from backend.api import decisions, health, orders, problems, reviews, signals, webhook
from backend.api.waker import Waker
from backend.db.gateway import configure, connect_as, dsn_of
from backend.ports import SystemClock
from backend.settings import Settings, load_settings

ROLE = "desk_api"
POOL_MIN, POOL_MAX = 4, 16


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the application; the database session pool opens with it."""
    given = settings or load_settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        pool = ConnectionPool(
            dsn_of(given, ROLE),
            min_size=POOL_MIN,
            max_size=POOL_MAX,
            kwargs={"autocommit": True, "application_name": "desk api"},
            configure=configure,
            timeout=2.5,
            open=True,
        )
        app.state.pool = pool
        app.state.settings = given
        app.state.clock = SystemClock()
        app.state.waker = Waker(partial(connect_as, given, ROLE))
        try:
            yield
        finally:
            app.state.waker.close()
            pool.close()

    app = FastAPI(
        title="Dynamic Capital Desk",
        summary="TradingView alerts in, explained and authorised orders out.",
        version="0.1.0",
        lifespan=lifespan,
    )
    problems.install(app)
    for module in (webhook, health, signals, orders, decisions, reviews):
        app.include_router(module.router)
    return app
