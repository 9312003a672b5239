"""Fixtures of every test: real Postgres, real market data where there is some."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from backend.settings import load_settings
from tests.kit import postgres as kit
from tests.kit.clock import FixedClock
from tests.kit.postgres import Database

# A busy machine is no finding: what is judged is what examples show, not how fast they come.
settings.register_profile("desk", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("desk")


def pytest_configure(config: pytest.Config) -> None:
    """Let servers live as long as the session's first process, not an xdist worker."""
    if not hasattr(config, "workerinput"):
        kit.begin_session()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the session's servers."""
    if not hasattr(config, "workerinput"):
        kit.end_session()


@pytest.fixture(scope="session")
def market_data() -> Path:
    """Give the folder of real market data; skips where DESK_MARKET_DATA names none."""
    folder = load_settings({"DESK_MARKET_DATA": os.environ.get("DESK_MARKET_DATA", "")}).market_data
    if folder is None or not folder.is_dir():
        pytest.skip("DESK_MARKET_DATA names no folder of market data")
    return folder


@pytest.fixture
def database() -> Generator[Database]:
    """Lend a migrated database on the embedded Postgres 16."""
    with kit.fresh_database() as fresh:
        yield fresh


@pytest.fixture(params=[16, 18], ids=["pg16", "pg18"])
def database_of_each_version(request: pytest.FixtureRequest) -> Generator[Database]:
    """Lend a migrated database on each Postgres that comes embedded."""
    with kit.fresh_database(request.param) as fresh:
        yield fresh


@pytest.fixture
def empty_database() -> Generator[Database]:
    """Lend a database before any migration, on the embedded Postgres 16."""
    with kit.empty_database() as fresh:
        yield fresh


@pytest.fixture
def clock() -> FixedClock:
    """Give a clock that stands still until told to move."""
    return FixedClock()
