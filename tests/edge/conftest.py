"""A furnished desk, and the doors to it at the edge."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from tests.kit.edge import EdgeFunction, serving
from tests.kit.postgres import Database
from tests.kit.trading_desk import clear, furnished_database


@pytest.fixture(scope="module")
def desk() -> Generator[Database]:
    with furnished_database() as database:
        yield database


@pytest.fixture(scope="module")
def edge_url(desk: Database) -> str:
    """Give the URL that a function is set up with: the least of all logins, over TCP."""
    return desk.role_url("edge_intake", tcp=True)


@pytest.fixture(scope="module")
def webhook(edge_url: str) -> Generator[EdgeFunction]:
    with serving("tradingview-webhook", EDGE_DATABASE_URL=edge_url) as function:
        yield function


@pytest.fixture(scope="module")
def normalizing(edge_url: str) -> Generator[EdgeFunction]:
    with serving("normalize-signal", EDGE_DATABASE_URL=edge_url) as function:
        yield function


@pytest.fixture
def inside(desk: Database) -> Generator[Connection[Any]]:
    with psycopg.connect(desk.superuser_url, autocommit=True) as conn:
        yield conn
        clear(conn)
        conn.execute("truncate intake.spendings")
