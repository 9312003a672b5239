"""One furnished desk and one application per module; people with tokens."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from starlette.testclient import TestClient

from backend.api.app import create_app
from backend.settings import Settings
from tests.kit.desk_folder import settings_of
from tests.kit.postgres import Database
from tests.kit.trading_desk import clear, furnished_database

Bearer = Callable[..., dict[str, str]]
"""Makes a desk token: role, org_id, person, good_for; returns the header that carries it."""


@pytest.fixture(scope="module")
def desk() -> Generator[Database]:
    with furnished_database() as database:
        yield database


@pytest.fixture(scope="module")
def settings(desk: Database, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return settings_of(desk, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def client(settings: Settings) -> Generator[TestClient]:
    with TestClient(create_app(settings), raise_server_exceptions=False) as served:
        yield served


@pytest.fixture
def inside(desk: Database) -> Generator[Connection[Any]]:
    with psycopg.connect(desk.superuser_url, autocommit=True) as conn:
        yield conn
        clear(conn)


@pytest.fixture
def bearer(inside: Connection[Any]) -> Bearer:
    def make(
        role: str = "auditor",
        org_id: str = "demo",
        person: str = "maria",
        good_for: str = "1 hour",
    ) -> dict[str, str]:
        token = f"desk_{secrets.token_urlsafe(16)}"
        inside.execute(
            "insert into ops.api_tokens (token_id, token_sha256, person, role_name, org_id,"
            " created_at, expires_at) values (gen_random_uuid(), %s, %s, %s, %s,"
            " clock_timestamp(), clock_timestamp() + %s::interval)",
            (hashlib.sha256(token.encode()).digest(), person, role, org_id, good_for),
        )
        return {"Authorization": f"Bearer {token}"}

    return make


@pytest.fixture
def keys_folder(settings: Settings) -> Path:
    return settings.keys
