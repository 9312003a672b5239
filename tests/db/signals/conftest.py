"""One furnished desk per module, one session per role, nothing left between tests."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.types.json import Jsonb

from tests.kit.postgres import Database
from tests.kit.signal_rows import As
from tests.kit.trading_desk import PACK, clear, furnished_database


@pytest.fixture(scope="module")
def desk() -> Generator[Database]:
    with furnished_database() as database:
        yield database


@pytest.fixture(scope="module")
def sessions(desk: Database) -> Generator[As]:
    """Log in as a role, once per module."""
    with ExitStack() as stack:
        open_sessions: dict[str, Connection[Any]] = {}

        def as_role(role: str) -> Connection[Any]:
            if role not in open_sessions:
                open_sessions[role] = stack.enter_context(
                    psycopg.connect(desk.role_url(role), autocommit=True)
                )
            return open_sessions[role]

        yield as_role


@pytest.fixture
def inside(desk: Database) -> Generator[Connection[Any]]:
    with psycopg.connect(desk.superuser_url, autocommit=True) as conn:
        yield conn
        clear(conn)
        conn.execute("set session_replication_role = replica")
        conn.execute("update risk.policies set active = true, body = %s", (Jsonb(PACK),))


@pytest.fixture
def as_role(sessions: As, inside: Connection[Any]) -> As:
    return sessions
