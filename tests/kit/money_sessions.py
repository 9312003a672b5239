"""Fixtures of tests about authority: a desk with money, and a session whose work is undone."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from tests.kit.money import money_database, quote_all
from tests.kit.postgres import Database


@pytest.fixture(scope="module")
def desk() -> Generator[Database]:
    """Lend a desk of two accounts with money."""
    with money_database() as database:
        yield database


@pytest.fixture
def conn(desk: Database) -> Generator[Connection[Any]]:
    """Lend a session under fresh quotes."""
    with psycopg.connect(desk.superuser_url) as connection:
        quote_all(connection)
        yield connection
        connection.rollback()
