"""An account's database and bridge, and terminals that a test starts as it wants them."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from tests.kit.bridges import OPTIONS, Start, a_process, reach
from tests.kit.order_flow import clear_orders, order_desk
from tests.kit.postgres import Database
from tests.venues.process import PaperProcess, close_clients
from workers.outside import Outside


@pytest.fixture(scope="module")
def desk() -> Generator[Database]:
    with order_desk() as database:
        yield database


@pytest.fixture
def inside(desk: Database) -> Generator[Connection[Any]]:
    with psycopg.connect(desk.superuser_url, autocommit=True) as conn:
        yield conn
        clear_orders(conn)


@pytest.fixture
def bridge(desk: Database, inside: Connection[Any]) -> Generator[Connection[Any]]:
    with psycopg.connect(desk.role_url("execution_agent"), autocommit=True) as conn:
        yield conn


@pytest.fixture
def start(inside: Connection[Any], tmp_path: Path) -> Generator[Start]:
    """Start a terminal that the account is connected to."""
    started: list[PaperProcess] = []

    def begin(*options: str) -> PaperProcess:
        process = PaperProcess(tmp_path / f"paper-{len(started)}", options or OPTIONS).start()
        started.append(process)
        reach(inside, process.port)
        return process

    yield begin
    close_clients()
    for process in started:
        process.kill()


@pytest.fixture
def outside(desk: Database, tmp_path: Path) -> Generator[Outside]:
    with a_process(desk.role_url("execution_agent"), tmp_path / "home") as built:
        yield built


@pytest.fixture
def successor(desk: Database, tmp_path: Path) -> Generator[Outside]:
    with a_process(desk.role_url("execution_agent"), tmp_path / "successor") as built:
        yield built
