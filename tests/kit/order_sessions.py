"""Fixtures of tests about orders: a desk, a look behind it, the bridge's own session."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from tests.kit.order_flow import clear_orders, order_desk
from tests.kit.postgres import Database


@pytest.fixture(scope="module")
def desk() -> Generator[Database]:
    """Lend a desk with accounts to trade; a module may furnish one of its own instead."""
    with order_desk() as database:
        yield database


@pytest.fixture
def inside(desk: Database) -> Generator[Connection[Any]]:
    """Look at everything; afterwards the orders are gone."""
    with psycopg.connect(desk.superuser_url, autocommit=True) as conn:
        yield conn
        clear_orders(conn)


@pytest.fixture
def bridge(desk: Database, inside: Connection[Any]) -> Generator[Connection[Any]]:
    """Be the execution agent."""
    with psycopg.connect(desk.role_url("execution_agent"), autocommit=True) as conn:
        yield conn
