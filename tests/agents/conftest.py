"""An account's database and bridge, and terminals that a test starts as it wants them."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from tests.kit import order_sessions
from tests.kit.bridges import OPTIONS, Start, a_process, reach
from tests.kit.postgres import Database
from tests.venues.process import PaperProcess, close_clients
from workers.outside import Outside

desk, inside, bridge = order_sessions.desk, order_sessions.inside, order_sessions.bridge


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
