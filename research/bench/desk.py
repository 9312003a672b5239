"""A whole desk of a bench's own: a fresh database, processes of one shape, a market to trade."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from backend.bootstrap import DEMO_SOURCE, Desk, Shape
from backend.db.roles import ensure_passwords
from backend.ports import SystemClock
from backend.runtime.desk_processes import DeskPlan, RunningDesk, open_desk
from backend.runtime.home import Home
from backend.settings import Settings
from research.load.market import market_states
from workers.declare import declarations


@dataclass(frozen=True, slots=True)
class BenchDesk:
    """A desk that runs, and what it takes to load and to watch it."""

    running: RunningDesk
    conn: psycopg.Connection[Any]
    """A session of the reader's."""
    webhook_url: str
    markets: list[Any]
    """What alerts can be written about; the desk has its quotes and bars."""


@contextmanager
def bench_desk(settings: Settings, shape: Shape) -> Iterator[BenchDesk]:
    """Start a desk, wait until it knows its market, and stop it afterwards."""
    settings = settings.model_copy(
        update={
            "database": f"bench_{uuid.uuid4().hex[:8]}",
            "home": settings.home / "bench",
            "keys_folder": None,
            "database_url": None,
            "broker_url": None,
            "api_port": 0,
            "log_level": "warning",
        }
    )
    clock = SystemClock()
    parts = Desk(settings, shape, declarations(), clock.now())
    plan = DeskPlan(parts.prepare, parts.processes, parts.endpoints)
    with open_desk(settings, plan, clock) as running:
        running.supervisor.watch_in_background()
        password = ensure_passwords(settings.keys)["desk_reader"]
        url = running.servers.url("desk_reader", password)
        with psycopg.connect(url, autocommit=True) as conn:
            token = Home(settings.home).secret(DEMO_SOURCE)
            webhook_url = f"{parts.api_url}/webhooks/tradingview/{token}"
            yield BenchDesk(running, conn, webhook_url, market_states(conn))
