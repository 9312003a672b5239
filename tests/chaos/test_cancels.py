"""Workers are killed while they carry out a halt: every order is withdrawn and ends once."""

from __future__ import annotations

import multiprocessing
import threading
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from backend.contracts.signing import SigningKey
from backend.db.bus import dump
from backend.db.gateway import connect
from backend.ports import SystemClock
from tests.kit.bridge_flow import CANCELED, at_venue, ends, halt, working
from tests.kit.bridges import OPTIONS, a_process, reach
from tests.kit.homes import until
from tests.kit.order_flow import order_desk
from tests.kit.postgres import Database
from tests.kit.trading_desk import rows
from tests.venues.process import PaperProcess, close_clients
from workers.agent import Agent
from workers.agents import execution
from workers.declare import declaration
from workers.host import Host

ORDERS = 9
KEY = bytes(range(32))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def serve(url: str, home: Path) -> None:
    """Be a worker's process: the execution agent in the loop that every agent has."""
    keys = {"execution": SigningKey(KEY)}
    with a_process(url, home) as outside:
        agents = [Agent("execution", execution)]
        host = Host(agents, keys, lambda _role: connect(url), SystemClock(), outside, "test")
        host.start()
        host.wait(threading.Event())


@contextmanager
def a_worker(database: Database, home: Path) -> Generator[None]:
    """Run a worker's process; it is killed at the end, if it was not before."""
    given = (database.role_url("execution_agent"), home)
    process = multiprocessing.get_context("spawn").Process(target=serve, args=given)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def declare(database: Database) -> None:
    """Make the agent and its key known to the bus."""
    key = SigningKey(KEY)
    with psycopg.connect(database.owner_url) as conn:
        conn.execute("set local role desk_owner")
        row = declaration(Agent("execution", execution))
        conn.execute("select bus.declare_agents(%s::jsonb)", (dump([row]),))
        conn.execute(
            "select bus.register_key('execution', %s, %s, now() - interval '1 minute')",
            (key.key_id, key.public_bytes),
        )


def test_workers_killed_while_they_cancel_lose_nothing_and_end_nothing_twice(tmp_path: Path):
    # Slow enough that a kill falls between the venue's act and our record of it.
    terminal = PaperProcess(tmp_path / "paper", (*OPTIONS, "--latency-ms", "150")).start()
    try:
        with order_desk() as database:
            declare(database)
            cancel_under_fire(database, terminal, tmp_path)
    finally:
        close_clients()
        terminal.kill()


def cancel_under_fire(database: Database, terminal: PaperProcess, folder: Path) -> None:
    with psycopg.connect(database.superuser_url, autocommit=True) as inside:
        reach(inside, terminal.port)
        url = database.role_url("execution_agent")
        with psycopg.connect(url, autocommit=True) as conn, a_process(url, folder) as before:
            for _ in range(ORDERS):
                working(conn, inside, before)
        halt(inside)
        for life, gone in enumerate((1, ORDERS // 3)):
            with a_worker(database, folder / f"life-{life}"):
                until(lambda gone=gone: len(at_venue(terminal)[1]) >= gone, "some are withdrawn")
        unfinished = "select count(*) from orders where status <> 'canceled'"
        assert rows(inside, unfinished) != [(0,)], "every kill came too late to try anything"
        with a_worker(database, folder / "last"):
            until(lambda: rows(inside, unfinished) == [(0,)], "all ended", 60)
        assert at_venue(terminal) == (0, [CANCELED] * ORDERS)
        assert Counter(ends(inside)) == {"canceled": ORDERS}
        assert rows(inside, "select count(*) from alert_outcomes where outcome = 'expired'") == [
            (ORDERS,)
        ]
        held = "select count(*) from risk.reservations where released_at is null"
        assert rows(inside, held) == [(0,)]
        assert not rows(inside, "select error from bus.dead_letters")
        announced = rows(
            inside,
            "select count(*), count(distinct payload ->> 'order_id')"
            "  from bus.events where type = 'execution.event.order.v1'",
        )
        assert announced == [(ORDERS, ORDERS)]
